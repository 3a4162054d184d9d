// `bk browse` as a process: what OpenSSH's own client gets of it, what it refuses, and what becomes of bytes that are no SFTP.

import {spawnSync} from 'node:child_process'
import {cpSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeAll, describe, expect, test} from 'vitest'
import {bk, root, sh} from '../harness/bk.ts'
import type {Result} from '../harness/bk.ts'
import {rounds} from '../harness/faults.ts'
import {storeFiles} from '../harness/store-files.ts'
import {tempDir} from '../harness/temp.ts'
import {KIND, packet, PacketReader, STATUS, type Field, type Packet} from '../../src/lib/ssh/sftp-packets.ts'

let dir: string
let store: string

beforeAll(() => {
  dir = tempDir('browse')
  store = join(dir, 'store')
  cpSync(join(root, 'test/fixtures/version-1/store'), store, {recursive: true})
  mkdirSync(join(store, 'sessions'))
  writeFileSync(join(store, 'sessions/web1'), 'who is writing\n')
  writeFileSync(join(store, 'secret'), 'nobody put this there\n')
})

/** Runs commands of sftp(1) against `bk browse`. */
function sftp(...commands: readonly string[]): Promise<Result> {
  return sh(`sftp -b - -D '${root}/bin/bk browse ${store}'`, {cwd: dir, stdin: commands.map((line) => `${line}\n`).join('')})
}

type Answer = {readonly kind: number; readonly packet: Packet}

const init = packet(KIND.init, 3)

/** Feeds bytes to `bk browse`: how it ended, and the packets that came after the version, by the id that they answer. */
async function feed(...bytes: readonly Buffer[]): Promise<{result: Result; answers: Map<number, Answer>}> {
  const result = await bk(['browse', store], {stdin: Buffer.concat(bytes)})
  const answers = new Map<number, Answer>()
  for (const each of new PacketReader().take(result.stdout)) if (each.kind !== KIND.version) answers.set(each.fields.uint32(), {kind: each.kind, packet: each})
  return {result, answers}
}

/** The same for one request; its answer is a status or something else. */
async function ask(kind: number, ...fields: readonly Field[]): Promise<{readonly kind: number; readonly status: number | undefined; readonly fields: Packet['fields']}> {
  const {result, answers} = await feed(init, packet(kind, 7, ...fields))
  expect({status: result.status, stderr: result.stderr}).toEqual({status: 0, stderr: ''})
  const {kind: answered, packet: {fields: left}} = answers.get(7)!
  return {kind: answered, status: answered === KIND.status ? left.uint32() : undefined, fields: left}
}

describe('sftp(1)', () => {
  test('lists and gets what a store has, and nothing else', async () => {
    const {status, stdout, stderr} = await sftp('ls -1', 'ls -1 /store', 'ls -1 /store/log', 'get -R /store/packs got', 'pwd')
    expect({status, stderr}).toEqual({status: 0, stderr: ''})
    const lines = String(stdout).split('\n').filter((line) => !line.startsWith('sftp>') && !line.startsWith('Fetching') && !line.startsWith('Retrieving'))
    const records = Array.from({length: 10}, (_, i) => `/store/log/${String(i + 1).padStart(6, '0')}`)
    const top = ['README', 'bk-store', 'catalogs', 'log', 'packs', 'recover.sh'].map((name) => `/store/${name}`)
    expect(lines.map((line) => line.trim()).filter((line) => line !== '')).toEqual(['store', ...top, ...records, 'Remote working directory: /'])
    expect(storeFiles(join(dir, 'got'))).toEqual(storeFiles(join(store, 'packs')))
  })

  test.each([
    'put got-nothing /store/log/000099', 'put got-nothing /store/bk-store', 'put got-nothing /x', 'rm /store/log/000001', 'rm /store/packs/*/*', 'mkdir /store/x', 'rmdir /store/log',
    'rename /store/log/000001 /store/log/000002', 'ln /store/log/000001 /store/x', 'ln -s /etc/passwd /store/x', 'chmod 777 /store/bk-store', 'chown 0 /store/bk-store',
  ])('%s: refused, and nothing is changed', async (command) => {
    writeFileSync(join(dir, 'got-nothing'), 'forged\n')
    const before = storeFiles(store)
    const {status, stderr} = await sftp(command)
    expect(status).toBe(1)
    expect(stderr).toMatch(/Permission denied|not support|not found/)
    expect(storeFiles(store)).toEqual(before)
  })

  test.each(['/etc/passwd', '/store/../../etc/passwd', '/store/../../../../../../etc/passwd', '/store/sessions/web1', '/store/secret', '/store/log/../secret', '/store/log//../../store/secret', '/proc/self/environ', '/store/packs/../../../etc/passwd'])(
    'get %s: no such file',
    async (path) => {
      const {status, stderr} = await sftp(`get ${path} stolen`)
      expect({status, stderr}).toEqual({status: 1, stderr: expect.stringMatching(/not found|No such file/)})
    },
  )
})

describe('every request that writes', () => {
  test.each([
    ['write', KIND.write, ['h', 0n, 'x']], ['setstat', KIND.setstat, ['/store/bk-store', 0]], ['fsetstat', KIND.fsetstat, ['h', 0]],
    ['remove', KIND.remove, ['/store/bk-store']], ['mkdir', KIND.mkdir, ['/store/x', 0]], ['rmdir', KIND.rmdir, ['/store/log']],
    ['rename', KIND.rename, ['/store/bk-store', '/store/x']], ['readlink', KIND.readlink, ['/store/bk-store']], ['symlink', KIND.symlink, ['/store/x', '/etc']],
    ...[0, 2, 3, 4, 8, 9, 0x1a, 0x20, 0xffff_ffff].map((flags) => [`open ${flags}`, KIND.open, ['/store/bk-store', flags, 0]] as const),
  ] as const)('%s: permission denied', async (_, kind, fields) => {
    const before = storeFiles(store)
    expect((await ask(kind, ...fields)).status).toBe(STATUS.permissionDenied)
    expect(storeFiles(store)).toEqual(before)
  })

  test.each(['posix-rename@openssh.com', 'hardlink@openssh.com', 'lsetstat@openssh.com', 'copy-data', 'statvfs@openssh.com', ''])('extension %j: not supported', async (name) => {
    expect((await ask(KIND.extended, name, '/store/bk-store', '/store/x')).status).toBe(STATUS.unsupported)
  })
})

describe('a link', () => {
  test.each([
    ['in place of a record', 'log/000003', '/etc/passwd'], ['in place of a file beside the log', 'README', '/etc/passwd'], ['within the store', 'log/000004', '../bk-store'],
  ])('%s is not there', async (_, name, target) => {
    const path = join(store, name)
    renameSync(path, join(dir, 'aside'))
    symlinkSync(target, path)
    try {
      for (const kind of [KIND.stat, KIND.lstat]) expect((await ask(kind, `/store/${name}`)).status).toBe(STATUS.noSuchFile)
      expect((await ask(KIND.open, `/store/${name}`, 1, 0)).status).toBe(STATUS.noSuchFile)
    } finally {
      renameSync(join(dir, 'aside'), path)
    }
  })

  test('in place of a directory leads nowhere, at no moment', async () => {
    mkdirSync(join(dir, 'elsewhere'))
    writeFileSync(join(dir, 'elsewhere/000001'), 'stolen\n')
    const path = join(store, 'log')
    const record = readFileSync(join(path, '000001'))
    symlinkSync(join(dir, 'elsewhere'), join(dir, 'link'))
    // Somebody exchanges the two while the file is asked for again and again.
    const racer = `while :; do mv -T ${path} ${dir}/away && mv -T ${dir}/link ${path}; mv -T ${path} ${dir}/link && mv -T ${dir}/away ${path}; done`
    const asked = Array.from({length: 300}, (_, i) => [packet(KIND.open, 2 * i, '/store/log/000001', 1, 0), packet(KIND.read, 2 * i + 1, Buffer.from([0, 0, 0, i + 1]), 0n, 65_536)]).flat()
    const requests = join(dir, 'requests')
    writeFileSync(requests, Buffer.concat([init, ...asked]))
    const {status, stdout} = await sh(`(${racer}) 2>/dev/null & racer=$!; '${root}/bin/bk' browse ${store} <${requests}; status=$?; kill $racer; wait $racer; exit $status`)
    spawnSync('sh', ['-c', `[ ! -h ${path} ] || mv -T ${path} ${dir}/link; [ -d ${path} ] || mv -T ${dir}/away ${path}`])
    expect(status).toBe(0)
    expect(stdout.includes('stolen')).toBe(false)
    expect(readFileSync(join(path, '000001')).equals(record)).toBe(true)
    rmSync(join(dir, 'link'))
  })
})

describe('what else a store may hold', () => {
  test('a fifo, a directory in place of a file: not there, and nothing hangs', async () => {
    const made = spawnSync('mkfifo', [join(store, 'log/000098')])
    expect(made.status).toBe(0)
    mkdirSync(join(store, 'log/000099'))
    for (const name of ['000098', '000099']) expect((await ask(KIND.open, `/store/log/${name}`, 1, 0)).status).toBe(STATUS.noSuchFile)
    expect((await ask(KIND.opendir, '/store/log/000001')).status).toBe(STATUS.noSuchFile)
    rmSync(join(store, 'log/000098'))
    rmSync(join(store, 'log/000099'), {recursive: true})
  })

  test('names that no store has are not listed', async () => {
    const {stdout} = await sh(`cd ${store}/log && touch .hidden 'a b' $'\\e[31m' && '${root}/bin/bk' browse ${store} </dev/null && cd - >/dev/null; sftp -q -b - -D '${root}/bin/bk browse ${store}' <<<'ls -1a /store/log'; cd ${store}/log && rm .hidden 'a b' $'\\e[31m'`)
    expect(String(stdout)).toMatch(/000010/)
    expect(String(stdout)).not.toMatch(/hidden|a b|\[31m/)
  })
})

describe('hostile bytes', () => {
  const uint32 = (...numbers: readonly number[]): Buffer => {
    const bytes = Buffer.alloc(4 * numbers.length)
    for (const [i, number] of numbers.entries()) bytes.writeUInt32BE(number, 4 * i)
    return bytes
  }

  test.each([
    ['no SFTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a packet of no bytes', uint32(0)],
    ['a packet of 4 GiB', uint32(0xffff_ffff, 0, 0)],
    ['a packet of 2 GiB', uint32(0x8000_0000, 0, 0)],
    ['a packet one byte too long', uint32(256 * 1024 + 1)],
    ['another request first', packet(KIND.opendir, 1, '/')],
    ['a version that is too old', packet(KIND.init, 2)],
    ['a cut length', init.subarray(0, 3)],
    ['a cut packet', init.subarray(0, 8)],
    ['an answer instead of a request, without an id', Buffer.concat([init, Buffer.from([0, 0, 0, 1, KIND.status])])],
    ['a name longer than its packet', Buffer.concat([init, packet(KIND.opendir, 1, 0xffff_ffff)])],
    ['a request without its fields', Buffer.concat([init, packet(KIND.open, 1, '/store/bk-store')])],
  ])('%s: one line, 65', async (_, bytes) => {
    const {result} = await feed(bytes)
    expect(result.status).toBe(65)
    expect(result.stderr).toMatch(/^bk browse: [^\n]+\n$/)
  })

  test('unknown requests are answered, with their ids', async () => {
    const kinds = [0, 1, 2, 21, 99, 101, 201, 255]
    const {result, answers} = await feed(init, ...kinds.map((kind, i) => packet(kind, i, 'x')))
    expect(result.status).toBe(0)
    expect([...answers].map(([id, {packet: {fields}}]) => [id, fields.uint32()])).toEqual(kinds.map((_, i) => [i, STATUS.unsupported]))
  })

  test('handles that are none, offsets and lengths beyond everything', async () => {
    const big = 0xffff_ffff_ffff_ffffn
    const first = Buffer.from([0, 0, 0, 1])
    const {result, answers} = await feed(
      init, packet(KIND.read, 1, 'none', 0n, 10), packet(KIND.readdir, 2, ''), packet(KIND.close, 3, first), packet(KIND.fstat, 4, 'x'.repeat(5000)),
      packet(KIND.open, 5, '/store/bk-store', 1, 0), packet(KIND.read, 6, first, big, 10), packet(KIND.read, 7, first, 0n, 0xffff_ffff), packet(KIND.read, 8, first, 0n, 0),
      packet(KIND.readdir, 9, first), packet(KIND.close, 10, first), packet(KIND.read, 11, first, 0n, 10),
    )
    expect(result.status).toBe(0)
    const codes = [...answers].flatMap(([id, {kind, packet: {fields}}]) => (kind === KIND.status ? [[id, fields.uint32()]] : []))
    expect(codes).toEqual([[1, STATUS.failure], [2, STATUS.failure], [3, STATUS.failure], [4, STATUS.noSuchFile], [6, STATUS.eof], [8, STATUS.eof], [9, STATUS.failure], [10, STATUS.ok], [11, STATUS.failure]])
    expect(answers.get(7)?.packet.fields.bytes().equals(readFileSync(join(store, 'bk-store')))).toBe(true)
  })

  test('no more than 64 things are open at a time', async () => {
    const opens = Array.from({length: 70}, (_, i) => packet(i % 2 === 0 ? KIND.open : KIND.opendir, i, i % 2 === 0 ? '/store/bk-store' : '/store/packs', 1, 0))
    const {answers} = await feed(init, ...opens)
    expect([...answers.values()].filter(({kind}) => kind === KIND.handle)).toHaveLength(64)
  })

  test.each(['/'.repeat(200_000), '/store'.repeat(30_000), '../'.repeat(60_000), 'x'.repeat(250_000), '/store/log/\0', '/store/log/a b', '/store/log/.x', '/store/packs/ab/cd/ef', '/store/bk-store/x', '/store/__proto__', '/store/constructor/x'])(
    'a path like %.20s: no such file',
    async (path) => {
      for (const kind of [KIND.realpath, KIND.stat, KIND.opendir]) {
        const {status, fields} = await ask(kind, path)
        // The top, said at length, is the top.
        if (/^[./]*$/.test(path) && path.length <= 1024) expect(fields).toBeDefined()
        else expect(status).toBe(STATUS.noSuchFile)
      }
    },
  )

  test('any bytes at all: no crash, nothing written, nothing of elsewhere', async () => {
    const before = storeFiles(store)
    await rounds(5, async (random) => {
      const requests = Array.from({length: 200}, () => {
        const fields = Array.from({length: Math.floor(random() * 4)}, (): Field => (random() < 0.5 ? Math.floor(random() * 2 ** 32) : Buffer.from(Array.from({length: Math.floor(random() * 40)}, () => Math.floor(random() * 256)))))
        return packet(1 + Math.floor(random() * 20), Math.floor(random() * 2 ** 32), ...fields)
      })
      const {result} = await feed(init, ...requests)
      expect([0, 65]).toContain(result.status)
      expect(result.stderr).toMatch(/^(?:bk browse: [^\n]+\n)?$/)
    })
    expect(storeFiles(store)).toEqual(before)
  })
})

describe('the command', () => {
  test('says what is no store', async () => {
    mkdirSync(join(dir, 'empty'))
    expect(await bk(['browse', join(dir, 'empty')])).toMatchObject({status: 2, stderr: expect.stringMatching(/is not a store: it has no bk-store\n/)})
    expect(await bk(['browse', 'vault:'])).toMatchObject({status: 64})
  })

  test('a hard link in a store is a file like any other', async () => {
    linkSync(join(store, 'log/000001'), join(store, 'log/000011'))
    expect((await ask(KIND.stat, '/store/log/000011')).kind).toBe(KIND.attrs)
    rmSync(join(store, 'log/000011'))
  })
})

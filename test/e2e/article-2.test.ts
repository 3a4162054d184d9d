// docs/article-2.md, typed line by line: on `keep`, which is a directory with its own /etc, /root, /backup and /usr/local, and on `source`, an
// account of this machine behind a real sshd with ChrootDirectory and internal-sftp -R. Between its steps the rules of the page are tried
// one by one, by the line of cron that it wrote.

import {execFileSync} from 'node:child_process'
import {existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {root, sh, start} from '../harness/bk.ts'
import type {Result} from '../harness/bk.ts'
import {atEnd} from '../harness/cleanup.ts'
import {noise} from '../harness/days.ts'
import {freePort, until} from '../harness/limits.ts'
import {cronLine, typeInto} from '../harness/machines.ts'
import {blocksOf, shownPattern} from '../harness/page.ts'
import type {Block} from '../harness/page.ts'
import {readStore} from '../harness/read-store.ts'
import {clientProgram} from '../harness/sshd.ts'
import {tempDir} from '../harness/temp.ts'

const user = `bka${process.pid.toString(36)}`
const data = `/srv/${user}-data`
const inChroot = `srv/${user}-data`

let dir: string
let port: number
let environment: string[]
const store = (): string => join(dir, 'backup/store')
const newest = () => readStore(store()).snapshots.at(-1)!

/** What is typed is what the page says but for the account, the places, and where sshd is. */
function substituted(text: string): string {
  const table: readonly (readonly [what: RegExp, by: string])[] = [
    [/ssh root@source\.example\.org sh <(\S+)/g, `sed 's,/etc/fstab,${dir}/etc/fstab,g; s,|| mount ,|| mount -T ${dir}/etc/fstab ,' $1 | sh 2>&1 | cat`],
    [/bk keys sftp-chroot/g, `bk keys sftp-chroot --sshd-config ${dir}/sshd_config`],
    [/source\.example\.org/g, '127.0.0.1'],
    [/@3D/g, ''],
    [/\/srv\/data/g, data],
    [/backupop/g, user],
    [/(?<![\w.])\/(root|backup|etc\/cron\.d|usr\/local)\b/g, `${dir}/$1`],
  ]
  return table.reduce((result, [what, by]) => result.replaceAll(what, by), text)
}

async function type({script, shown}: Block): Promise<string> {
  const typed = await typeInto(dir, environment, join(dir, 'root'), substituted(script))
  const seen = typed.replaceAll(dir, '').replaceAll(`${user}-data`, 'data').replaceAll(user, 'backupop').trim()
  expect(seen).toMatch(shownPattern(shown))
  return seen
}

const typeStep = async (step: number): Promise<void> => {
  for (const block of blocksOf('article-2.md', step)) await type(block)
}

/** Makes the list anew, as cron does on the source. */
const list = (): void => void execFileSync(cronLine(readFileSync(join(dir, 'etc/cron.d/list-for-backup'), 'utf8'), 'list-for-backup').command)

/** Runs the line of cron on keep, with more words behind `bk pull`. */
async function pull(more = '-v', place = ''): Promise<Result> {
  const {variables, command} = cronLine(readFileSync(join(dir, 'etc/cron.d/bk'), 'utf8'), 'bk pull')
  const changed = command.replace('bk pull -q', `bk pull ${more}`).replace('/backup/store', `/backup/${place || 'store'}`)
  return start('env', ['-i', ...variables.filter((each) => !each.startsWith('PATH=')), ...environment, 'sh', '-c', changed], {cwd: dir}).done
}

/** What a pull has read, as it says. */
async function fetched(): Promise<string> {
  const {status, stderr} = await pull()
  expect({status, stderr}).toEqual({status: 0, stderr: expect.stringContaining('entries')})
  return /; read (\w+(?: bytes)?)/.exec(stderr)?.[1] ?? 'nothing'
}

const known = (): string => join(dir, 'root/.local/state/bk/pull', readdirSync(join(dir, 'root/.local/state/bk/pull'))[0]!, 'source/known.idx')
const knownLine = (name: string): string | undefined => readFileSync(known(), 'utf8').split('\n').find((line) => line.startsWith(`./${inChroot}/${name} `))

/** What a file was in a snapshot. */
async function restored(when: string, name: string): Promise<string> {
  rmSync(join(dir, 'one'), {recursive: true, force: true})
  const {status, stderr} = await sh(`bk restore -q backup/store${when} /${inChroot}/${name} --to one`, {cwd: dir})
  expect({status, stderr}).toEqual({status: 0, stderr: ''})
  return readFileSync(join(dir, 'one', inChroot, name), 'utf8')
}

beforeAll(async () => {
  dir = tempDir('article-2')
  port = await freePort()
  const hadKeys = existsSync('/etc/ssh/authorized_keys')
  atEnd(async () => {
    await sh(`for place in $(grep -o "/srv/${user}[^ ]*" /proc/mounts); do umount -l "$place"; done; userdel ${user}; rm -rf --one-file-system /srv/${user} ${data} /etc/ssh/authorized_keys/${user}`)
    if (!hadKeys) await sh('rmdir /etc/ssh/authorized_keys')
  })
  for (const each of ['root', 'backup', 'etc/cron.d', 'usr/local/bin', 'usr/local/sbin']) mkdirSync(join(dir, each), {recursive: true})
  writeFileSync(join(dir, 'etc/fstab'), '')
  mkdirSync(join(data, 'sub'), {recursive: true})
  writeFileSync(join(data, 'letter.txt'), 'Dear Bob,\nthis is day 1.\n')
  writeFileSync(join(data, 'sub/photo'), noise(1, 40_000))
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(dir, 'host')])
  writeFileSync(join(dir, 'sshd_config'), [`Port ${port}`, 'ListenAddress 127.0.0.1', `HostKey ${dir}/host`, 'PidFile none', 'UsePAM no', 'UseDNS no', 'Subsystem sftp internal-sftp', ''].join('\n'))
  const bin = join(dir, 'usr/local/bin')
  symlinkSync(join(root, 'bin/bk'), join(bin, 'bk'))
  const options = [`Port=${port}`, `UserKnownHostsFile=${dir}/root/.ssh/known_hosts`, 'GlobalKnownHostsFile=none', 'IdentityAgent=none']
  for (const each of ['ssh', 'scp', 'sftp'] as const) clientProgram(bin, each, `-F ${dir}/root/.ssh/config ${options.map((option) => `-o ${option}`).join(' ')}`)
  writeFileSync(join(bin, 'ssh-keyscan'), `#!/bin/sh\nexec /usr/bin/ssh-keyscan -p ${port} "$@"\n`, {mode: 0o755})
  environment = [`HOME=${dir}/root`, 'LOGNAME=root', 'SHELL=/bin/sh', `PATH=${bin}:/usr/sbin:/usr/bin:/sbin:/bin`, 'BK_CONFIG=']
})

afterAll(() => rmSync(data, {recursive: true, force: true}))

test('steps 1 to 6: a key, an account that can only read, a list, the way there, the first time, and cron', async () => {
  await typeStep(1)
  await typeStep(2)
  mkdirSync('/run/sshd', {recursive: true, mode: 0o755})
  start('setpriv', ['--pdeathsig', 'TERM', '/usr/sbin/sshd', '-D', '-f', join(dir, 'sshd_config'), '-E', join(dir, 'log')], {timeout: 600_000})
  await until('sshd answers', async () => (await sh(`ssh-keyscan -p ${port} 127.0.0.1`)).stdout.length > 0 || undefined)
  for (const step of [3, 4, 5, 6]) await typeStep(step)
  expect(readFileSync('/etc/passwd', 'utf8')).toMatch(new RegExp(`^${user}:.*:/bin/false$`, 'm'))
  expect(newest().index).toMatch(new RegExp(`^\\./${inChroot}/letter\\.txt type=file mode=0644 uid=0 gid=0 size=25 time=\\d+\\.000000000 md5=\\w{32} sha256=\\w{64}$`, 'm'))
  // As cron runs it, not a word.
  expect(await pull('-q')).toMatchObject({status: 0, stderr: '', stdout: Buffer.alloc(0)})
})

describe('step 7', () => {
  test('rule 1: a file that known.idx does not have is fetched', async () => {
    writeFileSync(join(data, 'new'), 'new\n')
    list()
    expect(knownLine('new')).toBeUndefined()
    expect(await fetched()).toBe('4 bytes')
    expect(knownLine('new')).toMatch(/ size=4 time=\S+ md5=\w{32} sha256=\w{64}$/)
    expect(await restored('', 'new')).toBe('new\n')
  })

  test('rule 2: a file that it has with the same sum is not fetched', async () => {
    utimesSync(join(data, 'new'), 1, 1)
    list()
    expect(await fetched()).toBe('nothing')
  })

  test('rule 3: a file that it has with another sum is fetched, and the older version is kept', async () => {
    const before = newest().seq
    for (const day of [2, 3]) {
      writeFileSync(join(data, 'letter.txt'), `Dear Bob,\nthis is day ${day}.\n`)
      list()
      expect(await fetched()).toBe('25 bytes')
      // Versions are called by the second in which they came.
      await new Promise((done) => setTimeout(done, 1100))
    }
    expect(await restored('', 'letter.txt')).toContain('day 3')
    expect(await restored(`@${before}`, 'letter.txt')).toContain('day 1')
    expect(await restored(`@${before + 1}`, 'letter.txt')).toContain('day 2')
  })

  test('rule 4: what the source has lost is kept, marked with the time', async () => {
    rmSync(join(data, 'new'))
    renameSync(join(data, 'sub'), join(data, 'elsewhere'))
    list()
    const began = new Date().toISOString().slice(0, 17)
    expect(await fetched()).toBe('39K')
    for (const path of ['new', 'sub', 'sub/photo']) expect(newest().index).toMatch(new RegExp(`^#bk \\./${inChroot}/${path} gone=${began}\\d\\dZ$`, 'm'))
    expect(await restored('', 'new')).toBe('new\n')
    const marks = newest().index.match(/gone=\S+/g)
    expect(await fetched()).toBe('nothing')
    expect(newest().index.match(/gone=\S+/g)).toEqual(marks)
  })

  test('consequence 5: a line taken out by hand has the file fetched again', async () => {
    writeFileSync(known(), readFileSync(known(), 'utf8').replace(`${knownLine('letter.txt')}\n`, ''))
    expect(await fetched()).toBe('25 bytes')
    expect(knownLine('letter.txt')).toBeDefined()
    expect(await fetched()).toBe('nothing')
  })

  test('consequence 6: without known.idx all is fetched again, and the store does not grow', async () => {
    const packs = (): string[] => readdirSync(join(store(), 'packs'), {recursive: true, encoding: 'utf8'}).filter((name) => name.endsWith('.zst')).sort()
    const [before, index] = [packs(), newest().index]
    rmSync(known())
    expect(await fetched()).toBe('39K')
    expect(packs()).toEqual(before)
    expect(newest().index).toBe(index)
  })

  test('consequence 7: a copy that was put away does not come back by itself', async () => {
    expect((await sh('bk init -q backup/other', {cwd: dir})).status).toBe(0)
    const state = join(dir, 'moved-state')
    mkdirSync(join(state, 'source'), {recursive: true})
    writeFileSync(join(state, 'source/known.idx'), readFileSync(known()))
    const {status, stderr} = await pull(`-v --state ${state}`, 'other')
    expect({status, stderr}).toEqual({status: 0, stderr: expect.stringMatching(/^bk pull: what was copied is remembered in \S+\/moved-state\/source\/known\.idx\nbk pull: 2 files that were copied once are not in the store any more, and were not fetched\n/)})
    expect(readStore(join(dir, 'backup/other')).snapshots[0]!.index).not.toContain('type=file')
  })

  test('consequence 8: what was lost and is there again is not fetched again, and no longer marked', async () => {
    const marked = /^#bk \S+\/letter\.txt gone=/m
    const path = join(data, 'letter.txt')
    renameSync(path, join(dir, 'away'))
    list()
    expect(await fetched()).toBe('nothing')
    expect(newest().index).toMatch(marked)
    renameSync(join(dir, 'away'), path)
    list()
    expect(await fetched()).toBe('nothing')
    expect(newest().index).not.toMatch(marked)
    expect(await restored('', 'letter.txt')).toContain('day 3')
  })
})

test('step 8: a file back, and all of it with the earlier versions beside it', async () => {
  await typeStep(8)
  expect(readFileSync(join(dir, 'root/look', inChroot, 'letter.txt'), 'utf8')).toContain('day 3')
  const old = join(dir, 'root/all', inChroot, '.old')
  const names = readdirSync(old).sort()
  expect(names).toEqual([expect.stringMatching(/^letter\.txt\.\d{8}T\d{6}Z$/), expect.stringMatching(/^letter\.txt\.\d{8}T\d{6}Z$/)])
  expect(names.map((name) => readFileSync(join(old, name), 'utf8'))).toEqual(['Dear Bob,\nthis is day 1.\n', 'Dear Bob,\nthis is day 2.\n'])
  expect(readFileSync(join(dir, 'root/all', inChroot, 'letter.txt'), 'utf8')).toContain('day 3')
  expect(readFileSync(join(dir, 'root/all', inChroot, 'sub/photo')).equals(noise(1, 40_000))).toBe(true)
})

test('step 9: a better list', async () => {
  symlinkSync('letter.txt', join(data, 'link'))
  await typeStep(9)
  expect(newest().index).toMatch(new RegExp(`^\\./${inChroot}/link type=link .* link=letter\\.txt$`, 'm'))
  expect(await fetched()).toBe('nothing')
})

test('step 10: whoever has the key of keep can read, and nothing else', async () => {
  const {stdout, stderr} = await sh(`${dir}/usr/local/bin/ssh source id; echo "status $?"; printf 'put /etc/hosts x\\nrm index.md5\\nmkdir x\\n' | ${dir}/usr/local/bin/sftp -b - source; echo "status $?"`, {cwd: join(dir, 'root'), env: {HOME: join(dir, 'root')}})
  expect(`${String(stdout)}${stderr}`).toMatch(/status 1\n[^]*status 1\n/)
  expect(existsSync(`/srv/${user}/x`)).toBe(false)
  expect(existsSync(`/srv/${user}/index.md5`)).toBe(true)
})

// `bk restore --layout old` of what `bk push` has stored on four days: each version of each file once, under the time since when it was so.

import {mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeAll, describe, expect, test} from 'vitest'
import {root, sh} from '../harness/bk.ts'
import type {Result} from '../harness/bk.ts'
import {noise} from '../harness/days.ts'
import {measureMemory} from '../harness/limits.ts'
import {sameTree} from '../harness/same-tree.ts'
import {startSshd} from '../harness/sshd.ts'
import type {Sshd} from '../harness/sshd.ts'
import {newHome, tempDir} from '../harness/temp.ts'
import {objectId} from '../../src/lib/store/object-id.ts'
import {addSnapshot, group, makeStore} from '../unit/restore/make-store.ts'

let dir: string
let sshd: Sshd
const at = `at() { faketime -f "@2026-11-$1" "\${@:2}"; }\n`
const run = (script: string): Promise<Result> => sh(`${at}${script}`, {cwd: dir, env: sshd.env})

/** Runs what must succeed and say nothing on stderr. */
async function done(script: string): Promise<string> {
  const {status, stdout, stderr} = await run(script)
  expect({script, status, stderr}).toEqual({script, status: 0, stderr: ''})
  return String(stdout)
}

/** Every file, directory and link below `out` but the top, with what is in the files; large ones by their size. */
function everything(out: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of readdirSync(join(dir, out), {recursive: true, encoding: 'utf8'})) {
    const stat = statSync(join(dir, out, name))
    found[name] = stat.isDirectory() ? 'a directory' : stat.size > 1000 ? `${stat.size} bytes` : readFileSync(join(dir, out, name), 'utf8')
  }
  return found
}

const write = (name: string, content: string | Buffer): void => {
  mkdirSync(join(dir, 'tree', name, '..'), {recursive: true})
  writeFileSync(join(dir, 'tree', name), content)
}

const first = noise(1, 1_300_000)
const large = {18: first, 20: Buffer.concat([first.subarray(0, 600_000), noise(2, 50), first.subarray(600_000)])}

const push = (day: number, set = 'web1'): Promise<string> => done(`at '${day} 08:30:05' bk push -q -C tree . --set ${set} store`)

beforeAll(async () => {
  dir = tempDir('restore-old')
  newHome(join(dir, 'home'))
  sshd = await startSshd({hosts: ['vault']})
  sshd.authorize([`restrict,command="${root}/bin/bk browse ${dir}/store" ${sshd.publicKeys['vault']}`])
  await done('bk init -q store')
  write('etc/hosts', 'hosts, the first\n')
  write('etc/passwd', 'never changed\n')
  write('large', large[18])
  write('lost/below/letter', 'a letter\n')
  write('swap/inside', 'in a directory\n')
  write('mine/.old', 'a file of this name\n')
  write('mine/x', 'x, the first\n')
  await done('chmod 600 tree/etc/hosts; chmod 2750 tree/lost/below; touch -d @1000000000.000000005 tree/lost/below/letter')
  await push(18)
  write('etc/hosts', 'hosts, the second\n')
  write('mine/x', 'x, the second\n')
  await done('chmod 644 tree/etc/hosts; chmod 640 tree/etc/passwd; rm -r tree/lost tree/swap; echo now a file >tree/swap')
  await push(19)
  await push(19, 'other')
  write('etc/hosts', 'hosts, the first\n')
  write('large', large[20])
  write('etc/.old/hosts.20261119T083005Z', 'whose name is taken\n')
  await push(20)
  write('etc/hosts', 'hosts, the third\n')
  rmSync(join(dir, 'tree/mine/x'))
  await push(21)
}, 120_000)

const expected = {
  etc: 'a directory',
  'etc/hosts': 'hosts, the third\n',
  'etc/.old': 'a directory',
  'etc/.old/hosts.20261118T083005Z': 'hosts, the first\n',
  'etc/.old/hosts.20261119T083005Z': 'whose name is taken\n',
  'etc/.old/hosts.20261119T083005Z.2': 'hosts, the second\n',
  'etc/.old/hosts.20261120T083005Z': 'hosts, the first\n',
  'etc/passwd': 'never changed\n',
  large: '1300050 bytes',
  '.old': 'a directory',
  '.old/large.20261118T083005Z': '1300000 bytes',
  '.old/swap': 'a directory',
  '.old/swap/.old': 'a directory',
  '.old/swap/.old/inside.20261118T083005Z': 'in a directory\n',
  lost: 'a directory',
  'lost/below': 'a directory',
  'lost/below/.old': 'a directory',
  'lost/below/.old/letter.20261118T083005Z': 'a letter\n',
  swap: 'now a file\n',
  mine: 'a directory',
  'mine/.old': 'a file of this name\n',
  'mine/.old.2': 'a directory',
  'mine/.old.2/x.20261118T083005Z': 'x, the first\n',
  'mine/.old.2/x.20261119T083005Z': 'x, the second\n',
}

test('every version is there, with its bytes, its mode, its time', async () => {
  await done('bk restore -q --set web1 store --layout old --to all')
  expect(everything('all')).toEqual(expected)
  expect(readFileSync(join(dir, 'all/.old/large.20261118T083005Z')).equals(large[18])).toBe(true)
  expect(readFileSync(join(dir, 'all/large')).equals(large[20])).toBe(true)
  const stat = 'cd all && stat -c "%a %.9Y" etc/hosts etc/.old/hosts.20261118T083005Z lost/below/.old/letter.20261118T083005Z && stat -c "%a" etc/.old lost/below lost/below/.old'
  const [now, old, letter, ...folders] = (await done(stat)).split('\n')
  expect([now?.slice(0, 3), old?.slice(0, 3), letter]).toEqual(['644', '600', '644 1000000000.000000005'])
  expect(folders).toEqual(['755', '2750', '2750', ''])
})

test('without what was added it is what is restored without the layout', async () => {
  await done('bk restore -q --set web1 store --to plain && bk restore -q --set web1 store --layout old --to bare')
  await done('cd bare && rm -r .old mine/.old.2 lost etc/.old/hosts.20261118* etc/.old/hosts.20261119T083005Z.2 etc/.old/hosts.20261120* && touch -r ../plain . && touch -r ../plain/mine mine && touch -r ../plain/etc/.old etc/.old')
  expect(sameTree(join(dir, 'plain'), join(dir, 'bare'))).toEqual([])
})

test('as it was earlier, with what was before that', async () => {
  await done('bk restore -q store@2 --layout old --to second && bk restore -q store@1 --layout old --to first')
  expect(everything('second')).toMatchObject({'etc/hosts': 'hosts, the second\n', 'etc/.old/hosts.20261118T083005Z': 'hosts, the first\n', 'mine/.old.2/x.20261118T083005Z': 'x, the first\n'})
  expect(Object.keys(everything('second')).filter((name) => /202611(?:19|20)/.test(name))).toEqual([])
  expect(Object.keys(everything('first')).filter((name) => name.includes('2026'))).toEqual([])
})

test('the versions of another set are not its own', async () => {
  await done('bk restore -q --set other store --layout old --to other')
  expect(Object.keys(everything('other')).filter((name) => name.includes('2026'))).toEqual([])
})

describe('paths', () => {
  test.each([
    ['etc/hosts', ['etc', 'etc/.old', 'etc/.old/hosts.20261118T083005Z', 'etc/.old/hosts.20261119T083005Z.2', 'etc/.old/hosts.20261120T083005Z', 'etc/hosts']],
    ['mine/x', ['mine', 'mine/.old.2', 'mine/.old.2/x.20261118T083005Z', 'mine/.old.2/x.20261119T083005Z']],
    ['lost', ['lost', 'lost/below', 'lost/below/.old', 'lost/below/.old/letter.20261118T083005Z']],
    ['etc/.old/hosts.20261118T083005Z', ['etc', 'etc/.old', 'etc/.old/hosts.20261118T083005Z']],
    ['swap', ['.old', '.old/swap', '.old/swap/.old', '.old/swap/.old/inside.20261118T083005Z', 'swap']],
  ] as const)('%s', async (path, names) => {
    const out = `path-${path.replaceAll('/', '-')}`
    await done(`bk restore -q --set web1 store '${path}' --layout old --to '${out}'`)
    const found = everything(out)
    expect(Object.keys(found).sort()).toEqual(names)
    for (const name of names) expect([name, found[name]]).toEqual([name, expected[name as keyof typeof expected]])
  })

  test('that are nowhere', async () => {
    const {status, stderr} = await run('bk restore -q --set web1 store etc/hosts etc/nothing etc/.old/hosts.20261117T083005Z --layout old --to nowhere')
    expect({status, stderr: stderr.split('\n')[0]}).toEqual({status: 2, stderr: 'bk restore: not in the snapshot: etc/nothing, etc/.old/hosts.20261117T083005Z'})
    expect(readdirSync(dir)).not.toContain('nowhere')
  })
})

test('what would be restored, and what was', async () => {
  const listed = (await done('bk restore -q -n --set web1 store --layout old')).split('\n').slice(1, -1).map((path) => path.slice(2))
  expect(listed.sort()).toEqual(Object.keys(expected).sort())
  const {status, stderr} = await run('bk restore -v --set web1 store mine --layout old --to said')
  expect({status, stderr}).toEqual({status: 0, stderr: expect.stringMatching(/^bk restore: 2 of them are earlier versions$/m)})
})

test('not over what is there, and no other layout', async () => {
  const over = await run('bk restore --set web1 store --layout old --overwrite --to all')
  expect([over.status, over.stderr]).toEqual([64, expect.stringContaining('--overwrite')])
  expect((await run('bk restore --set web1 store --layout new --to no')).status).toBe(64)
  expect((await run('bk restore --set web1 store --layout old --to all')).status).toBe(2)
})

test('from another machine', async () => {
  await done('bk restore -q --set web1 vault: --layout old --to far')
  expect(everything('far')).toEqual(expected)
})

test('a version that is lost is named, and all else is there', async () => {
  await done('cp -a store damaged')
  // The pack in which the first day's small files are.
  const sum = /[0-9a-f]{64}/.exec(await done("printf 'a letter\\n' | sha256sum"))![0]
  const pack = (await done(`grep -rla '^${sum} ' damaged/packs`)).trim()
  rmSync(join(dir, pack))
  const {status, stderr} = await run('bk restore --set web1 damaged --layout old --to partly')
  expect(status).toBe(3)
  expect(stderr).toMatch(/^bk restore: \.?\/?lost\/below\/\.old\/letter\.20261118T083005Z: its content is lost: pack [0-9a-f]{64} is missing$/m)
  expect(stderr).toMatch(/^bk restore: \d+ of \d+ could not be restored$/m)
  expect(everything('partly')).toMatchObject({'etc/hosts': 'hosts, the third\n', 'mine/.old.2/x.20261119T083005Z': 'x, the second\n'})
  expect(everything('partly')).not.toHaveProperty(['lost/below/.old/letter.20261118T083005Z'])
})

test('a long history does not pile up in memory', async () => {
  const store = await makeStore(join(dir, 'long'))
  const contents = Array.from({length: 25}, (_, i) => `content ${i}\n`)
  const line = (name: string, content: string): string => `./${name} type=file mode=0644 uid=0 gid=0 uname=root gname=root size=${content.length} time=1763800000.123456789 sha256=${objectId(Buffer.from(content))}`
  const groups = ['.', ...Array.from({length: 60_000}, (_, i) => `a-name-that-is-as-long-as-many-${String(i).padStart(6, '0')}`)].map((name) => (name === '.' ? group('. type=dir mode=0755') : group(line(name, contents[0]!))))
  for (const [i, content] of contents.entries()) {
    // Each index is whole, 14 MB.
    if (i > 0) for (let n = i; n < groups.length; n += 100) groups[n] = group(line(groups[n]!.path.slice(2), content))
    await addSnapshot(store, {root: '/srv', groups, objects: new Map([[objectId(Buffer.from(content)), Buffer.from(content)]])}, {received: `2026-11-22T08:30:${10 + i}Z`})
  }
  const {result, peaks} = await measureMemory('bk restore -q -n long --layout old | wc -l; exit $?', {cwd: dir, env: sshd.env})
  expect({status: result.status, stderr: result.stderr, lines: String(result.stdout).trim()}).toEqual({status: 0, stderr: '', lines: String(60_001 + 1 + 24 * 600)})
  expect(peaks.filter(({command}) => command.includes('bk.js')).map(({kibibytes}) => kibibytes)).toEqual([expect.toSatisfy((kibibytes: number) => kibibytes < 300 * 1024)])
}, 60_000)

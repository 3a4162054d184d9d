// `bk pull sftp://` from a machine that somebody hostile holds: its server answers what it likes, and the list that lies there says what
// it likes. Each row of sftp-hostile-*.ts ends with one clear line, costs little memory, writes nothing outside, and harms nothing that
// the store has; an honest pull of the same set is taken afterwards.

import {cpSync, mkdirSync, readdirSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeAll, expect, test} from 'vitest'
import {sh, type Result} from '../harness/bk.ts'
import {measureMemory} from '../harness/limits.ts'
import {readStore} from '../harness/read-store.ts'
import {fakeSsh} from '../harness/sftp-server.ts'
import {storeFiles} from '../harness/store-files.ts'
import {newHome, tempDir} from '../harness/temp.ts'
import {allRows} from './sftp-hostile.ts'
import {secret} from './sftp-hostile-lists.ts'

const server = join(import.meta.dirname, 'sftp-hostile.ts')
const said = ({status, stdout, stderr}: Result) => ({status, stdout: String(stdout), stderr})
let base: string

/** A place of its own, with the store as it was, and `ssh` that leads to this row; none for the honest server. */
function place(name?: string): {readonly dir: string; readonly env: Readonly<Record<string, string>>} {
  const dir = tempDir('row')
  const home = newHome(join(dir, 'home'))
  fakeSsh(join(dir, 'bin'), server, name === undefined ? [] : [name])
  const env = {HOME: join(home, 'home'), XDG_STATE_HOME: join(home, 'state'), XDG_CACHE_HOME: join(home, 'cache'), TMPDIR: join(home, 'tmp')}
  return {dir, env}
}

const withSsh = (dir: string, script: string): string => `PATH=${dir}/bin:$PATH; ${script}; exit $?`

beforeAll(async () => {
  const {dir, env} = place()
  base = dir
  const run = async (script: string): Promise<void> => expect(said(await sh(withSsh(dir, script), {cwd: dir, env}))).toMatchObject({status: 0, stderr: ''})
  mkdirSync(join(dir, 'other'))
  writeFileSync(join(dir, 'other/secret'), secret)
  await run('bk init -q store && bk pull -q sftp://web1/srv store && bk push -q --set other other store')
  await run('bk restore -q store@1 --to first && bk restore -q store@2 --to second')
})

const rows = await allRows()

test('every row has a name of its own, and there are enough of them', () => {
  expect(new Set(rows.map(({name}) => name)).size).toBe(rows.length)
  expect(rows.length).toBeGreaterThanOrEqual(40)
})

test.concurrent.each(rows)('$name', async ({name, flags = '', path = '/srv', status, says = '', has, hasNot, mebibytes = 300}) => {
  const {dir, env} = place(name)
  const store = join(dir, 'store')
  cpSync(join(base, 'store'), store, {recursive: true, preserveTimestamps: true})
  const before = storeFiles(store)
  const began = performance.now()
  const {result, peaks} = await measureMemory(withSsh(dir, `bk pull ${flags} sftp://web1${path} store`), {cwd: dir, env, timeout: 90_000})
  expect(performance.now() - began).toBeLessThan(60_000)
  const statuses = typeof status === 'number' ? [status] : status
  const words = result.stderr.replace(/^bk pull: /, '').replace(/\n$/, '')
  expect({...said(result), stderr: words}).toEqual({status: expect.toBeOneOf([...statuses]), stdout: expect.anything(), stderr: typeof says === 'string' ? says : expect.stringMatching(says)})
  // What a terminal would obey is never said.
  expect(result.stderr).not.toMatch(/[^\n -~]/)
  const bk = peaks.filter(({command}) => /bin\/bk/.test(command))
  expect(bk.length).toBeGreaterThan(0)
  for (const {kibibytes} of bk) expect(kibibytes / 1024, 'MiB').toBeLessThan(mebibytes)

  const isTaken = result.status === 0 || result.status === 3
  expect(String(result.stdout)).toMatch(isTaken ? /^committed 3 \w{64}\n$/ : /^$/)
  const now = storeFiles(store)
  for (const [file, sum] of before) if (!file.startsWith('sessions/')) expect(now.get(file), file).toBe(sum)
  const more = [...now.keys()].filter((file) => !before.has(file) && !/^(?:packs|sessions)\//.test(file))
  expect(more).toEqual(isTaken ? expect.arrayContaining(['log/000003']) : [])
  const {snapshots} = readStore(store)
  expect(snapshots).toHaveLength(isTaken ? 3 : 2)
  if (has !== undefined) expect(snapshots.at(-1)!.index).toMatch(has)
  if (hasNot !== undefined) expect(snapshots.at(-1)!.index).not.toMatch(hasNot)

  // Nothing lies anywhere but in the store.
  expect(readdirSync(dir).sort()).toEqual(['bin', 'home', 'store'])
  const written = readdirSync(join(dir, 'home'), {recursive: true}).filter((name) => !/^state\/bk(?:\/pull(?:\/\w{32}(?:\/web1(?:\/known\.idx)?)?)?)?$/.test(String(name)))
  expect(written.sort()).toEqual(['cache', 'home', 'state', 'tmp'])

  // Where there is no record more, the same bytes are read as before.
  if (isTaken) {
    const after = await sh(`bk restore -q store@1 --to first && diff -r ${base}/first first && bk restore -q store@2 --to second && diff -r ${base}/second second`, {cwd: dir, env})
    expect(said(after)).toEqual({status: 0, stdout: '', stderr: ''})
    expect(said(await sh('bk restore -q store@3 --to third', {cwd: dir, env})).status).toBeOneOf([0, 2, 3])
  }
  fakeSsh(join(dir, 'bin'), server, [])
  expect(said(await sh(withSsh(dir, 'bk pull -q sftp://web1/srv store'), {cwd: dir, env}))).toMatchObject({status: 0, stderr: ''})
  // 3, because there are so few entries again.
  const last = await sh(`bk restore -q --set web1 store@latest --to last 2>/dev/null; [ $? = 0 -o $? = 3 ] && diff -r ${base}/first last`, {cwd: dir, env})
  expect(said(last)).toEqual({status: 0, stdout: '', stderr: ''})
}, 120_000)

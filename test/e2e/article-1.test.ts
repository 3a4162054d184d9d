// docs/article-1.md, typed line by line: on a client, a vault and a new machine, each with its own home and directories, through a real sshd.
// What the page shows is held against what is seen on a terminal. Ten nights pass between its steps 6 and 7, each with a push by the line of
// cron that the page wrote, and a look by the other. Then a thief has the client's key, and the pushes stop.

import {existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeAll, describe, expect, test} from 'vitest'
import {bk, root, sh} from '../harness/bk.ts'
import {days} from '../harness/days.ts'
import {startMachines} from '../harness/machines.ts'
import type {Machine, Machines} from '../harness/machines.ts'
import {blocksOf as pageBlocks, shownPattern} from '../harness/page.ts'
import type {Block} from '../harness/page.ts'
import {readStore} from '../harness/read-store.ts'
import {sameTree} from '../harness/same-tree.ts'
import {storeFiles} from '../harness/store-files.ts'
import {removeTree, tempDir} from '../harness/temp.ts'

const page = readFileSync(join(root, 'docs/article-1.md'), 'utf8')

const HOUR = 3600
const NIGHTS = 10

let machines: Machines
let at: Record<string, Machine>
const client = (): Machine => at['client']!
const vault = (): Machine => at['vault']!
const store = (): string => join(vault().dir, 'srv/keeper/store')
/** The tree of the client as it was on some day. */
let kept: string

/** All that is not typed as it stands; `MACHINE` is the directory of the machine on which it is. */
function substituted(text: string, machine: string): string {
  const key = (name: string): string => readFileSync(join(at[name]!.dir, 'root/.ssh/bk_ed25519.pub'), 'utf8').trim()
  const table: readonly (readonly [what: RegExp, by: string | ((...words: string[]) => string)])[] = [
    // The line that is pasted, and the host.
    [/^ssh-ed25519 AAAA… (\w+)$/gm, (_, name = '') => key(name)],
    [/vault\.example\.org/g, '127.0.0.1'],
    // Accounts of the real machine stay as they are.
    [/useradd (.*)$/gm, 'useradd --prefix MACHINE $1'],
    [/--install/g, `--install --file ${machines.authorizedKeys}`],
    [/bk keys revoke/g, `bk keys revoke --file ${machines.authorizedKeys}`],
    [/bk status/g, `bk status --authorized-keys ${machines.authorizedKeys}`],
    // Restored files have their whole path, which is that of the machine.
    [/(?<!\w)(\/root\/look)(\/home\S*)/g, 'MACHINE$1MACHINE$2'],
    [/(?<!\w|MACHINE|-dir )\/(etc|home|root|srv|usr\/local)\b/g, 'MACHINE/$1'],
  ]
  let result = text
  for (const [what, by] of table) result = typeof by === 'string' ? result.replaceAll(what, by) : result.replaceAll(what, by)
  return result.replaceAll('MACHINE', machine)
}

const blocksOf = (step: number): Block[] => pageBlocks('article-1.md', step)

/** Types a block, on another machine than the page says if that is given, and holds what is seen against what the page shows. */
async function type({machine, user, script, shown}: Block, on = at[machine]!): Promise<string> {
  const seen = Object.values(at).reduce((text, {dir}) => text.replaceAll(dir, ''), await on.type(user, substituted(script, on.dir))).trim()
  expect(seen).toMatch(shownPattern(shown))
  return seen
}

const committed = (): number[] => readStore(store()).snapshots.map(({seq}) => seq)

/** The tree of the client is in this snapshot what it was on that day. */
async function expectDay(snapshot: string, day: number): Promise<void> {
  const result = await client().run(`bk restore -q ${snapshot} --to again`)
  expect({snapshot, status: result.status, stderr: result.stderr}).toEqual({snapshot, status: 0, stderr: ''})
  const again = join(client().dir, 'root/again')
  expect(sameTree(join(kept, `${day}`), join(again, client().dir, 'home'), {ignoreSockets: true}), `${snapshot} is day ${day}`).toEqual([])
  removeTree(again)
}

beforeAll(async () => {
  machines = await startMachines()
  kept = tempDir('days')
  at = {client: machines.make('client'), vault: machines.make('vault'), new: machines.make('new')}
  mkdirSync(join(client().dir, 'home/ann'))
  writeFileSync(join(client().dir, 'home/ann/letter.txt'), 'Dear Bob,\n')
})

test('steps 1 to 6: a key, a store, what the key may do, the way there, a list, and cron', async () => {
  for (const step of [1, 2, 3]) for (const block of blocksOf(step)) await type(block)
  expect(readFileSync(machines.authorizedKeys, 'utf8')).toMatch(/^restrict,command=".*'--set' 'client' '--quota' '214748364800' '--per-day' '24' '--browse'.*" ssh-ed25519 /)
  const sums = []
  for (const block of blocksOf(4)) sums.push(/SHA256:\S+/.exec(await type(block))?.[0])
  expect(sums[0]).toBe(sums[1])
  for (const step of [5, 6]) for (const block of blocksOf(step)) await type(block)
  // The vault's line comes later on the page, and has to be quiet all along.
  await type(blocksOf(8)[0]!)
  expect(committed()).toEqual([1])
})

test('ten nights, each another day', async () => {
  const tree = join(client().dir, 'home/ann/work')
  for (let day = 1; day <= NIGHTS; day++) {
    days[day - 1]!.pass(tree)
    writeFileSync(join(client().dir, 'home/ann/letter.txt'), `Dear Bob, it is day ${day}\n`)
    // This day puts a file in the place of another of the same size and time, and those are what push trusts.
    if (existsSync(join(tree, 'names/d.js'))) utimesSync(join(tree, 'names/d.js'), day, day)
    expect((await sh('cp -a "$FROM" "$TO"', {env: {FROM: join(client().dir, 'home'), TO: join(kept, `${day}`)}})).stderr).toBe('')
    machines.setClock(day * 24 * HOUR)
    expect(await client().cron('bk push'), `night ${day}: ${days[day - 1]!.what}`).toMatchObject({status: 0, stderr: '', stdout: Buffer.alloc(0)})
    expect(committed()).toHaveLength(day + 1)
    machines.setClock((day * 24 + 6) * HOUR)
    expect(await vault().cron('bk status'), `morning ${day}`).toMatchObject({status: 0, stderr: '', stdout: Buffer.alloc(0)})
  }
}, 240_000)

describe('step 7', () => {
  test('a file as it was three days ago', async () => {
    const seen = []
    for (const block of blocksOf(7).slice(0, 2)) seen.push(await type(block))
    // Ten nights, and the first push by hand.
    expect(seen[0]!.split('\n')).toHaveLength(NIGHTS + 2)
    // In the morning after night 10, three days ago was the morning after night 7.
    expect(seen[1]).toContain('it is day 7')
  })

  test('all of it as it was, by ages and numbers', async () => {
    await expectDay('vault:@3D', 7)
    await expectDay('vault:@9D', 1)
    await expectDay('vault:@7', 6)
    await expectDay('vault:', NIGHTS)
  })

  test('a new machine, whose key may read and nothing else', async () => {
    const [, , key, grant, back] = blocksOf(7)
    await type(key!)
    await type(grant!)
    await type(blocksOf(4)[0]!, at['new'])
    await type(back!)
    expect(sameTree(join(kept, `${NIGHTS}`), join(at['new']!.dir, 'root/all', client().dir, 'home'), {ignoreSockets: true})).toEqual([])
    expect(await at['new']!.run('bk push -q /etc/hosts vault:')).toMatchObject({status: 77})
    const revoke = /`(bk keys revoke new)`/.exec(page)?.[1] ?? ''
    await vault().type('keeper', substituted(revoke, vault().dir))
    expect(await at['new']!.run('bk log vault:')).toMatchObject({status: 77, stderr: expect.stringContaining('takes none of the keys')})
  })
})

test('step 8: what the vault sees', async () => {
  const seen = await type(blocksOf(8)[1]!)
  expect(seen).toMatch(new RegExp(`^client +${NIGHTS + 1} .* 6h .* ok$`, 'm'))
  const told = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, word]) => word)
  const words = [...readFileSync(join(root, 'man/bk-status.1'), 'latin1').matchAll(/^([a-z-]+(?:\\-[a-z]+)?): /gm)].map(([, word = '']) => word.replaceAll('\\', ''))
  expect(told).toEqual(words)
})

test('step 10: a full copy, by the line of cron', async () => {
  const [line, look] = blocksOf(10)
  await type(line!)
  expect(await vault().cron('bk archive')).toMatchObject({status: 0, stderr: '', stdout: Buffer.alloc(0)})
  expect(readdirSync(join(vault().dir, 'srv/full'))).toEqual([expect.stringMatching(/^client-\d{4}-\d\d-\d\d-\d{4}\.tar\.gz$/)])
  await type(look!)
  expect(sameTree(join(kept, `${NIGHTS}`), join(vault().dir, 'srv/again', client().dir, 'home'), {ignoreSockets: true})).toEqual([])
  // All of it is younger than five weeks.
  const before = committed()
  expect(await vault().cron('bk rotate')).toMatchObject({status: 0, stderr: '', stdout: Buffer.alloc(0)})
  expect(committed()).toEqual(before)
  // Nothing has come since.
  expect(await vault().cron('bk archive')).toMatchObject({status: 2, stderr: expect.stringContaining('is there already')})
})

describe('step 9: a thief with the client', () => {
  const attacks: readonly (readonly [what: string, script: string, statuses: readonly number[]])[] = [
    ['a command', 'ssh vault "rm -rf $STORE"', [77]],
    ['a shell', 'echo "rm -rf $STORE" | ssh vault', [65]],
    ['sftp, rm', 'echo "rm store/log/000003" | sftp -q -b - vault', [1]],
    ['sftp, put', 'echo "put /etc/hosts store/log/000003" | sftp -q -b - vault', [1]],
    ['scp over the keys', 'scp -q /etc/hosts vault:$KEYS', [1, 255]],
    ['scp, the old way', 'scp -O -q /etc/hosts vault:$KEYS', [1, 255]],
    ['words of his own', 'ssh vault bk receive --set other --quota 9T $STORE', [77]],
    ['junk', 'head -c 300000 /dev/urandom | ssh vault bk receive', [65]],
    ['a stream that is cut', 'bk index $HOME | bk diff /dev/null | bk send -q | head -c 4000 | ssh vault bk receive', [65]],
    ['an empty tree, and a clock of long ago', 'mkdir empty; FAKETIME_TIMESTAMP_FILE= FAKETIME="@2001-01-01 00:00:00" bk push -q -C empty . vault:', [0]],
    ['more and more, until the day is full', 'for each in $(seq 30); do bk push -q -C empty . vault: || exit; done', [77]],
  ]

  test('step 9, as it is typed', async () => {
    for (const block of blocksOf(9)) await type(block)
  })

  test.each(attacks)('%s', async (_, script, statuses) => {
    const before = storeFiles(store())
    const keys = readFileSync(machines.authorizedKeys, 'utf8')
    const {status, stderr} = await client().run(`STORE=${store()}; KEYS=${machines.authorizedKeys}; ${script}`)
    expect(statuses, stderr).toContain(status)
    const after = storeFiles(store())
    expect([...before].filter(([name, sum]) => !name.startsWith('sessions/') && after.get(name) !== sum)).toEqual([])
    expect(readFileSync(machines.authorizedKeys, 'utf8')).toBe(keys)
  })

  test('what was there before is there as it was', async () => {
    const log = await bk(['log', '--json', store()])
    const rows = String(log.stdout).trim().split('\n').map((line): Record<string, unknown> => JSON.parse(line))
    // What he added bears the vault's time, and the name of the client.
    expect(rows.length).toBeGreaterThan(NIGHTS + 1)
    expect(new Set(rows.map(({set}) => set))).toEqual(new Set(['client']))
    const times = rows.map(({received}) => String(received))
    expect(times).toEqual(times.toSorted())
    expect(await bk(['log', '--check', store()])).toMatchObject({status: 0, stderr: ''})
    for (let day = 1; day <= NIGHTS; day++) await expectDay(`vault:@${day + 1}`, day)
  }, 240_000)
})

test('step 8, when it stops: the mail of the 27th hour', async () => {
  const next = NIGHTS + 1
  machines.setClock(next * 24 * HOUR)
  expect(await client().cron('bk push')).toMatchObject({status: 0, stderr: ''})
  // The day after, when what the thief sent is a day old.
  machines.setClock((next * 24 + 25) * HOUR)
  expect(await vault().cron('bk status')).toMatchObject({status: 0, stderr: '', stdout: Buffer.alloc(0)})
  machines.setClock((next * 24 + 27) * HOUR)
  expect(await vault().cron('bk status')).toMatchObject({
    status: 1, stderr: expect.stringMatching(/^bk status: client: stale: the newest complete snapshot, \d+, is 27h old, more than 26h\n$/),
  })
})

test('files that the page links to exist', () => {
  const links = [...page.matchAll(/\]\(([^)#]+)\)/g)].map(([, path = '']) => path)
  expect(links.length).toBeGreaterThan(2)
  for (const path of links) expect(existsSync(join(root, 'docs', path)), path).toBe(true)
})

// `bk pull` when one of the two ends is somebody else's: a program in place of `bk offer` that sends what it likes, and one in place of
// `bk pull` that answers what it likes.

import {mkdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeAll, beforeEach, describe, expect, test} from 'vitest'
import {open, root, sh, start} from '../harness/bk.ts'
import type {Result} from '../harness/bk.ts'
import {bomb, bombStream, zeros} from '../harness/bomb.ts'
import {noise} from '../harness/days.ts'
import {digestOf, forgePack, member, packMembers} from '../harness/forge-stream.ts'
import {measureMemory} from '../harness/limits.ts'
import {readStore} from '../harness/read-store.ts'
import {sameTree} from '../harness/same-tree.ts'
import {startSshd} from '../harness/sshd.ts'
import type {Sshd} from '../harness/sshd.ts'
import {storeFiles} from '../harness/store-files.ts'
import {newHome, tempDir} from '../harness/temp.ts'
import {after, forged, honest, joined, nowhere, two, withLines, honestLines} from './thief.ts'

let dir: string
let tree: string
let store: string
const run = (script: string, env: Readonly<Record<string, string>> = {}): Promise<Result> => sh(script, {cwd: dir, env})
const said = ({status, stdout, stderr}: Result) => ({status, stdout: String(stdout), stderr})

async function makeStore(): Promise<void> {
  tree = join(dir, 'tree')
  store = join(dir, 'store')
  mkdirSync(tree)
  writeFileSync(join(tree, 'file'), 'content\n')
  writeFileSync(join(tree, 'large'), noise(1, 300_000))
  expect((await run('bk init -q store')).status).toBe(0)
}

describe('a hostile source', () => {
  let sshd: Sshd
  const honestLine = (): string => `restrict,command="${root}/bin/bk forced --source ${tree}" ${sshd.publicKeys['web1']}`

  beforeAll(async () => {
    dir = tempDir('hostile')
    sshd = await startSshd({hosts: ['web1']})
    await makeStore()
    sshd.authorize([honestLine()])
    expect((await run('bk pull -q ssh://web1 store', sshd.env)).status).toBe(0)
  })

  const hello = Buffer.from('bk 1\n')
  const say = (...parts: readonly (string | Buffer)[]): Buffer => Buffer.concat([hello, ...parts.map((part) => Buffer.from(part))])
  const pack = forgePack([[two]])
  const line = (words: RegExp | string): RegExp => (typeof words === 'string' ? new RegExp(`^bk pull: ${words}\n$`) : words)
  const noStream = 'not a stream of bk send[^\n]*'

  type Source = {
    readonly name: string
    /** What it sends first. */
    readonly bytes?: Buffer
    /** What it does then, in shell. */
    readonly and?: string
    readonly words?: string
    readonly status?: number
    readonly says: RegExp | string
    readonly flags?: string
  }

  const sources: readonly Source[] = [
    {name: 'says nothing and ends', says: 'web1 ended before it was through', status: 75},
    {name: 'ends with 1 and no word', and: 'exit 1', says: 'web1 ended with 1, and no word why', status: 75},
    {name: 'a greeting for people', bytes: Buffer.from('Welcome to web1!\nHave a nice day.\n'), and: 'sleep 20', says: noStream, status: 65},
    {name: 'random bytes', and: 'cat /dev/urandom', says: noStream, status: 65},
    {name: 'zeros without end', and: 'cat /dev/zero', says: noStream, status: 65},
    {name: 'a line without end', bytes: hello, and: "yes | tr -d '\\n'", says: noStream, status: 65},
    {name: 'a line without end before the greeting', and: "yes bk | tr -d '\\n'", says: noStream, status: 65},
    {name: 'a dialogue of version 2', bytes: Buffer.from('bk 2\n'), and: 'sleep 20', says: noStream, status: 65},
    {name: 'a shell command for a question', bytes: say('$(touch loot)\n'), and: 'sleep 20', says: 'the dialogue with the store: not a line of the dialogue', status: 65},
    {name: 'questions without end', bytes: hello, and: 'yes record 1', says: 'refused questions: too many of them', status: 77},
    {name: 'questions whose answers nobody reads', bytes: hello, and: `while :; do echo have 1; echo ${nowhere}; done`, flags: '--deadline 3s', says: 'refused deadline: [^\n]*', status: 77},
    {name: 'nothing', and: 'sleep 100', flags: '--deadline 2s', says: 'refused deadline: the session took longer than 2 seconds', status: 77},
    {name: 'nothing after the greeting', bytes: hello, and: 'sleep 100', flags: '--deadline 2s', says: 'refused deadline: the session took longer than 2 seconds', status: 77},
    {name: 'a byte now and then', bytes: hello, and: 'while :; do printf r; sleep 0.1; done', flags: '--deadline 2s', says: 'refused deadline: the session took longer than 2 seconds', status: 77},
    {name: 'a pack under another name', bytes: say('member\n', packMembers({...pack, name: nowhere})), and: 'sleep 20', says: '[^\n]*pack[^\n]*', status: 65},
    {name: 'ids that are not those of the pack', bytes: say('member\n', packMembers({...pack, ids: [nowhere]})), and: 'sleep 20', says: '[^\n]*ids[^\n]*', status: 65},
    {name: 'a path that leads out', bytes: say('member\n', member('../../loot', two)), and: 'sleep 20', says: '[^\n]*(?:member|stream)[^\n]*', status: 65},
    {name: 'a record', bytes: say('member\n', member('log/000002', two)), and: 'sleep 20', says: '[^\n]*member that does not belong there[^\n]*', status: 65},
    {name: 'a bomb', bytes: say('member\n', bombStream(bomb(3 * 2 ** 30), `${3 * 2 ** 30 + 512}\n${zeros} ${3 * 2 ** 30}\n`)), and: 'sleep 20', says: '[^\n]*', status: 65},
    {name: 'a snapshot of another sum', bytes: joined({...honest, snapshot: Buffer.from(String(honest.snapshot).replace(/sum \w{8}/, 'sum 00000000'))}), and: 'sleep 20', says: '[^\n]*', status: 65},
    {name: 'a snapshot against what is not there', bytes: forged(), and: 'sleep 20', says: /^bk pull: refused unknown-base: [^\n]*\nbk pull: hint: [^\n]*\n$/, status: 77},
    {name: 'a snapshot with another tree', bytes: withLines(honestLines.map((each) => each.replace(digestOf(after), nowhere))), and: 'sleep 20', says: /^bk pull: refused unknown-base: /, status: 77},
    {name: 'something behind the end', bytes: forged(), and: 'cat /dev/zero', says: /^bk pull: (?:refused unknown-base|not a stream)/, status: -1},
    {name: 'half a member', bytes: say('member\n', packMembers(pack).subarray(0, 700)), says: 'web1 ended before it was through', status: 75},
    {name: 'escape sequences in its last words', and: String.raw`printf 'bk offer: \033]0;owned\007no\r\n' >&2; exit 2`, says: String.raw`web1: bk offer: \\033\]0;owned\\007no`, status: 2},
    {name: 'a refusal of its own invention', bytes: Buffer.from('refused nothing: pay first\n'), and: 'sleep 20', says: noStream, status: 65},
  ]

  test.each(sources)('$name', async ({bytes = Buffer.alloc(0), and = ':', flags = '', says, status}) => {
    writeFileSync(join(dir, 'bytes'), bytes)
    writeFileSync(join(dir, 'hostile'), `cat ${dir}/bytes\n${and}\n`)
    sshd.authorize([`restrict,command="cd ${dir}; sh ./hostile" ${sshd.publicKeys['web1']}`])
    const before = storeFiles(store)
    const began = performance.now()
    const {result, peaks} = await measureMemory(`bk pull ${flags} ssh://web1 store`, {cwd: dir, env: sshd.env})
    expect(performance.now() - began).toBeLessThan(20_000)
    expect(said(result)).toEqual({status: status === -1 ? expect.toBeOneOf([65, 77]) : status, stdout: '', stderr: expect.stringMatching(line(says))})
    expect(Math.max(...peaks.map(({kibibytes}) => kibibytes)) / 1024).toBeLessThan(300)
    const now = storeFiles(store)
    for (const [name, sum] of before) if (!name.startsWith('sessions/')) expect(now.get(name), name).toBe(sum)
    expect([...now.keys()].filter((name) => !before.has(name) && !/^(?:packs|sessions)\//.test(name))).toEqual([])
    expect(readStore(store).snapshots).toHaveLength(1)
  }, 60_000)

  test('words without end are cut, and safe to print', async () => {
    writeFileSync(join(dir, 'hostile'), String.raw`yes "$(printf 'bk offer: /\033[2J: permission denied')" | head -n 100000 >&2; yes x | tr -d '\n' | head -c 30000000 >&2; echo >&2; echo "bk offer: the end" >&2; exit 2` + '\n')
    sshd.authorize([`restrict,command="sh ${dir}/hostile" ${sshd.publicKeys['web1']}`])
    const {result, peaks} = await measureMemory('bk pull ssh://web1 store', {cwd: dir, env: sshd.env})
    expect(said(result)).toMatchObject({status: 2, stdout: ''})
    const lines = result.stderr.split('\n').slice(0, -1)
    expect(lines).toHaveLength(102)
    expect(lines[0]).toBe(String.raw`bk pull: ssh://web1: /\033[2J: permission denied`)
    expect(lines.at(-2)).toBe('bk pull: ssh://web1: and 99901 lines more')
    expect(lines.at(-1)).toBe('bk pull: web1: bk offer: the end')
    expect(Math.max(...peaks.map(({kibibytes}) => kibibytes)) / 1024).toBeLessThan(300)
  }, 60_000)

  test('after all of it the earlier snapshot comes back, and the next honest one is taken', async () => {
    sshd.authorize([honestLine()])
    expect(said(await run('bk pull -q ssh://web1 store', sshd.env))).toMatchObject({status: 0, stderr: ''})
    for (const seq of [1, 2]) {
      expect((await run(`bk restore -q store@${seq} --to out${seq}`)).status).toBe(0)
      expect(sameTree(tree, join(dir, `out${seq}`, tree))).toEqual([])
    }
  })
})

describe('a hostile puller', () => {
  let env: Readonly<Record<string, string>>
  const secret = noise(99, 100_000)

  beforeEach(async () => {
    dir = tempDir('puller')
    const home = newHome(join(dir, 'home'))
    env = {XDG_STATE_HOME: join(home, 'state'), XDG_CACHE_HOME: join(home, 'cache')}
    await makeStore()
    writeFileSync(join(dir, 'secret'), secret)
  })

  const sum = 'a'.repeat(64)
  const greeting = (lines: Readonly<Record<string, string>> = {}): string => {
    const all: Record<string, string> = {bk: '1', store: `${'b'.repeat(32)} plain`, set: 'web1', head: `0 ${'0'.repeat(64)}`, newest: 'none', session: '0', ...lines}
    return `${Object.entries(all).map(([word, rest]) => `${word} ${rest}\n`).join('')}end\n`
  }

  /** Runs `bk offer` and answers each `have` as told, and the end with `committed`. */
  async function lieTo(first: string, have: (count: number) => string): Promise<Result> {
    const {child, done} = start('bk', ['offer', tree], {env, stdin: open})
    let held = ''
    let through = false
    child.stdin?.write(first)
    child.stdout?.on('data', (bytes: Buffer) => {
      held += bytes.toString('latin1')
      // Who asks waits, so that a question is the last that came.
      const asked = /have (\d+)\n((?:[0-9a-f]{64}\n)*)$/.exec(held)
      if (asked !== null && asked[2]!.length === Number(asked[1]) * 65) {
        held = ''
        child.stdin?.write(have(Number(asked[1])))
      } else if (/tree [0-9a-f]{64}\n$/.test(held)) {
        held = ''
        child.stdin?.write('tree none\n')
      }
      if (!through && held.endsWith('\0'.repeat(1024)) && held.includes('#bk snapshot 1')) {
        through = true
        child.stdin?.write(`committed 1 ${sum}\n`)
      }
    })
    return await done
  }

  const isClean = ({stdout}: Result): void => {
    expect(stdout.includes(secret.subarray(0, 1000))).toBe(false)
    expect(stdout.includes(Buffer.from('secret'))).toBe(false)
  }

  test.each([
    ['a set that is a path', greeting({set: '../../secret'}), 65],
    ['a store that is a path', greeting({store: '../../../../secret plain'}), 65],
    ['a store that cannot be pulled into', greeting({store: `${'b'.repeat(32)} sealed`}), 2],
    ['another version', greeting({bk: '2'}), 65],
    ['a question of his own', 'bk 1\nrecord 1\n', 65],
    ['a path to send', `/secret\n${greeting()}`, 65],
    ['a line without end', 'x'.repeat(5_000_000), 65],
    ['a refusal', 'refused quota: no room\n', 77],
    ['a refusal that drives a terminal', 'refused x: \x1b[2J\n', 65],
    ['a committed in place of an answer', greeting({newest: sum}) + `committed 1 ${sum}\n`.repeat(3), 65],
    ['nothing, and goes', '', 75],
  ])('says %s: one line, and nothing of other places', async (_name, words, status) => {
    const result = await start('bk', ['offer', tree], {env, stdin: words}).done
    expect(result.stderr).toMatch(/^bk offer: [^\n\x1b]*\n(?:bk offer: hint: update bk\n)?$/)
    expect(result.status).toBe(status)
    isClean(result)
  })

  test.each<[string, string, (count: number) => string]>([
    ['has everything', greeting({newest: sum}), (count) => `pack ${'c'.repeat(64)} 0-${count - 1}\nend\n`],
    ['has nothing', greeting({newest: sum}), () => 'end\n'],
    ['left a session, and has half', greeting({session: '3'}), () => `pack ${'c'.repeat(64)} 0\nend\n`],
  ])('claims that he %s: what he lacks he does not get, and nobody else is harmed', async (_name, first, have) => {
    // Under the name of the honest store, so that it is the honest one's memory which he would spoil.
    const id = /^id (\w{32})$/m.exec(readFileSync(join(store, 'bk-store'), 'latin1'))?.[1]
    expect(id).toBeDefined()
    const result = await lieTo(first.replace('b'.repeat(32), id!), have)
    expect({status: result.status, stderr: result.stderr}).toEqual({status: 0, stderr: ''})
    isClean(result)
    writeFileSync(join(tree, 'new'), noise(5, 50_000))
    const sshd = await startSshd({hosts: ['web1']})
    const state = Object.entries(env).map(([name, value]) => `${name}=${value}`).join(' ')
    sshd.authorize([`restrict,command="env ${state} ${root}/bin/bk forced --source ${tree}" ${sshd.publicKeys['web1']}`])
    const pulled = await run('bk pull ssh://web1 store', sshd.env)
    // He has only made the source believe that there was a record more.
    expect(said(pulled)).toEqual({status: 3, stdout: expect.stringMatching(/^committed 1 /), stderr: expect.stringContaining('was ROLLED BACK')})
    expect((await run('bk restore -q store --to out')).status).toBe(0)
    expect(sameTree(tree, join(dir, 'out', tree))).toEqual([])
  })

  test('is remembered sixteen times, and then the oldest are forgotten', async () => {
    rmSync(join(tree, 'large'))
    const memory = join(env['XDG_STATE_HOME']!, 'bk/offer')
    for (let at = 0; at < 18; at++) {
      const {status, stderr} = await lieTo(greeting({store: `${String(at).padStart(32, '0')} plain`}), () => 'end\n')
      expect({status, stderr}).toEqual({status: 0, stderr: ''})
    }
    const {stdout} = await run(`ls ${memory}/seen | wc -l; ls ${memory}/sent | wc -l; ls ${memory}/sent | tail -n 1`)
    expect(String(stdout).split(/\s+/)).toEqual(['16', '16', `${'17'.padStart(32, '0')}.web1`, ''])
  }, 60_000)
})

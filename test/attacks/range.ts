// Where the attacks are carried out: an sshd, a key that may add snapshots of the set web1 and nothing else, and a store that holds
// one snapshot of it and one of another set.

import {spawn} from 'node:child_process'
import {cpSync, existsSync, mkdirSync, readdirSync, readFileSync} from 'node:fs'
import {dirname, join} from 'node:path'
import {expect} from 'vitest'
import {forged, firstStream, before, one, big, dirLine, fileLine} from '../e2e/thief.ts'
import {bk, root, sh} from '../harness/bk.ts'
import type {Result} from '../harness/bk.ts'
import {atEnd} from '../harness/cleanup.ts'
import {noise} from '../harness/days.ts'
import {forgePack, indexText} from '../harness/forge-stream.ts'
import {freePort, smallDisk, until} from '../harness/limits.ts'
import {descendants, peakMemory} from '../harness/processes.ts'
import {readStore} from '../harness/read-store.ts'
import type {Snapshot} from '../harness/read-store.ts'
import {clientProgram, startSshd} from '../harness/sshd.ts'
import type {Sshd} from '../harness/sshd.ts'
import {storeFiles} from '../harness/store-files.ts'
import {tempDir} from '../harness/temp.ts'
import {took} from './row.ts'
import {weakened} from './weakened.ts'
import type {Careless, Row, Shot, Thief} from './row.ts'

/** What the other set keeps in the same store. */
export const secret = noise(77, 5000)
export const secretIndex = indexText([dirLine('.'), fileLine('./secret', secret)])
export const secretPack = forgePack([[secret]])
const secretStream = forged({
  indexes: [secretIndex], whole: secretIndex, packs: [secretPack, forgePack([[Buffer.from(secretIndex)]])], lines: {base: 'none'},
})

export type Range = {
  /** carries an attack out against a store of this range, or against one of its own */
  readonly shoot: (row: Row, where?: {store?: string; program?: string; careless?: Careless}) => Promise<Shot>
  /** a new store with the two snapshots; on a disk of so many MiB where a number is given */
  readonly newStore: (mebibytes?: number) => string
}

export async function openRange(): Promise<Range> {
  const dir = tempDir('attacks')
  const sshd = await startSshd()
  const template = join(dir, 'template')
  await bk(['init', '-q', template])
  for (const [set, stream] of [['web1', firstStream], ['web2', secretStream]] as const) {
    const {status, stderr} = await bk(['receive', template, '--set', set], {stdin: stream})
    if (status !== 0) throw new Error(`the honest stream of ${set} was refused: ${stderr}`)
  }
  let count = 0
  const newStore = (mebibytes?: number): string => {
    const home = mebibytes === undefined ? join(dir, `${++count}`) : smallDisk(mebibytes)
    mkdirSync(home, {recursive: true})
    cpSync(template, join(home, 'store'), {recursive: true})
    return join(home, 'store')
  }
  return {newStore, shoot: async (row, where = {}) => await shoot(sshd, row, {store: where.store ?? newStore(row.fresh === true ? undefined : row.fresh), ...where})}
}

function isForced({forced, browse}: Row): boolean {
  return forced === true || browse === true
}

async function shoot(sshd: Sshd, row: Row, where: {store: string; program?: string; careless?: Careless}): Promise<Shot> {
  const {store, program = join(root, 'bin/bk'), careless = {}} = where
  const grant = isForced(row) ? `forced --receive ${store}` : `receive ${store}`
  const limits = typeof row.options === 'function' ? row.options(store) : (row.options ?? '')
  const browse = row.browse === true ? ` --browse ${store}` : ''
  const command = row.command ?? `${program} ${grant} --set web1 ${limits}`.trimEnd() + browse
  const line = careless.line ?? ((what: string, key: string) => `restrict,command="${what}" ${key}`)
  sshd.authorize([line(command, sshd.publicKeys['vault']!)])
  const options = [...(row.sshd ?? []), ...(careless.sshd ?? [])]
  const other = options.length === 0 ? undefined : await sshdWith(sshd, options)
  const [loot, cwd] = [join(dirname(store), 'loot'), tempDir('thief')]
  const [files, from] = [storeFiles(store), Math.floor(Date.now() / 1000)]
  const path = other === undefined ? sshd.env['PATH']! : `${other}:${sshd.env['PATH']}`
  const env = {PATH: path, LOOT: loot, STORE: store, PORT: String(sshd.port)}
  const run = async (script: string, stdin: Uint8Array = Buffer.alloc(0)): Promise<Result> => await sh(script, {env, cwd, stdin, timeout: 30_000})
  const thief: Thief = {sh: run, send: (bytes, words = '') => run(`ssh vault ${words}`, bytes)}
  const memory = row.watched === true ? watch(program) : undefined
  const {attack} = row
  const {status, stdout, stderr} = await (typeof attack === 'function' ? attack(thief) : typeof attack === 'string' ? run(attack) : thief.send(attack))
  const mebibytes = memory?.() ?? 0
  const now = existsSync(store) ? storeFiles(store) : new Map<string, string>()
  return {
    status, stdout: String(stdout), stderr, store, loot, mebibytes, span: [from, Math.ceil(Date.now() / 1000)],
    grown: [...now.keys()].filter((name) => !files.has(name)),
    harmed: [...files].filter(([name, sum]) => !name.startsWith('sessions/') && now.get(name) !== sum).map(([name]) => name),
  }
}

const others = new Map<string, Promise<string>>()

/** A second sshd, with the files of the first and options that overrule it. Answers a directory with the `ssh` that reaches it. */
function sshdWith(sshd: Sshd, options: readonly string[]): Promise<string> {
  const key = JSON.stringify([sshd.port, ...options])
  let bin = others.get(key)
  if (bin === undefined) others.set(key, (bin = startOther(sshd.config, options)))
  return bin
}

async function startOther(config: string, options: readonly string[]): Promise<string> {
  const [dir, port] = [dirname(config), await freePort()]
  const log = join(dir, `log-${port}`)
  const words = ['-D', ...options.flatMap((option) => ['-o', option]), '-f', join(dir, 'sshd_config'), '-p', String(port), '-E', log]
  const daemon = spawn('setpriv', ['--pdeathsig', 'TERM', '/usr/sbin/sshd', ...words], {stdio: 'ignore'})
  atEnd(() => void daemon.kill())
  await until('the second sshd listens', () => existsSync(log) && readFileSync(log, 'utf8').includes('Server listening'))
  const bin = tempDir('bin')
  // No known_hosts tells of its port.
  clientProgram(bin, 'ssh', `-F '${config}' -p ${port} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null`)
  return bin
}

/** Watches the processes of a program; the answer stops it and says how many MiB the largest had. */
function watch(program: string): () => number {
  let peak = 0
  const timer = setInterval(() => {
    for (const {pid, command} of descendants(process.pid)) if (command.includes(`${program}.js`)) peak = Math.max(peak, peakMemory(pid))
  }, 20)
  return () => {
    clearInterval(timer)
    return peak / 1024
  }
}

/** That nothing came of an attack: what was there is there, and all that is there is in order. */
export async function expectNothing(row: Row, shot: Shot, before: readonly Snapshot[]): Promise<void> {
  const {status, stderr, harmed, loot, span} = shot
  const {harm = took} = row
  expect({row: row.name, harm: await harm(shot), harmed, stderr: /this is a bug/.test(stderr) ? stderr : ''}).toEqual({row: row.name, harm: false, harmed: [], stderr: ''})
  expect(row.ends ?? [65, 77], `${row.name} ended with ${status}: ${stderr}`).toContain(status)
  expect(existsSync(loot), row.name).toBe(false)
  expect(readdirSync(dirname(shot.store)), row.name).toEqual(['store'])
  // Reads everything by docs/format.md: a record that means something else than it should throws here.
  const {snapshots} = readStore(shot.store)
  expect(snapshots.slice(0, before.length), row.name).toEqual(before)
  for (const {set, received} of snapshots.slice(before.length)) {
    expect(set, row.name).toBe('web1')
    expect(Date.parse(received) / 1000, row.name).toBeGreaterThanOrEqual(span[0])
    expect(Date.parse(received) / 1000, row.name).toBeLessThanOrEqual(span[1])
  }
}

/** That every earlier snapshot comes back, and that an honest one is taken. */
export async function expectAlive(store: string): Promise<void> {
  for (const [seq, files] of [[1, {a: one, big}], [2, {secret}]] as const) {
    const target = join(dirname(store), `restored-${seq}`)
    expect(await bk(['restore', '-q', `${store}@${seq}`, '--to', target])).toMatchObject({status: 0, stderr: ''})
    for (const [name, bytes] of Object.entries(files)) expect(readFileSync(join(target, name)).equals(bytes), name).toBe(true)
  }
  const result = await bk(['receive', store, '--set', 'web1'], {stdin: forged()})
  expect({...result, stdout: String(result.stdout)}).toMatchObject({status: 0, stderr: '', stdout: expect.stringMatching(/^committed \d+ [0-9a-f]{64}\n$/)})
  expect(readStore(store).snapshots[0]?.index).toBe(before)
}

/** The row with its defence taken out, against a store of its own. */
export async function shootWithout(range: Range, row: Row): Promise<Shot> {
  const {without} = row
  if (without === undefined) throw new Error(`nothing is taken out for ${row.name}`)
  return await range.shoot(row, 'find' in without ? {program: await weakened(without, isForced(row) ? 'forced' : 'receive')} : {careless: without})
}

// A whole run: laps over corpora over peers, so that every peer meets the same hours of the machine (A B C, A B C), and each row is on
// disk as soon as it is measured.

import {appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs'
import {dirname, join} from 'node:path'
import {makeQuick} from './corpora.ts'
import {type Place, cycle} from './cycle.ts'
import {type Found, corpusFact, findPeers, install, machineFacts} from './machine.ts'
import {type Op, type Peer, peers} from './peers.ts'
import {type Fact, type Row, printHead, printRow, succeeded} from './rows.ts'
import {directoryStage, imageStage} from './stage.ts'

export interface Plan {
  /** where the corpora are; undefined makes the small tree of --quick */
  readonly corpora: string | undefined
  readonly names: readonly string[]
  readonly peers: readonly string[]
  readonly laps: number
  readonly restore: boolean
  readonly install: boolean
  /** seconds one command may take, and after which no cycle is begun */
  readonly limit: number
  readonly deadline: number
  /** the size of an image for the stores, as mkfs takes it; undefined for a directory */
  readonly image: string | undefined
  /** scratch; a directory of this run's own is made in it and removed */
  readonly work: string
  readonly output: string
  readonly bk: string
  /** the project, for the commit in the report */
  readonly root: string
}

/** Gets a line for each step. */
export type Say = (line: string) => void

export interface Outcome {
  readonly facts: readonly Fact[]
  readonly rows: readonly Row[]
  /** cycles that could not be done, in words */
  readonly problems: readonly string[]
}

/** Carries out the plan; `say` gets a line for each step. Throws when nothing can be measured. */
export async function run(plan: Plan, say: Say, signal: AbortSignal): Promise<Outcome> {
  mkdirSync(plan.work, {recursive: true})
  const scratch = mkdtempSync(join(plan.work, 'run-'))
  mkdirSync(join(scratch, 'tmp'))
  const stage = plan.image === undefined ? directoryStage(join(scratch, 'stage')) : imageStage(join(scratch, 'stage'), plan.image)
  try {
    const corpora = plan.corpora ?? scratch
    if (plan.corpora === undefined) makeQuick(join(scratch, 'quick'))
    for (const name of plan.names) {
      if (existsSync(join(corpora, name))) continue
      throw new Error(`no corpus ${name} in ${corpora}: build it with \`npm run bench -- corpus ${name}\``)
    }
    stage.renew()
    const found = await available(plan, {corpus: '', pristine: corpora, scratch, stage, bk: plan.bk}, say, signal)
    const facts = [...machineFacts(found, plan.root, stage), ...plan.names.map((name) => corpusFact(corpora, name))]
    mkdirSync(dirname(plan.output), {recursive: true})
    writeFileSync(plan.output, printHead(facts))
    const present = found.flatMap((each) => ('version' in each ? [each.peer] : []))
    const place = (corpus: string): Place => ({corpus, pristine: join(corpora, corpus), scratch, stage, bk: plan.bk})
    return {facts, ...(await laps(plan, present, place, say, signal))}
  } finally {
    stage.remove()
    rmSync(scratch, {recursive: true, force: true})
  }
}

async function available(plan: Plan, place: Place, say: Say, signal: AbortSignal): Promise<Found[]> {
  const unknown = plan.peers.filter((name) => !peers.some((peer) => peer.name === name))
  if (unknown.length > 0) throw new Error(`no peer ${unknown.join(', ')}: there are ${peers.map(({name}) => name).join(', ')}`)
  const wanted = peers.filter(({name}) => plan.peers.length === 0 || plan.peers.includes(name))
  let found = await findPeers(wanted, place, signal)
  const packages = found.flatMap((each) => ('missing' in each && each.peer.package ? [each.peer.package] : []))
  if (plan.install && packages.length > 0) {
    say(`installing ${packages.join(' ')}`)
    if (!install(packages)) say('apt-get failed')
    found = await findPeers(wanted, place, signal)
  }
  for (const each of found) say('version' in each ? `${each.peer.name}: ${each.version}` : `${each.peer.name}: missing: ${each.missing}`)
  if (found.every((each) => 'missing' in each)) throw new Error('none of the peers is there')
  return found
}

async function laps(plan: Plan, present: readonly Peer[], place: (corpus: string) => Place, say: Say, signal: AbortSignal) {
  const ops: Op[] = plan.restore ? ['first', 'again', 'mutated', 'restore'] : ['first', 'again', 'mutated']
  const rows: Row[] = []
  const problems: string[] = []
  const until = Date.now() + plan.deadline * 1000
  const pairs = plan.names.flatMap((corpus) => present.map((peer) => ({corpus, peer})))
  for (const {lap, corpus, peer} of Array.from({length: plan.laps}, (_, i) => pairs.map((pair) => ({...pair, lap: i + 1}))).flat()) {
    if (signal.aborted) break
    if (Date.now() > until) {
      problems.push(`not begun after the deadline: ${corpus} ${peer.name}, lap ${lap}`)
      continue
    }
    const setting = {...place(corpus), ops, limit: plan.limit, signal}
    try {
      await cycle(peer, lap, setting, (row, complaint) => {
        rows.push(row)
        appendFileSync(plan.output, printRow(row))
        say(describe(row, plan.laps))
        if (!succeeded(row) && complaint) say(complaint.trim().split('\n').slice(-5).join('\n'))
      })
    } catch (error) {
      const words = error instanceof Error ? error.message.trim() : String(error)
      problems.push(`${corpus} ${peer.name}, lap ${lap}: ${words}`)
      say(words)
    }
  }
  return {rows, problems}
}

function describe(row: Row, laps: number): string {
  const size = `${(row.maxRss / 1024).toFixed(0)} MiB, store ${(row.storeBytes / 1e6).toFixed(1)} MB`
  const figures = `${row.wall.toFixed(2)} s, cpu ${(row.user + row.system).toFixed(2)} s, ${size}`
  const verdict = `${row.status === '0' ? '' : `, failed: ${row.status}`}${row.proof === '-' ? '' : `, restored: ${row.proof}`}`
  return `${row.lap}/${laps} ${row.corpus} ${row.peer} ${row.op}: ${figures}${verdict}`
}

/*
 * What a check has looked at, in words and as JSON.
 */
import {formatSize} from '../cli/units.ts'
import type {BadObject} from './damage.ts'
import type {Holdings} from './holdings.ts'
import type {CheckedLog} from './records.ts'
import type {Standing} from './standing.ts'

export interface Summary {
  readonly records: number
  readonly snapshots: number
  readonly packs: number
  /** Bytes of all packs. */
  readonly bytes: number
  /** Sum of the last record. */
  readonly head: string
  /** Parts of the store that are not as they should be. */
  readonly damages: number
  /** Objects that are lost. */
  readonly objects: number
  /** Paths that are lost in some snapshot. */
  readonly files: number
  /** What was read of packs; undefined where nothing was to be. */
  readonly read: {readonly packs: number; readonly bytes: number; readonly ofPacks: number; readonly ofBytes: number} | undefined
}

/** Sums up. */
export function summaryOf(all: {checked: CheckedLog; standing: Standing; holdings: Holdings} & Pick<Summary, 'damages' | 'objects' | 'files' | 'read'>): Summary {
  const {checked, standing, holdings, damages, objects, files, read} = all
  const packs = holdings.packs.filter(({name}) => !standing.mayBeGone(name))
  const bytes = packs.reduce((sum, {size}) => sum + size, 0)
  return {records: checked.records.length, snapshots: standing.snapshots.length, packs: packs.length, bytes, head: checked.head, damages, objects, files, read}
}

/** One line for people. */
export function summaryWords({snapshots, packs, bytes, damages, objects, files, read}: Summary): string {
  const looked = `${count(snapshots, 'snapshot')}, ${count(packs, 'pack')} of ${formatSize(bytes)}`
  const isAll = read?.ofPacks === packs && read.packs === packs
  const readWords = read === undefined ? '' : isAll ? ', all of them read' : `, ${read.packs} of them read, ${formatSize(read.bytes)}`
  if (!isDamaged({damages, objects})) return `${looked}${readWords}: nothing is damaged`
  const lost = objects + files === 0 ? 'nothing is lost' : `${count(objects, 'object')} and ${count(files, 'file')} are lost`
  return `${looked}${readWords}: ${damages} damaged, ${lost}`
}

/** Whether something is not as it should be. */
export function isDamaged({damages, objects}: Pick<Summary, 'damages' | 'objects'>): boolean {
  return damages + objects > 0
}

/** The same as a line of JSON. */
export function summaryAsJson({read, ...rest}: Summary): string {
  const reading = read === undefined ? {} : {read_packs: read.packs, read_bytes: read.bytes, of_packs: read.ofPacks, of_bytes: read.ofBytes}
  return `${JSON.stringify({type: 'summary', ...rest, ...reading})}\n`
}

/** Why an object is lost. */
export function objectWords({why}: BadObject): string {
  return why === 'is in no pack' ? why : `is lost: ${why}`
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`
}

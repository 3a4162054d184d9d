/*
 * What verify finds, and how it is written: a line of three fields with TABs between them, or JSON. What of a store is damaged is named by
 * its kind and name; what is lost by it by path and numbers of snapshots.
 */
import {jsonPath} from '../index/report.ts'
import type {Row} from '../cli/table.ts'

/** A part of a store that is not as it should be, or was and is repaired. */
export interface Damage {
  readonly kind: 'file' | 'record' | 'catalog' | 'pack' | 'object' | 'snapshot' | 'repaired'
  /** Name beside bk-store, number of the record or snapshot, digest, id; for `repaired` the name of the file in the store. */
  readonly name: string
  readonly why: string
}

/** A file that cannot come back. */
export interface Lost {
  readonly kind: 'lost'
  /** Escaped. */
  readonly path: string
  /** Numbers of the snapshots that have it so, rising. */
  readonly snapshots: readonly number[]
}

export type Finding = Damage | Lost

/** A finding as fields. */
export function findingRow(finding: Finding): Row {
  if (finding.kind === 'lost') return ['lost', ranges(finding.snapshots), finding.path]
  return [finding.kind, finding.name, finding.why]
}

/** A finding as one line of JSON. */
export function findingAsJson(finding: Finding): string {
  if (finding.kind === 'lost') return `${JSON.stringify({type: 'lost', ...jsonPath('path', finding.path), snapshots: finding.snapshots})}\n`
  const {kind, name, why} = finding
  if (kind === 'repaired') return `${JSON.stringify({type: 'repaired', name, message: why})}\n`
  return `${JSON.stringify({type: 'damage', damaged: kind, name, message: why})}\n`
}

/** Rising numbers as `3-5,9`. */
export function ranges(numbers: readonly number[]): string {
  const words: string[] = []
  for (let i = 0; i < numbers.length; ) {
    let j = i
    while (numbers[j + 1] === numbers[j]! + 1) j++
    words.push(i === j ? String(numbers[i]) : `${numbers[i]}-${numbers[j]}`)
    i = j + 1
  }
  return words.join(',')
}

// What is hinted at can be typed, whatever a file or a store is called; and it is what somebody looks for.

import {execFileSync} from 'node:child_process'
import {describe, expect, test} from 'vitest'
import {absences, hints} from '../../../src/lib/history/hint.ts'
import {escapeBytes} from '../../../src/lib/index/escape.ts'
import {oddNames} from '../../harness/odd-tree.ts'
import type {FileHistory} from '../../../src/lib/history/find.ts'
import type {Version} from '../../../src/lib/history/versions.ts'
import type {SnapshotRecord} from '../../../src/lib/store/record.ts'

const record = (seq: number): SnapshotRecord => ({kind: 'snapshot', seq, set: 'a', received: '2026-11-22T08:30:05Z', claimed: '', partial: 0, entries: 1, bytes: 0, index: {id: '', level: 'full'}, tree: '', catalog: undefined, needs: {base: undefined, drop: new Map(), add: new Map()}, epoch: 1, saw: undefined, prev: '', sum: '', unknown: [], copied: [], size: 0})

/* One letter a snapshot, from number 11 on: `a` and `b` are contents, a blank is nothing. */
function history(path: string, states: string): FileHistory {
  const versions: Version[] = []
  for (const [at, state] of [...states].entries()) {
    const entry = state === ' ' ? undefined : {path, type: 'file' as const, sha256: state}
    versions.push({change: entry === undefined ? 'gone' : 'content', first: at, last: at, entry})
  }
  return {path, snapshots: versions.map((_, at) => record(11 + at)), versions}
}

const asked = {store: Buffer.from('vault:'), pattern: undefined, isWhole: true}

describe('which snapshot', () => {
  test.for([
    ['gone: the last that had it', 'ab  ', 12],
    ['there: the one before', 'ab', 11],
    ['gone, and there again: the one before', 'a b', 11],
    ['never another: the newest', 'a', 11],
  ] as const)('%s', ([, states, seq]) => {
    expect(hints({count: 1, missing: [], example: history('./x', states)}, asked)).toEqual([`get it back: bk restore vault:@${seq} x --to DIR`])
  })
})

test('a shell takes every name for what it is', () => {
  const names = [...oddNames.map((name) => Buffer.from(name)), Buffer.from('-x'), Buffer.from("it's"), Buffer.from('~'), Buffer.from('\u202eevil'), Buffer.from([0x80, 0x27, 0x5c, 0x31])]
  for (const name of names) {
    const latin1 = name.toString('latin1')
    const store = Buffer.concat([Buffer.from('/backup of '), name])
    const [line] = hints({count: 1, missing: [], example: history(escapeBytes(`./${latin1}`), 'a')}, {...asked, store})
    const words = execFileSync('bash', ['-c', String.raw`printf '%s\0' ${line!.replace('get it back: bk restore ', '')}`]).toString('latin1').split('\0')
    expect(words.slice(0, 4)).toEqual([`${store.toString('latin1')}@11`, latin1.startsWith('-') ? `./${latin1}` : latin1, '--to', 'DIR'])
  }
})

test('what is missing is named, and not without end', () => {
  const missing = Array.from({length: 25}, (_, i) => `a/${i}\n`)
  const lines = absences({count: 0, missing}, asked)
  expect([lines.length, lines[0], lines.at(-1)]).toEqual([21, String.raw`no snapshot has a/0\012`, 'nor 5 more of these paths'])
  expect(absences({count: 0, missing: ['x']}, {...asked, isWhole: false})).toEqual(['no snapshot that can be read has x'])
  expect(hints({count: 0, missing: ['/etc/h*']}, asked)).toEqual([String.raw`look for that name everywhere: bk log vault: --find 'h'\\'*'`])
})

// Real material for the corpora: every text is a file of this machine, because invented text compresses and deduplicates like nothing
// anybody backs up. Walks in byte order, so that the same machine gives the same corpus.

import {lstatSync, readFileSync, readdirSync} from 'node:fs'
import {extname, join} from 'node:path'
import type {Random} from './random.ts'

export interface Text {
  readonly path: string
  readonly bytes: Buffer
}

/** Files below `roots`, a directory's own in name order before its subdirectories; links are not followed, what is unreadable skipped. */
export function* filesBelow(roots: readonly string[]): Generator<{path: string; size: number}> {
  for (const root of roots) yield* walk(root)
}

/** Files below `roots` of one of these extensions ('' for none), from 201 bytes to under `limit`. */
export function* textsBelow(roots: readonly string[], extensions: readonly string[], limit = 200_000): Generator<Text> {
  for (const {path, size} of filesBelow(roots)) {
    if (!extensions.includes(extname(path)) || size <= 200 || size >= limit) continue
    try {
      yield {path, bytes: readFileSync(path)}
    } catch {
      continue // not ours to read: the corpus takes the next one
    }
  }
}

/** New text out of real text: the same lines in another order, in every third one the words backwards. */
export function shuffledLines(old: Buffer, random: Random): Buffer {
  const lines = old.toString('latin1').split('\n')
  random.shuffle(lines)
  const turned = lines.map((line, i) => (i % 3 === 0 ? line.split(' ').reverse().join(' ') : line))
  return Buffer.from(turned.join('\n'), 'latin1')
}

function* walk(dir: string): Generator<{path: string; size: number}> {
  const below: string[] = []
  for (const entry of entriesOf(dir)) {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) below.push(path)
    else if (entry.isFile()) yield {path, size: lstatSync(path).size}
  }
  for (const path of below) yield* walk(path)
}

function entriesOf(dir: string) {
  try {
    return readdirSync(dir, {withFileTypes: true}).sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
  } catch {
    return []
  }
}

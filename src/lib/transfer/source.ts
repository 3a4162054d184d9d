/*
 * What send was given on its input: changes as they are, or an index, which is compared with what the destination has.
 */
import {BkError} from '../cli/errors.ts'
import {canonicalIndex, sniffList} from '../index/canonical.ts'
import {ChangesReader} from '../index/changes.ts'
import {Diff} from '../index/diff.ts'
import {IndexReader} from '../index/read.ts'
import type {SpillFactory} from '../index/spill.ts'
import type {ChangesSource} from './sending.ts'

/**
 * Opens the input of send.
 * @param newest the text of the newest index that the destination has, for an input that is an index
 * @throws BkError 65 for what is neither
 */
export async function openChanges(
  pieces: AsyncIterable<Buffer>,
  name: string,
  spill: SpillFactory,
  newest: () => Promise<AsyncIterable<Buffer> | undefined>,
): Promise<ChangesSource> {
  const sniffed = await sniffList(pieces)
  if (sniffed.kind === 'bk-changes') return new ChangesReader(sniffed.pieces)
  if (sniffed.kind === 'empty') throw new BkError(`${name} is empty: a list of changes that was cut off`, {status: 65})
  return diffAgainst(await newest(), new IndexReader(canonicalIndex(sniffed, name, spill)), spill)
}

/**
 * What an index says is new against that of a store, which was held to the grammar when it came.
 */
export function diffAgainst(newest: AsyncIterable<Buffer> | undefined, index: IndexReader, spill: SpillFactory): Diff {
  const old = newest === undefined ? undefined : new IndexReader(newest, {trusted: true})
  return new Diff(old, index, {spill})
}

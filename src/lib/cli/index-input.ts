/*
 * Opens what a command was given as an index: a file or standard input, in any of the formats that bk reads.
 */
import {canonicalIndex, sniffList} from '../index/canonical.ts'
import {IndexReader} from '../index/read.ts'
import {createSpill} from '../sys/spill.ts'
import {indexTextOf, namesSnapshot, openSnapshot} from '../store/open.ts'
import {openInput, openInputIfExists} from './input.ts'
import {askedFor} from './snapshot.ts'

export interface OpenOptions {
  /** An operand that does not exist, or is empty, gives undefined. */
  readonly mayBeMissing?: boolean
  readonly onMissing?: (why: string) => void
  /** Set that STORE@WHEN means. */
  readonly set?: string | undefined
}

/**
 * Opens an index.
 * @throws BkError 2 for what cannot be opened, 65 for what is no list
 */
export async function openIndex(operand: string | undefined, what: string, options: OpenOptions = {}): Promise<IndexReader | undefined> {
  if (operand !== undefined && namesSnapshot(operand)) return new IndexReader(indexTextOf(await openSnapshot(askedFor(operand, options))), {strict: false})
  const input = options.mayBeMissing === true && operand !== undefined ? openInputIfExists(operand, what) : openInput(operand, what)
  if (input === undefined) {
    options.onMissing?.(`${operand} does not exist`)
    return undefined
  }
  const sniffed = await sniffList(input)
  if (sniffed.kind === 'empty' && options.mayBeMissing === true) {
    options.onMissing?.(`${input.name} is empty`)
    return undefined
  }
  return new IndexReader(canonicalIndex(sniffed, input.name, () => createSpill(0)))
}

/*
 * The last line of every text that bk writes and reads again: the sha256 of the lines above. (Read by `summedLines` of record.ts.) Pure.
 */
import {objectId} from './object-id.ts'

/** A text, one character per byte, as bytes that end in its sum. */
export function withSum(text: string): Buffer {
  return Buffer.from(`${text}sum ${objectId(Buffer.from(text, 'latin1'))}\n`, 'latin1')
}

/*
 * The last line of every text that bk writes and reads again: the sha256 of the lines above. Pure.
 */
import {BkError} from '../cli/errors.ts'
import {objectId} from './object-id.ts'

/** A text, one character per byte, as bytes that end in its sum. */
export function withSum(text: string): Buffer {
  return Buffer.from(`${text}sum ${objectId(Buffer.from(text, 'latin1'))}\n`, 'latin1')
}

/**
 * Cuts a text that ends in its own sum into lines, without the sum.
 * @throws BkError 65 when the sum is missing or wrong
 */
export function summedLines(text: string): {readonly lines: string[]; readonly sum: string} {
  const match = /^sum ([0-9a-f]{64})\n$/m.exec(text.slice(-69))
  const body = text.slice(0, -69)
  if (match === null || !body.endsWith('\n') || objectId(Buffer.from(body, 'latin1')) !== match[1]) {
    throw new BkError('its sum is wrong or missing', {status: 65})
  }
  return {lines: body.slice(0, -1).split('\n'), sum: match[1]!}
}

/**
 * Public keys from files and standard input, a key a line, and nothing but keys.
 */
import {inputError} from '../cli/errors.ts'
import {parsePublicKey, type PublicKey} from './public-key.ts'
import {isUsableKey} from './ssh2.ts'

/* As an input of lib/cli/input.ts: bytes, and what they are called. */
type Source = AsyncIterable<Buffer> & {readonly name: string}

const LARGEST = 1024 * 1024

/** More than a file for sshd ever has. */
export const LARGEST_AUTHORIZED_KEYS = 16 * 1024 * 1024

/** The keys of one input, in order. Throws BkError 65 when there is none, and for a line that is not one. */
export async function readPublicKeys(input: Source): Promise<PublicKey[]> {
  const text = await readText(input, LARGEST)
  if (text === '') throw inputError(`${input.name} is empty`, 'a public key is one line: TYPE BASE64 COMMENT')
  return text.replace(/\n$/, '').split('\n').map((line, at) => {
    const where = `line ${at + 1} of ${input.name}`
    const key = parsePublicKey(line, where)
    if (!isUsableKey(key)) throw inputError(`${where} is no ${key.type} key: it is damaged`)
    return key
  })
}

/** All of an input, one character per byte. Throws BkError 65 when it has more than `limit` bytes. */
export async function readText(input: Source, limit: number): Promise<string> {
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of input) {
    size += piece.length
    if (size > limit) throw inputError(`${input.name} is longer than ${limit} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('latin1')
}

/**
 * Public keys as ssh-keygen writes them, one a line: TYPE BASE64 COMMENT. What comes from somebody else has to be exactly that: options
 * in front of a key would be obeyed by sshd, and a key in two spellings would pass for two keys. Pure.
 *
 * Text is one character per byte (latin1), as everywhere in this folder, so that no byte of a file is altered on its way.
 */
import {createHash} from 'node:crypto'
import {inputError} from '../cli/errors.ts'
import {afterOptions} from './quoting.ts'

export type PublicKey = {
  readonly type: string
  readonly blob: Buffer
  /** Everything behind the key; empty when there is nothing. */
  readonly comment: string
}

const LINE = /^([a-z0-9@.-]+) ([A-Za-z0-9+/]+={0,2})(?: (.*))?$/s
const POINT_SIZES: ReadonlyMap<string, number> = new Map([['nistp256', 65], ['nistp384', 97], ['nistp521', 133]])
const LONGEST_COMMENT = 1024

/**
 * Parses a line of a public key file. `where` names the line for the message.
 * @throws BkError 65 for whatever is not one public key and nothing else
 */
export function parsePublicKey(line: string, where: string): PublicKey {
  const refused = (why: string, hint?: string): Error => inputError(`${where} ${why}`, hint)
  if (line.startsWith('-----BEGIN ') || line.startsWith('PuTTY-User-Key-File')) {
    throw refused('is a private key', 'only the public key may leave its machine: give the file that ends in .pub')
  }
  const [, type, base64 = '', comment = ''] = LINE.exec(line) ?? []
  if (type === undefined || lenientBlob(base64) === undefined) {
    if (hasOptions(line)) throw refused('has something in front of the key', 'bk writes the options itself: give TYPE BASE64 COMMENT alone')
    throw refused('is no public key', 'a public key is one line: TYPE BASE64 COMMENT')
  }
  if (type === 'ssh-dss') throw refused('is an ssh-dss key, which sshd no longer takes', "'bk keys generate FILE' makes a new one")
  const blob = Buffer.from(base64, 'base64')
  if (blob.toString('base64') !== base64 || !isWhole(type, fieldsOf(blob) ?? [])) {
    throw refused(`is no ${type} key that bk knows`, 'it is damaged, or of another kind: bk takes ed25519, ecdsa and rsa keys')
  }
  if (/[\x00-\x1f\x7f]/.test(comment)) throw refused('has a control character in its comment')
  if (!isComment(comment)) throw refused(`has a comment with blanks around it, or of over ${LONGEST_COMMENT} bytes`)
  return {type, blob, comment}
}

/** Whether a key can have this comment: one line, no blanks around it. */
export function isComment(text: string): boolean {
  return text.length <= LONGEST_COMMENT && !/^ | $|[\x00-\x1f\x7f]/.test(text)
}

/** The key as it stands in a file, without a newline. */
export function formatPublicKey({type, blob, comment}: PublicKey): string {
  return `${type} ${blob.toString('base64')}${comment === '' ? '' : ` ${comment}`}`
}

/** What `ssh-keygen -l` calls the key: `SHA256:` and 43 letters. */
export function fingerprint({blob}: Pick<PublicKey, 'blob'>): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`
}

/**
 * Text that is the same for two spellings of one key. sshd takes short names for the type (`ed25519`) and numbers with zeros in front;
 * the type does not count here at all, since no two kinds of keys have the same fields.
 */
export function identityOf(blob: Buffer): string {
  const [, ...fields] = fieldsOf(blob) ?? []
  return fields.map((field) => field.toString('hex').replace(/^(?:00)+/, '')).join(':')
}

/** What sshd takes for a key where it looks for one: base64, even with white space that is no blank in it. Undefined for anything else. */
export function lenientBlob(word: string): Buffer | undefined {
  const base64 = word.replaceAll(/[\n\r\v\f]/g, '')
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return undefined
  const blob = Buffer.from(base64, 'base64')
  return (fieldsOf(blob)?.length ?? 0) > 1 ? blob : undefined
}

function hasOptions(line: string): boolean {
  const rest = afterOptions(line)
  return rest !== undefined && lenientBlob(rest.split(/[ \t]+/)[1] ?? '') !== undefined
}

/* A key is strings behind each other, each with its length in four bytes in front. */
function fieldsOf(blob: Buffer): Buffer[] | undefined {
  const fields: Buffer[] = []
  for (let at = 0; at < blob.length; ) {
    if (at + 4 > blob.length) return undefined
    const end = at + 4 + blob.readUInt32BE(at)
    if (end > blob.length) return undefined
    fields.push(blob.subarray(at + 4, end))
    at = end
  }
  return fields
}

function isWhole(type: string, [name, ...fields]: readonly Buffer[]): boolean {
  if (name?.toString('latin1') !== type) return false
  const [first, second, ...more] = fields
  if (first === undefined || more.length > 0) return false
  if (type === 'ssh-ed25519') return second === undefined && first.length === 32
  if (second === undefined) return false
  if (type === 'ssh-rsa') return isNumber(first) && isNumber(second)
  const curve = first.toString('latin1')
  return type === `ecdsa-sha2-${curve}` && second.length === POINT_SIZES.get(curve) && second[0] === 4
}

/* A positive number in as few bytes as it needs: the first bit is its sign. */
function isNumber([first, next = 0]: Uint8Array): boolean {
  if (first === undefined || first > 0x7f) return false
  return first !== 0 || next > 0x7f
}

/*
 * Encrypts to age recipients (C2SP age.md): the header by the package age-encryption, the payload by node:crypto, which is ten times as fast.
 * Each run has a file key and a nonce of its own, so that no two outputs are the same.
 */
import {createCipheriv, hkdfSync, randomBytes} from 'node:crypto'
import {BkError, usageError} from '../cli/errors.ts'
import {freeBuffer} from '../sys/memory.ts'

const CHUNK = 64 * 1024
const TAG = 16
const NONCE = 16

/** The header of an age file, and what its payload is encrypted with. */
export interface AgeHeader {
  readonly bytes: Buffer
  readonly fileKey: Uint8Array
}

/**
 * Makes the header.
 * @param recipients `age1…`
 * @throws BkError 64 for what is no recipient, and for classic and post-quantum ones together: the file would be no safer than the weaker
 */
export async function ageHeader(recipients: readonly string[]): Promise<AgeHeader> {
  const kinds = new Set(recipients.map((recipient) => /^age1(?:tag)?pq1/.test(recipient)))
  if (kinds.size > 1) throw usageError('post-quantum recipients do not go together with others', 'give recipients of one kind')
  const {Encrypter} = await import('age-encryption')
  const encrypter = new Encrypter()
  let fileKey: Uint8Array | undefined
  // A recipient that is none: it is shown the file key, and adds nothing to the header.
  encrypter.addRecipient({
    wrapFileKey(key) {
      fileKey = Uint8Array.from(key)
      return []
    },
  })
  for (const recipient of recipients) addRecipient(encrypter, recipient)
  const whole = Buffer.from(await encrypter.encrypt(new Uint8Array()))
  // Its last line is `--- MAC`; an empty payload follows.
  const last = whole.indexOf('\n--- ')
  const end = whole.indexOf('\n', last + 1) + 1
  if (last < 0 || end === 0 || fileKey === undefined) throw new Error('no header of an age file')
  return {bytes: whole.subarray(0, end), fileKey}
}

function addRecipient(encrypter: {addRecipient(recipient: string): void}, recipient: string): void {
  if (recipient.startsWith('ssh-')) throw usageError('ssh keys cannot be recipients', "'age-keygen' makes a key pair whose public key, age1…, can")
  if (/^AGE-SECRET-KEY-/i.test(recipient)) throw usageError('a secret key is not a recipient', "'age-keygen -y FILE' shows the recipient that belongs to it")
  try {
    encrypter.addRecipient(recipient)
  } catch (cause) {
    throw new BkError(`not an age recipient: ${recipient}`, {status: 64, hint: 'a recipient is the line age1… that age-keygen shows', cause})
  }
}

/** An age file of these bytes, which are gone when they have been encrypted. */
export async function* encrypted(pieces: AsyncIterable<Uint8Array>, {bytes, fileKey}: AgeHeader): AsyncGenerator<Uint8Array> {
  const nonce = randomBytes(NONCE)
  const key = Buffer.from(hkdfSync('sha256', fileKey, nonce, 'payload', 32))
  yield bytes
  yield nonce
  let count = 0
  let waiting: Uint8Array[] = []
  let size = 0
  for await (const piece of pieces) {
    waiting.push(piece)
    size += piece.length
    if (size <= CHUNK) continue
    const all = waiting.length === 1 ? piece : Buffer.concat(waiting)
    if (all !== piece) freeBuffer(piece)
    // The last chunk is sealed as such, so one waits until there is more.
    const whole = Math.ceil(all.length / CHUNK) - 1
    const out = Buffer.allocUnsafeSlow(whole * (CHUNK + TAG))
    for (let i = 0; i < whole; i++) sealInto(out, i * (CHUNK + TAG), all.subarray(i * CHUNK, (i + 1) * CHUNK), key, count++, false)
    yield out
    const rest = Uint8Array.from(all.subarray(whole * CHUNK))
    freeBuffer(all)
    waiting = [rest]
    size = rest.length
  }
  const out = Buffer.allocUnsafeSlow(size + TAG)
  sealInto(out, 0, Buffer.concat(waiting), key, count, true)
  yield out
}

/* One chunk of STREAM: its number and whether it is the last are the nonce. */
function sealInto(out: Buffer, at: number, chunk: Uint8Array, key: Buffer, count: number, isLast: boolean): void {
  const nonce = Buffer.alloc(12)
  nonce.writeUIntBE(count, 5, 6)
  nonce[11] = isLast ? 1 : 0
  const cipher = createCipheriv('chacha20-poly1305', key, nonce, {authTagLength: TAG})
  cipher.update(chunk).copy(out, at)
  cipher.final()
  cipher.getAuthTag().copy(out, at + chunk.length)
}

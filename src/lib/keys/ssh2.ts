/**
 * What bk uses of the ssh2 package, which takes as long to load as all the rest of a command: it is loaded when it is needed.
 */
import {createPublicKey} from 'node:crypto'
import {createRequire} from 'node:module'
import {formatPublicKey, parsePublicKey, type PublicKey} from './public-key.ts'

type Ssh2 = {
  readonly utils: {
    parseKey(text: string): {getPublicPEM(): string} | Error
    generateKeyPairSync(type: 'ed25519', options: GenerateOptions): {readonly private: string; readonly public: string}
  }
}

type GenerateOptions = {readonly comment: string; readonly passphrase?: Buffer; readonly cipher?: string; readonly rounds?: number}

let loaded: Ssh2 | undefined

function ssh2(): Ssh2 {
  loaded ??= createRequire(import.meta.url)('ssh2') as Ssh2
  return loaded
}

/** Whether the numbers of a key are those of a key: a point that is on its curve, for instance. Its form has been checked before. */
export function isUsableKey(key: PublicKey): boolean {
  const parsed = ssh2().utils.parseKey(formatPublicKey({...key, comment: ''}))
  if (parsed instanceof Error) return false
  try {
    createPublicKey(parsed.getPublicPEM())
    return true
  } catch {
    return false
  }
}

/** A key pair as it stands in its two files. */
export type KeyPair = {readonly private: string; readonly public: string}

/* Times that a guess at the passphrase has to be hashed: what ssh-keygen takes since OpenSSH 9.4, about a third of a second. */
const ROUNDS = 24

/**
 * Makes an ed25519 key pair. Both texts end in a newline.
 * @param passphrase undefined for a private key that is not encrypted
 */
export function generateKeyPair(comment: string, passphrase: Buffer | undefined): KeyPair {
  const options = passphrase === undefined ? {comment} : {comment, passphrase, cipher: 'aes256-ctr', rounds: ROUNDS}
  for (;;) {
    const pair = ssh2().utils.generateKeyPairSync('ed25519', options)
    const text = {private: pair.private, public: `${pair.public}\n`}
    // ssh2 cuts zeros off the begin of a public key, which one in 256 has: such a pair is unusable, and another one is made.
    if (isWholeKey(pair.public.split(' ').slice(0, 2).join(' '))) return text
  }
}

function isWholeKey(line: string): boolean {
  try {
    parsePublicKey(line, '')
    return true
  } catch {
    return false
  }
}

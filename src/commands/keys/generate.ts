/*
 * bk keys generate: a new key pair.
 */
import {askNewPassphrase} from '../../lib/cli/ask.ts'
import {removeOnInterrupt} from '../../lib/cli/temporary.ts'
import {BkCommand} from '../../lib/cli/command.ts'
import {prose} from '../../lib/cli/prose.ts'
import {usageError} from '../../lib/cli/errors.ts'
import {escapeName} from '../../lib/cli/escape.ts'
import {quietFlag, requiredOperand, switchFlag, valueFlag} from '../../lib/cli/flags.ts'
import {operandBytes} from '../../lib/cli/input.ts'
import {userAtHost} from '../../lib/cli/login.ts'
import {checkAbsent, writeKeyPair} from '../../lib/keys/generate.ts'
import {fingerprint, isComment, parsePublicKey} from '../../lib/keys/public-key.ts'
import {generateKeyPair} from '../../lib/keys/ssh2.ts'

export default class KeysGenerate extends BkCommand {
  static override summary = 'make a key pair for ssh'
  static override description = prose(`writes a new ed25519 key to FILE, in the format of OpenSSH and readable by nobody else, and its public key to FILE.pub.
What is there already is never overwritten.

Without --passphrase the private key is not encrypted, as a backup that runs by itself needs it: whoever can read FILE can use the key. That is what 'bk keys restrict' is for.`)
  static override examples = [
    {description: 'a key for the backups of this host', command: 'bk keys generate /etc/bk/key --comment web1'},
    {description: 'one for a person, with a passphrase', command: 'bk keys generate ~/.ssh/restore --passphrase'},
  ]
  static override args = {file: requiredOperand('where the private key goes')}
  static override flags = {
    comment: valueFlag('comment of the key; the names of user and host if not given. Behind a restricted key it is also the name of the set', {helpValue: 'TEXT'}),
    passphrase: switchFlag('ask on the terminal for a passphrase that encrypts the private key'),
    quiet: quietFlag,
  }
  static override exitNotes = {2: 'Failed; among others because FILE or FILE.pub exists already.'}
  static override seeAlso = ['bk-keys-restrict(1)', 'ssh-keygen(1)']

  async run(): Promise<void> {
    const {args, flags} = await this.parse(KeysGenerate)
    const path = operandBytes(args.file)
    const comment = flags.comment ?? userAtHost()
    if (!isComment(Buffer.from(comment).toString('latin1'))) throw usageError(`not a comment for a key: ${escapeName(comment)}`, 'a comment is one line of up to 1024 bytes, without blanks around it')
    checkAbsent(path)
    const passphrase = flags.passphrase ? await askNewPassphrase(escapeName(path)) : undefined
    const pair = generateKeyPair(comment, passphrase)
    writeKeyPair(path, pair, removeOnInterrupt)
    this.speech(flags).note(`made ${escapeName(path)} and ${escapeName(path)}.pub: ${fingerprint(parsePublicKey(pair.public.trimEnd(), 'the key'))}`)
  }
}

/*
 * bk keys revoke: what bk allowed, it takes back.
 */
import {removeOnInterrupt} from '../../lib/cli/temporary.ts'
import {BkCommand} from '../../lib/cli/command.ts'
import {prose} from '../../lib/cli/prose.ts'
import type {ExitStatus} from '../../lib/cli/exit.ts'
import {escapeName} from '../../lib/cli/escape.ts'
import {quietFlag, requiredOperands, valueFlag} from '../../lib/cli/flags.ts'
import {openInputIfExists} from '../../lib/cli/input.ts'
import {ownAuthorizedKeys} from '../../lib/cli/login.ts'
import {writeOut} from '../../lib/cli/output.ts'
import {changeAuthorizedKeys, readAuthorizedKeys} from '../../lib/keys/authorized-file.ts'
import {keyLines, nameOf} from '../../lib/keys/authorized-keys.ts'
import {isKnownName, revoke, type Named} from '../../lib/keys/revoke.ts'
import {readPublicKeys} from '../../lib/keys/reading.ts'

export default class KeysRevoke extends BkCommand {
  static override summary = 'take back what a key may do'
  static override description = prose(`removes the lines of keys that 'bk keys restrict' has added, all or none of those that are named, and writes what it removed.
Each is named by its fingerprint, its comment, or a file of public keys. Other lines stay as they are.

A connection that is open stays open, and new sessions can be started on it: end it, too, if the key was stolen ('pkill -u ACCOUNT sshd', as root).`)
  static override examples = [
    {description: 'a host that is gone', command: 'bk keys revoke web1'},
    {description: 'a key that was stolen', command: 'bk keys revoke ./web1.pub --file /home/backup/.ssh/authorized_keys'},
  ]
  static override args = {key: requiredOperands('fingerprint (SHA256:...), comment, or file of public keys')}
  static override flags = {
    file: valueFlag('the file to remove them from; ~/.ssh/authorized_keys if not given', {helpValue: 'FILE'}),
    quiet: quietFlag,
  }
  static override exitNotes = {
    2: 'A key is not there, or not on a line that bk wrote; nothing was removed.',
    3: 'Removed, but a key is on a line that bk did not write, too, and still gets in.',
    77: 'A comment is that of several keys; nothing was removed.',
  }
  static override files = [['~/.ssh/authorized_keys', 'where keys are removed: in the home that the user database says.']] as const
  static override seeAlso = ['bk-keys-list(1)', 'bk-keys-restrict(1)']

  async run(): Promise<ExitStatus> {
    const {args, flags} = await this.parse(KeysRevoke)
    const speech = this.speech(flags)
    const path = flags.file ?? ownAuthorizedKeys()
    const known = keyLines(readAuthorizedKeys(path))
    const named: Named[] = []
    for (const text of args.key) {
      const file = isKnownName(known, text) ? undefined : openInputIfExists(text, 'public keys')
      named.push({text, keys: file && (await readPublicKeys(file))})
    }
    const {removed, left} = changeAuthorizedKeys(path, (text) => revoke(text, named), {
      create: false,
      onTemp: removeOnInterrupt,
      onLink: (target) => speech.note(`${escapeName(path)} is a link: ${escapeName(target)} is the file that changes`),
    })
    await writeOut(removed.map((key) => `removed ${escapeName(nameOf(key))}\n`))
    for (const {number, key} of left) speech.warn(`${nameOf(key)} still gets in by line ${number}, which bk did not write: remove that line by hand`)
    return speech.status()
  }
}

/*
 * bk keys restrict: what a key may do, as lines of authorized_keys.
 */
import {removeOnInterrupt} from '../../lib/cli/temporary.ts'
import {BkCommand} from '../../lib/cli/command.ts'
import {prose} from '../../lib/cli/prose.ts'
import {usageError} from '../../lib/cli/errors.ts'
import {escapeName} from '../../lib/cli/escape.ts'
import {operands, quietFlag, switchFlag, valueFlag} from '../../lib/cli/flags.ts'
import {openInput} from '../../lib/cli/input.ts'
import {keyLimitFlags, keyLimitsOf} from '../../lib/cli/limit-flags.ts'
import {ownAuthorizedKeys} from '../../lib/cli/login.ts'
import {writeOut} from '../../lib/cli/output.ts'
import {bkProgram} from '../../lib/cli/program.ts'
import {setName} from '../../lib/cli/set-name.ts'
import {localTimeZone} from '../../lib/cli/snapshot.ts'
import {changeAuthorizedKeys} from '../../lib/keys/authorized-file.ts'
import {install, nameOf} from '../../lib/keys/authorized-keys.ts'
import {expiryTime} from '../../lib/keys/expiry.ts'
import {checkPatterns} from '../../lib/keys/from-patterns.ts'
import {readPublicKeys} from '../../lib/keys/reading.ts'
import {formatLine, type RestrictedLine} from '../../lib/keys/restricted-line.ts'
import {programForKeys, restrictKey, sourceForKeys, storeForKeys} from '../../lib/keys/restrict.ts'
import {systemClock} from '../../lib/sys/clock.ts'
import type {Speech} from '../../lib/cli/speech.ts'

export default class KeysRestrict extends BkCommand {
  static override summary = 'say what a key may do, and nothing else'
  static override description = prose(`reads public keys, a key a line, and writes for each the line of authorized_keys that restricts it: sshd then runs 'bk forced'
for whoever has the key, which adds snapshots to one set of one store (--receive), reads a store (--browse), or reads one directory (--source), whatever the client asks for.
No shell, no other command, no forwarding, no terminal. It is run where the store is, or the directory.

The account that gets the keys should have /bin/sh as its shell and own nothing but the stores, and sshd should accept no variables from clients but those of the locale (AcceptEnv).
--expires needs OpenSSH 9.1 or later there.`)
  static override examples = [
    {description: 'a client that may add to its own set', command: 'bk keys restrict web1.pub --receive /backup/store --set web1 --quota 200G --per-day 48 --install'},
    {description: 'one that may also read the store, to restore by itself', command: 'bk keys restrict web1.pub --receive /backup/store --set web1 --browse /backup/store'},
    {description: 'for three months, and from one network', command: 'bk keys restrict --browse /backup/store --from 10.1.0.0/16 --expires 3M <visitor.pub'},
    {description: "the other way round: a backup host that may fetch /srv from here by 'bk pull'", command: 'bk keys restrict backup.pub --source /srv --install'},
  ]
  static override args = {pubkey: operands('file of public keys; - for standard input, also when none is given')}
  static override flags = {
    ...keyLimitFlags,
    browse: valueFlag('let the key read the snapshots of STORE', {helpValue: 'STORE'}),
    expires: valueFlag('last day (2027-03-31), or time, of the key; or an age from now on: 90d', {helpValue: 'WHEN'}),
    file: valueFlag('the file for --install; ~/.ssh/authorized_keys if not given', {helpValue: 'FILE', dependsOn: ['install']}),
    from: valueFlag('addresses, networks and names from which the key may be used, as in from= of sshd(8)', {helpValue: 'PATTERNS'}),
    install: switchFlag('put the lines into authorized_keys instead of writing them to standard output', {
      description: `A key that bk has restricted before gets the new line in the place of the old one. All other lines stay as they are.
A key that also has a line by somebody else is refused, since that one would let it in. Only this file is looked at, not what else sshd may read: authorized_keys2, AuthorizedKeysCommand.
A file that is a symbolic link stays one: the file it leads to is changed, if the link belongs to root or to the owner of that file.`,
    }),
    quiet: quietFlag,
    receive: valueFlag('let the key add snapshots to STORE', {helpValue: 'STORE'}),
    set: valueFlag('set that its snapshots go to; the comment of the key if not given', {helpValue: 'NAME', dependsOn: ['receive']}),
    source: valueFlag("let the key read DIR, an absolute path, and all that is below it: what 'bk pull' needs", {
      helpValue: 'DIR',
      description: prose(`Whoever has the key can read whatever the account can read below DIR, as 'bk push DIR' would: not through links that lead out of it. It cannot choose a part of DIR, nor write.
An account that is to send files of others needs the right to read them.`),
    }),
  }
  static override exitNotes = {
    65: 'What was read is no public key.',
    75: 'With --install: another process keeps the file locked.',
    77: 'With --install: the key has a line that bk did not write.',
  }
  static override files = [['~/.ssh/authorized_keys', 'where --install puts the lines: in the home that the user database says.']] as const
  static override seeAlso = ['bk-keys-list(1)', 'bk-keys-revoke(1)', 'bk-forced(1)', 'bk-pull(1)', 'sshd(8)']

  async run(): Promise<void> {
    const {args, flags} = await this.parse(KeysRestrict)
    const speech = this.speech(flags)
    if (flags.receive === undefined && flags.browse === undefined && flags.source === undefined) {
      throw usageError('nothing is granted', 'give --receive STORE, --browse STORE, --source DIR, or several of them')
    }
    const receive = flags.receive === undefined ? undefined : await storeForKeys(flags.receive)
    const browse = flags.browse === undefined ? undefined : await storeForKeys(flags.browse)
    const limits = keyLimitsOf(flags)
    const limit = Object.keys(keyLimitFlags).find((name) => this.given.has(name))
    if (flags.receive === undefined && limit !== undefined) throw usageError(`--${limit} goes with --receive`, 'it limits what the key may add')
    const restriction = {
      program: programForKeys(bkProgram()),
      receive: receive && {store: receive.path, set: flags.set === undefined ? undefined : setName(flags.set), limits},
      browse: browse?.path,
      source: flags.source === undefined ? undefined : sourceForKeys(flags.source),
      from: flags.from === undefined ? undefined : checkPatterns(flags.from),
      expires: flags.expires === undefined ? undefined : expiryTime(flags.expires, systemClock.now(), localTimeZone()),
    }
    const lines: RestrictedLine[] = []
    for (const operand of args.pubkey ?? ['-']) {
      for (const key of await readPublicKeys(openInput(operand, 'public keys'))) lines.push(restrictKey(key, restriction))
    }
    if (flags.install) installLines(flags.file ?? ownAuthorizedKeys(), lines, speech)
    else await writeOut(lines.map((line) => Buffer.from(`${formatLine(line)}\n`, 'latin1')))
    if (receive !== undefined && receive.kind === 'plain' && receive.path === browse?.path) {
      speech.warn(`whoever has ${lines.length === 1 ? 'this key' : 'one of these keys'} can also read every snapshot in ${escapeName(flags.browse ?? '')}, of all sets`)
    }
  }
}

function installLines(path: string, lines: readonly RestrictedLine[], speech: Speech): void {
  const done = changeAuthorizedKeys(path, (text) => install(text, lines), {
    create: true,
    onTemp: removeOnInterrupt,
    onLink: (target) => speech.note(`${escapeName(path)} is a link: ${escapeName(target)} is the file that changes`),
  })
  for (const {key, what} of done) speech.note(`${escapeName(path)}: ${nameOf(key)} ${what === 'unchanged' ? 'is there already: nothing changed' : `was ${what}`}`)
}

/*
 * bk keys sftp-chroot: an account that reads one tree over SFTP and does nothing else, for a machine without bk.
 */
import {isIP} from 'node:net'
import {resolve} from 'node:path'
import {BkCommand} from '../../lib/cli/command.ts'
import {BkError, usageError} from '../../lib/cli/errors.ts'
import {exitStatus, type ExitStatus} from '../../lib/cli/exit.ts'
import {jsonFlag, quietFlag, repeatableFlag, requiredOperand, switchFlag, valueFlag} from '../../lib/cli/flags.ts'
import {openInput} from '../../lib/cli/input.ts'
import {writeOut} from '../../lib/cli/output.ts'
import {prose} from '../../lib/cli/prose.ts'
import {shownText} from '../../lib/keys/authorized-keys.ts'
import {formatPublicKey} from '../../lib/keys/public-key.ts'
import {readPublicKeys} from '../../lib/keys/reading.ts'
import {checkChroot} from '../../lib/keys/sftp-chroot-check.ts'
import {findingAsJson, findingLines} from '../../lib/keys/sftp-chroot-finding.ts'
import {chrootRoot, chrootTrees, chrootUser, sshdConfigPath} from '../../lib/keys/sftp-chroot-names.ts'
import {recipeLines} from '../../lib/keys/sftp-chroot-recipe.ts'
import {systemClock} from '../../lib/sys/clock.ts'

/* An address that no machine has, set aside for examples: what holds for it holds for whoever comes from elsewhere. */
const ANYWHERE = '192.0.2.1'

/* Flags of one of the two things that the command does. */
const PRINTING: readonly string[] = ['key', 'tree']
const CHECKING: readonly string[] = ['from', 'json', 'quiet']

export default class KeysSftpChroot extends BkCommand {
  // Nothing but the command line may choose what is granted.
  static override configurable = false
  static override summary = 'print, or examine, a read-only account for SFTP'
  static override description = prose(`prints commands for a shell of root on the machine that is pulled from, which needs no bk: they make an account that reads one tree over SFTP, by key, and does nothing else.
It has no shell and no password, sees DIR as /, cannot write, and cannot change its own keys. Nothing is done here: read the lines, then paste them there, or pipe them into 'ssh root@HOST sh'.
They can be run again, and change neither the owner nor the mode of a directory that is there.

sshd lets nobody into a root that is not safe: DIR and every directory above it have to belong to root, and nobody else may write to them. So DIR is made for the account, and trees of
others are shown below it, by their whole path, with --tree: a mount that is read-only whoever the tree belongs to.

With --check it examines the account USER of this machine, as root, and changes nothing. Standard output has a line for each thing that it looked at: "ok: WHAT: ...", or "wrong: WHAT: ..." and then
"hint: ..." with what to do. It looks at the account (number, shell, password, expiry), at what sshd would do for it ('sshd -T -C user=USER'), at every directory of the root and of the places
where its links lead, at what the account can write to directly in the root, and at who can change its keys.
With --json each line is an object: type, verdict ("ok" or "wrong"), what, message, hint.`)
  static override examples = [
    {description: 'the commands, to be read and pasted', command: 'bk keys sftp-chroot backupop'},
    {description: 'an account that sees two trees, and lets in the key of this machine', command: 'bk keys sftp-chroot backupop --tree /etc --tree /home --key /root/.ssh/id_ed25519.pub | ssh root@web1 sh'},
    {description: 'whether it is right, on that machine', command: 'bk keys sftp-chroot --check backupop'},
    {description: 'only what is wrong, with a configuration that sshd does not use yet', command: 'bk keys sftp-chroot --check -q backupop --sshd-config /root/sshd_config.new'},
  ]
  static override args = {user: requiredOperand('name of the account')}
  static override flags = {
    check: switchFlag('examine the account instead of printing commands'),
    from: valueFlag('with --check: the address that it would come from, for Match blocks that look at it; that of a stranger if not given', {helpValue: 'ADDRESS'}),
    json: {...jsonFlag, summary: 'with --check: write what was found as JSON, one object per line'},
    key: repeatableFlag('public keys that get in', {helpValue: 'FILE'}),
    quiet: {...quietFlag, summary: 'with --check: write only what is wrong'},
    root: valueFlag('directory that is / for the account; if not given /srv/USER, with --check whatever sshd says', {helpValue: 'DIR'}),
    'sshd-config': valueFlag("sshd's configuration; /etc/ssh/sshd_config if not given, or a file of its own in sshd_config.d", {helpValue: 'FILE'}),
    tree: repeatableFlag('a directory elsewhere that it sees as well', {helpValue: 'DIR'}),
  }
  static override exitNotes = {
    1: 'With --check: something is wrong.',
    2: 'With --check: it cannot be examined. Not by root, without sshd, or with a configuration that sshd does not take.',
    65: 'A file of --key holds no public key.',
  }
  static override files = [
    ['/etc/ssh/sshd_config.d/00-sftp-USER.conf', 'where the commands put what sshd lets the account do, if sshd_config includes such files; else it goes to the end of sshd_config.'],
    ['/etc/ssh/authorized_keys/USER', 'where they put its keys. It belongs to root.'],
  ] as const
  static override seeAlso = ['bk-pull(1)', 'bk-keys-restrict(1)', 'sshd_config(5)', 'sftp-server(8)']

  async run(): Promise<ExitStatus> {
    const {args, flags} = await this.parse(KeysSftpChroot)
    const stray = (flags.check ? PRINTING : CHECKING).find((flag) => this.given.has(flag))
    if (stray !== undefined) throw usageError(`--${stray} goes ${flags.check ? 'not ' : ''}with --check`, `see 'bk help keys sftp-chroot'`)
    const user = chrootUser(args.user)
    const sshdConfig = flags['sshd-config'] === undefined ? undefined : sshdConfigPath(flags.check ? resolve(flags['sshd-config']) : flags['sshd-config'])
    if (!flags.check) {
      const root = chrootRoot(flags.root, user)
      const trees = chrootTrees(flags.tree ?? [], root)
      await writeOut(recipeLines({user, root, trees, keys: await keysIn(flags.key ?? []), sshdConfig}).map((line) => `${line}\n`))
      return exitStatus.done
    }
    const address = flags.from ?? ANYWHERE
    if (isIP(address) === 0) throw usageError(`--from: not an address: ${address}`, 'one address, such as 192.0.2.7')
    const root = flags.root === undefined ? undefined : chrootRoot(flags.root, user)
    if (process.getuid?.() !== 0) throw new BkError('only root can examine this', {hint: `run it as root: sudo bk keys sftp-chroot --check ${user}`})
    const findings = checkChroot(user, {root, address, sshdConfig, path: process.env['PATH'] ?? '', now: systemClock.now()})
    const shown = flags.quiet ? findings.filter(({verdict}) => verdict === 'wrong') : findings
    await writeOut(shown.map(flags.json ? findingAsJson : findingLines))
    return findings.some(({verdict}) => verdict === 'wrong') ? exitStatus.no : exitStatus.done
  }
}

/* Restricted themselves: that holds should the block ever be lost. */
async function keysIn(files: readonly string[]): Promise<string[]> {
  const lines: string[] = []
  for (const file of files) {
    for (const key of await readPublicKeys(openInput(file, 'public keys'))) lines.push(`restrict ${shownText(formatPublicKey(key))}`)
  }
  return lines
}

/**
 * `bk keys sftp-chroot --check`: whether an account of this machine is what the printed commands make. It changes nothing.
 */
import {readFile} from '../sys/calls.ts'
import {escapeName} from '../cli/escape.ts'
import {keyOnLine} from './restricted-line.ts'
import {chrootLine} from './sftp-chroot-block.ts'
import {shellWord} from './sftp-chroot-names.ts'
import {accessOf} from './sftp-chroot-access.ts'
import {numberFinding, passwordFindings, shellFinding, type Account} from './sftp-chroot-account.ts'
import {ok, wrong, type Finding} from './sftp-chroot-finding.ts'
import {onlyRootChanges, rootFindings, statOf} from './sftp-chroot-paths.ts'
import {allowedFindings, blockHint, expandTokens, keyFiles, keysLine, settingFindings, settingOf, type Settings} from './sftp-chroot-settings.ts'
import {askSshd, findSshd, groupsOf, lookUpAccount, lookUpShadow} from './sftp-chroot-system.ts'

export type CheckOptions = {
  /** The root that it should have; undefined is whatever sshd says. */
  readonly root: string | undefined
  /** The address it would come from. */
  readonly address: string
  readonly sshdConfig: string | undefined
  /** PATH. */
  readonly path: string
  /** Nanoseconds since 1970. */
  readonly now: bigint
}

const LARGEST_KEYS = 16 * 1024 * 1024
const DAY = 86_400n * 1_000_000_000n

/** Looks at everything. Needs root. Throws BkError 2 when something cannot be looked at. */
export function checkChroot(user: string, {root: wanted, address, sshdConfig, path, now}: CheckOptions): Finding[] {
  const settings = askSshd(findSshd(path), {user, address, file: sshdConfig})
  const {found: account, all} = lookUpAccount(user)
  const root = rootOf(settings, user, account)
  const findings: Finding[] = []
  if (account === undefined) findings.push(wrong('account', `there is no account ${user} on this machine`, `bk keys sftp-chroot ${user} prints how to make it`))
  else {
    const usePam = settingOf(settings, 'UsePAM') === 'yes'
    findings.push(numberFinding(account, all), shellFinding(account), ...passwordFindings(account, lookUpShadow(user), usePam, Number(now / DAY)))
    findings.push(...allowedFindings(settings, user, groupsOf(user)))
  }
  findings.push(chrootFinding(root, wanted, user), ...settingFindings(settings, user))
  const looked = root ?? wanted
  if (looked !== undefined) findings.push(...rootFindings(looked, user))
  if (account === undefined) return findings
  const isThere = looked !== undefined && statOf(looked)?.isDirectory() === true
  return [...findings, ...accessFindings(account, isThere ? looked : undefined, keyFiles(settings, account))]
}

/* What sshd says is a path with tokens. */
function rootOf(settings: Settings, user: string, account: Account | undefined): string | undefined {
  const written = settingOf(settings, 'ChrootDirectory')
  if (written === '' || written === 'none') return undefined
  const path = expandTokens(written, {name: user, uid: account?.uid, home: account?.home})
  return path.length > 1 ? path.replace(/\/+$/, '') : path
}

function chrootFinding(root: string | undefined, wanted: string | undefined, user: string): Finding {
  const what = 'chrootdirectory'
  if (root === undefined) {
    return wrong(what, `none: ${user} sees the whole machine`, `bk keys sftp-chroot ${user} prints the block; if it is there already, no Include and no earlier Match block may keep it from holding`)
  }
  if (root === '/') return wrong(what, '/: this confines nothing', blockHint(user, chrootLine(wanted ?? `/srv/${user}`)))
  if (wanted !== undefined && root !== wanted) return wrong(what, `${root}, and not ${wanted}`, blockHint(user, chrootLine(wanted)))
  return ok(what, root)
}

function accessFindings(account: Account, root: string | undefined, files: readonly string[]): Finding[] {
  const present = files.filter((file) => statOf(file) !== undefined)
  const {lists, writable, count, unreadable} = accessOf(account, root, present)
  const findings: Finding[] = []
  if (root !== undefined) {
    findings.push(lists ? ok('reads', `${account.name} can list ${root}`) : wrong('reads', `${account.name} cannot list ${root}`, `chmod go+rx ${shellWord(root)}`))
    if (count === 0) findings.push(ok('writes', `${account.name} can write to nothing in ${root}`))
    else {
      const names = writable.map((name) => escapeName(Buffer.from(name, 'latin1'))).join(', ')
      const text = `${account.name} can write to ${names}${count > writable.length ? ` and ${count - writable.length} more` : ''} in ${root}: nothing but -R keeps it from doing so`
      findings.push(wrong('writes', text, `take the right away (chmod, chown, setfacl), or show the tree read-only: bk keys sftp-chroot ${account.name} --tree DIR`))
    }
  }
  return [...findings, ...keyFileFindings(account, files, present, unreadable)]
}

/* A file that is not there yet counts by its directory: whoever can make it has a key of his own. */
function keyFileFindings({name}: Account, files: readonly string[], present: readonly string[], unreadable: readonly string[]): Finding[] {
  const what = 'authorizedkeysfile'
  if (files.length === 0) return [wrong(what, 'none: no key gets in', blockHint(name, keysLine))]
  const findings: Finding[] = []
  let keys = 0
  for (const file of files) {
    const trouble = onlyRootChanges(file)
    const shown = escapeName(file)
    if (trouble !== undefined) {
      findings.push(wrong(what, `${shown}: ${trouble.trouble}: who can write there lets in whom he likes`, `${trouble.hint}, or ${blockHint(name, keysLine)}`))
    } else if (unreadable.includes(file)) {
      findings.push(wrong(what, `${shown}: ${name}, as whom sshd reads it, cannot read it`, `chmod go+r ${shellWord(file)}, and go+x on the directories above`))
    } else if (present.includes(file)) findings.push(ok(what, `${shown}: only root can change it`))
    if (present.includes(file)) keys += countKeys(file)
  }
  if (keys === 0) findings.push(wrong(what, `no key in ${files.map(escapeName).join(', ')}: nobody gets in`, `put the public key of the machine that pulls into ${shellWord(files[0] ?? '')}`))
  return findings
}

function countKeys(file: string): number {
  if (statOf(file)?.isFile() !== true) return 0
  return readFile(file, LARGEST_KEYS).toString('latin1').split('\n').filter((line) => keyOnLine(line) !== undefined).length
}

/**
 * Whether an account is one that sshd lets in by key, and that nobody gets into in another way: what its lines in passwd and shadow say.
 * Pure.
 */
import {escapeName} from '../cli/escape.ts'
import {ok, wrong, type Finding} from './sftp-chroot-finding.ts'

export type Account = {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly home: string
  readonly shell: string
  /** `x` where the password is in shadow. */
  readonly password: string
}

const NO_SHELLS: readonly string[] = ['/bin/false', '/usr/bin/false', '/sbin/nologin', '/usr/sbin/nologin', '/bin/nologin', '/usr/bin/nologin']
/* Days that are as good as none: 99999 is what login.defs comes with. */
const FOR_EVER = 10_000

/** All accounts of a text like /etc/passwd. */
export function parsePasswd(text: string): Account[] {
  return text.split('\n').flatMap((line) => {
    const [name, password, uid, gid, , home, shell] = line.split(':')
    if (!name || shell === undefined || !/^\d+$/.test(uid ?? '') || !/^\d+$/.test(gid ?? '')) return []
    // Without a shell it is /bin/sh.
    return [{name, uid: Number(uid), gid: Number(gid), home: home ?? '', shell: shell === '' ? '/bin/sh' : shell, password: password ?? ''}]
  })
}

/** The fields of an account's line in a text like /etc/shadow, from the password on; undefined where it has none. */
export function parseShadow(text: string, user: string): readonly string[] | undefined {
  return text.split('\n').find((line) => line.startsWith(`${user}:`))?.split(':').slice(1)
}

/** Its number, and who else has it: sshd's block holds for a name, not for a number. */
export function numberFinding(account: Account, all: readonly Account[]): Finding {
  const others = [...new Set(all.filter(({uid, name}) => uid === account.uid && name !== account.name).map(({name}) => escapeName(name)))]
  if (account.uid === 0) return wrong('account', `${account.name} has the number of root, 0: nothing confines it`, 'make an account with a number of its own, by another name')
  if (others.length === 0) return ok('account', `${account.name}, number ${account.uid}`)
  return wrong('account', `${account.name} has the number ${account.uid}, and so has ${others.join(', ')}`, `give it one of its own: usermod --uid NUMBER ${account.name}`)
}

export function shellFinding({name, shell}: Account): Finding {
  if (NO_SHELLS.includes(shell)) return ok('shell', shell)
  return wrong('shell', `${escapeName(shell)}: whoever gets into the account in another way than over ssh has a shell`, `usermod --shell /bin/false ${name}`)
}

/**
 * Its password, and whether it or the account runs out.
 * @param shadow its fields in shadow, if there are any
 * @param usePam whether sshd asks PAM; else it refuses the keys of a locked account
 * @param today days since 1970
 */
export function passwordFindings({name, password}: Account, shadow: readonly string[] | undefined, usePam: boolean, today: number): Finding[] {
  const [inShadow, changed = '', , maximum = '', , , expires = ''] = shadow ?? []
  const hash = password === 'x' ? inShadow : password
  if (hash === undefined) {
    return [wrong('password', `${name} has no entry in /etc/shadow: its password is kept elsewhere, or nowhere`, 'use an account of this machine alone, as bk keys sftp-chroot makes it')]
  }
  const expired = expires !== '' && Number(expires) < today
  return [
    passwordFinding(name, hash, usePam),
    ...(expired ? [wrong('expiry', 'the account has expired: sshd refuses its keys', `usermod --expiredate '' ${name}`)] : []),
    // Without PAM sshd asks for the age of a password only when it is used.
    ...(usePam ? ageFindings(name, {changed, maximum}, today) : []),
  ]
}

function passwordFinding(name: string, hash: string, usePam: boolean): Finding {
  const hint = `usermod --password '*' ${name}`
  if (hash === '') return wrong('password', 'it is empty: no password is needed', hint)
  if (hash.startsWith('!')) {
    if (usePam) return ok('password', "locked ('!'): PAM lets keys in all the same")
    return wrong('password', "locked ('!'): sshd without PAM (UsePAM no) refuses the keys, too", hint)
  }
  if (hash.startsWith('*')) return ok('password', "none ('*')")
  return wrong('password', 'the account has one: it may be guessed, and is good for more than ssh', hint)
}

function ageFindings(name: string, {changed, maximum}: {changed: string; maximum: string}, today: number): Finding[] {
  const days = maximum === '' ? -1 : Number(maximum)
  if (changed === '0') return [wrong('expiry', 'the password has to be changed at the next login: nothing else can be done', `chage --lastday ${today} ${name}`)]
  if (days < 0 || days >= FOR_EVER) return []
  const ends = Number(changed) + days < today ? 'has run out' : `runs out after ${days} days`
  return [wrong('expiry', `the password ${ends}: then it has to be changed, and nothing else can be done`, `chage --maxdays -1 ${name}`)]
}

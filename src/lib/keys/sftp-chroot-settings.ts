/**
 * Whether what sshd would do for an account, as `sshd -T -C user=…` says it, is what the printed block says. Pure.
 */
import {forcedCommand, passwordSettings, plainSettings, keysDirectory, type Setting} from './sftp-chroot-block.ts'
import {ok, wrong, type Finding} from './sftp-chroot-finding.ts'

/** Keywords in lower case; several values where there are several lines. */
export type Settings = ReadonlyMap<string, readonly string[]>

/** Reads what `sshd -T` prints. */
export function parseSettings(text: string): Settings {
  const settings = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const [, keyword, value] = /^(\S+) (.*)$/.exec(line.replace(/\r$/, '')) ?? []
    if (keyword === undefined) continue
    const key = keyword.toLowerCase()
    settings.set(key, [...(settings.get(key) ?? []), value ?? ''])
  }
  return settings
}

/** The value of a keyword, the first if it has several; empty where sshd does not know it. */
export function settingOf(settings: Settings, keyword: string): string {
  return settings.get(keyword.toLowerCase())?.[0] ?? ''
}

/** sshd's tokens in a path: %% %u %U %h. */
export function expandTokens(text: string, {name, uid, home}: {readonly name: string; readonly uid: number | undefined; readonly home: string | undefined}): string {
  const tokens: Readonly<Record<string, string | undefined>> = {'%%': '%', '%u': name, '%U': uid?.toString(), '%h': home}
  return text.replaceAll(/%./g, (token) => tokens[token] ?? token)
}

/** The findings about everything but paths. */
export function settingFindings(settings: Settings, user: string): Finding[] {
  const disabled = settingOf(settings, 'DisableForwarding') === 'yes'
  return [
    forceCommandFinding(settingOf(settings, 'ForceCommand'), user),
    subsystemFinding(settings.get('subsystem') ?? []),
    ...loginFindings(settings, user),
    ...plainSettings.map((setting) => plainFinding(settings, setting, user, disabled)),
    environmentFinding(settingOf(settings, 'PermitUserEnvironment')),
  ]
}

/** What to do about a keyword of the block. In sshd_config the first value that holds counts. */
export function blockHint(user: string, line: string): string {
  return `write '${line}' into the first Match block that holds for ${user}`
}

/* What sshd itself does takes no words of a shell: it cuts them at blanks and hands them to getopt. */
function forceCommandFinding(command: string, user: string): Finding {
  const hint = blockHint(user, `ForceCommand ${forcedCommand}`)
  const [program, ...words] = command.split(/[ \t]+/)
  const what = 'forcecommand'
  if (command === 'none' || command === '') return wrong(what, 'none: the client chooses what is run', hint)
  if (program !== 'internal-sftp') return wrong(what, `${command}: this is no internal-sftp, and needs files and a shell in the root`, hint)
  if (!isReadOnly(words)) return wrong(what, `${command}: without -R the account may write`, hint)
  return ok(what, command)
}

/* What it would start does not count, ForceCommand being there; but a client that asks for what is no subsystem is refused. */
function subsystemFinding(subsystems: readonly string[]): Finding {
  const sftp = subsystems.find((each) => /^sftp\s/.test(each))
  if (sftp !== undefined) return ok('subsystem', sftp)
  return wrong('subsystem', 'there is none of the name sftp: sshd refuses who asks for it', "write 'Subsystem sftp internal-sftp' into sshd_config, outside of all Match blocks, where alone it may stand")
}

/** Whether -R is among the options of sftp-server(8), some of which take the next word. */
function isReadOnly(words: readonly string[]): boolean {
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    if (!/^-./.test(word) || word === '--') return false
    for (let letter = 1; letter < word.length; letter++) {
      if (word[letter] === 'R') return true
      if ('dflPpQu'.includes(word[letter] ?? '')) {
        if (letter === word.length - 1) at++
        break
      }
    }
  }
  return false
}

function plainFinding(settings: Settings, {keyword, value, otherwise}: Setting, user: string, disabled: boolean): Finding {
  const what = keyword.toLowerCase()
  const is = settingOf(settings, keyword)
  if (is === value || (is === '' && value === 'no')) return ok(what, value)
  // Of these DisableForwarding is true; of agents and X11 only since OpenSSH 10.0.
  if (disabled && /^Allow(?:Tcp|StreamLocal)Forwarding$/.test(keyword)) return ok(what, `${is}, but DisableForwarding yes`)
  return wrong(what, `${is}: ${otherwise}`, blockHint(user, `${keyword} ${value}`))
}

function environmentFinding(value: string): Finding {
  if (value === 'no' || value === '') return ok('permituserenvironment', 'no')
  return wrong('permituserenvironment', `${value}: ~/.ssh/environment of the account may set variables for sshd`, "write 'PermitUserEnvironment no' into sshd_config, outside of all Match blocks, where alone it counts")
}

/* Each word is a list of methods that are needed together; one of the words is enough. */
function loginFindings(settings: Settings, user: string): Finding[] {
  const methods = settingOf(settings, 'AuthenticationMethods')
  const hint = blockHint(user, 'AuthenticationMethods publickey')
  if (methods !== '' && methods !== 'any') {
    const others = methods.split(/[ ,]+/).filter((method) => method.split(':')[0] !== 'publickey')
    if (others.length === 0) return [ok('authenticationmethods', methods)]
    return [wrong('authenticationmethods', `${methods}: ${others[0]} is no key`, hint)]
  }
  const open = [...passwordSettings, ...otherLogins].filter(({keyword}) => settingOf(settings, keyword) === 'yes')
  if (open.length === 0) return [ok('authenticationmethods', 'any, and all but keys are off')]
  return open.map(({keyword, otherwise}) => wrong(keyword.toLowerCase(), `yes: ${otherwise}`, hint))
}

const otherLogins: readonly Setting[] = [
  {keyword: 'HostbasedAuthentication', value: 'no', otherwise: 'another machine may vouch for whom it likes'},
  {keyword: 'GSSAPIAuthentication', value: 'no', otherwise: 'a Kerberos ticket gets in'},
]

/** Whether AllowUsers and its kin let the account in at all. No finding where sshd_config has none of them. */
export function allowedFindings(settings: Settings, user: string, groups: readonly string[]): Finding[] {
  const denied = (settings.get('denyusers') ?? []).find((pattern) => matches(pattern, user))
  if (denied !== undefined) return [wrong('denyusers', `${denied}: sshd lets ${user} not in`, `take ${denied} out of DenyUsers, or make it spare ${user}`)]
  const deniedGroup = (settings.get('denygroups') ?? []).find((pattern) => groups.some((group) => matches(pattern, group)))
  if (deniedGroup !== undefined) return [wrong('denygroups', `${deniedGroup}: sshd lets ${user} not in`, `take ${deniedGroup} out of DenyGroups, or ${user} out of the group`)]
  const findings: Finding[] = []
  const users = settings.get('allowusers')
  if (users !== undefined) {
    // Behind an @ stands from where.
    const found = users.find((pattern) => matches(pattern.replace(/@.*/, ''), user))
    findings.push(found === undefined ? wrong('allowusers', `${user} is not among them: sshd lets it not in`, `add ${user} to AllowUsers`) : ok('allowusers', found))
  }
  const allowed = settings.get('allowgroups')
  if (allowed !== undefined) {
    const found = allowed.find((pattern) => groups.some((group) => matches(pattern, group)))
    findings.push(found === undefined ? wrong('allowgroups', `${user} is in none of them: sshd lets it not in`, `add ${groups[0] ?? `the group of ${user}`} to AllowGroups`) : ok('allowgroups', found))
  }
  return findings
}

function matches(pattern: string, text: string): boolean {
  const expression = pattern.replaceAll(/[^*?]/g, (character) => character.replace(/[.+^${}()|[\]\\/-]/, '\\$&')).replaceAll('*', '.*').replaceAll('?', '.')
  return new RegExp(`^${expression}$`, 's').test(text)
}

/** Where keys of the account are looked for, as absolute paths. */
export function keyFiles(settings: Settings, account: {readonly name: string; readonly uid: number; readonly home: string}): string[] {
  const files = settingOf(settings, 'AuthorizedKeysFile')
  if (files === '' || files === 'none') return []
  return files.split(' ').map((file) => expandTokens(file, account)).map((file) => (file.startsWith('/') ? file : `${account.home}/${file}`))
}

/** What the printed block says of the keys. */
export const keysLine = `AuthorizedKeysFile ${keysDirectory}/%u`

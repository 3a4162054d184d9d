/**
 * The Match block of sshd_config for an account that may read one tree over SFTP and do nothing else. What is written here and what
 * `--check` asks for are the same table. Pure.
 */

/** A keyword of sshd_config with the value that it has to have, and what it would allow else. */
export type Setting = {readonly keyword: string; readonly value: string; readonly otherwise: string}

/**
 * Settings of one word. DisableForwarding alone is not enough: before OpenSSH 10.0 it lets agents and X11 through, and it never
 * was about tunnels.
 */
export const plainSettings: readonly Setting[] = [
  {keyword: 'PubkeyAuthentication', value: 'yes', otherwise: 'no key gets in'},
  {keyword: 'AllowTcpForwarding', value: 'no', otherwise: 'whoever has the key gets into the network behind this machine'},
  {keyword: 'AllowStreamLocalForwarding', value: 'no', otherwise: 'whoever has the key gets at the sockets of this machine'},
  {keyword: 'AllowAgentForwarding', value: 'no', otherwise: 'sshd makes a socket for an agent'},
  {keyword: 'X11Forwarding', value: 'no', otherwise: 'sshd listens for X11 clients'},
  {keyword: 'PermitTunnel', value: 'no', otherwise: 'whoever has the key may make a network device'},
  {keyword: 'PermitTTY', value: 'no', otherwise: 'whoever has the key gets a terminal'},
  {keyword: 'PermitUserRC', value: 'no', otherwise: '~/.ssh/rc may run'},
]

/** Ways to log in without a key. AuthenticationMethods shuts them all; these say so once more. */
export const passwordSettings: readonly Setting[] = [
  {keyword: 'PasswordAuthentication', value: 'no', otherwise: 'a password gets in'},
  {keyword: 'KbdInteractiveAuthentication', value: 'no', otherwise: 'answers to questions get in'},
]

/** Where the keys of the account lie: a directory that belongs to root, and in it a file for each account. */
export const keysDirectory = '/etc/ssh/authorized_keys'

/**
 * What sshd runs for whoever logs in. It needs no file in the root. -d: whatever the home of the account, one begins in the root. No -l:
 * without a /dev/log in the root nothing would be logged.
 */
export const forcedCommand = 'internal-sftp -R -d /'

/** The lines of the block, without newlines. `Match all` ends it, for whatever may be written behind it. */
export function matchBlock(user: string, root: string): string[] {
  const settings = [...passwordSettings, ...plainSettings].map(({keyword, value}) => `${keyword} ${value}`)
  return [
    `Match User ${user}`,
    ...[
      chrootLine(root),
      `ForceCommand ${forcedCommand}`,
      `AuthorizedKeysFile ${keysDirectory}/%u`,
      'AuthenticationMethods publickey',
      ...settings,
      'DisableForwarding yes',
    ].map((line) => `    ${line}`),
    'Match all',
  ]
}

/** The line of the root. */
export function chrootLine(root: string): string {
  return `ChrootDirectory ${configWord(escapeTokens(root))}`
}

/** sshd replaces %h and the like in paths; %% is one %. */
function escapeTokens(path: string): string {
  return path.replaceAll('%', '%%')
}

/** One word for sshd_config. Old versions know no escapes in quotes, so that the text must have neither a quote nor a backslash. */
function configWord(text: string): string {
  return /^[\w/.,:@%+-]+$/.test(text) ? text : `"${text}"`
}

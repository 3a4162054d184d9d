/**
 * The commands that make such an account, for a shell of root on the machine that is pulled from, where bk need not be. They can be
 * pasted, or piped into `ssh root@HOST sh`; a second time they add nothing twice. Nothing that exists gets another owner
 * or mode but the file of keys. Pure.
 */
import {shellWords} from './quoting.ts'
import {keysDirectory, matchBlock} from './sftp-chroot-block.ts'
import {componentsOf, shellWord} from './sftp-chroot-names.ts'

/** What the commands shall make. Names and paths come from sftp-chroot-names.ts. */
export type Recipe = {
  readonly user: string
  readonly root: string
  /** Directories elsewhere that are to be seen below the root, by their whole path. */
  readonly trees: readonly string[]
  /** Lines of public keys that get in. */
  readonly keys: readonly string[]
  /** A configuration whose end gets the block; undefined is a file of its own in sshd_config.d. */
  readonly sshdConfig: string | undefined
}

/** The commands and what is to be said about them, a line each without its newline. */
export function recipeLines(recipe: Recipe): string[] {
  const {user, root} = recipe
  return [
    `# As root on the machine that is pulled from: ${user} may read what is in ${root} over SFTP, and nothing else.`,
    'PATH=$PATH:/usr/sbin:/sbin',
    '',
    ...accountLines(user),
    '',
    ...rootLines(recipe),
    '',
    ...keyLines(recipe),
    '',
    ...configLines(recipe),
  ]
}

/* '*' matches no password and yet is no lock: without PAM sshd lets no key into a locked account. System accounts do not age. */
function accountLines(user: string): string[] {
  const words = "--shell /bin/false --password '*'"
  return [
    "# 1. The account: no shell, no home, and '*', which no password matches. ('!' would lock it: without PAM sshd refuses its keys then.)",
    `id -u ${user} >/dev/null 2>&1 ||`,
    `  useradd --system --user-group --home-dir /nonexistent --no-create-home ${words} ${user}`,
    `# An account that was there is left as it is. To make it such a one: usermod --home /nonexistent ${words} ${user}`,
  ]
}

function rootLines({user, root, trees}: Recipe): string[] {
  return [
    `# 2. What it sees: ${root}, as /. sshd refuses every login unless it and all directories above it belong to root, and nobody else may`,
    '# write to them. Whatever the second command lists does not fit.',
    `(umask 022 && mkdir -p ${shellWord(root)})`,
    `find -H ${componentsOf(root).map(shellWord).join(' ')} -prune \\( ! -type d -o ! -user root -o -perm -020 -o -perm -002 \\) -exec ls -ld {} +`,
    '# A directory that others work in stays as it is, and is shown read-only below such a root:',
    `#   bk keys sftp-chroot ${user} --tree DIRECTORY`,
    ...trees.flatMap((tree) => treeLines(tree, root)),
    `# ${user} reads what everybody may read. To let it read more: setfacl -R -m u:${user}:rX DIRECTORY`,
  ]
}

/* A mount hides who may write to the tree: below the root nobody can, whatever the owners and modes. */
function treeLines(tree: string, root: string): string[] {
  const place = root + tree
  const line = `${fstabWord(tree)} ${fstabWord(place)} none bind,ro,nosuid,nodev,noexec,nofail 0 0`
  return [
    `# ${tree}, read-only and by its whole path. What is mounted below it needs a --tree of its own.`,
    `(umask 022 && mkdir -p ${shellWord(place)})`,
    `grep -qsxF ${shellWords([line])} /etc/fstab || printf '%s\\n' ${shellWords([line])} >>/etc/fstab`,
    `mountpoint -q ${shellWord(place)} || mount ${shellWord(place)}`,
  ]
}

/* sshd reads the file as the account, which therefore has to be able to. */
function keyLines({user, keys}: Recipe): string[] {
  const file = `${keysDirectory}/${user}`
  return [
    '# 3. Its keys, where the account can read and only root can change them:',
    `(umask 022 && mkdir -p ${keysDirectory} && touch ${file})`,
    `chown root:root ${keysDirectory} ${file} && chmod 755 ${keysDirectory} && chmod 644 ${file}`,
    ...(keys.length === 0
      ? [`# Put the public key of the machine that pulls into ${file}, on a line of its own.`]
      : keys.map((key) => `grep -qsxF ${shellWords([key])} ${file} || printf '%s\\n' ${shellWords([key])} >>${file}`)),
  ]
}

function configLines({user, root, sshdConfig}: Recipe): string[] {
  // The last line of the file may lack its newline.
  const block = ['', ...matchBlock(user, root), '.']
  const asked = `-C user=${user},host=localhost,addr=127.0.0.1 | grep -e '^chrootdirectory ' -e '^forcecommand '`
  const last = [
    `# Where bk is, all of it is examined by: bk keys sftp-chroot --check ${user} --root ${shellWord(root)}${sshdConfig === undefined ? '' : ` --sshd-config ${shellWord(sshdConfig)}`}`,
  ]
  if (sshdConfig !== undefined) {
    return [
      `# 4. What sshd lets it do, at the end of ${sshdConfig}, since a Match block goes on to the next Match:`,
      ...appendLines(user, shellWord(sshdConfig), block),
      '',
      '# 5. Whether sshd takes it, and what it will do. Only then send SIGHUP to the sshd that runs with this file.',
      `/usr/sbin/sshd -t -f ${shellWord(sshdConfig)} && /usr/sbin/sshd -T -f ${shellWord(sshdConfig)} ${asked}`,
      ...last,
    ]
  }
  return [
    '# 4. What sshd lets it do: in a file of its own, if sshd_config includes such files, else at its end, since a Match block goes on to the',
    '# next Match.',
    "if grep -qsi '^[[:space:]]*include[[:space:]].*sshd_config\\.d/\\*\\.conf' /etc/ssh/sshd_config",
    `then file=/etc/ssh/sshd_config.d/00-sftp-${user}.conf && : >$file`,
    'else file=/etc/ssh/sshd_config',
    'fi',
    ...appendLines(user, '$file', block),
    '',
    '# 5. Only what sshd takes is loaded. If it complains, take the block out again before anything starts sshd anew.',
    '/usr/sbin/sshd -t && { systemctl reload ssh || systemctl reload sshd || service ssh reload || service sshd reload; } 2>/dev/null',
    `/usr/sbin/sshd -T ${asked}`,
    ...last,
  ]
}

function appendLines(user: string, file: string, block: readonly string[]): string[] {
  const there = `echo "${user} has a block there already, which is left as it is"`
  return [`grep -qsxF 'Match User ${user}' ${file} && ${there} || cat >>${file} <<'.'`, ...block]
}

/** fstab ends a word at a blank, and newer versions a line at #. */
function fstabWord(path: string): string {
  return path.replaceAll(/[ #]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`)
}

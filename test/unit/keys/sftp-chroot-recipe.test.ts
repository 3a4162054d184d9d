// The commands that bk keys sftp-chroot prints: to the letter, and with odd paths as sshd, a shell and mount read them.

import {spawnSync} from 'node:child_process'
import {chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {describe, expect, it, test} from 'vitest'
import {matchBlock} from '../../../src/lib/keys/sftp-chroot-block.ts'
import {recipeLines, type Recipe} from '../../../src/lib/keys/sftp-chroot-recipe.ts'
import {expandTokens, parseSettings, settingOf} from '../../../src/lib/keys/sftp-chroot-settings.ts'
import {tempDir} from '../../harness/temp.ts'

const plain: Recipe = {user: 'backupop', root: '/srv/backupop', trees: [], keys: [], sshdConfig: undefined}
const odd = ['/srv/a b', "/srv/it's", '/srv/50%', '/srv/%h%u%%', '/srv/#x', '/srv/a #b', '/srv/ends ', '/srv/  two', '/srv/$HOME `id` $(id)', '/srv/~', '/srv/*?[a]', '/srv/a;b&c|d<e>', '/srv/\u00fcber', '/srv/-x', '/srv/!x', '/srv/,a,b', '/srv/a=b', "/srv/'"]

test('to the letter', () => {
  expect(recipeLines(plain).join('\n')).toBe(String.raw`# As root on the machine that is pulled from: backupop may read what is in /srv/backupop over SFTP, and nothing else.
PATH=$PATH:/usr/sbin:/sbin

# 1. The account: no shell, no home, and '*', which no password matches. ('!' would lock it: without PAM sshd refuses its keys then.)
id -u backupop >/dev/null 2>&1 ||
  useradd --system --user-group --home-dir /nonexistent --no-create-home --shell /bin/false --password '*' backupop
# An account that was there is left as it is. To make it such a one: usermod --home /nonexistent --shell /bin/false --password '*' backupop

# 2. What it sees: /srv/backupop, as /. sshd refuses every login unless it and all directories above it belong to root, and nobody else may
# write to them. Whatever the second command lists does not fit.
(umask 022 && mkdir -p /srv/backupop)
find -H / /srv /srv/backupop -prune \( ! -type d -o ! -user root -o -perm -020 -o -perm -002 \) -exec ls -ld {} +
# A directory that others work in stays as it is, and is shown read-only below such a root:
#   bk keys sftp-chroot backupop --tree DIRECTORY
# backupop reads what everybody may read. To let it read more: setfacl -R -m u:backupop:rX DIRECTORY

# 3. Its keys, where the account can read and only root can change them:
(umask 022 && mkdir -p /etc/ssh/authorized_keys && touch /etc/ssh/authorized_keys/backupop)
chown root:root /etc/ssh/authorized_keys /etc/ssh/authorized_keys/backupop && chmod 755 /etc/ssh/authorized_keys && chmod 644 /etc/ssh/authorized_keys/backupop
# Put the public key of the machine that pulls into /etc/ssh/authorized_keys/backupop, on a line of its own.

# 4. What sshd lets it do: in a file of its own, if sshd_config includes such files, else at its end, since a Match block goes on to the
# next Match.
if grep -qsi '^[[:space:]]*include[[:space:]].*sshd_config\.d/\*\.conf' /etc/ssh/sshd_config
then file=/etc/ssh/sshd_config.d/00-sftp-backupop.conf && : >$file
else file=/etc/ssh/sshd_config
fi
grep -qsxF 'Match User backupop' $file && echo "backupop has a block there already, which is left as it is" || cat >>$file <<'.'

Match User backupop
    ChrootDirectory /srv/backupop
    ForceCommand internal-sftp -R -d /
    AuthorizedKeysFile /etc/ssh/authorized_keys/%u
    AuthenticationMethods publickey
    PasswordAuthentication no
    KbdInteractiveAuthentication no
    PubkeyAuthentication yes
    AllowTcpForwarding no
    AllowStreamLocalForwarding no
    AllowAgentForwarding no
    X11Forwarding no
    PermitTunnel no
    PermitTTY no
    PermitUserRC no
    DisableForwarding yes
Match all
.

# 5. Only what sshd takes is loaded. If it complains, take the block out again before anything starts sshd anew.
/usr/sbin/sshd -t && { systemctl reload ssh || systemctl reload sshd || service ssh reload || service sshd reload; } 2>/dev/null
/usr/sbin/sshd -T -C user=backupop,host=localhost,addr=127.0.0.1 | grep -e '^chrootdirectory ' -e '^forcecommand '
# Where bk is, all of it is examined by: bk keys sftp-chroot --check backupop --root /srv/backupop`)
})

test('with keys, a tree, and a configuration of its own', () => {
  const lines = recipeLines({...plain, trees: ['/home', '/mnt/a b'], keys: ["restrict ssh-ed25519 AAAA ann's key"], sshdConfig: '/etc/ssh/sftp only'})
  expect(lines).toEqual(expect.arrayContaining([
    '(umask 022 && mkdir -p /srv/backupop/home)',
    "grep -qsxF '/home /srv/backupop/home none bind,ro,nosuid,nodev,noexec,nofail 0 0' /etc/fstab || printf '%s\\n' '/home /srv/backupop/home none bind,ro,nosuid,nodev,noexec,nofail 0 0' >>/etc/fstab",
    'mountpoint -q /srv/backupop/home || mount /srv/backupop/home',
    "mountpoint -q '/srv/backupop/mnt/a b' || mount '/srv/backupop/mnt/a b'",
    "grep -qsxF 'restrict ssh-ed25519 AAAA ann'\\''s key' /etc/ssh/authorized_keys/backupop || printf '%s\\n' 'restrict ssh-ed25519 AAAA ann'\\''s key' >>/etc/ssh/authorized_keys/backupop",
    "grep -qsxF 'Match User backupop' '/etc/ssh/sftp only' && echo \"backupop has a block there already, which is left as it is\" || cat >>'/etc/ssh/sftp only' <<'.'",
    "# Where bk is, all of it is examined by: bk keys sftp-chroot --check backupop --root /srv/backupop --sshd-config '/etc/ssh/sftp only'",
  ]))
  expect(lines.join('\n')).not.toContain('sshd_config.d')
})

/** Programs that write their arguments down instead of doing anything. */
function stubs(dir: string): string {
  const bin = join(dir, 'bin')
  mkdirSync(bin)
  for (const name of ['id', 'useradd', 'mkdir', 'touch', 'find', 'chown', 'chmod', 'mountpoint', 'mount', 'grep', 'sshd', 'systemctl', 'service', 'cat']) {
    const script = `#!/bin/sh\nfor word in ${name} "$@"; do printf '%s\\0' "$word"; done >>"$LOG"\nprintf '\\n\\0' >>"$LOG"\ncase ${name} in id|mountpoint|grep) exit 1;; esac\n`
    writeFileSync(join(bin, name), script, {mode: 0o755})
  }
  return bin
}

describe.each(odd)('%j', (path) => {
  const tree = `${path}/tree`.replace('/srv/', '/home/')
  const place = path + tree

  test('is one word to a shell, and to mount', () => {
    const dir = tempDir('recipe')
    const bin = stubs(dir)
    mkdirSync(join(dir, 'ssh'))
    // With stubs alone on PATH and all files of the system below the test's directory nothing happens.
    const script = recipeLines({...plain, root: path, trees: [tree]}).join('\n').replaceAll('/etc/', `${dir}/`).replaceAll('/usr/sbin/sshd', `${bin}/sshd`).replace(/^PATH=.*$/m, '')
    const {stderr} = spawnSync('/bin/sh', ['-c', script], {encoding: 'utf8', env: {PATH: bin, LOG: join(dir, 'log'), HOME: '/root'}})
    expect(stderr).toBe('')
    const commands = readFileSync(join(dir, 'log'), 'utf8').split('\n\0').map((command) => command.split('\0').slice(0, -1))
    expect(commands).toContainEqual(['mkdir', '-p', path])
    expect(commands).toContainEqual(['mkdir', '-p', place])
    expect(commands).toContainEqual(['mount', place])
    expect(commands).toContainEqual(['find', '-H', '/', '/srv', path, '-prune', '(', '!', '-type', 'd', '-o', '!', '-user', 'root', '-o', '-perm', '-020', '-o', '-perm', '-002', ')', '-exec', 'ls', '-ld', '{}', '+'])

    const fstab = join(dir, 'fstab')
    expect(readFileSync(fstab, 'utf8').match(/\n/g)).toHaveLength(1)
    const mounts = spawnSync('findmnt', ['--tab-file', fstab, '--json', '-o', 'SOURCE,TARGET,OPTIONS'], {encoding: 'utf8'})
    expect(JSON.parse(mounts.stdout)).toEqual({filesystems: [{source: tree, target: place, options: 'bind,ro,nosuid,nodev,noexec,nofail'}]})
  })

  test('is the root to sshd', () => {
    const dir = tempDir('recipe')
    const config = join(dir, 'sshd_config')
    spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(dir, 'host')])
    mkdirSync('/run/sshd', {recursive: true, mode: 0o755})
    writeFileSync(config, [`HostKey ${dir}/host`, ...matchBlock('backupop', path), ''].join('\n'))
    const {status, stdout, stderr} = spawnSync('/usr/sbin/sshd', ['-T', '-f', config, '-C', 'user=backupop,host=x,addr=192.0.2.1'], {encoding: 'utf8'})
    expect({status, stderr}).toEqual({status: 0, stderr: ''})
    const settings = parseSettings(stdout)
    expect(expandTokens(settingOf(settings, 'ChrootDirectory'), {name: 'backupop', uid: 1, home: '/x'})).toBe(path)
    expect(settingOf(settings, 'PermitTTY')).toBe('no')
  })
})

it.each(['sh', 'bash', 'dash'])('%s takes it as a whole', (shell) => {
  const {status, stderr} = spawnSync(shell, ['-n'], {input: recipeLines({...plain, trees: ["/it's"], keys: ["k'"]}).join('\n'), encoding: 'utf8'})
  expect({status, stderr}).toEqual({status: 0, stderr: ''})
})

test('what does not fit above the root is listed', () => {
  const root = join(tempDir('recipe'), "it's a root")
  mkdirSync(root)
  const line = recipeLines({...plain, root}).find((each) => each.startsWith('find ')) ?? ''
  const listed = (): boolean => {
    const {status, stdout, stderr} = spawnSync('sh', ['-c', line], {encoding: 'utf8'})
    expect({status, stderr}).toEqual({status: 0, stderr: ''})
    return stdout.split('\n').some((each) => each.endsWith(` ${root}`))
  }
  for (const [mode, found] of [[0o755, false], [0o775, true], [0o757, true], [0o750, false]] as const) {
    chmodSync(root, mode)
    expect({mode, found: listed()}).toEqual({mode, found})
  }
  chownSync(root, 1, 0)
  expect(listed()).toBe(true)
})

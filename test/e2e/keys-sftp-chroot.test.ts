// bk keys sftp-chroot: the lines that it prints are followed to the letter on this machine, but for the names of the files of sshd and
// fstab, which are the test's own. Then sshd shows what the account can do, and what it cannot; whatever is refused works for another
// account, or the test would prove nothing. What --check finds is in keys-sftp-chroot-check.test.ts.

import {once} from 'node:events'
import {existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync} from 'node:fs'
import {connect, createServer} from 'node:net'
import type {AddressInfo} from 'node:net'
import {join} from 'node:path'
import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, test} from 'vitest'
import {bk, open, sh, start} from '../harness/bk.ts'
import type {Result} from '../harness/bk.ts'
import {atEnd} from '../harness/cleanup.ts'
import {freePort, until} from '../harness/limits.ts'
import {clientProgram} from '../harness/sshd.ts'
import {tempDir} from '../harness/temp.ts'

const user = `bkt${process.pid.toString(36)}`
const free = `${user}free`
const root = `/srv/${user}`
/** Where both accounts could get at it. */
const socketFile = `/srv/${user}.socket`
const keysFile = `/etc/ssh/authorized_keys/${user}`

let dir: string
let config: string
let port: number
let env: Record<string, string>

/** A script in the test's directory, whose ssh, sftp and scp know the hosts `puller` and `free`: two accounts with a key each. */
const run = (script: string, more: Record<string, string> = {}): Promise<Result> => sh(script, {cwd: dir, env: {...env, ROOT: root, ACCOUNT: user, KEYS: keysFile, ...more}})
const sftp = (host: string, commands: string, options = ''): Promise<Result> => run(`sftp -q ${options} -b - ${host} <<<"$COMMANDS"`, {COMMANDS: commands})

async function succeed(script: string): Promise<string> {
  const {status, stdout, stderr} = await run(script)
  expect({script, status, stderr}).toEqual({script, status: 0, stderr: ''})
  return stdout.toString()
}

/** What bk prints, for these files of the test. */
async function printed(...args: readonly string[]): Promise<string> {
  const {status, stdout, stderr} = await bk(['keys', 'sftp-chroot', user, '--sshd-config', config, ...args])
  expect({status, stderr}).toEqual({status: 0, stderr: ''})
  return stdout.toString()
}

const check = (...args: readonly string[]): Promise<Result> => bk(['keys', 'sftp-chroot', '--check', user, '--sshd-config', config, ...args])

beforeAll(async () => {
  dir = tempDir('sftp-chroot')
  config = join(dir, 'sshd_config')
  port = await freePort()
  const hadKeys = existsSync('/etc/ssh/authorized_keys')
  atEnd(async () => {
    await run(`for place in $(grep -o "$ROOT[^ ]*" /proc/mounts); do umount -l "$place"; done; userdel ${user}; userdel ${free}; rm -rf --one-file-system "$ROOT"* /etc/ssh/authorized_keys/${user}*`)
    if (!hadKeys) await run('rmdir /etc/ssh/authorized_keys')
  })
  await succeed(`for key in host puller free; do ssh-keygen -q -t ed25519 -N '' -C $key -f $key; done; echo "[127.0.0.1]:${port} $(cat host.pub)" >known_hosts`)
  writeFileSync(config, [
    `Port ${port}`, 'ListenAddress 127.0.0.1', `HostKey ${dir}/host`, 'PidFile none', 'UsePAM no', 'LogLevel VERBOSE', 'UseDNS no', 'Subsystem sftp internal-sftp', 'Subsystem other /bin/cat',
    `AuthorizedKeysFile /etc/ssh/authorized_keys/%u`, 'X11Forwarding yes',
  ].join('\n'))
  const hosts = [['puller', user], ['free', free]].map(([name, account]) => [
    `Host ${name}`, 'HostName 127.0.0.1', `Port ${port}`, `User ${account}`, `IdentityFile ${dir}/${name}`, 'IdentitiesOnly yes', 'BatchMode yes', 'StrictHostKeyChecking yes',
    `UserKnownHostsFile ${dir}/known_hosts`, 'GlobalKnownHostsFile none', 'LogLevel ERROR', '',
  ].join('\n'))
  writeFileSync(join(dir, 'ssh_config'), hosts.join('\n'))
  for (const name of ['ssh', 'scp', 'sftp'] as const) clientProgram(join(dir, 'bin'), name, `-F ${dir}/ssh_config`)
  env = {PATH: `${dir}/bin:/usr/sbin:/usr/bin:/sbin:/bin`, SSH_AUTH_SOCK: join(dir, 'agent')}

  // The account, as bk says. The other one has a shell, and no block.
  writeFileSync(join(dir, 'recipe'), await printed('--key', join(dir, 'puller.pub')))
  expect(await succeed('sh recipe')).toBe(`forcecommand internal-sftp -R -d /\nchrootdirectory ${root}\n`)
  await succeed(`useradd --system --user-group --no-create-home --shell /bin/sh --password '*' ${free} && cp free.pub /etc/ssh/authorized_keys/${user}free`)
  mkdirSync(join(root, 'data/sub'), {recursive: true})
  writeFileSync(join(root, 'data/file'), 'content\n')
  writeFileSync(join(root, 'data/sub/deep'), 'deep\n')

  mkdirSync('/run/sshd', {recursive: true, mode: 0o755})
  start('setpriv', ['--pdeathsig', 'TERM', '/usr/sbin/sshd', '-D', '-f', config, '-E', join(dir, 'log')], {timeout: 600_000})
  start('ssh-agent', ['-D', '-a', env['SSH_AUTH_SOCK']!], {timeout: 600_000})
  await until('sshd answers', () => answer(port, Buffer.alloc(0), /SSH/))
})

/** What comes from a port on this machine until it matches or the other side hangs up; undefined where nobody listens. */
function answer(to: number, said: Buffer, enough: RegExp): Promise<string | undefined> {
  return new Promise((resolve) => {
    let heard = ''
    const socket = connect(to, '127.0.0.1', () => void socket.write(said))
    socket.on('data', (bytes) => {
      heard += bytes.toString('latin1')
      if (enough.test(heard)) socket.destroy()
    })
    socket.on('error', () => resolve(undefined)).on('close', () => resolve(heard))
  })
}

describe('following the lines', () => {
  test('again changes nothing', async () => {
    const state = (): Promise<string> => succeed(`cat ${config} ${keysFile}; getent passwd ${user}; getent shadow ${user}; stat -c '%A %U:%G' ${root} ${keysFile}`)
    const before = await state()
    expect(await succeed('sh recipe')).toContain(`${user} has a block there already, which is left as it is\n`)
    expect(await state()).toBe(before)
  })

  test('and all is right', async () => {
    const {status, stdout, stderr} = await check()
    expect({status, stderr, wrong: stdout.toString().match(/^(?:wrong|hint).*$/gm)}).toEqual({status: 0, stderr: '', wrong: null})
    expect(stdout.toString()).toContain(`ok: path: ${root}: root, 0755\n`)
    expect(await check('--root', root, '--from', '2001:db8::7')).toMatchObject({status: 0})
    expect(await check('-q')).toMatchObject({status: 0, stdout: Buffer.alloc(0)})
  })

  test('without --sshd-config, where sshd_config includes files: they hold for the account, and for nobody else', async () => {
    for (const include of [true, false]) {
      const etc = join(dir, `etc-${include}`)
      mkdirSync(join(etc, 'sshd_config.d'), {recursive: true})
      writeFileSync(join(etc, 'sshd_config'), `${include ? `Include ${etc}/sshd_config.d/*.conf\n` : ''}HostKey ${dir}/host\nSubsystem sftp internal-sftp\nUsePAM no\nPermitTTY yes`)
      const {stdout} = await bk(['keys', 'sftp-chroot', user])
      // sshd reads the test's file, and is not told to load it.
      const followed = stdout.toString().replaceAll('/etc/ssh/sshd_config', `${etc}/sshd_config`).replaceAll('/usr/sbin/sshd', `/usr/sbin/sshd -f ${etc}/sshd_config`).replace(/^(.* -t) && \{ systemctl .*$/m, '$1')
      expect(followed).not.toContain('systemctl')
      writeFileSync(join(dir, 'followed'), followed)
      for (const _again of [1, 2]) expect(await succeed('sh followed')).toContain(`forcecommand internal-sftp -R -d /\nchrootdirectory ${root}\n`)
      expect(existsSync(join(etc, `sshd_config.d/00-sftp-${user}.conf`))).toBe(include)
      const all = await succeed(`find ${etc} -type f -exec cat {} +`)
      expect(all.match(/^Match User /gm)).toHaveLength(1)
      expect(await succeed(`/usr/sbin/sshd -T -f ${etc}/sshd_config -C user=${free},host=x,addr=192.0.2.1 | grep -e ^permittty -e ^chrootd`)).toBe('permittty yes\nchrootdirectory none\n')
      expect(await bk(['keys', 'sftp-chroot', '--check', user, '--sshd-config', join(etc, 'sshd_config')])).toMatchObject({status: 0})
    }
  })
})

describe('reading', () => {
  test('sftp lists and gets', async () => {
    const {status, stdout} = await sftp('puller', 'pwd\nls -1\nls -1 data\nget -R /data got')
    expect({status, seen: stdout.toString().replaceAll(/^(?:sftp>|Retrieving ).*\n/gm, '')}).toEqual({status: 0, seen: 'Remote working directory: /\ndata\ndata/file\ndata/sub\n'})
    expect(await succeed(`diff -r got ${root}/data`)).toBe('')
  })

  test('scp, as it is today, reads by SFTP', async () => {
    expect(await succeed(`scp -q puller:/data/file copied && cat copied`)).toBe('content\n')
  })
})

describe.each([
  'put mine new', 'put mine file', 'reput longer file', 'put -R tree new', 'rm file', 'rename file other', 'rename -l file other', 'mkdir new', 'rmdir empty', 'chmod 600 file', 'chmod 700 .', 'ln file other',
  'ln -s /etc/passwd other', 'cp file other',
])('%s', (command) => {
  // A directory in which modes allow everybody everything.
  beforeEach(async () => {
    mkdirSync(join(dir, 'tree'), {recursive: true})
    for (const [name, text] of [['mine', 'mine\n'], ['longer', 'content and more\n'], ['tree/file', 'file\n']] as const) writeFileSync(join(dir, name), text)
    await succeed(`rm -rf "$ROOT/drop"; mkdir -p "$ROOT/drop/empty"; echo content >"$ROOT/drop/file"; chmod -R 777 "$ROOT/drop"; chown -R ${free} "$ROOT/drop"`)
  })
  afterEach(() => rmSync(join(root, 'drop'), {recursive: true}))
  const state = (): Promise<string> => succeed(`cd "$ROOT/drop" && find . -printf '%p %y %m %U:%G %n %s %T@ %l\\n' | sort`)

  test('works for the other account', async () => {
    const before = await state()
    expect(await sftp('free', `cd ${root}/drop\n${command}`)).toMatchObject({status: 0})
    expect(await state()).not.toBe(before)
  })

  test('is refused to this one, and nothing changes', async () => {
    await succeed(`chown -R ${user} "$ROOT/drop"`)
    const before = await state()
    expect(await sftp('puller', `cd /drop\n${command}`)).toMatchObject({status: 1, stderr: expect.stringMatching(/denied|not support|failure|no such file/i)})
    expect(await state()).toBe(before)
  })
})

describe('leaving the root', () => {
  test.each(['/etc/passwd', '../../etc/passwd', '/../../../etc/passwd', `/data/absolute`, '/data/relative', '/proc/self/environ', `${root}/data/file`])('get %s', async (path) => {
    rmSync(join(dir, 'stolen'), {force: true})
    if (!existsSync(join(root, 'data/relative'))) {
      symlinkSync('/etc/passwd', join(root, 'data/absolute'))
      symlinkSync('../../../../../etc/passwd', join(root, 'data/relative'))
    }
    expect(await sftp('puller', `get ${path} stolen`)).toMatchObject({status: 1})
    expect(existsSync(join(dir, 'stolen'))).toBe(false)
  })

  test('the way up ends in the root', async () => {
    expect(await sftp('puller', 'cd /data/../../..\npwd')).toMatchObject({status: 0, stdout: Buffer.from('sftp> cd /data/../../..\nsftp> pwd\nRemote working directory: /\n')})
  })
})

describe('everything else', () => {
  test.each([
    ['a shell', (host: string) => `echo 'echo seen' | ssh ${host}`, /^seen$/m],
    ['a command', (host: string) => `ssh ${host} echo seen </dev/null`, /^seen$/m],
    ['another subsystem', (host: string) => `echo seen | ssh -s ${host} other`, /^seen$/m],
    ['a terminal', (host: string) => `ssh -tt ${host} tty </dev/null`, /^\/dev\/pts/m],
    ['scp -O, from there', (host: string) => `rm -f got-o; scp -O -q ${host}:${host === 'free' ? root : ''}/data/file got-o </dev/null; cat got-o`, /^content$/m],
    ['scp -O, to there', (host: string) => `rm -f /tmp/${user}; scp -O -q known_hosts ${host}:/tmp/${user} </dev/null; cat /tmp/${user} && rm -f /tmp/${user}`, /ssh-ed25519/],
    ['an agent', (host: string) => `sftp -q -A -b - ${host} <<<'!find /tmp -maxdepth 2 -type s -name "agent.*" -user ${host === 'free' ? free : user} -printf "seen\\n"'`, /^seen$/m],
    ['a password', (host: string) => `ssh -v -o PreferredAuthentications=none -o LogLevel=DEBUG ${host} </dev/null 2>&1 | grep 'can continue'`, /password/],
  ])('%s works for the other account only', async (_name, script, seen) => {
    expect((await run(script('free'))).stdout.toString()).toMatch(seen)
    expect((await run(script('puller'))).stdout.toString()).not.toMatch(seen)
  })

  describe('forwarding', () => {
    const hello = createServer((socket) => void socket.end('hello'))
    const helloSocket = createServer((socket) => void socket.end('hello'))
    let target: number

    beforeAll(async () => {
      hello.listen(0, '127.0.0.1')
      helloSocket.listen(socketFile)
      await Promise.all([once(hello, 'listening'), once(helloSocket, 'listening')])
      target = (hello.address() as AddressInfo).port
      await succeed(`chmod 777 ${socketFile}`)
    })
    afterAll(() => [hello, helloSocket].forEach((each) => each.close()))

    /** What comes from a new port that ssh forwards by these words, or the last words of ssh. */
    async function heardBy(host: string, words: (at: number) => string, said: (target: number) => Buffer): Promise<string> {
      for (let attempt = 1; ; attempt++) {
        const at = await freePort()
        const ssh = start('ssh', ['-F', `${dir}/ssh_config`, '-N', '-o', 'ExitOnForwardFailure=yes', ...words(at).split(' '), host], {env, stdin: open})
        let last: string | undefined
        ssh.done.then(({stderr}) => (last = stderr), () => (last = 'killed'))
        const heard = await until('the port answers', async () => (await answer(at, said(target), /hello/)) ?? last)
        ssh.kill()
        // Somebody else has taken the port meanwhile.
        if (attempt === 3 || !/cannot listen|already in use/i.test(heard)) return heard
      }
    }

    const nothing = (): Buffer => Buffer.alloc(0)
    /** SOCKS 4: connect me to this port of your machine. */
    const connectTo = (to: number): Buffer => Buffer.from([4, 1, to >> 8, to & 255, 127, 0, 0, 1, 0])

    test.each([
      ['-L', (at: number) => `-L ${at}:127.0.0.1:${target}`, nothing],
      ['-L to a socket', (at: number) => `-L ${at}:${socketFile}`, nothing],
      ['-D', (at: number) => `-D ${at}`, connectTo],
      ['-R', (at: number) => `-R ${at}:127.0.0.1:${target}`, nothing],
    ])('%s works for the other account only', async (_option, words, said) => {
      expect(await heardBy('free', words, said)).toMatch(/hello$/)
      expect(await heardBy('puller', words, said)).not.toContain('hello')
    })

    test('-W works for the other account only', async () => {
      expect(await run(`ssh -W 127.0.0.1:${target} free`)).toMatchObject({status: 0, stdout: Buffer.from('hello')})
      expect(await run(`ssh -W 127.0.0.1:${target} puller`)).toMatchObject({status: 255, stdout: Buffer.alloc(0)})
    })

    test('-R to a socket works for the other account only', async () => {
      for (const [host, made] of [['free', 'yes'], ['puller', 'no']] as const) {
        const script = `ssh -o ExitOnForwardFailure=yes -N -R /tmp/${user}.sock:127.0.0.1:${target} ${host} & until [ -S /tmp/${user}.sock ] || ! kill -0 $! 2>/dev/null; do sleep 0.02; done; [ -S /tmp/${user}.sock ] && echo yes || echo no; kill $! 2>/dev/null; rm -f /tmp/${user}.sock`
        expect({host, made: (await run(script)).stdout.toString().trim()}).toEqual({host, made})
      }
    })
  })
})

describe('what --check says of logins is so', () => {
  test.each([
    ['chmod g+w $ROOT', 'chmod g-w $ROOT'],
    ['chown $ACCOUNT $ROOT', 'chown root $ROOT'],
    ['mv $ROOT $ROOT.away', 'mv $ROOT.away $ROOT'],
    ['usermod --lock $ACCOUNT', "usermod --password '*' $ACCOUNT"],
    ['usermod --expiredate 1970-01-03 $ACCOUNT', "usermod --expiredate '' $ACCOUNT"],
    ['chmod 600 $KEYS', 'chmod 644 $KEYS'],
    ['chmod 664 $KEYS', 'chmod 644 $KEYS'],
  ])('%s shuts it out', async (broken, mended) => {
    await succeed(broken)
    const [login, checked] = [await sftp('puller', 'ls'), await check()]
    await succeed(mended)
    expect({login: login.status, checked: checked.status}).toEqual({login: 255, checked: 1})
    expect(await sftp('puller', 'ls')).toMatchObject({status: 0})
  })
})

describe('--tree', () => {
  const tree = `/srv/${user} tree`

  test('shows a directory of the account itself, which it cannot write to', async () => {
    await succeed(`mkdir -m 777 "$TREE" && echo content >"$TREE/file" && chown -R ${user} "$TREE" && : >fstab`.replaceAll('$TREE', tree))
    const lines = await printed('--tree', tree)
    // The test has an fstab of its own.
    const followed = lines.replaceAll('/etc/fstab', `${dir}/fstab`).replace(/\|\| mount /, `|| mount -T ${dir}/fstab `)
    expect(followed).not.toBe(lines)
    writeFileSync(join(dir, 'followed'), followed)
    for (const _again of [1, 2]) await succeed('sh followed')
    expect(readFileSync(join(dir, 'fstab'), 'latin1').split('\n')).toHaveLength(2)
    expect(await succeed(`grep -c "^[^ ]* $ROOT/" /proc/mounts`)).toBe('1\n')
    expect(await sftp('puller', `get "${tree}/file" from-tree`)).toMatchObject({status: 0})
    expect(await succeed('cat from-tree')).toBe('content\n')
    expect(await run(`touch '${root}${tree}/new'`)).toMatchObject({status: 1, stderr: expect.stringContaining('Read-only file system')})
    expect(await check()).toMatchObject({status: 0})
    await succeed(`umount '${root}${tree}' && rm -r '${root}/srv'`)
  })
})

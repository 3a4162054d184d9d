// bk keys sftp-chroot --check: an account is made by the printed lines, and all is right. Then it is broken in many ways, one at a time,
// and each is found: status 1, and a line that names it. What is broken is put right again, by what the hint says where that is a command.

import {appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeAll, describe, expect, test} from 'vitest'
import {bk, root as repository, sh} from '../harness/bk.ts'
import type {Result} from '../harness/bk.ts'
import {atEnd} from '../harness/cleanup.ts'
import {tempDir} from '../harness/temp.ts'

const user = `bkc${process.pid.toString(36)}`
const root = `/srv/${user}`
const keysFile = `/etc/ssh/authorized_keys/${user}`

let dir: string
let config: string
/** The configuration in which nothing is wrong. */
let right: string

const run = (script: string): Promise<Result> => sh(script, {cwd: dir, env: {PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ROOT: root, KEYS: keysFile, ACCOUNT: user}})
const check = (...args: readonly string[]): Promise<Result> => bk(['keys', 'sftp-chroot', '--check', user, '--sshd-config', config, ...args])

async function succeed(script: string): Promise<void> {
  const {status, stderr} = await run(script)
  expect({script, status, stderr}).toEqual({script, status: 0, stderr: ''})
}

beforeAll(async () => {
  dir = tempDir('sftp-chroot-check')
  config = join(dir, 'sshd_config')
  const hadKeys = existsSync('/etc/ssh/authorized_keys')
  atEnd(async () => {
    await run('userdel $ACCOUNT; userdel ${ACCOUNT}2; rm -rf "$ROOT"* "$KEYS"*')
    if (!hadKeys) await run('rmdir /etc/ssh/authorized_keys')
  })
  mkdirSync('/run/sshd', {recursive: true, mode: 0o755})
  await succeed("for key in host puller; do ssh-keygen -q -t ed25519 -N '' -C $key -f $key; done")
  writeFileSync(config, `HostKey ${dir}/host\nUsePAM no\nSubsystem sftp internal-sftp\nAllowUsers nobody ${user} *@10.0.0.0/8\n`)
  const {stdout} = await bk(['keys', 'sftp-chroot', user, '--key', join(dir, 'puller.pub'), '--sshd-config', config])
  writeFileSync(join(dir, 'recipe'), stdout)
  await succeed('sh recipe')
  right = readFileSync(config, 'utf8')
  await succeed('mkdir $ROOT/data && echo content >$ROOT/file')
})

/** Checks, and expects one thing to be wrong: this line, and a hint. Answers the hint. */
async function expectWrong(line: RegExp, ...args: readonly string[]): Promise<string> {
  const {status, stdout, stderr} = await check('-q', ...args)
  const lines = stdout.toString().trimEnd().split('\n')
  expect({status, stderr, lines}).toEqual({status: 1, stderr: '', lines: [expect.stringMatching(line), expect.stringMatching(/^hint: \S/)]})
  return lines[1]!.slice('hint: '.length)
}

async function expectRight(...args: readonly string[]): Promise<void> {
  const {status, stdout, stderr} = await check('-q', ...args)
  expect({status, stderr, stdout: stdout.toString()}).toEqual({status: 0, stderr: '', stdout: ''})
}

/** Does something while sshd has another configuration. */
async function withConfig(text: string, work: () => Promise<unknown>): Promise<void> {
  writeFileSync(config, text)
  await work()
  writeFileSync(config, right)
}

describe('the account', () => {
  test.each([
    ['has a shell', 'usermod --shell /bin/sh $ACCOUNT', /^wrong: shell: \/bin\/sh: /],
    ['has a password', "usermod --password '$6$aaaaaaaa$bbbbbbbb' $ACCOUNT", /^wrong: password: the account has one/],
    ['needs no password', "usermod --password '' $ACCOUNT", /^wrong: password: it is empty/],
    ['is locked, and sshd does not ask PAM', 'usermod --lock $ACCOUNT', /^wrong: password: locked \('!'\): sshd without PAM/],
    ['has expired', 'usermod --expiredate 1970-01-03 $ACCOUNT', /^wrong: expiry: the account has expired/],
  ])('%s; the hint mends it', async (_name, broken, line) => {
    await succeed(broken)
    await succeed(await expectWrong(line))
    await expectRight()
  })

  test.each([
    ['has to change its password', 'chage --lastday 0 $ACCOUNT', /^wrong: expiry: the password has to be changed/],
    ['has a password that will run out', 'chage --maxdays 90 $ACCOUNT', /^wrong: expiry: the password runs out after 90 days/],
    ['has a password that has run out', 'chage --lastday 2020-01-01 --maxdays 90 $ACCOUNT', /^wrong: expiry: the password has run out/],
  ])('%s, which only PAM minds; the hint mends it', async (_name, broken, line) => {
    await succeed(broken)
    await expectRight()
    await withConfig(right.replace('UsePAM no', 'UsePAM yes'), async () => {
      await succeed(await expectWrong(line))
      await expectRight()
    })
  })

  test('is locked, which PAM does not mind', async () => {
    await succeed('usermod --lock $ACCOUNT')
    await withConfig(right.replace('UsePAM no', 'UsePAM yes'), () => expectRight())
    await succeed("usermod --password '*' $ACCOUNT")
  })

  test('shares its number', async () => {
    await succeed('useradd --system --non-unique --uid $(id -u $ACCOUNT) --no-create-home --shell /bin/false ${ACCOUNT}2')
    await expectWrong(new RegExp(`^wrong: account: ${user} has the number \\d+, and so has ${user}2$`))
    await succeed('userdel ${ACCOUNT}2')
  })

  test('is not there', async () => {
    const {status, stdout} = await bk(['keys', 'sftp-chroot', '--check', `${user}x`, '--sshd-config', config])
    expect({status, stdout: stdout.toString()}).toEqual({status: 1, stdout: expect.stringContaining(`wrong: account: there is no account ${user}x on this machine\nhint: bk keys sftp-chroot ${user}x prints how to make it\n`)})
  })
})

describe('the root', () => {
  test.each([
    ['may be written by its group', 'chmod g+w $ROOT', /^wrong: path: \/srv\/\w+ may be written by its group \(mode 0775\)/],
    ['may be written by everybody', 'chmod o+w $ROOT', /^wrong: path: \/srv\/\w+ may be written by everybody \(mode 0757\)/],
    ['lets somebody write by an ACL', 'setfacl -m u:nobody:rwx $ROOT', /^wrong: path: \/srv\/\w+ may be written by its group/],
    ['belongs to the account', 'chown $ACCOUNT $ROOT', /^wrong: path: \/srv\/\w+ belongs to user \d+, not to root: sshd refuses every login$/],
    ['cannot be read', 'chmod 700 $ROOT', /^wrong: reads: \w+ cannot list/],
  ])('%s; the hint mends it', async (_name, broken, line) => {
    await succeed(broken)
    await succeed((await expectWrong(line)).replace(/; .*/, ''))
    await expectRight()
  })

  test('is not there, or is a file', async () => {
    await succeed('mv $ROOT $ROOT.away')
    await expectWrong(/^wrong: path: \/srv\/\w+ is not there: /)
    await succeed(': >$ROOT')
    await expectWrong(/^wrong: path: \/srv\/\w+ is no directory: /)
    await succeed('rm $ROOT && mv $ROOT.away $ROOT')
  })

  test('is behind a link to where others can put something else in its place', async () => {
    await succeed('mkdir -p -m 777 $ROOT.own && chmod 777 $ROOT.own && mkdir $ROOT.own/deep && ln -s ../srv/${ROOT#/srv/}.own/deep $ROOT.link')
    await withConfig(right.replace(root, `${root}.link`), async () => {
      await expectWrong(/^wrong: path: \/srv\/\w+\.own may be written by everybody/)
      await succeed('chmod 755 $ROOT.own')
      await expectRight()
    })
    await succeed('rm -r $ROOT.own $ROOT.link')
  })

  test.each([
    ['a directory and a file of the account', 'chown $ACCOUNT $ROOT/data $ROOT/file', 'chown root $ROOT/data $ROOT/file', 'data, file'],
    ['a file of everybody', 'chmod 666 $ROOT/file', 'chmod 644 $ROOT/file', 'file'],
    ['a file of its group', 'chgrp $ACCOUNT $ROOT/file && chmod 664 $ROOT/file', 'chgrp root $ROOT/file && chmod 644 $ROOT/file', 'file'],
    ['what an ACL allows it', 'setfacl -m u:$ACCOUNT:rwx $ROOT/data', 'setfacl -b $ROOT/data', 'data'],
  ])('has something in it that the account can write to: %s', async (_name, broken, mended, names) => {
    await succeed(broken)
    await expectWrong(new RegExp(`^wrong: writes: ${user} can write to ${names} in ${root}: nothing but -R`))
    await succeed(mended)
  })

  test('has a link in it to what the account could write to outside', async () => {
    await succeed('ln -s /tmp $ROOT/link')
    await expectRight()
    await succeed('rm $ROOT/link')
  })

  test('is another than was asked for', async () => {
    await expectRight('--root', `${root}/`)
    await expectWrong(new RegExp(`^wrong: chrootdirectory: ${root}, and not /srv/other$`), '--root', '/srv/other')
  })
})

describe('sshd', () => {
  /** What is written instead of a line of the block, and what is wrong then. */
  test.each([
    ['ForceCommand', '', 'forcecommand: none'],
    ['ForceCommand', 'ForceCommand internal-sftp', 'forcecommand: internal-sftp: without -R'],
    ['ForceCommand', 'ForceCommand internal-sftp -d -R', 'forcecommand: internal-sftp -d -R: without -R'],
    ['ForceCommand', 'ForceCommand internal-sftp -l INFO -u 022', 'forcecommand: internal-sftp -l INFO -u 022: without -R'],
    ['ForceCommand', 'ForceCommand /usr/lib/openssh/sftp-server -R', 'forcecommand: /usr/lib/openssh/sftp-server -R: this is no internal-sftp'],
    ['AllowAgentForwarding', '', 'allowagentforwarding: yes'],
    ['X11Forwarding', 'X11Forwarding yes', 'x11forwarding: yes'],
    ['PermitTunnel', 'PermitTunnel point-to-point', 'permittunnel: point-to-point'],
    ['PermitTTY', '', 'permittty: yes'],
    ['PermitUserRC', 'PermitUserRC yes', 'permituserrc: yes'],
    ['PubkeyAuthentication', 'PubkeyAuthentication no', 'pubkeyauthentication: no'],
    ['AuthenticationMethods', 'AuthenticationMethods publickey password', 'authenticationmethods: publickey password: password is no key'],
    ['AuthenticationMethods', 'AuthenticationMethods publickey,keyboard-interactive', 'authenticationmethods: publickey,keyboard-interactive: '],
    ['AuthorizedKeysFile', 'AuthorizedKeysFile none', 'authorizedkeysfile: none'],
    ['AllowUsers', 'AllowUsers nobody', 'allowusers: '],
    ['AllowUsers', `DenyUsers ${user.slice(0, 3)}*`, 'denyusers: '],
    ['AllowUsers', 'AllowGroups wheel', 'allowgroups: '],
    ['AllowUsers', `DenyGroups ${user}`, 'denygroups: '],
    ['Subsystem', 'Subsystem other internal-sftp', 'subsystem: there is none of the name sftp'],
    ['UsePAM', 'UsePAM no\nPermitUserEnvironment yes', 'permituserenvironment: yes'],
    ['UsePAM', `UsePAM no\nMatch User ${user}\nPermitTTY yes\nMatch all`, 'permittty: yes'],
  ])('instead of %s: %j', async (keyword, instead, wrong) => {
    await withConfig(right.replace(new RegExp(`^ *${keyword} .*$`, 'm'), instead), () => expectWrong(new RegExp(`^wrong: ${wrong.replaceAll(/[()*]/g, '\\$&')}`)))
  })

  test('forwards, if nothing forbids it', async () => {
    const open = right.replace(/^ *DisableForwarding.*\n/m, '')
    await withConfig(open, () => expectRight())
    for (const keyword of ['AllowTcpForwarding', 'AllowStreamLocalForwarding']) {
      await withConfig(open.replace(`${keyword} no`, `${keyword} yes`), () => expectWrong(new RegExp(`^wrong: ${keyword.toLowerCase()}: yes: `)))
      await withConfig(right.replace(`${keyword} no`, `${keyword} yes`), () => expectRight())
    }
  })

  test('takes passwords, if nothing forbids it', async () => {
    const open = right.replace(/^ *AuthenticationMethods.*\n/m, '')
    await withConfig(open, () => expectRight())
    await withConfig(open.replace('PasswordAuthentication no', 'PasswordAuthentication yes'), () => expectWrong(/^wrong: passwordauthentication: yes: a password gets in$/))
  })

  test('does not chroot', async () => {
    for (const [dir, line] of [['none', `wrong: chrootdirectory: none: ${user} sees the whole machine`], ['/', 'wrong: chrootdirectory: /: this confines nothing']] as const) {
      await withConfig(right.replace(/ChrootDirectory .*/, `ChrootDirectory ${dir}`), async () => {
        const {status, stdout} = await check()
        expect({status, lines: stdout.toString().split('\n')}).toEqual({status: 1, lines: expect.arrayContaining([line])})
      })
    }
  })

  test('has no block for the account', async () => {
    await withConfig(right.replace(/^Match[^]*/m, ''), async () => {
      const {status, stdout} = await check('-q')
      const named = [...stdout.toString().matchAll(/^wrong: (\w+)/gm)].map(([, what]) => what)
      expect({status, named}).toEqual({status: 1, named: expect.arrayContaining(['chrootdirectory', 'forcecommand', 'passwordauthentication', 'allowtcpforwarding', 'permittty', 'authorizedkeysfile'])})
    })
  })

  test('has a block for some addresses only', async () => {
    await withConfig(right.replace(`Match User ${user}`, `Match User ${user} Address 10.0.0.0/8`), async () => {
      await expectRight('--from', '10.1.2.3')
      for (const from of [[], ['--from', '192.0.2.7']]) expect(await check(...from)).toMatchObject({status: 1})
    })
  })
})

describe('the keys', () => {
  test.each([
    ['belong to the account', 'chown $ACCOUNT $KEYS', 'authorizedkeysfile: \\S+: \\S+ belongs to user \\d+'],
    ['may be written by a group', 'chmod 664 $KEYS', 'authorizedkeysfile: \\S+: \\S+ may be written by its group'],
    ['cannot be read by the account', 'chmod 600 $KEYS', 'authorizedkeysfile: \\S+: \\S+, as whom sshd reads it, cannot read it'],
  ])('%s; the hint mends it', async (_name, broken, line) => {
    await succeed(broken)
    await succeed((await expectWrong(new RegExp(`^wrong: ${line}`))).replace(/, .*/, ''))
    await expectRight()
  })

  test.each([
    ['are not there', 'mv $KEYS $KEYS.away', 'mv $KEYS.away $KEYS'],
    ['are none', "cp $KEYS $KEYS.away && printf '# none\\n\\n' >$KEYS", 'mv $KEYS.away $KEYS'],
  ])('%s', async (_name, broken, mended) => {
    await succeed(broken)
    await expectWrong(/^wrong: authorizedkeysfile: no key in \S+: nobody gets in$/)
    await succeed(mended)
  })

  test('lie where everybody can put others; the hint mends it', async () => {
    await succeed('mkdir $ROOT.keys && chmod 777 $ROOT.keys && cp $KEYS $ROOT.keys')
    await withConfig(right.replace(/AuthorizedKeysFile .*/, `AuthorizedKeysFile ${root}.keys/%u`), async () => {
      await succeed((await expectWrong(/^wrong: authorizedkeysfile: \S+: \S+\.keys may be written by everybody \(mode 0777\): who can write there/)).replace(/, .*/, ''))
      await expectRight()
    })
    await succeed('rm -r $ROOT.keys')
  })

  test('lie in the home of the account', async () => {
    await succeed('mkdir -p $ROOT.home/.ssh && cp $KEYS $ROOT.home/.ssh/authorized_keys && chown -R $ACCOUNT $ROOT.home && usermod --home $ROOT.home $ACCOUNT')
    await withConfig(right.replace(/AuthorizedKeysFile .*/, 'AuthorizedKeysFile .ssh/authorized_keys'), async () => {
      await expectWrong(/^wrong: authorizedkeysfile: \S+\.home\/\.ssh\/authorized_keys: \/srv\/\w+\.home belongs to user \d+, not to root: who can write there lets in whom he likes$/)
      await succeed('chown -R root $ROOT.home')
      await expectRight()
    })
    await succeed('usermod --home /nonexistent $ACCOUNT && rm -r $ROOT.home')
  })
})

describe('what cannot be examined', () => {
  test.each([
    ['a configuration with an error', () => appendFileSync(config, 'Foo bar\n'), /^bk keys sftp-chroot: sshd does not say what it would do: .*line \d+: Bad configuration option: Foo.*\nbk keys sftp-chroot: hint: mend .*sshd -t -f /],
    ['no configuration', () => rmSync(config), /sshd_config: No such file or directory/],
    ['no keys of the machine', () => writeFileSync(config, 'HostKey /nonexistent\n'), /no hostkeys available.*\n.*hint: make keys for this machine: ssh-keygen -A\n$/],
  ])('%s', async (_name, broken, said) => {
    broken()
    const {status, stdout, stderr} = await check()
    expect({status, stdout: stdout.toString(), stderr}).toEqual({status: 2, stdout: '', stderr: expect.stringMatching(said)})
    writeFileSync(config, right)
  })
})

test('sshd is found where PATH does not lead to it', async () => {
  expect(await sh('"$BK" keys sftp-chroot --check "$NAME" --sshd-config "$CONFIG" -q', {env: {BK: `${repository}/bin/bk`, NAME: user, CONFIG: config, PATH: '/usr/bin:/bin'}})).toMatchObject({status: 0, stderr: ''})
})

test('as JSON', async () => {
  await succeed('chmod g+w $ROOT')
  const {status, stdout} = await check('--json')
  const all = stdout.toString().trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, string>)
  expect({status, wrong: all.filter(({verdict}) => verdict === 'wrong')}).toEqual({
    status: 1,
    wrong: [{type: 'finding', verdict: 'wrong', what: 'path', message: `${root} may be written by its group (mode 0775): sshd refuses every login`, hint: expect.stringContaining(`chmod go-w ${root}`)}],
  })
  expect(all).toContainEqual({type: 'finding', verdict: 'ok', what: 'shell', message: '/bin/false'})
  await succeed('chmod g-w $ROOT')
})

// What bk keys sftp-chroot --check makes of passwd, shadow and sshd -T: tables of what is right and what is wrong.

import {chmodSync, mkdirSync, symlinkSync} from 'node:fs'
import {join} from 'node:path'
import {describe, expect, it, test, vi} from 'vitest'
import KeysSftpChroot from '../../../src/commands/keys/sftp-chroot.ts'
import {numberFinding, parsePasswd, parseShadow, passwordFindings, shellFinding, type Account} from '../../../src/lib/keys/sftp-chroot-account.ts'
import {matchBlock} from '../../../src/lib/keys/sftp-chroot-block.ts'
import {findingAsJson, findingLines, ok, wrong} from '../../../src/lib/keys/sftp-chroot-finding.ts'
import {placesOf, rootFindings} from '../../../src/lib/keys/sftp-chroot-paths.ts'
import {allowedFindings, expandTokens, keyFiles, parseSettings, settingFindings} from '../../../src/lib/keys/sftp-chroot-settings.ts'
import {tempDir} from '../../harness/temp.ts'

const passwd = 'root:x:0:0:root:/root:/bin/bash\na:x:1000:1000:,,,:/home/a:/bin/sh\n# comment\n+nis\nb:x:1000:1::/:/bin/false\nc:x:2:2::/c:\nbroken:x:one:1::/:/bin/sh\n'
const account = (name: string): Account => parsePasswd(passwd).find((each) => each.name === name)!
const TODAY = 20_000

describe('the account', () => {
  test('lines of passwd', () => {
    expect(parsePasswd(passwd).map(({name, uid, gid, home, shell}) => [name, uid, gid, home, shell])).toEqual([
      ['root', 0, 0, '/root', '/bin/bash'], ['a', 1000, 1000, '/home/a', '/bin/sh'], ['b', 1000, 1, '/', '/bin/false'], ['c', 2, 2, '/c', '/bin/sh'],
    ])
  })

  test('a line of shadow', () => {
    expect(parseShadow('ab:*:1::::::\na:!:2:3:4:5:6:7:\n', 'a')).toEqual(['!', '2', '3', '4', '5', '6', '7', ''])
    expect(parseShadow('ab:*:1::::::\n', 'a')).toBeUndefined()
  })

  test('numbers', () => {
    const all = parsePasswd(passwd)
    expect(numberFinding(account('c'), all)).toEqual(ok('account', 'c, number 2'))
    expect(numberFinding(account('a'), all)).toMatchObject({verdict: 'wrong', text: 'a has the number 1000, and so has b'})
    expect(numberFinding({...account('c'), uid: 0}, all)).toMatchObject({verdict: 'wrong', text: expect.stringContaining('number of root')})
  })

  it.each([
    ['/bin/false', 'ok'], ['/usr/sbin/nologin', 'ok'], ['/sbin/nologin', 'ok'], ['/bin/sh', 'wrong'], ['/usr/bin/git-shell', 'wrong'], ['/tmp/false', 'wrong'], ['/bin/\x1b[2Jfalse', 'wrong'],
  ] as const)('the shell %j is %s', (shell, verdict) => {
    expect(shellFinding({...account('a'), shell}).verdict).toBe(verdict)
  })

  it.each([
    ['*', false, 'ok'], ['*', true, 'ok'], ['*LK*', false, 'ok'], ['!', true, 'ok'], ['!!', true, 'ok'], ['!', false, 'wrong'], ['!!', false, 'wrong'], ['!$6$x$y', false, 'wrong'], ['$6$x$y', true, 'wrong'], ['$y$x', false, 'wrong'], ['', true, 'wrong'],
  ] as const)('the password %j, with PAM %s, is %s', (hash, pam, verdict) => {
    expect(passwordFindings(account('a'), [hash, '19999', '', '', '', '', '', ''], pam, TODAY).map((finding) => finding.verdict)).toEqual([verdict])
    expect(passwordFindings({...account('a'), password: hash}, undefined, pam, TODAY).map((finding) => finding.verdict)).toEqual([verdict])
  })

  it.each([
    [['19000', '0', '99999', '7', '', ''], []],
    [['19000', '', '-1', '', '', ''], []],
    [['', '', '', '', '', ''], []],
    [['19999', '0', '90', '7', '', ''], ['the password runs out after 90 days']],
    [['19000', '0', '90', '7', '', ''], ['the password has run out']],
    [['0', '0', '99999', '7', '', ''], ['the password has to be changed at the next login']],
    [['19000', '', '', '', '', '19999'], ['the account has expired']],
    [['19000', '', '', '', '', '20000'], []],
    [['19000', '', '', '', '', '0'], ['the account has expired']],
  ])('the dates %j', (dates, found) => {
    const [, ...findings] = passwordFindings(account('a'), ['*', ...dates], true, TODAY)
    expect(findings.map(({verdict, text}) => [verdict, text.replace(/:.*/, '')])).toEqual(found.map((text) => ['wrong', text]))
  })

  test('without an entry in shadow', () => {
    expect(passwordFindings(account('a'), undefined, true, TODAY)).toEqual([wrong('password', expect.stringContaining('no entry in /etc/shadow'), expect.any(String))])
  })
})

describe('settings', () => {
  const block = matchBlock('a', '/srv/a').slice(1, -1).map((line) => line.trim().replace(/^\S+/, (keyword) => keyword.toLowerCase()))
  const right = `${block.join('\n')}\npermituserenvironment no\nsubsystem other /bin/cat\nsubsystem sftp /usr/lib/openssh/sftp-server\n`
  const wrongIn = (text: string): string[] => settingFindings(parseSettings(text), 'a').filter(({verdict}) => verdict === 'wrong').map(({what}) => what)

  test('those of the printed block are right', () => {
    expect(wrongIn(right)).toEqual([])
  })

  it.each([
    ['internal-sftp -R', true], ['internal-sftp -R -d /', true], ['internal-sftp -d / -R', true], ['internal-sftp -eR', true], ['internal-sftp -l INFO -R', true], ['internal-sftp -lINFO -R', true], ['internal-sftp\t-R', true], ['internal-sftp -u 022 -f AUTH -R', true],
    ['internal-sftp', false], ['internal-sftp -d -R', false], ['internal-sftp -dR', false], ['internal-sftp -l R', false], ['internal-sftp R', false], ['internal-sftp x -R', false], ['internal-sftp -- -R', false], ['internal-sftp -r', false], ['internal-sftp -PR', false],
    ['internal-sftp2 -R', false], ['/usr/lib/openssh/sftp-server -R', false], ['none', false], ['bk offer /srv', false],
  ])('forcecommand %j: %s', (command, fine) => {
    expect(wrongIn(right.replace(/^forcecommand .*$/m, `forcecommand ${command}`))).toEqual(fine ? [] : ['forcecommand'])
  })

  it.each([
    ['publickey', true], ['publickey,publickey', true], ['publickey:rsa', true], ['publickey publickey,publickey', true], ['password', false], ['publickey,password', false], ['publickey password', false], ['publickeys', false], ['any', true],
  ])('authenticationmethods %j: %s', (methods, fine) => {
    expect(wrongIn(right.replace(/^authenticationmethods .*$/m, `authenticationmethods ${methods}`))).toEqual(fine ? [] : ['authenticationmethods'])
  })

  test('any method, and several of them', () => {
    const text = `${right.replace(/^authenticationmethods .*$/m, 'authenticationmethods any').replaceAll('authentication no', 'authentication yes')}gssapiauthentication yes\nhostbasedauthentication yes\n`
    expect(wrongIn(text)).toEqual(['passwordauthentication', 'kbdinteractiveauthentication', 'hostbasedauthentication', 'gssapiauthentication'])
  })

  it.each([
    [{}, []],
    [{allowusers: ['a']}, ['ok allowusers']],
    [{allowusers: ['b', 'a*']}, ['ok allowusers']],
    [{allowusers: ['?@10.*']}, ['ok allowusers']],
    [{allowusers: ['b', 'aa', '.']}, ['wrong allowusers']],
    [{denyusers: ['*']}, ['wrong denyusers']],
    [{denyusers: ['a@10.*']}, []],
    [{denyusers: ['b']}, []],
    [{allowgroups: ['g2']}, ['ok allowgroups']],
    [{allowgroups: ['wheel', 'g?']}, ['ok allowgroups']],
    [{allowgroups: ['wheel']}, ['wrong allowgroups']],
    [{denygroups: ['g1']}, ['wrong denygroups']],
    [{allowusers: ['a'], allowgroups: ['wheel']}, ['ok allowusers', 'wrong allowgroups']],
    [{denyusers: ['a'], allowusers: ['a']}, ['wrong denyusers']],
  ])('%j', (lists, expected) => {
    const found = allowedFindings(new Map(Object.entries(lists)), 'a', ['g1', 'g2'])
    expect(found.map(({verdict, what}) => `${verdict} ${what}`)).toEqual(expected)
  })

  test('a subsystem', () => {
    expect(wrongIn(right.replace(/^subsystem sftp .*\n/m, ''))).toEqual(['subsystem'])
  })

  test('files of keys', () => {
    const files = (value: string): string[] => keyFiles(parseSettings(`authorizedkeysfile ${value}\n`), {name: 'a', uid: 7, home: '/home/a'})
    expect(files('.ssh/authorized_keys .ssh/authorized_keys2')).toEqual(['/home/a/.ssh/authorized_keys', '/home/a/.ssh/authorized_keys2'])
    expect(files('/etc/%u/%U %h/x /100%%')).toEqual(['/etc/a/7', '/home/a/x', '/100%'])
    expect(files('none')).toEqual([])
  })

  test('tokens that sshd does not know stay', () => {
    expect(expandTokens('/%x/%%u/%', {name: 'a', uid: undefined, home: undefined})).toBe('/%x/%u/%')
    expect(expandTokens('/%h', {name: 'a', uid: undefined, home: undefined})).toBe('/%h')
  })

  test('lines without a value, with blanks around it, and keywords with several lines', () => {
    expect([...parseSettings('A 1\na 2\n\nb\nc  x y \r\n')]).toEqual([['a', ['1', '2']], ['c', [' x y ']]])
  })
})

describe('places', () => {
  test('behind links, relative, absolute and in a circle', () => {
    const dir = tempDir('places')
    mkdirSync(join(dir, 'a/b'), {recursive: true})
    symlinkSync('a', join(dir, 'relative'))
    symlinkSync(join(dir, 'a'), join(dir, 'absolute'))
    symlinkSync('../a/./b/..', join(dir, 'a/up'))
    symlinkSync('circle', join(dir, 'circle'))
    const below = (path: string): string[] => placesOf(join(dir, path)).filter((place) => place.startsWith(dir)).map((place) => place.slice(dir.length))
    expect(below('a/b')).toEqual(['', '/a', '/a/b'])
    expect(below('relative/b')).toEqual(['', '/a', '/a/b'])
    expect(below('absolute/b')).toEqual(['', '/a', '/a/b'])
    expect(below('a/up/b')).toEqual(['', '/a', '/a/b'])
    expect(below('circle/x')).toEqual([''])
    expect(below('missing/x')).toEqual([''])
  })

  test('of a root are examined where its links lead, too', () => {
    const dir = tempDir('places')
    mkdirSync(join(dir, 'own/deep'), {recursive: true})
    chmodSync(join(dir, 'own'), 0o777)
    symlinkSync('own/deep', join(dir, 'link'))
    const found = rootFindings(join(dir, 'link'), 'a').map(({verdict, text}) => `${verdict} ${text.replace(/[: ].*/, '')}`)
    expect(found).toContain(`wrong ${dir}/own`)
    expect(found.at(-1)).toMatch(new RegExp(`${dir}/own/deep$`))
  })
})

test('lines, whatever a name is', () => {
  expect(findingLines(ok('a', 'b\nwrong: x'))).toBe('ok: a: b\\012wrong: x\n')
  expect(findingLines(wrong('a', 'b', 'c'))).toBe('wrong: a: b\nhint: c\n')
  expect(findingAsJson(wrong('a', 'b', 'c'))).toBe('{"type":"finding","verdict":"wrong","what":"a","message":"b","hint":"c"}\n')
})

describe('the command', () => {
  type Startable = {start(words: readonly string[], argv: readonly string[]): Promise<unknown>}
  const start = (...argv: readonly string[]): Promise<unknown> => (KeysSftpChroot as unknown as Startable).start(['keys', 'sftp-chroot'], argv)

  test('is for root', async () => {
    const getuid = vi.spyOn(process, 'getuid').mockReturnValue(1000)
    await expect(start('--check', 'a')).rejects.toMatchObject({status: 2, message: 'only root can examine this', hint: 'run it as root: sudo bk keys sftp-chroot --check a'})
    getuid.mockRestore()
  })

  it.each([
    [['root'], 'nothing confines root'], [['--', '-x'], 'not the name of an account: -x'], [['a', '--root', 'x'], 'not an absolute path'], [['a', '--root', '/'], 'would confine nothing'], [['a', '--tree', '/'], 'below itself'],
    [['a', '--sshd-config', 'x'], 'not an absolute path'], [['--check', 'a', '--from', 'host'], 'not an address: host'], [['--check', 'a', '--root', '/a"'], 'cannot say'],
  ])('%j is a wrong command line', async (argv, message) => {
    await expect(start(...argv)).rejects.toMatchObject({status: 64, message: expect.stringContaining(message)})
  })

  it.each([['a', '--json'], ['a', '-q'], ['a', '--from', '192.0.2.1'], ['a', '--check', '--tree', '/x'], ['a', '--check', '--key', 'x']])('%s %s is one, too', async (...argv) => {
    await expect(start(...argv)).rejects.toMatchObject({status: 64, message: expect.stringMatching(/^--\w+ goes (?:not )?with --check$/)})
  })
})

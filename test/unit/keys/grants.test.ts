// What a key may do, as words and back, and which command a client gets.

import {describe, expect, it, test} from 'vitest'
import {chooseCommand, grantWords, parseGrants, type Grants} from '../../../src/lib/keys/grants.ts'

const limits = {quota: 214_748_364_800, perDay: 48, maxFile: 1, maxEntries: 0, reserve: 5, deadline: 3600}
const receive = {store: '/backup/store', set: 'web1', limits: {}}

describe('words', () => {
  it.each<[string, Grants, string]>([
    ['receive', {receive, browse: undefined, source: undefined}, '--receive /backup/store --set web1'],
    ['browse', {receive: undefined, browse: '/s', source: undefined}, '--browse /s'],
    ['source', {receive: undefined, browse: undefined, source: '/srv'}, '--source /srv'],
    ['receive and source', {receive, browse: undefined, source: '/srv'}, '--receive /backup/store --set web1 --source /srv'],
    ['all three', {receive, browse: '/s', source: '/srv'}, '--receive /backup/store --set web1 --browse /s --source /srv'],
    ['both, with limits', {receive: {...receive, limits}, browse: '/s', source: undefined}, '--receive /backup/store --set web1 --quota 214748364800 --per-day 48 --max-file 1 --max-entries 0 --reserve 5 --deadline 3600s --browse /s'],
  ])('%s', (_name, grants, words) => {
    expect(grantWords(grants).join(' ')).toBe(words)
    expect(parseGrants(words.split(' '))).toEqual(grants)
  })

  it.each([
    '', '--receive', '--receive /s', '--set x', '--receive /s --set x --quota', '--receive /s --set x --quota 1G', '--receive /s --set x --quota 01', '--set x --receive /s',
    '--browse /s --receive /s --set x', '--receive /s --set x --offer /etc', '--browse /s --browse /t', '--receive /s --set x --deadline 3600', '--receive /s --set x --deadline 1h', '--receive /s --set x --deadline 060s', '--receive /s --set x --deadline s',
    '--receive /s --set x --quota 1s', '--source', '--source /a --source /b', '--source /a --browse /s', '--source /a --receive /s --set x', '--source /a --quota 1', '--source /a /b', '--deadline 60s --browse /s', '--receive /s --set x --quota -1 extra',
  ])('%j is none of ours', (words) => {
    expect(parseGrants(words.split(' '))).toBeUndefined()
  })
})

describe('the command of a client', () => {
  test.each([
    [undefined, 'receive'],
    ['', 'receive'],
    ['bk receive', 'receive'],
    ['bk browse', 'browse'],
  ])('%j gets %s', (asked, command) => {
    expect(chooseCommand(asked, ['receive', 'browse'])).toBe(command)
  })

  test('offer: by its name, and by none where nothing else is granted', () => {
    expect(chooseCommand('bk offer', ['receive', 'browse', 'offer'])).toBe('offer')
    expect(chooseCommand('bk offer', ['offer'])).toBe('offer')
    expect(chooseCommand(undefined, ['offer'])).toBe('offer')
    expect(chooseCommand('', ['browse', 'offer'])).toBe('browse')
  })

  test.each([
    'offer', 'bk', ' bk offer', 'bk offer ', 'bk  offer', 'bk offer /etc', 'bk offer -- /etc', "bk offer -- '/etc'", 'bk offer --', 'bk offer -v', 'bk offer\n', 'bk offer\nbk offer', 'bk offer;id', 'BK OFFER', 'bk receive',
    'bk browse', 'internal-sftp', '/usr/lib/openssh/sftp-server', 'bk forced --source /', 'bk index /etc', 'bk push /etc host:', 'sh', 'bk \u043effer', 'bk offer\0',
  ])('%j is refused where a source is granted', (asked) => {
    expect(chooseCommand(asked, ['offer'])).toBeUndefined()
  })

  test.each([
    'receive', 'bk', 'bk forced', 'bk  receive', ' bk receive', 'bk receive ', 'bk receive\n', 'bk receive\0', 'BK RECEIVE', 'bk receive --set x', "bk receive --set 'x' -- '/s'", 'bk receive;id',
    'bk receive\nbk browse', '/usr/bin/bk receive', './bk receive', 'bk rec\u0435ive', 'bk offer', 'bk log', 'toString', 'scp -t /', 'scp -f store/README', 'sh', '-c', '$(bk receive)', 'bk browse /s',
  ])('%j is refused', (asked) => {
    expect(chooseCommand(asked, ['receive', 'browse'])).toBeUndefined()
  })

  // As sshd 9.2 hands it over for these lines in sshd_config: Subsystem sftp ...
  const subsystems = [
    'internal-sftp', 'internal-sftp -l INFO', 'internal-sftp -f AUTH -l INFO -u 0022', 'internal-sftp -d /a/%u', '/usr/lib/openssh/sftp-server', '/usr/lib/openssh/sftp-server -l INFO', '/usr/lib/sftp-server',
    '/usr/libexec/sftp-server -R -P setstat,fsetstat', '/usr/lib64/misc/sftp-server -e', '/nix/store/0c1-openssh-9.6p1/libexec/sftp-server',
  ]

  test.each(subsystems)('%j, which is the subsystem sftp, gets browse where that is granted', (asked) => {
    expect(chooseCommand(asked, ['receive', 'browse'])).toBe('browse')
    expect(chooseCommand(asked, ['browse'])).toBe('browse')
    expect(chooseCommand(asked, ['receive'])).toBeUndefined()
  })

  test.each([
    'sftp', 'sftp-server', './sftp-server', 'bin/sftp-server', '/bin/xsftp-server', '/bin/sftp-serverx', '/bin/sftp-server/', '/bin/sftp-server/x', '/sftp-server\nid', 'internal-sftp\n', 'internal-sftp\0', ' internal-sftp',
    'internal-sftp ', 'internal-sftp  -e', 'internal-sftp\t-e', 'internal-sftp-x', 'xinternal-sftp', 'INTERNAL-SFTP', 'internal-sftp;id', 'internal-sftp ; id', 'internal-sftp $(id)', 'internal-sftp `id`', 'internal-sftp -l "INFO"',
    "/bin/sftp-server 'x'", '/a b/sftp-server', '/bin/sftp-server >/x', '/bin/sftp-server | sh', '/bin/sftp-server & id', '/bin/sh /bin/sftp-server', '/b\u0131n/sftp-server', 'internal-sftp -d /a b\\',
  ])('%j is not the subsystem sftp', (asked) => {
    expect(chooseCommand(asked, ['receive', 'browse'])).toBeUndefined()
  })

  test('an endless text that is almost it is refused at once', () => {
    const began = performance.now()
    for (const asked of [`internal-sftp${' -e'.repeat(40_000)}!`, `${'/a'.repeat(60_000)}/sftp-serve`]) expect(chooseCommand(asked, ['browse'])).toBeUndefined()
    expect(performance.now() - began).toBeLessThan(1000)
  })

  test('what is not granted is refused as if it did not exist', () => {
    expect(chooseCommand('bk browse', ['receive'])).toBeUndefined()
    expect(chooseCommand('bk receive', ['browse'])).toBeUndefined()
    expect(chooseCommand(undefined, ['browse'])).toBe('browse')
  })
})

import {describe, expect, it} from 'vitest'
import {machineOf, parseSshTarget} from '../../../src/lib/ssh/target.ts'

describe('places on other machines', () => {
  it.for([
    ['vault:', {host: 'vault', path: ''}],
    ['vault:/srv/store', {host: 'vault', path: '/srv/store'}],
    ['vault:store', {host: 'vault', path: 'store'}],
    ['vault:~/store', {host: 'vault', path: 'store'}],
    ['vault:a b/c@d:e', {host: 'vault', path: 'a b/c@d:e'}],
    ['me@vault:/srv', {user: 'me', host: 'vault', path: '/srv'}],
    ['me@realm.example@vault:/srv', {user: 'me@realm.example', host: 'vault', path: '/srv'}],
    ['me@[::1]:/srv', {user: 'me', host: '::1', path: '/srv'}],
    ['[fe80::1%eth0]:', {host: 'fe80::1%eth0', path: ''}],
    ['ssh://vault', {host: 'vault', path: ''}],
    ['ssh://vault/', {host: 'vault', path: ''}],
    ['SSH://me@vault:2222/srv/s%20t', {user: 'me', host: 'vault', port: 2222, path: '/srv/s%20t'}],
    ['ssh://[::1]:22/srv', {host: '::1', port: 22, path: '/srv'}],
    ['ssh://vault/a@b:c', {host: 'vault', path: '/a@b:c'}],
    ['sftp://vault/srv', {host: 'vault', path: '/srv'}],
    ['bücher.example:x', {host: 'bücher.example', path: 'x'}],
  ] as const)('%s', ([text, target]) => {
    expect(parseSshTarget(text)).toEqual(target)
  })

  it('are named with the user, if there is one', () => {
    expect(machineOf(parseSshTarget('ssh://me@vault:2222/x'))).toBe('me@vault')
    expect(machineOf(parseSshTarget('vault:'))).toBe('vault')
  })
})

describe('what would be an option of ssh, or something else than a name', () => {
  it.for([
    // a dash in every place, in and out of brackets
    ['-oProxyCommand=touch x:', 'its host begins with a dash'],
    ['me@-oProxyCommand=touch x:', 'its host begins with a dash'],
    ['[-oProxyCommand=touch x]:/srv', 'its host begins with a dash'],
    ['me@[-F/etc/passwd]:/srv', 'its host begins with a dash'],
    ['-lroot@vault:/srv', 'its user begins with a dash'],
    ['vault:-rf', 'its path begins with a dash'],
    ['vault:~/-rf', 'its path begins with a dash'],
    ['ssh://-oProxyCommand=x/srv', 'its host begins with a dash'],
    ['ssh://me@-oProxyCommand=x/srv', 'its host begins with a dash'],
    ['ssh://[-x]/srv', 'its host begins with a dash'],
    ['ssh://-l@vault/srv', 'its user begins with a dash'],
    ['ssh://vault:-1/srv', 'its port begins with a dash'],
    // ports
    ['ssh://vault:0/srv', 'its port'],
    ['ssh://vault:65536/srv', 'its port'],
    ['ssh://vault:22x/srv', 'its port'],
    ['ssh://vault:/srv', 'its port'],
    // nobody
    [':/srv', 'it names no host'],
    ['me@:/srv', 'it names no host'],
    ['[]:/srv', 'it names no host'],
    ['ssh:///srv', 'it names no host'],
    ['::1:/srv', 'it names no host'],
    ['@vault:/srv', 'this is no user name'],
    // what a shell, a log or a terminal would make something of
    ['va ult:/srv', 'this is no host name'],
    ['$(touch x):/srv', 'this is no host name'],
    ['vault;x:/srv', 'this is no host name'],
    ['va\\ult:/srv', 'this is no host name'],
    ["va'ult:/srv", 'this is no host name'],
    ['m e@vault:/srv', 'this is no user name'],
    ['`x`@vault:/srv', 'this is no user name'],
    ['[vault]:/srv', 'this is no host name'],
    ['ssh://a:b:c/srv', 'its port'],
    ['ssh://a[b]/srv', 'it is not ssh://'],
    ['vault', 'it is not user@host:path'],
    ['vault:a\nb', 'it has control characters'],
    ['vault:\u001b]0;x', 'it has control characters'],
    ['vault:\u2028', 'it has control characters'],
    ['va\0ult:', 'it has control characters'],
  ] as const)('%j: %s', ([text, why]) => {
    expect(() => parseSshTarget(text)).toThrow(expect.objectContaining({status: 64, message: expect.stringContaining(why)}))
  })
})

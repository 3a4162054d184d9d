// Names and paths for bk keys sftp-chroot: what every program that reads them takes alike, and nothing else.

import {describe, expect, it, test} from 'vitest'
import {chrootRoot, chrootTrees, chrootUser, componentsOf, sshdConfigPath} from '../../../src/lib/keys/sftp-chroot-names.ts'

const refused = (message: string | RegExp): object => expect.objectContaining({status: 64, message: typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message)})

function thrown(make: () => unknown): unknown {
  try {
    return {answered: make()}
  } catch (error) {
    return error
  }
}

describe('an account', () => {
  it.each(['backupop', '_a', 'a', 'Backup.Op', 'a-b_c.9', 'a'.repeat(32)])('%j', (name) => {
    expect(chrootUser(name)).toBe(name)
  })

  it.each([
    '', ' ', '-x', '--root', '9x', '123', '.', '..', '.a', 'a b', 'a\n', 'a\nMatch all', 'a:b', 'a/b', 'a*', '*', '?', '!a', 'a,b', 'a@b', '%u', "a'", 'a"', 'a\\', 'a$', '$(id)', '`id`', 'a;id', 'a#', '\u00fcber', 'a\0',
    'a'.repeat(33),
  ])('%j is none', (name) => {
    expect(thrown(() => chrootUser(name))).toEqual(refused('not the name of an account: '))
  })

  test('root is not confined', () => {
    expect(thrown(() => chrootUser('root'))).toEqual(refused('nothing confines root'))
  })
})

describe('a root', () => {
  it.each([
    ['/srv/x', '/srv/x'], ['/srv/x/', '/srv/x'], ['//srv///x//', '/srv/x'], ['/srv/a b', '/srv/a b'], ["/srv/it's", "/srv/it's"], ['/srv/50%', '/srv/50%'], ['/srv/#x', '/srv/#x'], ['/srv/\u00fc', '/srv/\u00fc'], ['/srv/$HOME', '/srv/$HOME'], ['/.x', '/.x'], ['/srv/...', '/srv/...'],
  ])('%j', (given, root) => {
    expect(chrootRoot(given, 'a')).toBe(root)
  })

  test('is /srv/USER when none is given', () => {
    expect(chrootRoot(undefined, 'backupop')).toBe('/srv/backupop')
  })

  it.each([
    ['', 'not an absolute path'], ['srv', 'not an absolute path'], ['./srv', 'not an absolute path'], ['~/x', 'not an absolute path'], ['/', 'would confine nothing'], ['///', 'would confine nothing'],
    ['/srv/..', 'has . or .. in it'], ['/srv/./x', 'has . or .. in it'], ['/../srv', 'has . or .. in it'],
    ['/srv/a"b', 'cannot say'], ['/srv/a\\b', 'cannot say'], ['/srv/a\nMatch all', 'cannot say'], ['/srv/a\tb', 'cannot say'], ['/srv/\x1b[2J', 'cannot say'], ['/srv/\0', 'cannot say'], ['/srv/\u202ex', 'cannot say'], ['/srv/\ufffd', 'cannot say'],
    [`/${'a/'.repeat(2000)}`, 'too long'],
  ])('%j is none', (given, why) => {
    expect(thrown(() => chrootRoot(given, 'a'))).toEqual(refused(why))
  })
})

describe('trees', () => {
  test('in one spelling, each once, the outer before the inner', () => {
    expect(chrootTrees(['/home/ann/', '/etc', '//home', '/etc'], '/srv/a')).toEqual(['/etc', '/home', '/home/ann'])
  })

  test('around the root', () => {
    expect(chrootTrees(['/srv'], '/srv/a')).toEqual(['/srv'])
    expect(chrootTrees(['/srv/ab'], '/srv/a')).toEqual(['/srv/ab'])
  })

  it.each([['/', 'cannot be shown below itself'], ['/srv/a', 'is to be seen without it'], ['/srv/a/b', 'is to be seen without it'], ['etc', 'not an absolute path'], ['/a"b', 'cannot say']])('%j is none', (tree, why) => {
    expect(thrown(() => chrootTrees([tree], '/srv/a'))).toEqual(refused(why))
  })
})

test("sshd's configuration", () => {
  expect(sshdConfigPath('/etc//ssh/x')).toBe('/etc/ssh/x')
  expect(thrown(() => sshdConfigPath('x'))).toEqual(refused('--sshd-config: x: not an absolute path'))
})

test('the directories of a path', () => {
  expect(componentsOf('/srv/a b/c')).toEqual(['/', '/srv', '/srv/a b', '/srv/a b/c'])
  expect(componentsOf('/')).toEqual(['/'])
})

// What a key may do, as words and back, and which command a client gets.

import {describe, expect, it, test} from 'vitest'
import {chooseCommand, grantWords, parseGrants, type Grants} from '../../../src/lib/keys/grants.ts'

const limits = {quota: 214_748_364_800, perDay: 48, maxFile: 1, maxEntries: 0, reserve: 5}
const receive = {store: '/backup/store', set: 'web1', limits: {}}

describe('words', () => {
  it.each<[string, Grants, string]>([
    ['receive', {receive, browse: undefined}, '--receive /backup/store --set web1'],
    ['browse', {receive: undefined, browse: '/s'}, '--browse /s'],
    ['both, with limits', {receive: {...receive, limits}, browse: '/s'}, '--receive /backup/store --set web1 --quota 214748364800 --per-day 48 --max-file 1 --max-entries 0 --reserve 5 --browse /s'],
  ])('%s', (_name, grants, words) => {
    expect(grantWords(grants).join(' ')).toBe(words)
    expect(parseGrants(words.split(' '))).toEqual(grants)
  })

  it.each([
    '', '--receive', '--receive /s', '--set x', '--receive /s --set x --quota', '--receive /s --set x --quota 1G', '--receive /s --set x --quota 01', '--set x --receive /s',
    '--browse /s --receive /s --set x', '--receive /s --set x --offer /etc', '--browse /s --browse /t', '--receive /s --set x --quota -1 extra',
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

  test.each([
    'receive', 'bk', 'bk forced', 'bk  receive', ' bk receive', 'bk receive ', 'bk receive\n', 'bk receive\0', 'BK RECEIVE', 'bk receive --set x', "bk receive --set 'x' -- '/s'", 'bk receive;id',
    'bk receive\nbk browse', '/usr/bin/bk receive', './bk receive', 'bk rec\u0435ive', 'bk offer', 'bk log', 'toString', 'internal-sftp', 'scp -t /', 'sh', '-c', '$(bk receive)', 'bk browse /s',
  ])('%j is refused', (asked) => {
    expect(chooseCommand(asked, ['receive', 'browse'])).toBeUndefined()
  })

  test('what is not granted is refused as if it did not exist', () => {
    expect(chooseCommand('bk browse', ['receive'])).toBeUndefined()
    expect(chooseCommand('bk receive', ['browse'])).toBeUndefined()
    expect(chooseCommand(undefined, ['browse'])).toBe('browse')
  })
})

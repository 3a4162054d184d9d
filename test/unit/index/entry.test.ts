// Entry lines: what is taken prints back byte for byte, everything else is refused with words that help.

import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {checkEntryLine, formatEntry, formatTime, parseEntryLine, parseTime} from '../../../src/lib/index/entry.ts'
import {words} from './arbitrary.ts'
import {pathProblem} from '../../../src/lib/index/path.ts'
import {law, outcome, refusal} from './texts.ts'

const md5 = 'd41d8cd98f00b204e9800998ecf8427e'
const sha256 = '5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03'
const most = '9007199254740991'

describe('a line is taken', () => {
  test.each([
    '. type=dir',
    './a type=file',
    './a type=fifo mode=0000',
    './a type=file mode=0644 uid=0 gid=0 uname=root gname=root size=6 time=1763800000.000000005 md5=' + md5 + ' sha256=' + sha256,
    './a type=dir mode=01777',
    './a type=dir mode=07777',
    './a type=file uid=4294967295 gid=4294967294',
    './a type=file uname=a.b-C_9 gname=0',
    './a type=file size=0',
    './a type=file size=' + most,
    './a type=file time=0.000000000',
    './a type=file time=-1.000000000',
    './a type=file time=-1.999999999',
    './a type=file time=4102444800.123456789',
    './a type=link link=b',
    './a type=link mode=0777 time=0.000000001 link=/usr/share/\\133a\\135/..//\\040',
    './a type=char device=native,0,0',
    './a type=block device=native,259,4294967295',
    './a type=file md5=' + md5,
    './a type=file sha256=' + sha256,
    './a\\040type\\075dir type=file',
    // Names that look like keywords.
    './size\\0751 type=file size=2',
  ])('%s', (line) => {
    expect(formatEntry(parseEntryLine(line))).toBe(line)
  })

  test('in parts', () => {
    expect(parseEntryLine(`./a type=file mode=04755 uid=1 gid=2 uname=u gname=g size=6 time=-1.5${'0'.repeat(8)} md5=${md5} sha256=${sha256}`)).toEqual({
      path: './a', type: 'file', mode: 0o4755, uid: 1, gid: 2, uname: 'u', gname: 'g', size: 6, time: '-1.500000000', link: undefined, device: undefined, md5, sha256,
    })
    expect(parseEntryLine('./d type=block device=native,8,1').device).toEqual({major: 8, minor: 1})
    expect(parseEntryLine('./l type=link link=a\\040b').link).toBe('a\\040b')
  })
})

describe('a line is refused', () => {
  const shape = /^not an entry of an index: /
  test.each([
    ['', /./],
    ['.', shape],
    ['./a', shape],
    ['./a ', shape],
    ['./a type=socket', shape],
    ['./a type=', shape],
    ['./a mode=0644', shape],
    ['./a  type=file', shape],
    ['./a type=file ', shape],
    [' ./a type=file', /./],
    ['./a\ttype=file', /./],
    ['./a type=file mode=644', shape],
    ['./a type=file mode=00644', shape],
    ['./a type=file mode=00', shape],
    ['./a type=file mode=017777', shape],
    ['./a type=file mode=0649', shape],
    ['./a type=file uid=', shape],
    ['./a type=file uid=00', shape],
    ['./a type=file uid=-1', shape],
    ['./a type=file uid=1.0', shape],
    ['./a type=file uname=a\\040b', shape],
    ['./a type=file uname=', shape],
    ['./a type=file uid=1 uid=1', shape],
    ['./a type=file gid=1 uid=1', shape],
    ['./a type=file time=1', shape],
    ['./a type=file time=1.5', shape],
    ['./a type=file time=1.0000000000', shape],
    ['./a type=file time=01.000000000', shape],
    ['./a type=file time=-0.000000000', shape],
    ['./a type=file time=-0.500000000', shape],
    ['./a type=file time=+1.000000000', shape],
    ['./a type=file time=.000000000', shape],
    ['./a type=file size=01', shape],
    ['./a type=file size=-1', shape],
    ['./a type=file size=1e3', shape],
    ['./a type=file md5=' + md5.toUpperCase(), shape],
    ['./a type=file md5=' + md5 + '0', shape],
    ['./a type=file sha256=' + md5, shape],
    ['./a type=file sha256=' + sha256 + ' md5=' + md5, shape],
    ['./a type=file sha1=' + sha256.slice(24), shape],
    ['./a type=file nlink=1', shape],
    ['./a type=link link=', shape],
    ['./a type=link link=a b', shape],
    ['./a type=char device=1', shape],
    ['./a type=char device=linux,1,3', shape],
    ['./a type=char device=native,01,3', shape],
    ['./a type=file\n', /./],
    ['./a type=file\r', shape],
    ['./a type=file\0', /./],
    ['./a type=file size=9007199254740992', /^number is too large: 9007199254740992$/],
    ['./a type=file size=9999999999999999', /^number is too large/],
    ['./a type=file size=10000000000000000', shape],
    ['./a type=file uid=9999999999999999', /^number is too large/],
    ['./a type=file time=10000000000000000.000000000', shape],
    ['./a type=char device=native,9999999999999999,1', /^number is too large/],
    ['./a type=dir size=0', /^size and digest do not go with type=dir: \.\/a$/],
    ['./a type=link link=b md5=' + md5, /^size and digest do not go with type=link/],
    ['./a type=fifo sha256=' + sha256, /^size and digest do not go with type=fifo/],
    ['./a type=file link=b', /^link= goes with type=link and with nothing else/],
    ['./a type=link', /^link= goes with type=link and with nothing else/],
    ['./a type=char', /^device= goes with devices and with nothing else/],
    ['./a type=file device=native,1,1', /^device= goes with devices and with nothing else/],
    ['./a type=link link=\\141', /^link target is not escaped as bk escapes/],
    ['./a type=link link=a\\000', /^link target is not escaped as bk escapes/],
    ['./a type=link link=a=b', /^link target is not escaped as bk escapes/],
    ['/a type=file', /^path is absolute: \/a$/],
    ['./a/../b type=file', /^path leaves the tree by \.\./],
    ['a type=file', /^path does not begin with \.\//],
    ['./a/ type=file', /^path has an empty component/],
    ['./\\141 type=file', /^path is not escaped as bk escapes/],
    ['./' + 'n'.repeat(256) + ' type=file', /^name is longer than 255 bytes/],
  ])('%j', async (line, why) => {
    expect(await refusal(() => parseEntryLine(line))).toMatch(why)
  })

  test('without a word of more than a few hundred bytes', async () => {
    expect((await refusal(() => parseEntryLine(`./a ${'x'.repeat(60_000)}`))).length).toBeLessThan(300)
    expect((await refusal(() => parseEntryLine(`/${'x'.repeat(60_000)} type=file`))).length).toBeLessThan(300)
  })

  test('or prints back as it was, whatever is done to it', async () => {
    const scrap = fc.oneof(fc.constantFrom(' ', '=', '0', '-', '.', '9', ' size=1', ' type=dir', ' uid=0', '\\', '\n', '\0', '9'.repeat(16)), fc.string({maxLength: 2}))
    const cut = fc.record({at: fc.nat({max: 200}), without: fc.nat({max: 3}), scrap})
    await law(fc.asyncProperty(words, fc.array(cut, {maxLength: 2}), async (keys, cuts) => {
      let line = ['./a', ...Object.entries(keys).map(([key, value]) => `${key}=${value}`)].join(' ')
      for (const {at, without, scrap: other} of cuts) line = line.slice(0, at % (line.length + 1)) + other + line.slice((at % (line.length + 1)) + without)
      const printed = await outcome(() => formatEntry(parseEntryLine(line)))
      if (cuts.length === 0) expect(printed).toBe(line)
      if (typeof printed === 'string') expect(printed).toBe(line)
      // The quick check says the same.
      const path = line.split(' ', 1)[0]!
      if (pathProblem(path) === undefined) expect(await outcome(() => checkEntryLine(line, path) ?? line)).toEqual(printed)
    }), 3000)
  })
})

describe('time', () => {
  test.each([
    [0n, '0.000000000'], [1n, '0.000000001'], [-1n, '-1.999999999'], [-1_000_000_000n, '-1.000000000'], [-1_000_000_001n, '-2.999999999'],
    [1_763_800_000_000_000_005n, '1763800000.000000005'], [999_999_999n, '0.999999999'], [-500_000_000n, '-1.500000000'],
  ])('%s nanoseconds are %s', (nanoseconds, text) => {
    expect(formatTime(nanoseconds)).toBe(text)
    expect(parseTime(text)).toBe(nanoseconds)
    expect(parseEntryLine(`./a type=file time=${text}`).time).toBe(text)
  })

  test('comes back as it was, as far as a line can say it', async () => {
    const time = fc.bigInt({min: 10n ** 9n - 10n ** 25n, max: 10n ** 25n - 1n})
    await law(fc.property(time, (nanoseconds) => {
      expect(parseTime(formatTime(nanoseconds))).toBe(nanoseconds)
      expect(parseEntryLine(`./a type=file time=${formatTime(nanoseconds)}`).time).toBe(formatTime(nanoseconds))
    }), 300)
  })
})

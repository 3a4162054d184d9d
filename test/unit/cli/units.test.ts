import {describe, expect, it} from 'vitest'
import {formatDuration, formatSize, parseAge, parseSize, parseWhole} from '../../../src/lib/cli/units.ts'
import {BkError} from '../../../src/lib/cli/errors.ts'

describe('a size', () => {
  it.for<[string, number]>([
    ['0', 0],
    ['512', 512],
    ['1K', 1024],
    ['3M', 3 * 2 ** 20],
    ['200G', 200 * 2 ** 30],
    ['8T', 8 * 2 ** 40],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ])('%s is %d bytes', ([text, bytes]) => {
    expect(parseSize(text)).toBe(bytes)
  })

  it.for(['', 'G', '1.5G', '-1', '+1', '1g', '1GB', '1 G', ' 1', '1P', '0x10', '9007199254740992', '9999999T', '1\n'])('is not %j', (text) => {
    expect(() => parseSize(text)).toThrow(expect.objectContaining({message: `not a size: ${text}`, status: 64}))
  })
})

describe('an age', () => {
  it.for<[string, number]>([
    ['0s', 0],
    ['90s', 90],
    ['5m', 300],
    ['2h', 7200],
    ['3D', 259_200],
    ['3d', 259_200],
    ['1W', 604_800],
    ['1w', 604_800],
    ['1M', 2_592_000],
    ['1Y', 31_536_000],
    ['1y', 31_536_000],
    ['1D12h', 129_600],
  ['30min', 1800],
  ['1h30min', 5400],
    ['1Y2M3D4h5m6s', 31_536_000 + 5_184_000 + 259_200 + 14_400 + 300 + 6],
  ])('%s is %d seconds', ([text, seconds]) => {
    expect(parseAge(text)).toBe(seconds)
  })

  it.for(['', '3', 'D', '3H', '3S', '-3D', '3D ', '1.5D', '3D4', 'D3', '99999999999999999999Y'])('is not %j', (text) => {
    expect(() => parseAge(text)).toThrow(BkError)
  })
})

describe('a whole number', () => {
  it('lies in its range', () => {
    expect([parseWhole('0'), parseWhole('9', 1, 9), parseWhole('-3', -5, 5)]).toEqual([0, 9, -3])
  })

  it.for<[string, number, number, string]>([
    ['10', 1, 9, 'not a whole number from 1 to 9: 10'],
    ['-1', 0, Number.MAX_SAFE_INTEGER, 'not a whole number of at least 0: -1'],
    ['1e3', 0, 9, 'not a whole number from 0 to 9: 1e3'],
    ['', 0, 9, 'not a whole number from 0 to 9: '],
  ])('%j from %d to %d is refused', ([text, min, max, message]) => {
    expect(() => parseWhole(text, min, max)).toThrow(message)
  })
})

describe('for people', () => {
  it.for<[number, string]>([
    [0, '0'],
    [999, '999'],
    [1000, '1.0K'],
    [1024, '1.0K'],
    [10_188, '9.9K'],
    [10_189, '10K'],
    [2 ** 20 - 1, '1.0M'],
    [1.5 * 2 ** 30, '1.5G'],
    [123 * 2 ** 30, '123G'],
    [2000 * 2 ** 40, '2000T'],
  ])('%d bytes are %s', ([bytes, text]) => {
    expect(formatSize(bytes)).toBe(text)
  })

  it.for<[number, string]>([
    [0, '0:00'],
    [-5, '0:00'],
    [7.4, '0:07'],
    [59.6, '1:00'],
    [3599, '59:59'],
    [3723, '1:02:03'],
  ])('%d seconds are %s', ([seconds, text]) => {
    expect(formatDuration(seconds)).toBe(text)
  })
})

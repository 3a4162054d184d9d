// bk-store: what is read prints back byte for byte.

import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {formatSettings, parseSettings, type Settings} from '../../../src/lib/store/settings.ts'
import {law, outcome, refusal} from '../index/texts.ts'
import {sha256} from './memory-store.ts'

const [one, two] = ['1', '2'].map((digit) => digit.repeat(64)) as [string, string]
const body = `#bk store 1
id 4b1f0c2e9a7d4e0f8c3b5a6978d0e1f2
kind plain
quota 214748364800
per-day 48
file README ${one}
file recover.sh ${two}
`
const summed = (text: string): string => `${text}sum ${sha256(text)}\n`
const read = (text: string): Settings => parseSettings(Buffer.from(text, 'latin1'))
const settings: Settings = {
  id: '4b1f0c2e9a7d4e0f8c3b5a6978d0e1f2', kind: 'plain', limits: {quota: 214748364800, perDay: 48}, files: new Map([['README', one], ['recover.sh', two]]), unknown: [],
}

test('settings are written as the format has it, and read again', () => {
  expect(formatSettings(settings).toString('latin1')).toBe(summed(body))
  expect(read(summed(body))).toEqual(settings)
})

test('lines of later versions are kept', () => {
  const text = summed(`${body}later 1 2\nconstructor 5\ntoString x\n`.replace('toString', 'to-string'))
  expect(read(text)).toEqual({...settings, unknown: ['later 1 2', 'constructor 5', 'to-string x']})
  expect(formatSettings(read(text)).toString('latin1')).toBe(text)
})

test.each([2 ** 53, -1, 0.5, NaN])('a limit of %d is not written', (quota) => {
  expect(() => formatSettings({...settings, limits: {quota}})).toThrow(/quota is not a number that a store can keep/)
})

test('any settings come back', async () => {
  const limit = fc.option(fc.integer({min: 0, max: Number.MAX_SAFE_INTEGER}), {nil: undefined})
  const limits = fc.record({quota: limit, perDay: limit, maxFile: limit, maxEntries: limit, reserve: limit})
  const files = fc.uniqueArray(fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/), {maxLength: 4}).map((names) => new Map(names.map((name) => [name, one])))
  await law(fc.property(fc.constantFrom('plain' as const, 'sealed' as const), limits, files, (kind, all, beside) => {
    const bytes = formatSettings({...settings, kind, limits: all, files: beside})
    const known = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
    expect(parseSettings(bytes)).toEqual({...settings, kind, limits: known, files: beside})
  }), 200)
})

describe('settings are refused', () => {
  test.each([
    ['nothing', '', /not in the format/],
    ['another version', summed(body.replace('store 1', 'store 2')), /from version 2, this is version 1/],
    ['no id', summed(body.replace(/id .*\n/, '')), /./],
    ['no kind', summed(body.replace('kind plain\n', '')), /./],
    ['another kind', summed(body.replace('plain', 'glass')), /./],
    ['a short id', summed(body.replace('4b1f', '4b1')), /./],
    ['two ids', summed(body.replace(/id .*\n/, (line) => line + line)), /./],
    ['two kinds', summed(body.replace('kind plain\n', 'kind sealed\nkind plain\n')), /./],
    ['a limit twice', summed(body.replace('quota', 'quota 1\nquota')), /./],
    ['a limit with zeros in front', summed(body.replace('quota 2', 'quota 02')), /./],
    ['a limit that is no number', summed(body.replace('per-day 48', 'per-day many')), /./],
    ['a limit that no number holds', summed(body.replace('per-day 48', 'per-day 9007199254740992')), /too large/],
    ['a limit with more behind it', summed(body.replace('per-day 48', 'per-day 48 49')), /./],
    ['limits in another order', summed(body.replace('quota 214748364800\nper-day 48\n', 'per-day 48\nquota 214748364800\n')), /./],
    ['a file without digest', summed(body.replace(` ${one}`, '')), /./],
    ['a file with a digest that is none', summed(body.replace(one, 'x')), /./],
    ['a file elsewhere', summed(body.replace('README', '../README')), /./],
    ['a file twice', summed(body.replace('recover.sh', 'README')), /./],
    ['kind before id', summed(body.replace(/(id .*\n)(kind plain\n)/, '$2$1')), /./],
    ['an empty line', summed(body.replace('kind', '\nkind')), /./],
    ['other bytes', summed(`${body}later \xff\n`), /./],
    ['a carriage return', summed(body.replaceAll('\n', '\r\n')), /./],
    ['no sum', body, /sum/],
  ])('%s', async (_, text, why) => {
    expect(await refusal(() => read(text))).toMatch(why)
  })

  test('when one byte is another, and print back when they were signed again', async () => {
    const text = summed(body)
    for (let at = 0; at < text.length; at++) {
      for (const other of ['', '\n', ' ', '0', 'a', String.fromCharCode(text.charCodeAt(at) ^ 1), text[at]! + text[at]!]) {
        const changed = text.slice(0, at) + other + text.slice(at + 1)
        if (changed !== text) await refusal(() => read(changed))
        if (at >= body.length) continue
        const forged = summed(body.slice(0, at) + other + body.slice(at + 1))
        const again = await outcome(() => formatSettings(read(forged)).toString('latin1'))
        if (typeof again === 'string') expect(again).toBe(forged)
      }
      await refusal(() => read(text.slice(0, at)))
    }
  })
})

// Rules: what is refused, the one spelling of each, and which are narrower.

import {describe, expect, it} from 'vitest'
import {formatRules, isNarrower, MAX_COUNT, parseRules, rulesOf, type Rules} from '../../../src/lib/retention/rules.ts'
import {refusalOf} from './rotating.ts'

const none: Rules = {hourly: 0, daily: 0, weekly: 0, monthly: 0, quarterly: 0, yearly: 0, within: 0, last: 0}

describe('rules from what was asked for', () => {
  it.each<[string, Partial<Rules>, string]>([
    ['nothing', {}, 'no rule says what to keep'],
    ['zeros', {daily: 0, within: 0}, 'no rule says what to keep'],
    ['--keep-last alone', {last: 7}, '--keep-last alone lets whoever pushes often choose what stays'],
    ['--keep-last with zeros', {last: 7, daily: 0}, '--keep-last alone lets whoever pushes often choose what stays'],
    ['a part of a day', {daily: 1.5}, '--keep-daily is more than 100000, or no whole number'],
    ['less than nothing', {daily: 7, weekly: -1}, '--keep-weekly is more than 100000, or no whole number'],
    ['too many', {hourly: MAX_COUNT + 1}, '--keep-hourly is more than 100000, or no whole number'],
    ['too long', {within: 400 * 365 * 86_400}, '--keep-within is more than 300Y, or no whole number'],
  ])('%s is refused', (_, asked, message) => {
    expect(refusalOf(() => rulesOf(asked))).toMatchObject({status: 64, message})
  })

  it('what is absent keeps nothing', () => {
    expect(rulesOf({daily: 7, last: 3, weekly: undefined})).toEqual({...none, daily: 7, last: 3})
  })
})

describe('words', () => {
  it.each<[Partial<Rules>, string]>([
    [{hourly: 24, daily: 7, weekly: 5, monthly: 12, quarterly: 4, yearly: 10, within: 30 * 86_400, last: 3}, 'hourly=24 daily=7 weekly=5 monthly=12 quarterly=4 yearly=10 within=30d last=3'],
    [{within: 86_400 + 2 * 3600 + 3 * 60 + 4}, 'within=1d2h3m4s'],
    [{within: 90}, 'within=1m30s'],
    [{daily: MAX_COUNT}, 'daily=100000'],
  ])('%j', (asked, words) => {
    expect(formatRules(rulesOf(asked))).toBe(words)
    expect(parseRules(words)).toEqual(rulesOf(asked))
  })

  it.each([
    '', ' ', 'daily', 'daily=', 'daily=0', 'daily=07', 'daily=7 ', ' daily=7', 'daily=7  weekly=5', 'weekly=5 daily=7', 'daily=7 daily=7', 'daily=7 daily=8', 'last=3', 'sometimes=3',
    'daily=7 constructor=1', 'daily=1e2', 'daily=-7', 'daily=99999999999999999999', 'within=30', 'within=4w', 'within=24h', 'within=1D', 'within=0d', 'within=1h1d', 'daily=7d', 'daily=7\n',
    'daily=\u001B[31m7',
  ])('%j is none', (text) => {
    const {status, message} = refusalOf(() => parseRules(text))
    expect(status).toBe(65)
    expect(message).toMatch(/^not rules of retention: [ -~]*$/)
  })
})

describe('narrower', () => {
  const before = {zone: 'UTC', rules: rulesOf({daily: 7, within: 30 * 86_400})}

  it.each<[string, Partial<Rules>, boolean]>([
    ['the same', {daily: 7, within: 30 * 86_400}, false],
    ['one more day', {daily: 8, within: 30 * 86_400}, false],
    ['another rule', {daily: 7, within: 30 * 86_400, yearly: 1}, false],
    ['a day less', {daily: 6, within: 30 * 86_400}, true],
    ['a second less', {daily: 7, within: 30 * 86_400 - 1}, true],
    ['a rule for another', {daily: 7, hourly: 10_000}, true],
  ])('%s', (_, asked, expected) => {
    expect(isNarrower(before, {zone: 'UTC', rules: rulesOf(asked)})).toBe(expected)
  })

  it('another zone is', () => {
    expect(isNarrower(before, {...before, zone: 'Europe/Berlin'})).toBe(true)
  })
})

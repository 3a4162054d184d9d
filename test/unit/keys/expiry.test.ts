// The end of a key, and the hosts that it may be used from: what sshd takes, or a usage error.

import {describe, expect, it, test} from 'vitest'
import {expiryAsIso, expiryTime} from '../../../src/lib/keys/expiry.ts'
import {checkPatterns} from '../../../src/lib/keys/from-patterns.ts'

const now = BigInt(Date.UTC(2026, 10, 22, 12, 0, 0)) * 1_000_000n

describe('--expires', () => {
  it.each([
    ['2027-03-31', 'UTC', '20270331235959Z'],
    ['2027-03-31', 'Asia/Tokyo', '20270331145959Z'],
    ['2027-03-31', 'America/New_York', '20270401035959Z'],
    ['2026-11-22', 'UTC', '20261122235959Z'],
    ['2027-03-31T12:00', 'UTC', '20270331120059Z'],
    ['2027-03-31T12:00:00Z', 'Asia/Tokyo', '20270331120000Z'],
    ['90d', 'UTC', '20270220120000Z'],
    ['1D12h', 'UTC', '20261124000000Z'],
    ['3M', 'UTC', '20270222120000Z'],
    ['1Y', 'UTC', '20271122120000Z'],
    ['1s', 'UTC', '20261122120001Z'],
    ['9999-12-31', 'UTC', '99991231235959Z'],
  ])('%s in %s is %s', (text, zone, expected) => {
    expect(expiryTime(text, now, zone)).toBe(expected)
  })

  it.each(['', 'never', '17', 'latest', '2027-02-30', '2027-13-01', '20270331', '-3d', '3', '2026-11-21', '2020-01-01', '0s', '9000Y', '99999999999999Y', '9999-12-31T23:59:59-10:00', 'x",command="sh'])('%j is a usage error', (text) => {
    expect(() => expiryTime(text, now, 'UTC')).toThrow(expect.objectContaining({status: 64}))
  })

  test('is shown as records show times', () => {
    expect(expiryAsIso('20270331235959Z')).toBe('2027-03-31T23:59:59Z')
    expect(expiryAsIso('20270331')).toBeUndefined()
  })
})

describe('--from', () => {
  it.each([
    '192.0.2.7', '10.1.0.0/16,!10.1.2.3', '*.example.org', '2001:db8::/32', '::1', '::ffff:192.0.2.0/120', '0.0.0.0/0', '::/0', 'host-?.example.org,*', '192.0.2.1/32', '2001:db8::1/128',
    '1:2:3:4:5:6:7:8', 'fe80::1:0/112',
  ])('%s is taken', (list) => {
    expect(checkPatterns(list)).toBe(list)
  })

  it.each([
    '', ',', 'a,', 'a b', 'a"b', 'a\\b', 'a\nb', 'a\tb', "a'b", 'a;b', '!', '!!a', 'a!b', '!10.0.0.1', '!a,!b', '10.0.0.1/8', '10.0.0.0/33', '10.0.0/8', '*.example.org/8', '2001:db8::1/32',
    '2001:db8::/129', '::ffff:192.0.2.1/120', '10.0.0.0/', '10.0.0.0/8/8', '10.0.0.0/-1', '\u00fc', 'x",command="sh',
  ])('%j is a usage error', (list) => {
    expect(() => checkPatterns(list)).toThrow(expect.objectContaining({status: 64}))
  })
})

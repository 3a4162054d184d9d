// Which snapshot is meant: the grammar, moments in time zones, and the choice.

import {describe, expect, it} from 'vitest'
import {choose, momentOf, parseWhen, tryWhen, type Choice} from '../../../src/lib/store/when.ts'
import {cutAtWhen, parseAddress} from '../../../src/lib/store/address.ts'
import {NO_RECORD, type SnapshotRecord} from '../../../src/lib/store/record.ts'

/** Noon of 22 November 2026, UTC. */
const now = BigInt(Date.parse('2026-11-22T12:00:00Z')) * 1_000_000n

function moment(text: string, timeZone = 'UTC', at = now): string | undefined {
  const found = momentOf(parseWhen(text), at, timeZone)
  return found === undefined ? undefined : new Date(found).toISOString()
}

describe('ages', () => {
  it.for([
    ['0s', '2026-11-22T12:00:00.000Z'],
    ['90s', '2026-11-22T11:58:30.000Z'],
    ['5m', '2026-11-22T11:55:00.000Z'],
    ['2h', '2026-11-22T10:00:00.000Z'],
    ['30min', '2026-11-22T11:30:00.000Z'],
    ['3D', '2026-11-19T12:00:00.000Z'],
    ['3d', '2026-11-19T12:00:00.000Z'],
    ['1W', '2026-11-15T12:00:00.000Z'],
    ['2w', '2026-11-08T12:00:00.000Z'],
    ['1M', '2026-10-22T12:00:00.000Z'],
    ['9M', '2026-02-22T12:00:00.000Z'],
    ['1Y', '2025-11-22T12:00:00.000Z'],
    ['2y', '2024-11-22T12:00:00.000Z'],
    ['1Y1M1D1h', '2025-10-21T11:00:00.000Z'],
    ['1D12h', '2026-11-21T00:00:00.000Z'],
  ] as const)('%s', ([text, wanted]) => {
    expect(moment(text)).toBe(wanted)
  })

  it('months end where the calendar ends them', () => {
    const march = BigInt(Date.parse('2026-03-31T08:00:00Z')) * 1_000_000n
    expect(moment('1M', 'UTC', march)).toBe('2026-02-28T08:00:00.000Z')
    expect(moment('25M', 'UTC', march)).toBe('2024-02-29T08:00:00.000Z')
    expect(moment('1Y', 'UTC', BigInt(Date.parse('2024-02-29T08:00:00Z')) * 1_000_000n)).toBe('2023-02-28T08:00:00.000Z')
  })

  it('a month ago is the same time of day, whatever clocks did since', () => {
    // 13:00 in Berlin, in winter; a month before it was summer.
    expect(moment('1M', 'Europe/Berlin')).toBe('2026-10-22T11:00:00.000Z')
    // Days are of 24 hours, as with rdiff-backup.
    expect(moment('30D', 'Europe/Berlin')).toBe('2026-10-23T12:00:00.000Z')
  })

  it('of more than there was', () => {
    expect(Date.parse(moment('9000Y')!)).toBeLessThan(Date.parse('1900-01-01'))
    expect(momentOf(parseWhen('99999999999D'), now, 'UTC')).toBeLessThan(0)
  })
})

describe('dates and times', () => {
  it.for([
    ['2026-11-20', 'UTC', '2026-11-20T23:59:59.999Z'],
    ['2026-11-20', 'Europe/Berlin', '2026-11-20T22:59:59.999Z'],
    ['2026-11-20', 'America/New_York', '2026-11-21T04:59:59.999Z'],
    ['2026-11-20', 'Asia/Kathmandu', '2026-11-20T18:14:59.999Z'],
    // The day on which summer begins, and the one on which it ends.
    ['2026-03-29', 'Europe/Berlin', '2026-03-29T21:59:59.999Z'],
    ['2026-10-25', 'Europe/Berlin', '2026-10-25T22:59:59.999Z'],
    // Here midnight itself is missing on the next day.
    ['2018-11-03', 'America/Sao_Paulo', '2018-11-04T02:59:59.999Z'],
    ['2026-11-20T08:30', 'UTC', '2026-11-20T08:30:59.999Z'],
    ['2026-11-20 08:30', 'Europe/Berlin', '2026-11-20T07:30:59.999Z'],
    ['2026-11-20T08:30:05', 'UTC', '2026-11-20T08:30:05.999Z'],
    ['2026-11-20T08:30:05.25', 'UTC', '2026-11-20T08:30:05.250Z'],
    ['2026-11-20T08:30:05Z', 'Europe/Berlin', '2026-11-20T08:30:05.999Z'],
    ['2026-11-20T08:30:05+02:00', 'America/New_York', '2026-11-20T06:30:05.999Z'],
    ['2026-11-20T08:30-0530', 'UTC', '2026-11-20T14:00:59.999Z'],
    ['2026-11-20T08:30+01', 'UTC', '2026-11-20T07:30:59.999Z'],
    // Twice, the later counts; and never.
    ['2026-10-25T02:30:00', 'Europe/Berlin', '2026-10-25T01:30:00.999Z'],
    ['2026-03-29T02:30:00', 'Europe/Berlin', '2026-03-29T01:30:00.999Z'],
  ] as const)('%s in %s', ([text, zone, wanted]) => {
    expect(moment(text, zone)).toBe(wanted)
  })
})

it.for(['', '0', '017', '-3D', '3x', 'D', '3 D', 'yesterday', 'Latest', '2026-13-01', '2026-02-30', '2026-1-1', '2026-11-20T8:30', '2026-11-20T24:00', '2026-11-20T08:60', '2026-11-20T08:30:60', '2026-11-20T08', '2026-11-20T08:30+25:00', '0050-01-01', '1000000000', '99999999999999999999D', '17\n'])(
  '%j is no time',
  (text) => {
    expect(tryWhen(text)).toBeUndefined()
    expect(() => parseWhen(text)).toThrow(expect.objectContaining({status: 64, hint: expect.stringContaining('3D') as string}))
  },
)

describe('the choice', () => {
  const record = (seq: number, received: string, set = 'web1'): SnapshotRecord => ({
    kind: 'snapshot', seq, set, received, claimed: received, partial: 0, entries: 1, bytes: 1, index: {id: '0'.repeat(64), level: 'full'},
    tree: '0'.repeat(64), catalog: undefined, needs: {base: undefined, drop: new Map(), add: new Map()}, epoch: 1, saw: undefined,
    unknown: [], copied: [], prev: NO_RECORD, sum: '0'.repeat(64), size: 0,
  })
  const one = [record(1, '2026-11-01T08:00:00Z'), record(2, '2026-11-10T08:00:00Z'), record(4, '2026-11-20T08:00:00Z'), record(7, '2026-11-22T08:00:05Z')]
  const two = [...one, record(8, '2026-11-22T09:00:00Z', 'db')].sort((a, b) => a.seq - b.seq)
  const chosen = (snapshots: readonly SnapshotRecord[], text: string | undefined, options: Partial<Choice> = {}): number =>
    choose(snapshots, {when: text === undefined ? undefined : parseWhen(text), set: undefined, now, timeZone: 'UTC', where: '/store', ...options}).seq

  it.for([
    [undefined, 7], ['latest', 7], ['1', 1], ['4', 4], ['0s', 7], ['4h', 4], ['3h59m', 7], ['2D', 4], ['12D', 2], ['1W', 2], ['2026-11-20', 4], ['2026-11-19', 2],
    ['2026-11-10T08:00', 2], ['2026-11-10T08:00:00', 2], ['2026-11-10T07:59', 1], ['2026-11-22T08:00', 7], ['2026-11-22T08:00:04', 4], ['2030-01-01', 7],
  ] as const)('%s is %i', ([text, seq]) => {
    expect(chosen(one, text)).toBe(seq)
  })

  it('the newest receipt counts where the clock was set back, the later of two that are the same', () => {
    const back = [record(1, '2026-11-20T00:00:00Z'), record(2, '2026-11-10T00:00:00Z'), record(3, '2026-11-10T00:00:00Z')]
    expect(chosen(back, '1D')).toBe(1)
    expect(chosen(back, '2026-11-15')).toBe(3)
    // The newest is the last that came.
    expect(chosen(back, 'latest')).toBe(3)
  })

  it('says what is there where nothing is as old', () => {
    expect(() => chosen(one, '1Y')).toThrow(expect.objectContaining({
      status: 2,
      message: '/store holds no snapshot as old as that: the oldest is 1 of 2026-11-01T08:00:00Z',
      hint: 'there are 1 of 2026-11-01T08:00:00Z, 2 of 2026-11-10T08:00:00Z, 4 of 2026-11-20T08:00:00Z, 7 of 2026-11-22T08:00:05Z',
    }))
    expect(() => chosen(one, '3')).toThrow(expect.objectContaining({status: 2, message: '/store has no snapshot 3'}))
    expect(() => chosen([], 'latest')).toThrow('/store holds no snapshot yet')
    const many = Array.from({length: 30}, (_, i) => record(i + 1, `2026-11-01T08:00:${String(i).padStart(2, '0')}Z`))
    expect(() => chosen(many, '99')).toThrow(expect.objectContaining({hint: expect.stringMatching(/^the newest are 25 of .* 30 of .*; 'bk log \/store' shows all 30$/) as string}))
  })

  it('of several sets one has to be named, but for a number', () => {
    expect(() => chosen(two, 'latest')).toThrow(expect.objectContaining({status: 64, message: '/store holds several sets: db, web1', hint: 'choose one: --set db'}))
    expect(chosen(two, 'latest', {set: 'web1'})).toBe(7)
    expect(chosen(two, '1h', {set: 'db'})).toBe(8)
    expect(chosen(two, '8')).toBe(8)
    expect(() => chosen(two, '8', {set: 'web1'})).toThrow('snapshot 8 belongs to set db')
    expect(() => chosen(two, 'latest', {set: 'mail'})).toThrow(expect.objectContaining({message: '/store has no set mail', hint: 'the sets are: db, web1'}))
  })
})

describe('addresses', () => {
  it.for([
    ['/backup/store', {kind: 'local', path: '/backup/store'}],
    ['store', {kind: 'local', path: 'store'}],
    ['./a:b', {kind: 'local', path: './a:b'}],
    ['dir/a:b', {kind: 'local', path: 'dir/a:b'}],
    ['vault:', {kind: 'remote', how: 'ssh', text: 'vault:'}],
    ['me@vault:/srv/store', {kind: 'remote', how: 'ssh', text: 'me@vault:/srv/store'}],
    ['SFTP://vault/store', {kind: 'remote', how: 'sftp', text: 'SFTP://vault/store'}],
    ['s3://bucket/prefix', {kind: 'remote', how: 's3', text: 's3://bucket/prefix'}],
  ] as const)('%s', ([text, address]) => {
    expect(parseAddress(text)).toEqual(address)
  })

  it.for([
    ['/store@17', {store: '/store', when: '17', isWhen: true}],
    ['/a@b/store@3D', {store: '/a@b/store', when: '3D', isWhen: true}],
    ['/store@2026-11-20 08:30', {store: '/store', when: '2026-11-20 08:30', isWhen: true}],
    ['/store@soon', {store: '/store', when: 'soon', isWhen: false}],
    ['me@vault:/store', {store: 'me', when: 'vault:/store', isWhen: false}],
    ['me@vault:/store@latest', {store: 'me@vault:/store', when: 'latest', isWhen: true}],
    ['/store', undefined],
    ['/store@', undefined],
    ['@17', undefined],
  ] as const)('%s', ([text, cut]) => {
    expect(cutAtWhen(text)).toEqual(cut)
  })
})

// Buckets of the calendar where clocks are changed, and what they are called.

import {describe, expect, it} from 'vitest'
import {bucketName, bucketOfWall, Calendar, END_OF_TIME, PERIODS, timeText, type Period} from '../../../src/lib/retention/calendar.ts'
import {seeded} from '../../harness/faults.ts'
import {below, DAY, HOUR, oneOf, somewhere} from './histories.ts'
import {WallClock} from './oracle.ts'
import {refusalOf} from './rotating.ts'

const at = (text: string): number => Date.parse(text) / 1000

function named(zone: string, period: Period, moment: string): string {
  return bucketName(period, bucketOfWall(period, new Calendar(zone).wall(at(moment))))
}

describe('names', () => {
  it.each<[Period, string, string, string]>([
    ['hourly', 'UTC', '2026-11-22T08:59:59Z', '2026-11-22T08'],
    ['daily', 'UTC', '2026-11-22T23:59:59Z', '2026-11-22'],
    ['monthly', 'UTC', '2024-02-29T12:00:00Z', '2024-02'],
    ['quarterly', 'UTC', '2026-11-22T00:00:00Z', '2026-Q4'],
    ['quarterly', 'UTC', '2026-03-31T23:59:59Z', '2026-Q1'],
    ['yearly', 'UTC', '2026-12-31T23:59:59Z', '2026'],
    // Weeks have the year of their Thursday.
    ['weekly', 'UTC', '2026-11-22T23:59:59Z', '2026-W47'],
    ['weekly', 'UTC', '2026-11-23T00:00:00Z', '2026-W48'],
    ['weekly', 'UTC', '2027-01-03T12:00:00Z', '2026-W53'],
    ['weekly', 'UTC', '2027-01-04T00:00:00Z', '2027-W01'],
    ['weekly', 'UTC', '2024-12-30T00:00:00Z', '2025-W01'],
    ['weekly', 'UTC', '1970-01-01T00:00:00Z', '1970-W01'],
    ['daily', 'Asia/Kathmandu', '2026-11-22T18:14:59Z', '2026-11-22'],
    ['daily', 'Asia/Kathmandu', '2026-11-22T18:15:00Z', '2026-11-23'],
    // Both hours at two are one.
    ['hourly', 'Europe/Berlin', '2026-10-25T00:30:00Z', '2026-10-25T02'],
    ['hourly', 'Europe/Berlin', '2026-10-25T01:30:00Z', '2026-10-25T02'],
    ['hourly', 'Europe/Berlin', '2026-10-25T02:00:00Z', '2026-10-25T03'],
    // And none is at two.
    ['hourly', 'Europe/Berlin', '2026-03-29T00:59:59Z', '2026-03-29T01'],
    ['hourly', 'Europe/Berlin', '2026-03-29T01:00:00Z', '2026-03-29T03'],
    ['daily', 'Pacific/Apia', '2011-12-30T09:59:59Z', '2011-12-29'],
    ['daily', 'Pacific/Apia', '2011-12-30T10:00:00Z', '2011-12-31'],
    ['daily', 'America/St_Johns', '2010-11-07T02:30:59Z', '2010-11-07'],
    ['daily', 'America/St_Johns', '2010-11-07T02:31:00Z', '2010-11-06'],
  ])('%s in %s at %s is %s', (period, zone, moment, name) => {
    expect(named(zone, period, moment)).toBe(name)
  })

  it('a zone that is none is refused', () => {
    for (const zone of ['Europe/Nowhere', '', 'UTC ', '../etc']) expect(refusalOf(() => new Calendar(zone))).toMatchObject({status: 64, message: `not a time zone: ${zone}`})
  })
})

describe('the first moment of a bucket', () => {
  it.each<[Period, string, string, string]>([
    ['hourly', 'UTC', '2026-11-22T08:30:00Z', '2026-11-22T08:00:00Z'],
    ['weekly', 'UTC', '2026-11-22T08:30:00Z', '2026-11-16T00:00:00Z'],
    ['monthly', 'Europe/Berlin', '2026-11-22T08:30:00Z', '2026-10-31T23:00:00Z'],
    ['quarterly', 'Europe/Berlin', '2026-11-22T08:30:00Z', '2026-09-30T22:00:00Z'],
    ['yearly', 'Asia/Kathmandu', '1986-07-01T00:00:00Z', '1985-12-31T18:30:00Z'],
    // Days that begin at one.
    ['daily', 'America/Sao_Paulo', '2018-11-04T12:00:00Z', '2018-11-04T03:00:00Z'],
    ['daily', 'Africa/Cairo', '2026-04-24T12:00:00Z', '2026-04-23T22:00:00Z'],
    ['daily', 'Pacific/Apia', '2011-12-31T09:00:00Z', '2011-12-30T10:00:00Z'],
    ['hourly', 'Europe/Berlin', '2026-10-25T01:30:00Z', '2026-10-25T00:00:00Z'],
    ['hourly', 'Antarctica/Troll', '2025-10-26T01:30:00Z', '2025-10-25T23:00:00Z'],
  ])('%s in %s at %s is %s', (period, zone, moment, expected) => {
    const calendar = new Calendar(zone)
    expect(timeText(calendar.begin(period, bucketOfWall(period, calendar.wall(at(moment)))))).toBe(expected)
  })

  it('of a day that there was not is that of the next', () => {
    expect(timeText(new Calendar('Pacific/Apia').begin('daily', at('2011-12-30T00:00:00Z') / DAY))).toBe('2011-12-30T10:00:00Z')
  })

  it('of what no four digits can say is the end of time', () => {
    expect(new Calendar('Europe/Berlin').begin('yearly', 100_000)).toBe(END_OF_TIME)
    expect(timeText(new Calendar('Europe/Berlin').begin('yearly', 9999))).toBe('9998-12-31T23:00:00Z')
  })
})

describe('wherever and whenever', () => {
  it('buckets have the names that Intl has for each moment', () => {
    const chance = seeded(7)
    for (let number = 0; number < 20_000; number++) {
      const {zone, start} = somewhere(chance)
      const [calendar, clock] = places(zone)
      for (const period of PERIODS) {
        const name = bucketName(period, bucketOfWall(period, calendar.wall(start)))
        if (name !== clock.name(period, start)) throw new Error(`${period} at ${timeText(start)} in ${zone}: ${name} and not ${clock.name(period, start)}`)
      }
    }
  })

  it('no later bucket is shown before it begins, and an earlier one only where that was said', () => {
    const chance = seeded(8)
    for (let number = 0; number < 20_000; number++) {
      const {zone, start} = somewhere(chance)
      const [calendar, clock] = places(zone)
      const period = oneOf(chance, PERIODS)
      const bucket = bucketOfWall(period, calendar.wall(start)) + below(chance, 3)
      const begin = calendar.begin(period, bucket)
      const name = bucketName(period, bucket)
      const before = below(chance, 3 * HOUR) + 1
      if (clock.name(period, begin) < name || clock.name(period, begin - before) >= name) throw new Error(`${name} in ${zone} does not begin at ${timeText(begin)}`)
      const earliest = bucketName(period, calendar.earliestFrom(period, start))
      const after = start + below(chance, 4 * HOUR)
      if (clock.name(period, after) < earliest || earliest > clock.name(period, start)) throw new Error(`${period} at ${timeText(start)} in ${zone}: not from ${earliest} on`)
    }
  })
})

const known = new Map<string, readonly [Calendar, WallClock]>()

function places(zone: string): readonly [Calendar, WallClock] {
  const place = known.get(zone) ?? [new Calendar(zone), new WallClock(zone)]
  known.set(zone, place)
  return place
}

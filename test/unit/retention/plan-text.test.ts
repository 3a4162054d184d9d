// Plans as text: what parses prints back byte for byte, whatever was done to it is refused; rows and lines of JSON.

import {describe, expect, it} from 'vitest'
import {Calendar} from '../../../src/lib/retention/calendar.ts'
import {planSet} from '../../../src/lib/retention/plan.ts'
import {PLAN_COLUMNS, planAsJson, planRows} from '../../../src/lib/retention/plan-rows.ts'
import {formatPlan, parsePlan, planLine, type StorePlan} from '../../../src/lib/retention/plan-text.ts'
import {BkError} from '../../../src/lib/cli/errors.ts'
import {seeded} from '../../harness/faults.ts'
import {sha256} from '../index/texts.ts'
import {below, somewhere, someRules, someSnapshots, type Chance} from './histories.ts'
import {refusalOf} from './rotating.ts'

const SUM = '4f2d'.repeat(16)
const STORE = '4b1f0c2e9a7d4e0f8c3b5a6978d0e1f2'

/** The lines of a plan, with an end line that fits. */
function closed(lines: readonly string[]): string {
  const above = lines.map((line) => `${line}\n`).join('')
  const count = (verdict: RegExp): number => lines.filter((line) => verdict.test(line)).length
  return `${above}#bk end snapshots=${count(/^(?:keep|drop) /)} drop=${count(/^drop /)} sha256=${sha256(above)}\n`
}

const head = ['#bk plan 1', `store ${STORE}`, `head 18 ${SUM}`]
const example = [
  ...head,
  'set db1 UTC within=30d',
  'keep 16 2026-11-22T08:30:01Z 2026-12-22T08:30:01Z newest, newest-complete, within',
  'set web1 Europe/Berlin daily=7 weekly=5',
  'drop 15 2026-11-22T08:20:05Z - 14 stays of daily 2026-11-22',
  'keep 17 2026-11-22T08:30:05Z - newest',
]

function print(plan: StorePlan): string {
  return [...formatPlan(plan)].join('')
}

function somePlan(chance: Chance): StorePlan {
  let seq = 1
  const names = ['a', 'b.c', 'web1', 'x'.repeat(64)].slice(below(chance, 4))
  const sets = names.map((set) => {
    const {zone, start} = somewhere(chance)
    const [rules, snapshots] = [someRules(chance), someSnapshots(chance, below(chance, 40), start, () => seq++)]
    return {set, zone, rules, lines: planSet({snapshots, rules, calendar: new Calendar(zone), now: start}).map(planLine)}
  })
  return {store: STORE, head: {seq, sum: SUM}, sets}
}

describe('the text of a plan', () => {
  it('is as the format has it', () => {
    const plan = parsePlan(closed(example))
    expect(plan.head).toEqual({seq: 18, sum: SUM})
    expect(plan.sets.map(({set, zone, rules, lines}) => [set, zone, rules.daily, rules.within, lines.length])).toEqual([['db1', 'UTC', 0, 2_592_000, 1], ['web1', 'Europe/Berlin', 7, 0, 2]])
    expect(plan.sets[1]!.lines[0]).toEqual({verdict: 'drop', seq: 15, received: Date.parse('2026-11-22T08:20:05Z') / 1000, until: undefined, why: '14 stays of daily 2026-11-22'})
    expect(print(plan)).toBe(closed(example))
  })

  it('of an empty store has no lines', () => {
    const empty = print({store: STORE, head: {seq: 0, sum: '0'.repeat(64)}, sets: []})
    expect(parsePlan(empty).sets).toEqual([])
    expect(empty.endsWith(`#bk end snapshots=0 drop=0 sha256=${sha256(empty.slice(0, empty.indexOf('#bk end')))}\n`)).toBe(true)
  })

  it('parses to what was printed', () => {
    for (let number = 0; number < 300; number++) {
      const plan = somePlan(seeded(number))
      expect(parsePlan(print(plan))).toEqual(plan)
    }
  })

  it('every cut, and every changed byte, is refused', () => {
    const text = closed(example)
    for (let at = 0; at < text.length; at++) {
      for (const bad of [text.slice(0, at), `${text.slice(0, at)}${text[at] === '1' ? '2' : '1'}${text.slice(at + 1)}`]) expect(refusalOf(() => parsePlan(bad)).status).toBe(65)
    }
    for (const more of ['\n', ' ', 'x\n', '\0', text]) expect(refusalOf(() => parsePlan(text + more)).status).toBe(65)
  })

  it.each<[string, readonly string[]]>([
    ['another version', ['#bk plan 2', ...example.slice(1)]],
    ['no store', [example[0]!, ...example.slice(2)]],
    ['a head without a sum', [...example.slice(0, 2), 'head 18', ...example.slice(3)]],
    ['a snapshot of no set', [...head, example[4]!]],
    ['sets out of order', [...head, 'set b UTC daily=1', 'set a UTC daily=1']],
    ['a set twice', [...head, 'set a UTC daily=1', 'set a UTC daily=1']],
    ['a name that no set has', [...head, 'set ../a UTC daily=1']],
    ['no rules', [...head, 'set a UTC']],
    ['rules that keep nothing', [...head, 'set a UTC last=1']],
    ['rules with escapes', [...head, 'set a UTC daily=\u001B[1m']],
    ['a zone with a blank', [...head, 'set a Europe Berlin daily=1']],
    ['numbers out of order', [...example.slice(0, 6), example[7]!, example[6]!]],
    ['a snapshot twice', [...example, 'keep 17 2026-11-22T08:30:05Z - newest']],
    ['a snapshot in two sets', [...head, 'set a UTC daily=1', 'keep 17 2026-11-22T08:30:05Z - newest', 'set b UTC daily=1', 'drop 17 2026-11-22T08:30:05Z - newest']],
    ['number 0', [...head, 'set a UTC daily=1', 'keep 0 2026-11-22T08:30:05Z - newest']],
    ['a number with a zero before it', [...head, 'set a UTC daily=1', 'drop 017 2026-11-22T08:30:05Z - newest']],
    ['no such day', [...head, 'set a UTC daily=1', 'keep 1 2026-02-30T08:30:05Z - newest']],
    ['no such hour', [...head, 'set a UTC daily=1', 'keep 1 2026-02-20T24:00:00Z - newest']],
    ['one that is dropped and promised', [...head, 'set a UTC daily=1', 'drop 1 2026-11-22T08:30:05Z 2026-11-23T00:00:00Z newest']],
    ['a verdict that is none', [...head, 'set a UTC daily=1', 'doom 1 2026-11-22T08:30:05Z - newest']],
    ['no reason', [...head, 'set a UTC daily=1', 'keep 1 2026-11-22T08:30:05Z -']],
    ['two blanks', [...head, 'set a UTC daily=1', 'keep 1 2026-11-22T08:30:05Z - newest  within']],
    ['what a terminal would obey', [...head, 'set a UTC daily=1', 'keep 1 2026-11-22T08:30:05Z - new\u001B[2Jest']],
    ['a long line', [...head, 'set a UTC daily=1', `keep 1 2026-11-22T08:30:05Z - ${'a '.repeat(1_000_000)}a`]],
    ['an empty line', [...example, '']],
    ['a comment', [...example, '# mine']],
  ])('%s is refused, however well it is closed', (_, lines) => {
    const {status, message} = refusalOf(() => parsePlan(closed(lines)))
    expect(status).toBe(65)
    expect(message).toMatch(/^[ -~]{1,200}$/)
  })

  it('counts that are wrong are refused', () => {
    const text = closed(example)
    for (const wrong of [text.replace('snapshots=3', 'snapshots=4'), text.replace('drop=1', 'drop=0')]) expect(refusalOf(() => parsePlan(wrong)).status).toBe(65)
  })

  it('of anything at all is read, or refused with 65', () => {
    const words = [...example, '#bk end snapshots=0 drop=0 sha256=', SUM, '', 'set', 'keep', 'drop 1', '\u00FF', '\r', 'set a UTC daily=1']
    for (let number = 0; number < 3000; number++) {
      const chance = seeded(number)
      const lines = Array.from({length: below(chance, 12)}, () => words[below(chance, words.length)]!)
      const text = closed(chance() < 0.5 ? [...head, ...lines] : lines)
      try {
        expect(print(parsePlan(text))).toBe(text)
      } catch (error) {
        if (!(error instanceof BkError) || error.status !== 65) throw error
      }
    }
  })
})

describe('rows', () => {
  const plan = parsePlan(closed(example))

  it('for programs', () => {
    const rows = [...planRows(plan)]
    expect(rows[0]).toEqual(['16', '2026-11-22T08:30:01Z', 'db1', 'keep', '2026-12-22T08:30:01Z', 'newest, newest-complete, within'])
    expect(rows[1]).toEqual(['15', '2026-11-22T08:20:05Z', 'web1', 'drop', '-', '14 stays of daily 2026-11-22'])
    expect(rows.every((row) => row.length === PLAN_COLUMNS.length)).toBe(true)
  })

  it('for people', () => {
    expect([...planRows(plan, 'Europe/Berlin')][0]!.slice(1, 5)).toEqual(['2026-11-22 09:30:01', 'db1', 'keep', '2026-12-22 09:30:01'])
  })

  it('as JSON', () => {
    const lines = [...planAsJson(plan)]
    expect(lines.every((line) => line.endsWith('}\n') && line.indexOf('\n') === line.length - 1)).toBe(true)
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      {type: 'plan', store: STORE, head: 18, sum: SUM},
      {type: 'set', set: 'db1', zone: 'UTC', rules: 'within=30d', keep: 1, drop: 0},
      {type: 'snapshot', seq: 16, set: 'db1', received: '2026-11-22T08:30:01Z', plan: 'keep', until: '2026-12-22T08:30:01Z', why: ['newest', 'newest-complete', 'within']},
      {type: 'set', set: 'web1', zone: 'Europe/Berlin', rules: 'daily=7 weekly=5', keep: 1, drop: 1},
      {type: 'snapshot', seq: 15, set: 'web1', received: '2026-11-22T08:20:05Z', plan: 'drop', why: ['14 stays of daily 2026-11-22']},
      {type: 'snapshot', seq: 17, set: 'web1', received: '2026-11-22T08:30:05Z', plan: 'keep', why: ['newest']},
    ])
  })
})

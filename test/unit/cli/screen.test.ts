import {describe, expect, it} from 'vitest'
import {exitMeanings, exitStatus} from '../../../src/lib/cli/exit.ts'
import {wantsColour} from '../../../src/lib/cli/style.ts'
import {nearest} from '../../../src/lib/cli/suggest.ts'
import {tableLines} from '../../../src/lib/cli/table.ts'

const columns = [{align: 'right', title: 'n'}, {title: 'set'}, {overflow: true, title: 'path'}] as const
const rows = [
  ['1', 'web', './short'],
  ['12', 'größe日', `./${'long/'.repeat(6)}`],
]
const bold = (text: string): string => `<${text}>`

describe('a table', () => {
  it('has aligned columns and a heading', async () => {
    expect((await tableLines(columns, rows, 80, bold)).join('')).toBe(
      '< N  SET      PATH>\n 1  web      ./short\n12  größe日  ./long/long/long/long/long/long/\n',
    )
  })

  it('lets names run over the edge while there is room for something of them', async () => {
    expect((await tableLines(columns, rows, 33, bold)).length).toBe(3)
  })

  it('is a block per row where it is too narrow', async () => {
    expect((await tableLines(columns, rows, 25, bold)).join('')).toBe(
      '<n   >  1\n<set >  web\n<path>  ./short\n\n<n   >  12\n<set >  größe日\n<path>  ./long/long/long/long/long/long/\n',
    )
  })
})

describe('colours', () => {
  it.for<[tty: boolean, environment: Record<string, string>, wanted: boolean]>([
    [true, {}, true],
    [true, {TERM: 'xterm'}, true],
    [true, {NO_COLOR: ''}, true],
    [true, {NO_COLOR: '1'}, false],
    [true, {NO_COLOR: '0'}, false],
    [true, {TERM: 'dumb'}, false],
    [false, {}, false],
  ])('terminal %s with %j: %s', ([isTTY, environment, wanted]) => {
    expect(wantsColour({isTTY}, environment)).toBe(wanted)
  })
})

describe('a command that may have been meant', () => {
  it.for<[string, string | undefined]>([
    ['dif', 'diff'],
    ['idnex', 'index'],
    ['indexx', 'index'],
    ['restroe', 'restore'],
    ['keys ad', 'keys add'],
    ['sned', 'send'],
    ['push', undefined],
    ['x', undefined],
  ])('%s: %s', ([typed, meant]) => {
    expect(nearest(typed, ['diff', 'index', 'keys add', 'log', 'receive', 'restore', 'send'])).toBe(meant)
  })
})

describe('the table of exit statuses', () => {
  it('has every status once, in order', () => {
    const statuses = exitMeanings.map(({status}) => status)
    expect(statuses).toEqual(Object.values(exitStatus))
    expect(statuses).toEqual([0, 1, 2, 3, 64, 65, 70, 74, 75, 77, 130, 141, 143])
  })
})

// Runs the rows of a table: each is shot at the store of its group, which has to stand all of them one after the other, and then, where
// a row says what stops it, at a store of its own behind a bk that lacks just that.

import {beforeAll, describe, expect, test} from 'vitest'
import {readStore} from '../harness/read-store.ts'
import {expectAlive, expectNothing, openRange, shootWithout} from './range.ts'
import type {Range} from './range.ts'
import {took} from './row.ts'
import type {Row} from './row.ts'

/** Makes the tests of a table. */
export function attackTable(table: readonly Row[]): void {
  let range: Range
  beforeAll(async () => {
    range = await openRange()
  })
  for (const [group, rows] of Map.groupBy(table, (row) => row.group)) {
    describe(group, () => {
      let store: string
      beforeAll(() => {
        store = range.newStore()
      })

      test.each(rows)('$name: nothing comes of it', async (row) => {
        const target = row.fresh === undefined ? store : range.newStore(row.fresh === true ? undefined : row.fresh)
        const {snapshots} = readStore(target)
        await expectNothing(row, await range.shoot(row, {store: target}), snapshots)
        if (row.exhausts !== true) store = target
      })

      test('after all of it every earlier snapshot comes back, and the next honest one is taken', async () => {
        await expectAlive(store)
      })

      const tried = rows.filter(({without}) => without !== undefined)
      if (tried.length === 0) return
      test.each(tried)('$name: succeeds without $defence.rule', async (row) => {
        const shot = await shootWithout(range, row)
        expect(await (row.harm ?? took)(shot), `${shot.status} ${shot.stdout}${shot.stderr}`).toBe(true)
      })
    })
  }
}

// What bk log says of a store: rows, listings, and what its check finds.

import fs from 'node:fs'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {checkLog, newTally, type LogTally} from '../../../src/lib/store/log-check.ts'
import {exactRow, logEntries, readableRow, recordAsJson, type LogEntry} from '../../../src/lib/store/log-rows.ts'
import {lsRow} from '../../../src/lib/store/ls.ts'
import {openLog} from '../../../src/lib/store/open.ts'
import {tempDir} from '../../harness/temp.ts'
import {makeTree} from '../../harness/tree.ts'
import {addSnapshot, group, makeStore, readTree} from './make-store.ts'

async function prepared(): Promise<string> {
  const dir = tempDir('log')
  makeTree(join(dir, 'src'), [{path: 'a', type: 'file', content: 'a'}])
  const store = await makeStore(join(dir, 'store'))
  for (const [i, set] of ['web', 'db', 'web'].entries()) {
    fs.writeFileSync(join(dir, 'src/a'), `${i}`.repeat(1000 * (i + 1)))
    const contents = readTree(join(dir, 'src'))
    await addSnapshot(store, contents, {set, received: `2026-11-2${i}T08:30:05Z`, partial: i})
  }
  return store
}

async function entriesOf(store: string, set?: string): Promise<{readonly entries: LogEntry[]; readonly warned: string[]}> {
  const warned: string[] = []
  const entries: LogEntry[] = []
  for await (const entry of logEntries(await openLog(store), {set, all: true}, {warn: (text) => warned.push(text)})) entries.push(entry)
  return {entries, warned}
}

async function check(store: string): Promise<{readonly damages: string[]; readonly tally: LogTally}> {
  const tally = newTally()
  const damages: string[] = []
  for await (const damage of checkLog(await openLog(store), tally)) damages.push(damage)
  return {damages, tally}
}

function alter(path: string, change: (text: string) => string): void {
  const text = fs.readFileSync(path, 'latin1')
  fs.rmSync(path)
  fs.writeFileSync(path, change(text), 'latin1')
}

const catalogOf = (store: string, seq: number): string => {
  const digest = /^catalog (\S+)/m.exec(fs.readFileSync(join(store, `log/00000${seq}`), 'utf8'))![1]!
  return join(store, 'catalogs', digest)
}

describe('rows', () => {
  it('all that a record says', async () => {
    const store = await prepared()
    const {entries, warned} = await entriesOf(store)
    expect(warned).toEqual([])
    const rows = entries.map(exactRow)
    expect(rows.map((row) => row.slice(0, 7))).toEqual([
      ['1', '2026-11-20T08:30:05Z', 'web', 'complete', '2', '1000', 'full'],
      ['2', '2026-11-21T08:30:05Z', 'db', 'partial=1', '2', '2000', 'full'],
      ['3', '2026-11-22T08:30:05Z', 'web', 'partial=2', '2', '3000', 'full'],
    ])
    // The size of all packs together.
    const packs = fs.readdirSync(join(store, 'packs'), {recursive: true, encoding: 'utf8'}).filter((name) => name.endsWith('.zst'))
    const bytes = packs.reduce((sum, name) => sum + fs.statSync(join(store, 'packs', name)).size, 0)
    expect(rows.reduce((sum, row) => sum + Number(row[7]), 0)).toBe(bytes)
    expect(readableRow(entries[2]!, 'Europe/Berlin').slice(0, 6)).toEqual(['3', '2026-11-22 09:30:05', 'web', 'partial=2', '2', '2.9K'])
    expect((await entriesOf(store, 'db')).entries.map(({record}) => record.seq)).toEqual([2])
    expect(JSON.parse(recordAsJson(entries[1]!))).toMatchObject({
      type: 'snapshot', seq: 2, set: 'db', received: '2026-11-21T08:30:05Z', complete: false, unread: 1, entries: 2, bytes: 2000, index_level: 'full', new_packs: 2,
    })
  })

  it('a catalog that is gone is told of, a chain that is broken is the end', async () => {
    const store = await prepared()
    fs.rmSync(catalogOf(store, 2))
    const {entries, warned} = await entriesOf(store)
    expect([entries.length, warned, exactRow(entries[1]!)[7]]).toEqual([3, ['the catalog of record 2 is missing'], '-'])
    // Of one record the next has a copy.
    fs.rmSync(join(store, 'log/000002'))
    expect((await entriesOf(store)).entries).toHaveLength(3)
    fs.rmSync(join(store, 'log/000001'))
    await expect(entriesOf(store)).rejects.toMatchObject({status: 65, message: 'the log is damaged before record 2'})
  })
})

describe('the check', () => {
  it('finds nothing in a store that is whole', async () => {
    const store = await prepared()
    expect(await check(store)).toEqual({damages: [], tally: {records: 3, head: fs.readFileSync(join(store, 'log/000003'), 'latin1').slice(-65, -1)}})
    // A last record that was torn when it was written means nothing.
    fs.writeFileSync(join(store, 'log/000004'), '#bk record 1 snapshot\nseq 4\n')
    expect((await check(store)).damages).toEqual([])
  })

  it.for<[string, (store: string) => void, string[]]>([
    ['a missing record', (store) => fs.rmSync(join(store, 'log/000002')), ['record 2 is missing: the next has a copy of it']],
    ['a record that was altered', (store) => alter(join(store, 'log/000002'), (text) => text.replace('set db', 'set dc')), ['record 2 is damaged: the next has a copy of it']],
    ['a record with another number', (store) => fs.copyFileSync(join(store, 'log/000001'), join(store, 'log/000004')), ['record 4 is damaged: it says it is record 1']],
    ['a catalog that was altered', (store) => alter(catalogOf(store, 1), (text) => text.replace(/[0-9]\n/, '0\n')), [expect.stringMatching(/^the catalog of record 1: its sum is wrong \(catalogs\//) as unknown as string]],
    ['a catalog that is gone', (store) => fs.rmSync(catalogOf(store, 3)), [expect.stringMatching(/^the catalog of record 3: is missing \(catalogs\//) as unknown as string]],
    ['a README that was altered', (store) => alter(join(store, 'README'), (text) => `${text}!`), ['README was changed since the store was made']],
    ['a recover.sh that is gone', (store) => fs.rmSync(join(store, 'recover.sh')), ['recover.sh: is missing']],
  ])('finds %s', async ([, damage, wanted]) => {
    const store = await prepared()
    damage(store)
    expect((await check(store)).damages).toEqual(wanted)
  })

  it('finds a pack that no catalog has', async () => {
    const store = await prepared()
    await addSnapshot(store, readTree(join(store, '../src')), {
      set: 'web', draft: (draft) => ({...draft, needs: {base: undefined, drop: new Map(), add: new Map([[1, new Set([1, 9])], [4, new Set([1, 2])]])}}),
    })
    expect((await check(store)).damages).toEqual(['record 4 needs pack 1.9, which no catalog has'])
  })
})

describe('listings', () => {
  const exact = {kind: 'exact'} as const
  const rest = 'uid=0 gid=7 uname=root time=1795336205.500000000'

  it.for([
    ['./d/f type=file mode=0640', [], ['-rw-r-----', 'root', '7', '5', '2026-11-22T08:30:05Z', 'f'], 'size=5 '],
    ['./s type=file mode=06755', [], ['-rwsr-sr-x', 'root', '7', '5', '2026-11-22T08:30:05Z', 's'], 'size=5 '],
    ['./s type=file mode=06644', ['xattr.system.posix_acl_access=AgAAAA=='], ['-rwSr-Sr--+', 'root', '7', '5', '2026-11-22T08:30:05Z', 's'], 'size=5 '],
    ['./t type=dir mode=01777', [], ['drwxrwxrwt', 'root', '7', '-', '2026-11-22T08:30:05Z', 't'], ''],
    ['./a\\040b type=fifo mode=0600', [], ['prw-------', 'root', '7', '-', '2026-11-22T08:30:05Z', 'a\\040b'], ''],
    ['./y type=file mode=0600', ['stale=EACCES'], ['-rw-------', 'root', '7', '1', '2026-11-22T08:30:05Z', 'y (from an earlier snapshot)'], 'size=1 '],
  ] as const)('%s', ([line, comments, row, size]) => {
    expect(lsRow(group(`${line} ${rest.replace('time=', `${size}time=`)}`, ...comments), exact)).toEqual(row)
  })

  it('links, devices and what is not there', () => {
    expect(lsRow(group(`./l type=link mode=0777 ${rest} link=a\\040b`), exact)[5]).toBe('l -> a\\040b')
    expect(lsRow(group(`./l\\033 type=link mode=0777 ${rest} link=a\\040b`), {kind: 'readable', timeZone: 'Asia/Tokyo'}).slice(4)).toEqual(['2026-11-22 17:30:05', 'l\\033 -> a b'])
    expect(lsRow(group(`./c type=char mode=0666 ${rest} device=native,1,3`), exact).slice(0, 4)).toEqual(['crw-rw-rw-', 'root', '7', '1,3'])
    expect(lsRow(group('./f type=file'), exact)).toEqual(['-?????????', '-', '-', '-', '-', 'f'])
    expect(lsRow({path: './e', line: '', comments: ['#bk ./e error=EACCES']}, exact)).toEqual(['??????????', '-', '-', '-', '-', 'e (not stored: EACCES)'])
  })
})

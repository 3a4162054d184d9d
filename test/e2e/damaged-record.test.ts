// A record of the log is damaged, as a bad sector does it, on a host that nobody looks at: backups and rotation go on, everything comes
// back, verify says it, and --repair makes the file what it was.

import {chmodSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeAll, expect, test} from 'vitest'
import {sh} from '../harness/bk.ts'
import type {Result} from '../harness/bk.ts'
import {readStore} from '../harness/read-store.ts'
import {tempDir} from '../harness/temp.ts'

let dir: string
const run = (script: string): Promise<Result> => sh(script, {cwd: dir})
const done = async (script: string, status = 0): Promise<string> => {
  const result = await run(script)
  expect({script, status: result.status, stderr: status === 0 ? result.stderr : ''}).toEqual({script, status, stderr: ''})
  return String(result.stdout)
}
const record = (seq: number): string => join(dir, 'store/log', String(seq).padStart(6, '0'))

beforeAll(async () => {
  dir = tempDir('damaged-record')
  await done(`mkdir tree && bk init -q store
    for day in 1 2 3 4 5 6; do echo "day $day" >tree/file$day; cp -a tree was$day; bk push -q -C tree --set web . store; done
    bk rotate -q store --drop 2 --apply --now
    echo 7 >tree/file7; cp -a tree was8; bk push -q -C tree --set web . store`)
})

// 1 to 6 are snapshots, 7 and 8 edits of rotate (what was dropped; what goes), 9 a snapshot.
test.each([3, 5, 7, 8])('record %i: work goes on, all comes back, and it is made anew', async (seq) => {
  const before = readFileSync(record(seq))
  const facts = 'bk status store | cut -f1-3,5-7'
  for (const bytes of [Buffer.alloc(before.length), undefined]) {
    const status = await done(facts)
    if (bytes === undefined) rmSync(record(seq))
    else {
      chmodSync(record(seq), 0o600)
      writeFileSync(record(seq), bytes)
    }
    expect(await done('bk verify -q store', 1)).toMatch(new RegExp(`^record\\t${seq}\\t.*: record ${seq + 1} has a copy of it\\n$`))
    for (const day of [1, 3, 4, 5, 6]) await done(`bk restore -q store@${day} --to back && diff -r back was${day} && rm -r back`)
    expect(await done(facts)).toBe(status)
    expect(await done('bk log store | cut -f1')).not.toMatch(/^2$/m)
    await done(`echo $RANDOM >tree/more && bk push -q -C tree --set web . store && bk push -q -C tree --set "other$RANDOM" . store && bk rotate -q store --keep-last 90 --keep-within 30d --apply`)
    const listed = await run('sh store/recover.sh')
    expect(listed.stderr).toMatch(new RegExp(`^recover: record ${seq} is damaged: taken from the copy in the next one$`, 'm'))
    await done('sh store/recover.sh 5 recovered 2>/dev/null && diff -r recovered was5 && rm -r recovered')
    expect(await done('bk verify -q store --repair')).toMatch(new RegExp(`^repaired\\tlog/00000${seq}\\t`))
    expect(readFileSync(record(seq))).toEqual(before)
    await done('bk verify -q store --read-data')
    readStore(join(dir, 'store'))
  }
}, 60_000)

// A sample of what a thief sends, to the real `bk receive` and a store on disk: status, words, and every file of the store as before. The
// whole collection runs in process (receive-stream, receive-pack, receive-snapshot.test.ts).

import {readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeAll, expect, test} from 'vitest'
import {bk, sh} from '../harness/bk.ts'
import {rounds} from '../harness/faults.ts'
import {forgePack, indexText, member, packMembers, storedChanges} from '../harness/forge-stream.ts'
import {readStore, sha256} from '../harness/read-store.ts'
import {storeFiles} from '../harness/store-files.ts'
import {tempDir} from '../harness/temp.ts'
import {after, before, fileLine, firstStream, forged, streamParts, two} from './thief.ts'

let dir: string
let store: string

beforeAll(async () => {
  dir = tempDir('receive')
  store = join(dir, 'store')
  await bk(['init', '-q', store])
  expect((await receive(firstStream)).status).toBe(0)
})

/** Through a pipe, as sshd hands a stream over. */
async function receive(stream: Buffer): Promise<{status: number; stdout: string; stderr: string}> {
  writeFileSync(join(dir, 'stream'), stream)
  const {status, stdout, stderr} = await sh('cat stream | bk receive store --set web1; exit ${PIPESTATUS[1]}', {cwd: dir})
  return {status, stdout: String(stdout), stderr}
}

async function expectRefused(stream: Buffer, {status = 65, stdout = /^$/, stderr = /^bk receive: [^\n]+\n$/} = {}): Promise<void> {
  const files = storeFiles(store)
  expect(await receive(stream)).toEqual({status, stdout: expect.stringMatching(stdout), stderr: expect.stringMatching(stderr)})
  const now = storeFiles(store)
  for (const [name, sum] of files) if (!name.startsWith('sessions/')) expect(now.get(name), name).toBe(sum)
  expect([...now.keys()].filter((name) => !files.has(name) && !/^(?:packs|sessions)\//.test(name))).toEqual([])
}

test('cut off at any byte', async () => {
  const {length} = forged()
  await rounds(12, async (random) => expectRefused(forged().subarray(0, Math.floor(random() * length))))
}, 60_000)

const {packs: [content = two, index = two], snapshot, end} = streamParts()
const three = fileLine('./a', Buffer.from('three\n'))
const withThree = indexText(after.split('\n').slice(2, -2).map((line) => (line.startsWith('./a ') ? three : line)))
const lacking = storedChanges({object: sha256(Buffer.from(before)), text: before}, withThree, [`~ ${three}`])
const unknown = /^refused unknown-base: [^\n]+\n$/
const missing = /^refused missing-object: [^\n]+\n$/
const refusal = /^bk receive: refused [^\n]+\n(?:bk receive: hint: [^\n]+\n)?$/

test.each<[string, Buffer, {status?: number; stdout?: RegExp; stderr?: RegExp}]>([
  ['a foreign member', Buffer.concat([content, index, member('log/000002', two), end]), {}],
  ['a path that leads out', Buffer.concat([content, index, member('pack/../../../etc/cron.d/x', two), end]), {}],
  ['a link', Buffer.concat([content, index, member('snapshot', snapshot, {156: '2', 157: '/etc/passwd'}), end]), {}],
  ['a second snapshot', Buffer.concat([content, index, member('snapshot', snapshot), member('snapshot', snapshot), end]), {}],
  ['no snapshot', Buffer.concat([content, index, end]), {}],
  ['data behind its end', Buffer.concat([forged(), Buffer.from('more')]), {}],
  ['a pack with something behind it', forged({packs: [forgePack([[two]], {trail: Buffer.from('x')})]}), {}],
  ['a pack whose objects are others', forged({packs: [forgePack([[two]], {id: () => '0'.repeat(64)})]}), {}],
  ['another list of ids', Buffer.concat([packMembers({...forgePack([[two]]), ids: ['0'.repeat(64)]}), index, end]), {}],
  ['counts that lie', forged({lines: {counts: '1 bytes 1'}}), {}],
  ['a base that nobody knows', forged({lines: {base: 'f'.repeat(64)}}), {status: 77, stdout: unknown, stderr: refusal}],
  // Not one that a stream before has left, to be used by the next.
  ['an object that is not there', forged({indexes: [lacking], whole: withThree, content: []}), {status: 77, stdout: missing, stderr: refusal}],
])('%s', async (_, stream, refused) => {
  await expectRefused(stream, refused)
})

test('the store is what it was: the first snapshot reads, the next honest one is taken', async () => {
  expect(readStore(store).snapshots.map((each) => each.index)).toEqual([before])
  expect(await receive(forged())).toEqual({status: 0, stdout: expect.stringMatching(/^committed 2 [0-9a-f]{64}\n$/), stderr: ''})
  expect(readStore(store).snapshots.map((each) => each.index)).toEqual([before, after])
  expect(await bk(['restore', '-q', `${store}@1`, '--to', join(dir, 'restored')])).toMatchObject({status: 0, stderr: ''})
  expect(readFileSync(join(dir, 'restored/a'), 'utf8')).toBe('one\n')
})

// `bk receive` and a snapshot that lies: about its base, its counts, its level, what its index says or what lies in the store. Packs
// and stream are as they should be; so are all sums, but for those that a test is about.

import {describe, expect, test} from 'vitest'
import {digestOf, forgePack, indexText, member, storedChanges} from '../harness/forge-stream.ts'
import type {SnapshotLines} from '../harness/forge-stream.ts'
import {noise} from '../harness/days.ts'
import {sha256} from '../harness/read-store.ts'
import {
  after, asObject, attempt, before, big, chunks, dirLine, fileLine, firstStream, forged, honest, honestLines, joined, list, near, nowhere, one, storeWithFirst, streamParts, two,
  withLine, withLines,
} from './thief.ts'
import type {Forged} from './thief.ts'

const store = await storeWithFirst()
const full = {object: sha256(asObject(before)), text: before}

async function expectRefused(stream: Buffer, status: number, words: RegExp): Promise<void> {
  const outcome = await attempt(stream, {store})
  const grown = outcome.grown.filter((name) => !name.startsWith('packs/'))
  expect({...outcome, grown}).toMatchObject({status, message: expect.stringMatching(words), harmed: [], grown: []})
}

async function expectTaken(stream: Buffer, set?: string): Promise<void> {
  const {status, message, harmed} = await attempt(stream, {store, ...(set === undefined ? {} : {set})})
  expect({status, message, harmed}).toEqual({status: 0, message: '', harmed: []})
}

describe('the lines of a snapshot', () => {
  test('are taken as they are', async () => {
    await expectTaken(withLines(honestLines))
    await expectTaken(withLine('claimed', 'claimed 1970-01-01T00:00:00Z'))
  })

  test('of another version', async () => {
    await expectRefused(withLines(['#bk snapshot 2', ...honestLines.slice(1)]), 65, /^the stream is from version 2, this is version 1$/)
  })

  test.each(honestLines.map((line) => line.split(' ')[0]!))('without, twice, or out of order: %s', async (key) => {
    const at = honestLines.findIndex((line) => line.startsWith(key))
    await expectRefused(withLines(honestLines.toSpliced(at, 1)), 65, /./)
    await expectRefused(withLines(honestLines.toSpliced(at, 0, honestLines[at]!)), 65, /./)
    if (at < honestLines.length - 1) await expectRefused(withLines(honestLines.toSpliced(at, 2, honestLines[at + 1]!, honestLines[at]!)), 65, /./)
  })

  test.each([
    'claimed yesterday', 'claimed 2026-11-22T08:29:58', 'claimed 2026-11-22 08:29:58Z', 'state', 'state whole', 'state partial', 'state partial 0', 'state partial -1',
    'entries', 'entries 3', 'entries 3 bytes', 'entries 03 bytes 1004', 'entries 3 bytes 1004 more', `index ${nowhere}`, `index ${nowhere} nearer`, `index ${nowhere.slice(1)} near`,
    'tree', 'tree none', `tree ${nowhere.toUpperCase()}`, 'base', 'base NONE', `base ${nowhere.slice(1)}`, 'base ../../log/000001',
  ])('with %s', async (line) => {
    await expectRefused(withLine(line.split(' ')[0]!, line), 65, /./)
  })

  test.each([
    ['a line more', [...honestLines, 'set other']], ['a quota', [...honestLines, 'quota 0']], ['a received time', [...honestLines, 'received 2001-01-01T00:00:00Z']],
    ['a pack without sign', [...honestLines, `pack ${nowhere}`]], ['packs that are not sorted', [...honestLines, `pack +${nowhere}`, `pack +${'0'.repeat(64)}`]],
    ['a pack twice', [...honestLines, `pack +${nowhere}`, `pack +${nowhere}`]], ['a path for a pack', [...honestLines, 'pack +../../bk-store']],
    ['CR LF', honestLines.map((line) => `${line}\r`)], ['blanks at the ends', honestLines.map((line) => `${line} `)], ['an empty line', [...honestLines, '']],
  ])('and %s', async (_, changed) => {
    await expectRefused(withLines(changed), 65, /./)
  })

  test('under another sum', async () => {
    const {snapshot} = honest
    const other = Buffer.from(String(snapshot).replace(/sum \w{8}/, 'sum 00000000'))
    await expectRefused(joined({...honest, snapshot: other}), 65, /sum/)
    await expectRefused(joined({...honest, snapshot: snapshot.subarray(0, -1)}), 65, /./)
    await expectRefused(joined({...honest, snapshot: Buffer.concat([snapshot, Buffer.from('\n')])}), 65, /./)
    await expectRefused(joined({...honest, snapshot: snapshot.subarray(0, snapshot.indexOf('sum '))}), 65, /./)
  })
})

describe('counts and states that lie', () => {
  const [entries, , bytes] = '3 bytes 1004'.split(' ').map(Number)
  const lies: readonly Partial<SnapshotLines>[] = [
    {counts: `${entries! + 1} bytes ${bytes}`}, {counts: `${entries! - 1} bytes ${bytes}`}, {counts: `0 bytes 0`}, {counts: `${entries} bytes ${bytes! + 1}`},
    {counts: `${entries} bytes 0`}, {counts: `999999999999999 bytes 999999999999999`}, {state: 'partial 1'}, {tree: nowhere}, {tree: digestOf(before)},
    {index: `${sha256(asObject(near))} full`}, {index: `${sha256(asObject(near))} far`.replace('far', 'full')},
  ]
  test.each(lies)('$counts $state $tree $index', async (lie) => {
    await expectRefused(forged({lines: lie}), 65, /./)
  })

  test('are found before what is more than they say costs anything', async () => {
    const counts = /^the counts of the snapshot are not those of its index$/
    const many = Array.from({length: 5000}, (_, at) => dirLine(`./d${10_000 + at}`))
    const wrong = indexText([dirLine('.'), ...many.with(-1, './d14999 type=socket')])
    const linked = indexText([dirLine('.'), fileLine('./a', one), '#bk ./a hardlink=./-', fileLine('./b', one), '#bk ./b hardlink=./-'])
    await expectRefused(forged({indexes: [wrong], whole: wrong}), 65, /unknown type|bad value|type=/)
    await expectRefused(forged({indexes: [wrong], whole: wrong, lines: {counts: '2 bytes 0'}}), 65, counts)
    await expectRefused(forged({indexes: [linked], whole: linked}), 65, /hard link/)
    await expectRefused(forged({indexes: [linked], whole: linked, lines: {counts: '1 bytes 4'}}), 65, counts)
  })

  test('a full index that is said to be near, or far', async () => {
    for (const level of ['near', 'far']) {
      await expectRefused(forged({indexes: [after], lines: {index: `${sha256(asObject(after))} ${level}`}}), 65, /level/)
    }
  })

  test('nothing changed, but the counts or the level have', async () => {
    const same = {content: [], indexes: [], whole: before}
    const index = `${full.object} full`
    await expectTaken(forged({...same, lines: {index}}))
    await expectRefused(forged({...same, lines: {index, counts: '1 bytes 1'}}), 65, /counts/)
    await expectRefused(forged({...same, lines: {index, state: 'partial 7'}}), 65, /./)
    await expectRefused(forged({...same, lines: {index: `${full.object} near`}}), 65, /level/)
  })
})

describe('what a snapshot may count on', () => {
  test('a base that is no snapshot', async () => {
    await expectRefused(forged({lines: {base: nowhere}}), 77, /^refused unknown-base: /)
  })

  test('a base of another set', async () => {
    const {status, message, harmed} = await attempt(forged(), {store, set: 'other'})
    expect({status, message, harmed}).toEqual({status: 77, message: expect.stringMatching(/^refused unknown-base: /), harmed: []})
    await expectTaken(firstStream, 'other')
  })

  test('a base that was not committed, since only the index of another is it', async () => {
    await expectRefused(forged({lines: {base: digestOf(after)}}), 77, /^refused unknown-base: /)
  })

  const missing: readonly (readonly [string, Forged])[] = [
    ['the index', {lines: {index: `${nowhere} full`}}],
    ['the index, which is not in the stream', {packs: [forgePack([[two]])]}],
    ['the content of a file', {content: []}],
    ['what the index is a change against', {indexes: [storedChanges({object: nowhere, text: before}, after, [`~ ${fileLine('./a', two)}`])]}],
    ['all that its base would have', {lines: {base: 'none'}}],
    ...(() => {
      const other = Buffer.from(`chunk ${sha256(chunks[0]!)} 300\nchunk ${nowhere} 700\n`)
      const line = (id: string): string => indexText([dirLine('.'), fileLine('./a', one), fileLine('./big', big), `#bk ./big chunks=${id}`])
      const outer = Buffer.from(`list ${nowhere} 1000\n`)
      const xattr = indexText([dirLine('.'), fileLine('./a', one), `#bk ./a xattr.user.long=@${nowhere}`])
      return [
        ['a list of chunks', {content: [], indexes: [line(nowhere)], whole: line(nowhere)}],
        ['a chunk of a list', {content: [other], indexes: [line(sha256(other))], whole: line(sha256(other))}],
        ['a list of a list', {content: [outer], indexes: [line(sha256(outer))], whole: line(sha256(outer))}],
        ['a long extended attribute', {content: [], indexes: [xattr], whole: xattr}],
      ] as const
    })(),
  ]
  test.each(missing)('%s is in no pack', async (_, what) => {
    await expectRefused(forged(what), 77, /^refused missing-object: /)
  })

  test('objects of another set are not there for a thief, unless he knows the pack', async () => {
    const secret = forgePack([[noise(77, 50)]])
    const text = indexText([dirLine('.'), fileLine('./secret', noise(77, 50))])
    const others = await attempt(forged({packs: [secret, forgePack([[asObject(text)]])], indexes: [text], whole: text, lines: {base: 'none'}}), {store, set: 'other'})
    expect(others.status).toBe(0)
    const guess = {content: [], indexes: [text], whole: text, lines: {base: 'none'}}
    expect(await attempt(forged(guess), {store: others.store})).toMatchObject({status: 77, message: expect.stringMatching(/^refused missing-object: /)})
    const knowing = await attempt(forged({...guess, lines: {base: 'none', packs: [`+${secret.name}`]}}), {store: others.store})
    expect(knowing).toMatchObject({status: 0, harmed: []})
    // A pack of a cut stream, which no record names, cannot be counted on.
    await expectRefused(forged({...guess, lines: {base: 'none', packs: [`+${secret.name}`]}}), 77, /^refused missing-object: /)
  })

  test('a pack that the store has already may come again', async () => {
    const again = await attempt(firstStream, {store})
    expect(again).toMatchObject({status: 0, harmed: []})
  })
})

describe('an index that is none', () => {
  const bad: readonly (readonly [string, readonly string[]])[] = [
    ['with a path that is not sorted', [dirLine('.'), dirLine('./b'), fileLine('./a', two)]],
    ['with a path twice', [dirLine('.'), fileLine('./a', two), fileLine('./a', two)]],
    ['with an absolute path', [dirLine('.'), fileLine('/etc/passwd', two)]],
    ['with a path that leads out', [dirLine('.'), fileLine('./../a', two)]],
    ['with a path that is not escaped', [dirLine('.'), fileLine('./a*', two)]],
    ['with a file in no directory', [dirLine('.'), fileLine('./d/a', two)]],
    ['with a file below a file', [dirLine('.'), fileLine('./a', two), fileLine('./a/b', two)]],
    ['with a file below a link', [dirLine('.'), './l type=link link=/etc', fileLine('./l/a', two)]],
    ['without its top', [fileLine('./a', two)]],
    ['with an unknown type', [dirLine('.'), './a type=socket']],
    ['with an unknown keyword', [dirLine('.'), `${fileLine('./a', two)} nlink=1`]],
    ['with keywords in another order', [dirLine('.'), './a mode=0644 type=fifo']],
    ['with a mode of more than twelve bits', [dirLine('.'), './a type=fifo mode=010000']],
    ['with a link without target', [dirLine('.'), './a type=link']],
    ['with a device without numbers', [dirLine('.'), './a type=block']],
    ['with a file without size', [dirLine('.'), fileLine('./a', two).replace(/ size=\d+/, '')]],
    ['with a file without time', [dirLine('.'), fileLine('./a', two).replace(/ time=\S+/, '')]],
    ['with a file without sha256', [dirLine('.'), fileLine('./a', two).replace(/ sha256=\w+/, '')]],
    ['with an empty file of another sha256', [dirLine('.'), fileLine('./a', two).replace(/ size=\d+/, ' size=0')]],
    ['with a time of seven digits', [dirLine('.'), './a type=fifo time=1763800000.0000000']],
    ['with a comment of no entry', [dirLine('.'), '#bk ./a note=changed']],
    ['with comments that are not sorted', [dirLine('.'), fileLine('./a', two), '#bk ./a sparse=', '#bk ./a note=changed']],
    ['with a comment that only changes have', [dirLine('.'), fileLine('./a', two), '#bk ./a from=./x']],
    ['with an attribute that is not base64', [dirLine('.'), fileLine('./a', two), '#bk ./a xattr.user.x=!']],
    ['with a hard link to what is not there', [dirLine('.'), fileLine('./a', two), '#bk ./a hardlink=./-']],
    ['with a hard link to something else', [dirLine('.'), fileLine('./a', two), fileLine('./b', one), '#bk ./b hardlink=./a']],
    ['with a hard link to a directory', [dirLine('.'), fileLine('./a', two), '#bk ./a hardlink=.']],
    ['with a list of chunks that is none', [dirLine('.'), fileLine('./a', two), `#bk ./a chunks=${sha256(two)}`]],
    ['with a list of chunks for other sizes', [dirLine('.'), fileLine('./a', Buffer.concat([big, two])), `#bk ./a chunks=${sha256(list)}`]],
    ['with a line of another kind', [dirLine('.'), 'hello', fileLine('./a', two)]],
    ['with a line of 70,000 bytes', [dirLine('.'), `./l type=link link=${'x'.repeat(70_000)}`]],
    ['with a comment of mtree', [dirLine('.'), '# hello', fileLine('./a', two)]],
  ]

  test.each(bad)('%s, as a full one', async (_, lines) => {
    const text = indexText(lines)
    await expectRefused(forged({indexes: [text], whole: text}), 65, /./)
  })

  // The newest object is in order, and what it is a change against is the thief's as well, in an index's place or in a file's.
  test.each(bad)('%s, below a near one', async (_, lines) => {
    const text = indexText(lines)
    const result = indexText([...lines, dirLine('./z')])
    const changes = storedChanges({object: sha256(asObject(text)), text}, result, [`+ ${dirLine('./z')}`])
    await expectRefused(forged({indexes: [text, changes], whole: result}), 65, /./)
    await expectRefused(forged({content: [two, asObject(text)], indexes: [changes], whole: result}), 65, /./)
  })

  test.each([
    ['root= is relative', after.replace('root=/srv', 'root=srv')], ['root= leads out', after.replace('root=/srv', 'root=/srv/..')], ['there is no end line', after.slice(0, after.lastIndexOf('#bk end'))],
    ['the version is another', after.replace('#bk index 1', '#bk index 2')], ['the end line counts wrong', after.replace('entries=3', 'entries=4')],
    ['the state is another', after.replace(' complete ', ' partial=1 ')], ['lines end in CR LF', after.replaceAll('\n', '\r\n')], ['something stands behind its end', `${after}\n`],
    ['it is a list of md5sum', `${'0'.repeat(32)}  a\n`], ['it is no text', noise(3, 1000).toString('latin1')], ['it is empty but for a newline', '\n'],
  ])('because %s', async (_, text) => {
    await expectRefused(forged({indexes: [text], lines: {index: `${sha256(asObject(text))} full`}}), 65, /./)
  })
})

describe('stored changes', () => {
  const change = `~ ${fileLine('./a', two)}`
  const lying = (from: string | RegExp, to: string): string => near.replace(from, to)

  test.each([
    ['are against another index than their base= says', lying(/base=sha256:\w+/, `base=sha256:${nowhere}`)],
    ['say they have no base', lying(/base=sha256:\w+/, 'base=none')],
    ['say they give another index', lying(/target=sha256:\w+/, `target=sha256:${nowhere}`)],
    ['say they are partial', lying(' complete', ' partial=2')],
    ['count their lines wrong', lying('lines=1', 'lines=2')],
    ['have no end line', near.slice(0, near.lastIndexOf('#bk end'))],
    ['do not say what they are changes against', lying(/ object=\w+/, '')],
    ['are against something that is no index', lying(full.object, sha256(one))],
    ['are of another version', lying('#bk changes 1', '#bk changes 2')],
    ['remove what is not there', storedChanges(full, after, ['- ./0', change])],
    ['remove the directory that everything is in', storedChanges(full, after, ['- .', change])],
    ['add what is there', storedChanges(full, after, [change.replace('~', '+')])],
    ['change what is not there', storedChanges(full, after, [change, '= ./b type=dir'])],
    ['move', storedChanges(full, after, [change.replace('~', '>'), '> #bk ./a from=./b'])],
    ['are not sorted', storedChanges(full, after, [change, `= ${dirLine('.')}`])],
    ['mark as unread what the base has', storedChanges(full, after, ['! #bk ./a error=EACCES'])],
  ])('%s', async (_, text) => {
    await expectRefused(forged({indexes: [text]}), 65, /./)
  })

  test.each<[string, readonly string[], readonly string[]]>([
    ['put a file into a file', [`+ ${fileLine('./a/x', two)}`], [fileLine('./a/x', two)]],
    ['put a file nowhere', [`+ ${fileLine('./y/z', two)}`], [fileLine('./y/z', two)]],
    ['add an entry without the keywords it needs', ['+ ./y type=file'], ['./y type=file']],
    ['make a hard link to nothing', [`+ ${fileLine('./y', two)}`, '+ #bk ./y hardlink=./x'], [fileLine('./y', two), '#bk ./y hardlink=./x']],
  ])('%s, and give just that', async (_, changes, added) => {
    const lines = [...before.split('\n').slice(2, -2), ...added].sort((a, b) => ((a.replace('#bk ', '').split(' ')[0] ?? '') < (b.replace('#bk ', '').split(' ')[0] ?? '') ? -1 : 1))
    const result = indexText(lines)
    await expectRefused(forged({indexes: [storedChanges(full, result, changes)], whole: result}), 65, /./)
  })

  test('take away the first name of a hard link, and leave the second', async () => {
    const links = [dirLine('.'), fileLine('./a', two), fileLine('./b', two), '#bk ./b hardlink=./a']
    const [text, result] = [indexText(links), indexText(links.toSpliced(1, 1))]
    const changes = storedChanges({object: sha256(asObject(text)), text}, result, ['- ./a'])
    await expectRefused(forged({indexes: [text, changes], whole: result}), 65, /./)
  })
})

test('the honest stream is taken after all', async () => {
  await expectTaken(forged())
  expect(member('snapshot', streamParts().snapshot).length % 512).toBe(0)
})

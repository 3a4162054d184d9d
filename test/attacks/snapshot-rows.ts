// Snapshots that lie: in the writer's lines about clock, number, set and counts, about what they are a change against, and in what
// their index says. All sums are right.

import {after, asObject, before, big, chunks, dirLine, fileLine, forged, honest, honestLines, joined, list, nowhere, one, two, withLine, withLines} from '../e2e/thief.ts'
import type {Forged} from '../e2e/thief.ts'
import {digestOf, forgePack, indexText, storedChanges} from '../harness/forge-stream.ts'
import {noise} from '../harness/days.ts'
import {readStore, sha256} from '../harness/read-store.ts'
import {secret, secretIndex} from './range.ts'
import {broken, recorded, rows} from './row.ts'
import type {Patch, Row, Shot} from './row.ts'

const receive = 'src/lib/transfer/receive.ts'
const linesFile = 'src/lib/transfer/snapshot-lines.ts'

const wrongTime = ({store, span: [from, to]}: Shot): boolean =>
  readStore(store).snapshots.slice(2).some(({received}) => Date.parse(received) / 1000 > to || Date.parse(received) / 1000 < from - 600)
const believed: Patch = {file: receive, find: 'received: recordTime(options.clock.now())', replace: 'received: lines.claimed'}

const clocks = rows({group: 'clocks', defence: {rule: 'the time of a snapshot is the server\'s', at: `${receive}: accept`}, harm: wrongTime, ends: [0]}, [
  {name: 'a clock far ahead', attack: withLine('claimed', 'claimed 2999-12-31T23:59:59Z'), without: believed},
  {name: 'a clock far behind', attack: withLine('claimed', 'claimed 1970-01-01T00:00:00Z'), without: believed},
  {name: 'the year 0', attack: withLine('claimed', 'claimed 0000-01-01T00:00:00Z')},
  {
    name: 'a day that no calendar has', attack: withLine('claimed', 'claimed 2026-02-30T00:00:00Z'), ends: [65], harm: recorded,
    defence: {
      rule: 'a record is read back before it is written', at: 'src/lib/store/commit.ts: commitSnapshot'}, without: {file: 'src/lib/store/commit.ts',
      find: '    const {size} = parseRecord(bytes)\n', replace: '    const {length: size} = bytes\n',
    },
  },
])

const strict: Patch = {file: linesFile, find: '!formatSnapshotLines(parsed).equals(bytes)', replace: 'false'}
const said = rows({group: 'the writer\'s lines', defence: {rule: 'what parses prints back to the byte', at: `${linesFile}: parseSnapshotLines`}}, [
  {name: 'a received time', attack: withLines([...honestLines, 'received 2001-01-01T00:00:00Z'])},
  {name: 'a set', attack: withLines([...honestLines, 'set web2'])},
  {name: 'a number', attack: withLines([honestLines[0]!, 'seq 99', ...honestLines.slice(1)])},
  {name: 'a quota', attack: withLines([...honestLines, 'quota 0'])},
  {name: 'a drop of the first snapshot', attack: withLines([...honestLines, 'drop 1'])},
  {name: 'needs of his own', attack: withLines([...honestLines, 'needs none +1.1'])},
  {name: 'a line twice', attack: withLines([...honestLines.slice(0, 2), honestLines[1]!, ...honestLines.slice(2)])},
  {name: 'packs that are not sorted', attack: withLines([...honestLines, `pack +${nowhere}`, `pack +${'0'.repeat(64)}`]), without: strict},
  {name: 'a path for a pack', attack: withLines([...honestLines, 'pack +../../bk-store'])},
  {name: 'a NUL byte', attack: withLines([...honestLines, 'saw 1 \0'])},
  {name: 'CR LF', attack: withLines(honestLines.map((line) => `${line}\r`))},
  {name: 'counts of 2^53', attack: withLine('entries', 'entries 9007199254740993 bytes 9007199254740993')},
  {name: 'counts with a sign', attack: withLine('entries', 'entries -1 bytes -1')},
  {name: 'an edit in place of a snapshot', attack: withLines(['#bk record 1 edit', ...honestLines.slice(1)])},
  {
    name: 'another sum', attack: joined({...honest, snapshot: Buffer.from(String(honest.snapshot).replace(/sum \w{8}/, 'sum 00000000'))}),
    defence: {rule: 'lines end in their own sum', at: 'src/lib/store/sum.ts: summedLines'},
  },
  {
    name: 'counts that are not the index\'s', attack: forged({lines: {counts: '999999999999999 bytes 999999999999999'}}), defence: {rule: 'counts are those of the index', at: `${receive}: checkIndex`},
    harm: broken, without: {file: receive, find: 'reach.entries !== lines.entries || reach.bytes !== lines.bytes', replace: 'false'},
  },
  {
    name: 'a tree that the index does not give', attack: forged({indexes: [after], lines: {index: `${sha256(asObject(after))} full`, tree: nowhere}}), harm: broken,
    defence: {
      rule: 'the tree is the digest of the index', at: `${receive}: checkIndex`}, without: {file: receive, find: 'if (end.digest !== lines.tree) throw',
      replace: 'if (false) throw',
    },
  },
  {
    name: 'a full index that is said to be near', attack: forged({indexes: [after], lines: {index: `${sha256(asObject(after))} near`}}),
    defence: {
      rule: 'the level is the one that the chain has', at: `${receive}: checkIndex`}, without: {file: receive,
      find: "if ((lines.index.level === 'full') !== (chain.links.length === 1) ||", replace: 'if (',
    },
  },
])

const missing: Patch = {file: 'src/lib/store/reach.ts', find: 'if (pack === undefined) throw', replace: 'if (pack === undefined) return; if (false) throw'}
const whole: Forged = {indexes: [after], whole: after, packs: [forgePack([[two, ...chunks, list]]), forgePack([[asObject(after)]])]}
const guess: Forged = {content: [], indexes: [secretIndex], whole: secretIndex, lines: {base: 'none'}}
const onSecret = storedChanges({object: sha256(asObject(secretIndex)), text: secretIndex}, indexText([dirLine('.'), dirLine('./d'), fileLine('./secret', secret)]), [`+ ${dirLine('./d')}`])
const onSecretWhole = indexText([dirLine('.'), dirLine('./d'), fileLine('./secret', secret)])

const counted = rows({group: 'what a snapshot counts on', defence: {rule: 'every object that an index reaches lies in a pack that the snapshot may use', at: 'src/lib/store/reach.ts: Reach'}, ends: [77]}, [
  {name: 'content that is not there', attack: forged({content: []}), without: missing},
  {name: 'an index that is not there', attack: forged({lines: {index: `${nowhere} full`}})},
  {name: 'a base that is not there', attack: forged({indexes: [storedChanges({object: nowhere, text: before}, after, [`~ ${fileLine('./a', two)}`])]})},
  {
    name: 'a base that is no snapshot', attack: forged({...whole, lines: {base: nowhere}}), defence: {rule: 'the base is a snapshot of the set', at: `${receive}: accept`},
    without: {file: receive, find: 'if (lines.base !== undefined && base === undefined) {', replace: 'if (false) {'},
  },
  {
    name: 'a base that is a snapshot of another set', attack: forged({content: [], indexes: [onSecret], whole: onSecretWhole, lines: {base: digestOf(secretIndex)}}),
    defence: {
      rule: 'the base is a snapshot of the set', at: 'src/lib/store/log.ts: newest'}, without: {file: 'src/lib/store/log.ts',
      find: "record.set === set && fits(record)", replace: 'fits(record)',
    },
  },
  {name: 'a near against the index of another set', attack: forged({content: [], indexes: [onSecret], whole: onSecretWhole, lines: {base: 'none'}})},
  {name: 'content of another set, by its sha256', attack: forged({...guess, packs: [forgePack([[asObject(secretIndex)]])]}), without: missing},
  {
    name: 'a pack of another set, by a name that is guessed',
    attack: forged({...guess, packs: [forgePack([[asObject(secretIndex)]])], lines: {base: 'none', packs: [`+${nowhere}`]}}),
  },
  {name: 'a pack that a cut session of another set has left', attack: async ({sh, send}) => {
    const left = forgePack([[Buffer.from('left behind\n')]])
    const text = indexText([dirLine('.'), fileLine('./left', Buffer.from('left behind\n'))])
    await sh('bk receive -q $STORE --set web2 >out', forged({packs: [left], lines: {index: `${nowhere} full`}}))
    return await send(forged({packs: [forgePack([[asObject(text)]])], indexes: [text], whole: text, lines: {base: 'none', packs: [`+${left.name}`]}}))
  }},
])

const chunky = (id: string, size = 1000): string => indexText([dirLine('.'), fileLine('./a', one), fileLine('./big', big).replace(/ size=\d+/, ` size=${size}`), `#bk ./big chunks=${id}`])
const chunksAs = (text: string, size?: number): Buffer => {
  const object = asObject(text)
  const index = chunky(sha256(object), size)
  return forged({content: [object], indexes: [index], whole: index})
}
const [chunk, ...others] = chunks.map((each) => `chunk ${sha256(each)} ${each.length}\n`)
const fit: Patch = {
  file: 'src/lib/store/reach.ts', find: 'lines.reduce((sum, {size}) => sum + size, 0) !== this.#sizes.get(id)) throw', replace: 'false) throw',
}

const held = 'src/lib/transfer/held.ts'
const anySize: Patch = {file: held, find: 'known !== size && (', replace: 'false && ('}
const anyOldSize: Patch = {file: held, find: 'if (said !== 0 && said !== size) throw', replace: 'if (false) throw'}
const sized = (...sizes: readonly number[]): string => chunks.map((each, at) => `chunk ${sha256(each)} ${sizes[at]}\n`).join('')
const sizes = {rule: 'a chunk is as large as its list says', at: `${held}: Held`}

const fresh = [noise(31, 300), noise(32, 700)]

/** A list of chunks that only this stream brings, and the index of a file of them. */
function freshly(...said: readonly number[]): {index: string; object: Buffer} {
  const object = Buffer.from(fresh.map((each, at) => `chunk ${sha256(each)} ${said[at]}\n`).join(''))
  return {index: indexText([dirLine('.'), fileLine('./new', Buffer.concat(fresh)), `#bk ./new chunks=${sha256(object)}`]), object}
}

/** Lists of lists, one more than a restore follows. */
function tower(): Buffer {
  const lists = [list]
  while (lists.length < 7) lists.push(Buffer.from(`list ${sha256(lists.at(-1)!)} ${big.length}\n`))
  const index = chunky(sha256(lists.at(-1)!))
  return forged({content: lists, indexes: [index], whole: index})
}

const lists = rows({group: 'lists of chunks', defence: {rule: 'lists add up to the file they stand for', at: 'src/lib/store/reach.ts: Reach'}, harm: broken}, [
  {name: 'that stand for a TiB', attack: chunksAs(`chunk ${sha256(chunks[0]!)} ${2 ** 40}\n`)},
  {name: 'for a file of another size', attack: chunksAs(`${chunk}${others.join('')}`, 999), without: fit},
  {name: 'of sizes that wrap around', attack: chunksAs(`chunk ${sha256(chunks[0]!)} 999999999999999\n`.repeat(10))},
  {name: 'of two kinds of lines', attack: chunksAs(`${chunk}list ${sha256(list)} 700\n`)},
  {name: 'of a chunk that is not there', attack: chunksAs(`${chunk}chunk ${nowhere} 700\n`), without: missing},
  {name: 'of a list that is not there', attack: chunksAs(`list ${nowhere} 1000\n`)},
  {name: 'of content in place of a list', attack: chunksAs('hello\n')},
  {name: 'of no lines', attack: chunksAs('\n')},
  {
    name: 'of more than 64 KiB', attack: chunksAs(`${chunk}`.repeat(1000), 300_000), harm: recorded,
    defence: {rule: 'a list has at most 64 KiB', at: 'src/lib/store/chunk-list.ts: parseList'},
    without: {file: 'src/lib/store/chunk-list.ts', find: 'bytes.length > LIST_SIZE || bytes[', replace: 'bytes['},
  },
  {name: 'that add up, of sizes which their chunks do not have', attack: chunksAs(sized(400, 600)), defence: sizes, without: anyOldSize},
  {
    name: 'that add up, of sizes which new chunks do not have', defence: sizes, without: anySize,
    attack: (({index, object}) => forged({content: [...fresh, object], indexes: [index], whole: index}))(freshly(500, 500)),
  },
  {
    name: 'that nest deeper than a restore goes', attack: tower(), harm: recorded,
    defence: {rule: 'lists nest no deeper than a restore follows them', at: 'src/lib/store/reach.ts: MAX_DEPTH'},
    without: {file: 'src/lib/store/reach.ts', find: 'if (depth + (known ?? 0) > MAX_DEPTH) throw', replace: 'if (false) throw'},
  },
])

export const snapshotRows: readonly Row[] = [...clocks, ...said, ...counted, ...lists]

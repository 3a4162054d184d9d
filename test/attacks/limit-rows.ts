// What a thief can use up: room, days, time, memory, numbers. There is a limit to each, and none is reached at the cost of what is there.

import {readFileSync, statSync} from 'node:fs'
import {join} from 'node:path'
import {big, dirLine, fileLine, firstStream, forged, list, near, two} from '../e2e/thief.ts'
import {noise} from '../harness/days.ts'
import {forgePack, indexText, packMembers} from '../harness/forge-stream.ts'
import {sha256} from '../harness/read-store.ts'
import {rows} from './row.ts'
import type {Patch, Row, Shot} from './row.ts'

const limitsFile = 'src/lib/store/limits.ts'
const index = forgePack([[Buffer.from(near)]])
const content = forgePack([[two]])
const honest = forged({packs: [content, index]})
const ballast = forgePack([[noise(5, 100_000)]])
/** A stream that is cut off behind a pack of 100 kB. */
const cut = packMembers(ballast)

/** Bytes that the set has brought, with its newest record: what a quota counts. */
function used(store: string): number {
  const record = join(store, 'log/000001')
  return Number(/^stored \d+ (\d+)$/m.exec(readFileSync(record, 'latin1'))?.[1]) + statSync(record).size
}

const noQuota: Patch = {file: limitsFile, find: 'if (used + session.total.bytes + bytes <= quota) return', replace: 'return'}
const limits = rows({group: 'limits', defence: {rule: 'a limit is looked at before a byte beyond it is kept', at: `${limitsFile}: Guard`}, fresh: true, ends: [77]}, [
  {
    name: 'one byte over the quota, with the first pack', attack: honest, options: (store) => `--quota ${used(store) + content.bytes.length - 1}`,
    without: noQuota,
  },
  {
    name: 'one byte over the quota, with the second', attack: honest,
    options: (store) => `--quota ${used(store) + content.bytes.length + index.bytes.length - 1}`, without: noQuota,
  },
  {
    name: 'over the quota with the record alone', attack: honest, options: (store) => `--quota ${used(store) + content.bytes.length + index.bytes.length}`,
    without: noQuota,
  },
  {name: 'a quota of nothing', attack: honest, options: '--quota 0', without: noQuota},
  {
    name: 'a quota that cut sessions have used up', attack: async ({send}) => (await send(cut), await send(honest)),
    options: (store) => `--quota ${used(store) + 102_000}`, without: noQuota,
  },
  {
    name: 'one snapshot more than a day may have', attack: honest, options: '--per-day 1',
    without: {file: limitsFile, find: 'if (count >= perDay) throw', replace: 'if (false) throw'},
  },
  {
    name: 'one that says it is of another day', attack: forged({packs: [content, index], lines: {claimed: '1999-01-01T00:00:00Z'}}), options: '--per-day 1',
    without: {file: limitsFile, find: 'if (count >= perDay) throw', replace: 'if (false) throw'},
  },
  {
    name: 'a file of one byte more than there may be', attack: honest, options: '--max-file 3',
    defence: {rule: 'no new file is larger', at: 'src/lib/transfer/file-limit.ts: FileLimit'},
    without: {
      file: 'src/lib/transfer/file-limit.ts', find: 'return content === undefined || content.size <= this.#most ? undefined',
      replace: 'return content !== null ? undefined',
    },
  },
  {
    name: 'a larger file in chunks', attack: inChunks(), options: '--max-file 500',
    defence: {rule: 'no new file is larger', at: 'src/lib/transfer/file-limit.ts: FileLimit'},
  },
  {
    name: 'a larger file under the digest of one that was there', attack: underOldDigest(), options: '--max-file 500',
    defence: {rule: 'an old file has its old size', at: 'src/lib/transfer/file-limit.ts: FileLimit'},
    without: {file: 'src/lib/transfer/file-limit.ts', find: 'if (this.#large.get(digest) !== size) throw', replace: 'if (!this.#large.has(digest)) throw'},
  },
  {
    name: 'an entry too many', attack: honest, options: '--max-entries 2',
    without: {file: limitsFile, find: 'if (maxEntries !== undefined && entries > maxEntries) throw', replace: 'if (false) throw'},
  },
  {
    name: 'an entry too many, of which the lines say nothing', attack: forged({packs: [content, index], lines: {counts: '2 bytes 1004'}}),
    options: '--max-entries 2', ends: [65], defence: {rule: 'counts are those of the index', at: 'src/lib/transfer/receive.ts: checkIndex'},
  },
  {
    name: 'room that is to stay free', attack: honest, options: '--reserve 4000T',
    without: {file: limitsFile, find: "if (missing !== undefined) throw refused('reserve', missing)", replace: ''},
  },
])

function inChunks(): Buffer {
  const text = indexText([dirLine('.'), fileLine('./a', two), fileLine('./new', Buffer.concat([big, two])), `#bk ./new chunks=${sha256(list)}`])
  return forged({packs: [content, forgePack([[Buffer.from(text)]])], indexes: [text], whole: text, lines: {index: `${sha256(Buffer.from(text))} full`}})
}

function underOldDigest(): Buffer {
  const twice = Buffer.concat([list, list])
  const text = indexText([dirLine('.'), fileLine('./new', big).replace(/ size=\d+/, ` size=${2 * big.length}`), `#bk ./new chunks=${sha256(twice)}`])
  return forged({content: [twice], indexes: [text], whole: text})
}

const late: Patch = {
  file: 'src/lib/transfer/deadline.ts', find: 'this.#end = performance.now() + seconds * 1000', replace: 'this.#end = performance.now() + 1e9',
}
const slowly = (pause: string) => `timeout 2 ssh vault < <(for i in $(seq 12); do dd bs=1 count=1 status=none; sleep ${pause}; done)`
const time = rows({group: 'time', defence: {rule: 'one deadline for the whole session', at: 'src/lib/transfer/deadline.ts: Deadline'}, options: '--deadline 1s', harm: ({status}: Shot) => status === 124, ends: [77]}, [
  {name: 'silence', attack: 'timeout 2 ssh vault < <(sleep 2.3)', without: late},
  {name: 'a byte now and then', attack: async ({sh}) => await sh(slowly('0.2'), honest), without: late},
  {name: 'silence in the middle of a pack', attack: async ({sh}) => await sh('timeout 2 ssh vault < <(cat; sleep 2.3)', honest.subarray(0, 700))},
  {name: 'silence in a dialogue', attack: "timeout 2 ssh vault < <(printf 'bk 1\\n'; sleep 2.3)"},
  {name: 'questions without end', attack: "timeout 2 ssh vault < <(printf 'bk 1\\n'; for i in $(seq 12); do echo record 1; sleep 0.2; done)", without: late},
])

/** Packs as small as they come. */
const tiny = (count: number): Buffer => Buffer.concat(Array.from({length: count}, (_, at) => packMembers(forgePack([[Buffer.from(`${at}\n`)]]))))
/** Makes the list of the set's session older by so many seconds. */
const aged = (seconds: number): string => `s=$STORE/sessions/web1; t=$(($(date +%s) - ${seconds})); chmod u+w $s; sed -E -i "/^sum /d; s/^(time|pack [0-9a-f]+ [0-9]+) ([0-9]+)$/\\1 $t/" $s; echo "sum $(sha256sum <$s | cut -c1-64)" >>$s`

const floods = rows({group: 'floods', defence: {rule: 'so many small packs without a snapshot, and no more', at: `${limitsFile}: MAX_SMALL`}, fresh: true}, [
  {
    name: 'tiny packs without end', exhausts: true, attack: tiny(1100), ends: [77], harm: ({grown}) => grown.filter((name) => name.startsWith('packs/')).length > 1000,
    without: {file: limitsFile, find: 'if (size < SMALL_PACK && session.total.small >= MAX_SMALL) {', replace: 'if (false) {'},
  },
  {
    name: 'tiny packs that shut out who comes a minute later', ends: [0], harm: ({stdout}) => !stdout.startsWith('committed'),
    attack: async ({send, sh}) => (await send(tiny(1100)), await sh(`${aged(61)}; ssh vault`, honest)),
    defence: {rule: 'too many small packs go when the next session begins', at: `${limitsFile}: MANY_SMALL`},
    without: {file: limitsFile, find: 'if (session.total.small > MANY_SMALL) {', replace: 'if (false) {'},
  },
  {
    name: 'a megabyte of one line', attack: Buffer.alloc(1_000_000, 'x'), ends: [65], watched: true, harm: ({mebibytes}) => mebibytes > 300,
    defence: {rule: 'the first bytes say what it is', at: 'src/lib/transfer/receive.ts: receiveStream'},
  },
  {
    name: 'a disk that is full', attack: forged({packs: [forgePack([[noise(6, 6_000_000)]]), content, index]}), fresh: 4, ends: [2],
    defence: {rule: 'a file gets its name when it is whole and durable', at: 'src/lib/store/local.ts: LocalStore'},
  },
])

const numbers = ({stdout, grown}: Shot): boolean => {
  const committed = [...stdout.matchAll(/^committed (\d+) /gm)].map(([, seq]) => seq)
  return new Set(committed).size < committed.length || grown.filter((name) => name.startsWith('log/')).length !== committed.length
}
const atOnce = `cat >s; one() { { head -c -1024 s; while [ ! -e go ]; do sleep 0.01; done; tail -c 1024 s; } | ssh vault >out$1; }
for i in 1 2 3 4; do one $i & done; sleep 1; touch go; wait; cat out*`

const races = rows({group: 'races and planted names', defence: {rule: 'a record is created if nobody has its number', at: 'src/lib/store/commit.ts: commitSnapshot'}, fresh: true, ends: [0]}, [
  {
    name: 'four connections that want one number', attack: async ({sh}) => await sh(atOnce, honest), harm: numbers,
    // With a pause, since four processes on two processors seldom come to one line at once.
    without: {
      file: 'src/lib/store/commit.ts', find: 'if (await store.put(recordName(seq), [bytes], true)) return',
      replace: 'await new Promise((resolve) => setTimeout(resolve, 300)); if (await store.put(recordName(seq), [bytes], false)) return',
    },
  },
  {
    name: 'a link in the place of the next record', attack: async ({sh}) => await sh('ln -s $LOOT $STORE/log/000003; ssh vault; s=$?; rm $STORE/log/000003; exit $s', honest), ends: [65],
    defence: {rule: 'no name of a store is followed when it is a link', at: 'src/lib/store/local.ts: get'},
  },
  {
    name: 'a link in the place of a pack', ends: [0], harm: ({stdout}) => !stdout.startsWith('committed'),
    attack: async ({sh}) => await sh(`mkdir -p $STORE/packs/${content.name.slice(0, 2)}; ln -s $LOOT $STORE/packs/${content.name.slice(0, 2)}/${content.name}.tar.zst; ssh vault`, honest),
    defence: {rule: 'a file gets its name by rename, which replaces a link and follows none', at: 'src/lib/store/local.ts: LocalStore'},
  },
  {
    name: 'a link to somewhere else in the place of the store', ends: [2], harm: ({stdout}) => /loot/.test(stdout),
    attack: async ({sh}) => await sh('mkdir $STORE.else; mv $STORE $STORE.real; ln -s $STORE.else $STORE; ssh vault; s=$?; ls -A $STORE.else | sed s/^/loot:/; rm $STORE; rmdir $STORE.else; mv $STORE.real $STORE; exit $s', honest),
    defence: {rule: 'what has no bk-store is no store', at: 'src/lib/store/log.ts: open'},
  },
  {
    name: 'packs of earlier snapshots sent again, and left until their session is over', ends: [0], harm: ({harmed}) => harmed.length > 0,
    attack: async ({sh}) => {
      await sh('ssh vault', firstStream.subarray(0, -1024))
      // A day and a half later.
      return await sh(`${aged(130_000)}; ssh vault`, honest)
    },
    defence: {rule: 'nothing is removed that a record names', at: 'src/lib/store/session-rest.ts: namedElsewhere'},
    without: {file: 'src/lib/store/session-rest.ts', find: 'if (!kept.has(name)) await', replace: 'await'},
  },
])

export const limitRows: readonly Row[] = [...limits, ...time, ...floods, ...races]

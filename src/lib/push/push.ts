/*
 * The pipe `index | diff | send` without the pipe: one process, and each new file read once. The tree is listed without reading files; what
 * the store's newest snapshot has for a file of the same size and time holds; the others are read by those who pack them.
 */
import {diffAgainst} from '../transfer/source.ts'
import {IndexReader} from '../index/read.ts'
import {indexText} from '../source/source.ts'
import {send} from '../transfer/send.ts'
import {Readers} from '../transfer/reading.ts'
import {textOf} from '../store/levels.ts'
import {isFailure} from '../cli/errors.ts'
import {summaryLine} from '../cli/summary.ts'
import {ahead} from './ahead.ts'
import type {Opening, Sink} from '../cli/send-sink.ts'
import type {Change} from '../index/changes.ts'
import type {Diff} from '../index/diff.ts'
import type {LocalSource} from '../source/local.ts'
import type {ChangesSource, SendOptions, SendSettings, Sent} from '../transfer/sending.ts'

/** Text of the index that may wait for the store, and changes against what it most likely has. */
const TEXT_AHEAD = 32 << 20
const CHANGES_AHEAD = 20_000

/**
 * Backs a tree up.
 * @param opening where to; may still be connecting, the walk begins meanwhile
 * @throws BkError as `send` does; what the store refuses (77) and cannot be reached (75) among it
 */
export async function push(tree: LocalSource, opening: Opening, options: SendSettings): Promise<Sent> {
  return await withChanges(tree, opening, options, async (changes, {destination}) => {
    const sent = await send(changes, destination, {...options, readers: () => new Readers(options.workers, tree.directory)})
    await learn(tree, sent)
    sent.close()
    return sent
  })
}

// What is committed is committed: a cache that cannot be brought up to date costs the next run some time.
async function learn(tree: LocalSource, sent: Sent): Promise<void> {
  try {
    await tree.learn(sent.text())
  } catch (error) {
    if (!isFailure(error)) throw error
  }
}

/** What a push has come to, in one line. `sent` bytes went to another machine, if there is one. */
export function pushedLine({end, totals: {changes, bytes, stored}}: Sent, sent: number | undefined, seconds: number): string {
  return summaryLine({
    added: changes['+'], changed: changes['~'], moved: changes['>'], gone: changes['-'], meta: changes['='], unread: end.partial,
    entries: end.entries, bytesRead: bytes, bytesSent: sent, bytesStored: stored, seconds,
  })
}

/**
 * Calls `use` with what a push would send: the same changes, before any file is read. Where it is known what the store most likely has, tree and
 * index are compared while ssh connects; if it has something else, the tree is listed once more.
 */
export async function withChanges<Result>(
  tree: LocalSource,
  {sink: opening, guess}: Opening,
  {spill}: Pick<SendOptions, 'spill'>,
  use: (changes: ChangesSource, sink: Sink) => Promise<Result>,
): Promise<Result> {
  const likely = await guess?.chain().catch(unlessFailure)
  if (guess !== undefined && likely !== undefined) {
    const {items, stop} = stoppable(indexText(tree))
    const diff = diffAgainst(textOf(likely), new IndexReader(items, {trusted: true}), spill)
    const changes = ahead(diff.batches(), CHANGES_AHEAD)
    try {
      const sink = await opening
      if ((await sink.destination.newest())?.tree === guess.digest) return await use(sourceOf(diff, changes), sink)
    } finally {
      // A diff gives nothing before it has gone through all: of a store that cannot be reached people want to hear sooner.
      stop()
      await changes.return(undefined)
      await items.return(undefined)
    }
  }
  const text = ahead(indexText(tree), TEXT_AHEAD)
  try {
    const sink = await opening
    return await use(diffAgainst(await sink.newestText(), new IndexReader(text, {trusted: true}), spill), sink)
  } finally {
    await text.return(undefined)
  }
}

/* A memory that is damaged is one that is lost. */
function unlessFailure(error: unknown): undefined {
  if (!isFailure(error)) throw error
}

/* The same items, until somebody has had enough: then whoever asks for the next gets an error, and the work behind them ends. */
function stoppable<Item>(items: AsyncIterable<Item>): {readonly items: AsyncGenerator<Item>; stop(): void} {
  let stopped = false
  const some = async function* (): AsyncGenerator<Item> {
    for await (const item of items) {
      if (stopped) throw new Error('nobody wants it any more')
      yield item
    }
  }
  return {items: some(), stop: () => void (stopped = true)}
}

/* The changes of a diff that somebody else has begun to take. */
function sourceOf(diff: Diff, changes: AsyncIterable<readonly Change[]>): ChangesSource {
  return {
    get root() {
      return diff.root
    },
    get end() {
      return diff.end
    },
    batches: () => changes,
  }
}

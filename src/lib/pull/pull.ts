/*
 * `bk pull` of one source on another machine: `bk offer` is started there over ssh and sends, and what comes goes through `receive` as from
 * any client. So the other machine is trusted with nothing, and all limits hold as they do behind a key.
 */
import {BkError} from '../cli/errors.ts'
import {startSsh, type SshSession} from '../ssh/session.ts'
import {receive} from '../transfer/receive.ts'
import type {KeyLimits} from '../keys/grants.ts'
import type {SshTarget} from '../ssh/target.ts'
import type {Said} from '../ssh/words.ts'
import type {Committed} from '../store/commit.ts'
import type {StoreLog} from '../store/log.ts'
import type {Clock} from '../sys/clock.ts'

export interface PullOptions {
  readonly set: string
  readonly limits: KeyLimits
  readonly clock: Clock
  /** Hears how many bytes have come. */
  readonly onBytes: (bytes: number) => void
  /** Hears what bk said over there, whatever came of it; not what the error repeats. */
  readonly onSaid: (said: Said, status: number | undefined) => void
}

export interface Pulled extends Committed {
  /** Entries that could not be read there. */
  readonly partial: number
  /** Why the other side ended otherwise than it should, when all was committed. */
  readonly late: BkError | undefined
}

/** What the other side may take, in milliseconds, to remember what was committed. */
const PATIENCE = 60_000

/**
 * Takes one snapshot from another machine.
 * @throws BkError why ssh or `bk offer` there failed, 65 for what is no stream, 77 with `refused WORD: …` for what must not be taken
 */
export async function pull(target: SshTarget, log: StoreLog, {set, limits: {deadline, ...limits}, clock, onBytes, onSaid}: PullOptions): Promise<Pulled> {
  const session = startSsh(target, {verb: 'offer'})
  const source = new Source(session, onBytes)
  try {
    const committed = await receive(source.pieces(), log, {set, clock, limits, deadline, staysOpen: true, answer: (text) => source.answer(text)})
    const late = await source.finish(`committed ${committed.seq} ${committed.sum}\n`)
    const {status} = await session.finished
    onSaid(late === undefined ? session.said() : without(session.said(), late), status ?? undefined)
    const record = await log.record(committed.seq)
    return {...committed, partial: record?.kind === 'snapshot' ? record.partial : 0, late}
  } catch (error) {
    if (error instanceof BkError && error.message.startsWith('refused ')) {
      session.input.write(`${error.message}\n`)
      // Who is still sending reads no answer before he is through.
      void source.drain()
      await session.close()
    } else session.kill()
    await session.finished
    if (error instanceof BkError) onSaid(without(session.said(), error), undefined)
    throw error
  }
}

/* The two pipes to `bk offer`. */
class Source {
  readonly #session: SshSession
  readonly #output: AsyncIterator<Uint8Array>
  readonly #onBytes: (bytes: number) => void

  constructor(session: SshSession, onBytes: (bytes: number) => void) {
    this.#session = session
    this.#output = session.output[Symbol.asyncIterator]()
    this.#onBytes = onBytes
  }

  /** What comes. It never ends: whoever sends waits for an answer, and that there is no more to come is a failure. */
  async *pieces(): AsyncGenerator<Uint8Array> {
    for (let bytes = 0; ; ) {
      const piece = await this.#next()
      if (piece === undefined) throw await this.#session.failure()
      bytes += piece.length
      this.#onBytes(bytes)
      yield piece
    }
  }

  async #next(): Promise<Uint8Array | undefined> {
    try {
      const {value, done} = await this.#output.next()
      return done === true ? undefined : value
    } catch {
      // The pipe was closed under us.
      return undefined
    }
  }

  /** Reads on to the end: what nobody reads would keep ssh from ending. */
  async drain(): Promise<void> {
    while ((await this.#next()) !== undefined) continue
  }

  async answer(text: string): Promise<void> {
    const error = await new Promise<Error | null | undefined>((done) => void this.#session.input.write(text, done))
    if (error !== null && error !== undefined) throw await this.#session.failure()
  }

  /** Gives the last answer and waits until the other side is through. Resolves to what went wrong there after all. */
  async finish(text: string): Promise<BkError | undefined> {
    const session = this.#session
    const patience = setTimeout(() => session.kill(), PATIENCE)
    session.input.write(text)
    session.input.end()
    await this.drain()
    const {status} = await session.finished
    clearTimeout(patience)
    // 3 is explained by what it said.
    return status === 0 || status === 3 ? undefined : await session.failure()
  }
}

/* What was said but for the lines that an error repeats. */
function without({lines, more}: Said, {message, hint}: BkError): Said {
  return {lines: lines.filter((line) => !message.endsWith(line) && line !== `hint: ${hint}`), more}
}

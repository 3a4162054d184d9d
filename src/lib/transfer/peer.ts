/*
 * The client's half of the dialogue: a `bk receive` at the other end of two pipes, which is asked, and told what comes. What it answers
 * is held to the grammar; it may lie, and then the worst is a backup that it does not keep, which nobody can prevent.
 */
import {BkError} from '../cli/errors.ts'
import {isId} from '../store/store.ts'
import {
  HELLO, MAX_IDS, MAX_LINE, parseRecordAnswer, parseTreeAnswer, readGreeting, readHaveAnswer, refusalIn, type Greeting, type KnownTree,
} from './dialogue.ts'

/** Two pipes to the other side, whatever lies between. */
export interface Wire {
  /** Resolves when the system has taken all of it. */
  write(parts: readonly Uint8Array[]): Promise<void>
  /** No more will be written. */
  end(): Promise<void>
  /** What comes back, in pieces. */
  readonly pieces: AsyncIterable<Uint8Array>
  /** Why nothing comes back any more. */
  failure(): Promise<BkError>
}

export class Peer {
  readonly greeting: Greeting
  readonly #wire: Wire
  readonly #lines: Lines
  // Packs go out while questions come up: each has the wire for itself until it is through.
  #turn: Promise<unknown> = Promise.resolve()
  #tree: {readonly digest: string; readonly answer: Promise<KnownTree | undefined>} | undefined

  private constructor(wire: Wire, lines: Lines, greeting: Greeting) {
    this.#wire = wire
    this.#lines = lines
    this.greeting = greeting
  }

  /** Says hello. Throws why nobody answers, or what was refused. */
  static async meet(wire: Wire): Promise<Peer> {
    const lines = new Lines(wire)
    await orRefusal(wire, lines, wire.write([Buffer.from(HELLO)]))
    return new Peer(wire, lines, await readGreeting(() => lines.next()))
  }

  /** The sum of a record; undefined where the store has no such record. */
  async record(seq: number): Promise<string | undefined> {
    return parseRecordAnswer(await this.#ask(`record ${seq}\n`))
  }

  /** What the store knows of the index with this digest. */
  tree(digest: string): Promise<KnownTree | undefined> {
    // It is asked for by whoever compares, and again by whoever commits.
    if (this.#tree?.digest !== digest) this.#tree = {digest, answer: this.#ask(`tree ${digest}\n`).then(parseTreeAnswer)}
    return this.#tree.answer
  }

  /** The objects that the store has lost, as many as its greeting says. */
  async damaged(): Promise<Set<string>> {
    const {damaged} = this.greeting
    return await this.#alone(async () => {
      await this.#write([Buffer.from('damaged\n')])
      const ids = new Set<string>()
      for (let count = 0; count < damaged; count++) {
        const id = await this.#lines.next()
        if (!isId(id)) throw refusalIn(id) ?? new BkError('the dialogue with the store: not an id', {status: 65})
        ids.add(id)
      }
      return ids
    })
  }

  /** Which of these ids the store has, by pack. */
  async have(ids: readonly string[]): Promise<Map<string, string[]>> {
    const byPack = new Map<string, string[]>()
    for (let at = 0; at < ids.length; at += MAX_IDS) {
      const some = ids.slice(at, at + MAX_IDS)
      const question = Buffer.from(`have ${some.length}\n${some.join('\n')}\n`, 'latin1')
      const answer = await this.#alone(async () => {
        await this.#write([question])
        return await readHaveAnswer(some.length, () => this.#lines.next())
      })
      for (const [pack, positions] of answer) {
        const found = byPack.get(pack) ?? []
        for (const position of positions) found.push(some[position]!)
        byPack.set(pack, found)
      }
    }
    return byPack
  }

  /** Sends bytes, all of them before anything else. When the other side has gone, what it said last is thrown. */
  async send(parts: readonly Uint8Array[]): Promise<void> {
    await this.#alone(() => this.#write(parts))
  }

  /** Ends the stream; resolves to the last line. Throws what was refused. */
  async finish(): Promise<{readonly line: string; readonly seq: number; readonly sum: string}> {
    await orRefusal(this.#wire, this.#lines, this.#wire.end())
    const line = await this.#lines.next()
    const match = /^committed ([1-9]\d{0,8}) ([0-9a-f]{64})$/.exec(line)
    if (match === null) throw refusalIn(line) ?? new BkError('the other side does not say what came of it', {status: 65})
    return {line, seq: Number(match[1]), sum: match[2]!}
  }

  async #ask(question: string): Promise<string> {
    return await this.#alone(async () => {
      await this.#write([Buffer.from(question, 'latin1')])
      return await this.#lines.next()
    })
  }

  async #write(parts: readonly Uint8Array[]): Promise<void> {
    await orRefusal(this.#wire, this.#lines, this.#wire.write(parts))
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#turn
    const mine = (async () => {
      await before
      return await work()
    })()
    this.#turn = mine.catch(() => {})
    return await mine
  }
}

// A pipe that nobody reads any more: the other side may have said why before it went.
async function orRefusal<T>(wire: Wire, lines: Lines, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof BkError) throw error
    for (let line = await lines.maybe(); line !== undefined; line = await lines.maybe()) {
      const refusal = refusalIn(line)
      if (refusal !== undefined) throw refusal
    }
    throw await wire.failure()
  }
}

/** Lines out of pieces. */
class Lines {
  readonly #wire: Wire
  readonly #pieces: AsyncIterator<Uint8Array>
  #held = Buffer.alloc(0)

  constructor(wire: Wire) {
    this.#wire = wire
    this.#pieces = wire.pieces[Symbol.asyncIterator]()
  }

  /** The next line without its LF. Throws why there is none. */
  async next(): Promise<string> {
    const line = await this.maybe()
    if (line === undefined) throw await this.#wire.failure()
    return line
  }

  async maybe(): Promise<string | undefined> {
    for (;;) {
      const stop = this.#held.indexOf(10)
      if (stop >= 0) {
        const line = this.#held.toString('latin1', 0, stop)
        this.#held = this.#held.subarray(stop + 1)
        return line
      }
      if (this.#held.length > MAX_LINE) throw new BkError('the other side sends a line without end', {status: 65})
      const {value, done} = await this.#pieces.next()
      if (done === true) return undefined
      this.#held = Buffer.concat([this.#held, value])
    }
  }
}

/*
 * The server's half of the dialogue: answers what a writer asks about his own set, and nothing about anybody else's. Whoever took the
 * writer's key learns from it only what the writer could know.
 */
import {LostObjects} from '../store/lost.ts'
import {leftPacks} from '../store/session.ts'
import {packName} from '../store/store.ts'
import {formatGreeting, formatHaveAnswer, formatRecordAnswer, formatTreeAnswer, MAX_DAMAGED, MAX_LINE, parseRequest} from './dialogue.ts'
import {Known} from './known.ts'
import {BkError} from '../cli/errors.ts'
import {isId} from '../store/store.ts'
import type {CataloguedPack} from '../store/catalog.ts'
import type {StoreLog} from '../store/log.ts'
import type {StreamReader} from './stream.ts'

export interface AnswererOptions {
  readonly log: StoreLog
  readonly set: string
  /** Seconds since 1970. */
  readonly now: number
  /** Sends a text to the writer; resolves when it is on its way. */
  readonly answer: (text: string) => Promise<void>
}

/** Ids that one session may ask about: enough for any backup, and an end. */
const MAX_ASKED = 200_000_000
/** Of an answer that is long, what goes at once. */
const IDS_AT_A_TIME = 10_000
/** Other questions of one session. */
const MAX_QUESTIONS = 1000

export class Answerer {
  readonly #options: AnswererOptions
  readonly #left: readonly CataloguedPack[]
  readonly #lost: LostObjects
  #known: Known | undefined
  #asked = 0
  #questions = 0
  #hasToldLost = false

  private constructor(options: AnswererOptions, left: readonly CataloguedPack[], lost: LostObjects) {
    this.#options = options
    this.#left = left
    this.#lost = lost
  }

  /** Greets. */
  static async greet(options: AnswererOptions): Promise<Answerer> {
    const {log, set, now, answer} = options
    const left = await leftPacks(log.store, set, now)
    const newest = await log.newest(set)
    const lost = await LostObjects.of(log, newest)
    const damaged = Math.min(lost.size, MAX_DAMAGED)
    await answer(
      formatGreeting({store: log.settings.id, kind: log.settings.kind, set, head: await log.head(), newest: newest?.tree, session: left.length, damaged}),
    )
    return new Answerer(options, left, lost)
  }

  /** Answers questions until the writer says that a member of the stream comes next. */
  async untilMember(stream: StreamReader): Promise<void> {
    for (;;) {
      const request = parseRequest(await stream.line(MAX_LINE))
      switch (request.ask) {
        case 'member':
          return
        case 'have':
          await this.#have(await this.#ids(stream, request.count))
          break
        case 'tree':
          this.#count()
          await this.#tree(request.digest)
          break
        case 'damaged':
          this.#count()
          await this.#damaged()
          break
        case 'record':
          this.#count()
          await this.#options.answer(formatRecordAnswer((await this.#options.log.record(request.seq))?.sum))
          break
      }
    }
  }

  #count(): void {
    if (++this.#questions > MAX_QUESTIONS) throw new BkError('refused questions: too many of them', {status: 77})
  }

  async #ids(stream: StreamReader, count: number): Promise<string[]> {
    this.#asked += count
    if (this.#asked > MAX_ASKED) throw new BkError('refused questions: too many of them', {status: 77})
    const ids: string[] = []
    while (ids.length < count) {
      const id = await stream.line(64)
      if (!isId(id)) throw new BkError('the dialogue with the writer: not an id', {status: 65})
      ids.push(id)
    }
    return ids
  }

  async #tree(digest: string): Promise<void> {
    const {log, set, answer} = this.#options
    const record = await log.newest(set, ({tree}) => tree === digest)
    await answer(formatTreeAnswer(record))
  }

  async #damaged(): Promise<void> {
    if (this.#hasToldLost) throw new BkError('refused questions: the same again', {status: 77})
    this.#hasToldLost = true
    let ids: string[] = []
    let count = 0
    for (const id of this.#lost.ids()) {
      if (count++ === MAX_DAMAGED) break
      if (ids.push(id) < IDS_AT_A_TIME) continue
      await this.#options.answer(`${ids.join('\n')}\n`)
      ids = []
    }
    if (ids.length > 0) await this.#options.answer(`${ids.join('\n')}\n`)
  }

  async #have(ids: readonly string[]): Promise<void> {
    const known = (this.#known ??= await this.#load())
    const byPack = new Map<string, number[]>()
    for (const [position, id] of ids.entries()) {
      const pack = known.packOf(id)
      if (pack === undefined) continue
      const positions = byPack.get(pack)
      if (positions === undefined) byPack.set(pack, [position])
      else positions.push(position)
    }
    await this.#options.answer(formatHaveAnswer(byPack))
  }

  // What the set's newest snapshot needs, and what a cut session left, as far as it is there and good.
  async #load(): Promise<Known> {
    const {log, set} = this.#options
    const known = new Known()
    const newest = await log.newest(set)
    if (newest !== undefined) {
      for await (const pack of log.eachPack(newest)) {
        if ((await log.store.size(packName(pack.name))) === pack.size) known.addPack(pack.name, this.#lost.good(pack.ids))
      }
    }
    for (const pack of this.#left) known.addPack(pack.name, pack.ids)
    return known
  }
}

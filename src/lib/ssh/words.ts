/*
 * What ssh and the other side say on stderr. The last of it is kept, for the one line that says why a session failed. But what ssh says
 * before the other side has answered may be for somebody who is waited for ("Confirm user presence for key ..."), or a banner, or the
 * first half of a question: that is told as it comes, unless ssh ends right after it, since then it was the reason why.
 */
import {oneLine} from '../cli/escape.ts'

const KEPT = 2048
const LINES_TOLD = 100
const LINES_SAID = 100
/** Milliseconds by which ssh must outlive what is told. For who sits there that is at once; to end ssh takes none. */
const OUTLIVED = 500
/* What bk says over there is for its end. */
const OF_BK = /^bk(?: [a-z-]+)*: /

/** What bk said over there: the first hundred lines, each safe to print and without the name of the command, and how many more there were. */
export interface Said {
  readonly lines: readonly string[]
  readonly more: number
}

export class Words {
  /** The last of what was said: whole lines, safe to print, at most 2 KiB. */
  kept = ''
  #line = ''
  /** How much of the line that is not at its end has been told. */
  #begun = 0
  #told = 0
  readonly #said: string[] = []
  #unsaid = 0
  readonly #waiting = new Set<NodeJS.Timeout>()
  #pause: NodeJS.Timeout | undefined
  readonly #tell: (line: string) => void
  readonly #isOver: () => boolean

  /**
   * @param tell hears what is to be told, a line each, safe to print; the first hundred
   * @param isOver whether the other side has answered, so that nothing is told any more
   */
  constructor(tell: (line: string) => void, isOver: () => boolean) {
    this.#tell = tell
    this.#isOver = isOver
  }

  /** What bk said over there so far. */
  get said(): Said {
    return {lines: this.#said, more: this.#unsaid}
  }

  /** Takes what was said. Endless lines are cut. */
  add(bytes: Buffer): void {
    const lines = (this.#line + bytes.toString('latin1')).split('\n')
    const last = lines.pop()!.slice(0, KEPT)
    for (const line of lines) this.#take(line)
    this.#line = last
    this.#expectMore()
  }

  /** ssh has ended: what it said last is not told. */
  end(): void {
    clearTimeout(this.#pause)
    for (const timer of this.#waiting) clearTimeout(timer)
    this.#keep(this.#line)
    this.#line = ''
  }

  #take(line: string): void {
    const rest = line.slice(this.#begun)
    this.#begun = 0
    this.#keep(line)
    if (OF_BK.test(line)) this.#gather(line)
    if (this.#isOver() || OF_BK.test(rest)) return
    const timer = setTimeout(() => {
      this.#waiting.delete(timer)
      this.#say(rest)
    }, OUTLIVED)
    this.#waiting.add(timer)
  }

  #gather(line: string): void {
    if (this.#said.length < LINES_SAID) this.#said.push(printable(line.replace(OF_BK, '')))
    else this.#unsaid++
  }

  /* A question may end without a newline. */
  #expectMore(): void {
    clearTimeout(this.#pause)
    if (this.#line.length === this.#begun || this.#isOver()) return
    this.#pause = setTimeout(() => {
      this.#say(this.#line.slice(this.#begun))
      this.#begun = this.#line.length
    }, OUTLIVED)
  }

  #say(words: string): void {
    const text = printable(words)
    if (text !== '' && ++this.#told <= LINES_TOLD) this.#tell(text)
  }

  #keep(line: string): void {
    const text = printable(line)
    if (text !== '') this.kept = lastLines(`${this.kept}${text}\n`)
  }
}

/* ssh ends its lines, and begins some, as a terminal in raw mode wants it. */
function printable(line: string): string {
  return oneLine(Buffer.from(line.slice(0, KEPT - 1).replace(/^\r+|\r+$/g, ''), 'latin1').toString('utf8'))
}

function lastLines(text: string): string {
  return text.length <= KEPT ? text : text.slice(text.indexOf('\n', text.length - KEPT - 1) + 1)
}

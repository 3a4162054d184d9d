/*
 * What PATHs mean where earlier versions are restored too. What the tree has is meant first; a path that only snapshots before it have
 * means the versions that lay there, and one in an `.old` the versions that are put there.
 */
import {isAtOrBelow} from '../index/path.ts'
import {EVERYTHING, notThere, parseOperand, selectionOf, type Operand, type Selection} from './selection.ts'
import type {Group} from '../index/group.ts'

export class OldOperands {
  readonly #operands: readonly Operand[]
  readonly #asked: ReadonlySet<string>
  readonly #there = new Set<string>()
  readonly #unread = new Set<string>()
  readonly #found = new Set<Operand>()
  #open: readonly Operand[] = []

  /**
   * @param paths bytes as latin1 strings; none means everything
   * @param root escaped `root=` of the index
   */
  constructor(paths: readonly string[], root: string) {
    this.#operands = paths.map((given) => parseOperand(given, root))
    this.#asked = new Set(this.#operands.flatMap(({candidates}) => candidates))
  }

  /** A group of the tree goes by. */
  see({path, line}: Group): void {
    if (this.#asked.size > 0 && this.#asked.has(path)) (line === '' ? this.#unread : this.#there).add(path)
  }

  /** What is wanted, once the whole tree was seen. */
  selection(): Selection {
    if (this.#operands.length === 0) return EVERYTHING
    this.#open = this.#operands.filter(({candidates}) => !candidates.some((path) => this.#there.has(path)))
    const found = this.#operands.map(({candidates}) => candidates.filter((path) => this.#there.has(path)).slice(0, 1))
    return selectionOf([...found, ...this.#open.map(({candidates}) => candidates)].flat())
  }

  /** A version that is wanted goes by, with the path that it had and the one that it gets. */
  seeVersion(from: string, to: string): void {
    for (const operand of this.#open) {
      if (!this.#found.has(operand) && operand.candidates.some((path) => isAtOrBelow(from, path) || isAtOrBelow(to, path))) this.#found.add(operand)
    }
  }

  /** Throws BkError 2 that names each path which neither the tree nor a version has. */
  check(): void {
    const missing = this.#open.filter((operand) => !this.#found.has(operand))
    if (missing.length > 0) throw notThere(missing, this.#unread)
  }
}

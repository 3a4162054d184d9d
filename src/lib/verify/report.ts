/*
 * Where findings gather until they are written: checks run deep in one another, and say what they find here.
 */
import type {Damage, Finding} from './finding.ts'

export class Report {
  /** What was found broken; repaired things do not count. */
  damages = 0
  readonly #note: (text: string) => void
  #waiting: Finding[] = []

  /** @param note says what is no damage, but worth a line */
  constructor(note: (text: string) => void) {
    this.#note = note
  }

  add(kind: Damage['kind'], name: string, why: string): void {
    this.push({kind, name, why})
  }

  push(finding: Finding): void {
    if (finding.kind !== 'repaired') this.damages++
    this.#waiting.push(finding)
  }

  note(text: string): void {
    this.#note(text)
  }

  /** Hands out what has gathered. */
  take(): Finding[] {
    return this.#waiting.splice(0)
  }
}

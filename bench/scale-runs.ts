// What bench/scale.ts runs in its stores: rotations that drop one day, lap by lap in both, and every other command once in the larger one.
// Time and memory are measured in runs of their own, since looking at memory costs time.

import {lstatSync, readdirSync} from 'node:fs'
import {join} from 'node:path'
import {measure} from './measure.ts'
import {spread, type Spread} from './report.ts'
import {copyStore, type Stores} from './scale-stores.ts'
import {pinnedEnvironment} from '../test/harness/bk.ts'
import {measureMemory} from '../test/harness/limits.ts'
import {newHome} from '../test/harness/temp.ts'

/** What a command took. Times in seconds; `small` in the smaller store, where it was run there. */
export interface Took {
  readonly name: string
  readonly small?: Spread
  readonly large: Spread
  /** Peak of its largest process in the larger store, in KiB. */
  readonly peak: number
}

/** Seconds one command may take. */
const LIMIT = 600

/** Runs commands in copies of the stores. */
export class Runs {
  readonly #stores: Stores
  readonly #env: Readonly<Record<string, string>>
  readonly #copy: string

  constructor(stores: Stores, work: string) {
    this.#stores = stores
    this.#copy = join(work, 'copy')
    this.#env = {...pinnedEnvironment(newHome(join(work, 'home'))), STORE: this.#copy, TREE: stores.tree}
  }

  /** A rotation that drops one day: its options, as they are for so many snapshots. Each lap is in a new copy. */
  async rotation(name: string, laps: number, options: (snapshots: number) => string): Promise<Took> {
    const {small, large} = this.#stores
    const sides = [small, large].map((store) => ({store, walls: [] as number[], script: `bk rotate "$STORE" --apply ${options(snapshotsIn(store))}`}))
    for (let lap = 0; lap < laps; lap++) {
      for (const {store, script, walls} of sides) {
        copyStore(store, this.#copy)
        walls.push((await this.#run(script)).wall)
      }
    }
    const {peak, said} = await this.#watched(sides[1]!.script)
    if (!said.startsWith('dropped 1 ')) throw new Error(`${name}: dropped something else than a day: ${said}`)
    return {name, small: spread(sides[0]!.walls)!, large: spread(sides[1]!.walls)!, peak}
  }

  /** A command that leaves the store as it is, in a copy of the larger one; STORE and TREE are variables of the script. */
  async reading(name: string, laps: number, script: string): Promise<Took> {
    copyStore(this.#stores.large, this.#copy)
    const walls: number[] = []
    for (let lap = 0; lap < laps; lap++) walls.push((await this.#run(script)).wall)
    return {name, large: spread(walls)!, peak: (await this.#watched(script)).peak}
  }

  /** The next push of the tree that lies there, to a copy of the larger store; and the files that it adds, with their sizes. */
  async push(name: string): Promise<Took & {readonly added: ReadonlyMap<string, number>}> {
    const script = 'bk push -q --set invented -C "$TREE" . "$STORE"'
    const {peak} = await this.#watched(script)
    copyStore(this.#stores.large, this.#copy)
    const {wall} = await this.#run(script)
    const before = new Set(filesIn(this.#stores.large))
    const added = filesIn(this.#copy).filter((file) => !before.has(file))
    return {name, large: spread([wall])!, peak, added: new Map(added.map((file) => [file, lstatSync(join(this.#copy, file)).size]))}
  }

  /** Something that is not measured. */
  async prepare(script: string): Promise<void> {
    copyStore(this.#stores.large, this.#copy)
    await this.#run(script)
  }

  async #run(command: string): Promise<{readonly wall: number}> {
    const run = await measure({command, env: this.#env, limit: LIMIT}, new AbortController().signal)
    if (run.status !== '0') throw new Error(`${command}: ended with ${run.status}: ${run.stderr.trim()}`)
    return run
  }

  async #watched(script: string): Promise<{readonly peak: number; readonly said: string}> {
    // `exit`, because bash becomes the last program of a script, and only processes below it are watched.
    copyStore(this.#stores.large, this.#copy)
    const {result, peaks} = await measureMemory(`${script}; exit $?`, {env: this.#env, timeout: LIMIT * 1000})
    if (result.status !== 0) throw new Error(`${script}: ended with ${result.status}: ${result.stderr.trim()}`)
    return {peak: peaks[0]?.kibibytes ?? 0, said: String(result.stdout)}
  }
}

function snapshotsIn(store: string): number {
  return readdirSync(join(store, 'log')).length
}

function filesIn(dir: string): string[] {
  return readdirSync(dir, {recursive: true, withFileTypes: true}).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
}

/*
 * A drill: some files of a snapshot are restored as anybody would restore them, read again, and compared with the index. Which ones,
 * a seed decides, so that a drill can be repeated.
 */
import {hash} from 'node:crypto'
import {mkdtempSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {entryOf} from '../index/group.ts'
import {toBytes, unescapeText} from '../index/escape.ts'
import {restore} from '../restore/restore.ts'
import {createDigester} from '../source/digest.ts'
import {groupsOf} from '../store/levels.ts'
import {openIndexOf, type OpenSnapshot} from '../store/open.ts'
import {digestOf} from './digest-of.ts'

export interface DrillOptions {
  readonly snapshot: OpenSnapshot
  /** How many files. */
  readonly count: number
  readonly seed: string
  readonly threads: number
  readonly asRoot: boolean
  readonly umask: number
  /** Told of damage that other packs made good. */
  readonly warn: (text: string) => void
  /** Registers what has to be undone when the process is told to die; the answer takes it back. */
  readonly onInterrupt: (undo: () => void) => () => void
}

/** A file that did not come back. */
export interface Failed {
  /** Escaped. */
  readonly path: string
  readonly why: string
}

export interface Drilled {
  readonly files: number
  readonly bytes: number
  readonly failed: readonly Failed[]
}

interface Drawn {
  readonly path: string
  readonly size: number
  readonly sha256: string | undefined
  readonly rank: string
}

/**
 * Restores some files into a new directory where temporary files go, compares them, and removes it again.
 * @throws what restore throws where nothing can be restored
 */
export async function drill(options: DrillOptions): Promise<Drilled> {
  const drawn = await draw(options.snapshot, options.count, options.seed)
  if (drawn.length === 0) return {files: 0, bytes: 0, failed: []}
  const to = mkdtempSync(join(tmpdir(), 'bk-drill-'))
  const remove = (): void => rmSync(to, {recursive: true, force: true})
  const uninterrupted = options.onInterrupt(remove)
  try {
    return await drillIn(Buffer.from(to), drawn, options)
  } finally {
    remove()
    uninterrupted()
  }
}

async function drillIn(to: Buffer, drawn: readonly Drawn[], {snapshot, threads, asRoot, umask, warn, onInterrupt}: DrillOptions): Promise<Drilled> {
  const said = new Map<string, string>()
  await restore({
    snapshot,
    paths: drawn.map(({path}) => unescapeText(path)),
    to,
    overwrite: false,
    numericOwner: false,
    sparse: false,
    asRoot,
    umask,
    threads,
    reporter: {
      problem: (path, what) => void said.set(Buffer.from(path as Uint8Array).toString('latin1'), what instanceof Error ? what.message : what),
      warn,
      note() {},
      detail() {},
    },
    onInterrupt,
  })
  const digest = createDigester('sha256')
  const failed: Failed[] = []
  for (const {path, sha256} of drawn) {
    const raw = unescapeText(path)
    const is = digestOf(Buffer.concat([to, toBytes(raw.slice(1))]), digest)
    if (is !== sha256 || is === undefined) failed.push({path, why: said.get(raw) ?? (is === undefined ? 'is not there' : 'has other content than the index says')})
  }
  return {files: drawn.length, bytes: drawn.reduce((sum, {size}) => sum + size, 0), failed}
}

/* The files whose sums with the seed are the smallest: as random as sums are. */
async function draw(snapshot: OpenSnapshot, count: number, seed: string): Promise<Drawn[]> {
  const {chain} = await openIndexOf(snapshot)
  let drawn: Drawn[] = []
  const cut = (): void => {
    drawn = drawn.sort((a, b) => (a.rank < b.rank ? -1 : 1)).slice(0, count)
  }
  for await (const batch of groupsOf(chain)) {
    for (const group of batch) {
      if (!group.line.startsWith(' type=file', group.path.length)) continue
      const {size, sha256} = entryOf(group)!
      drawn.push({path: group.path, size: size ?? 0, sha256, rank: hash('sha256', `${seed} ${group.path}`, 'hex')})
    }
    if (drawn.length > count + 10_000) cut()
  }
  cut()
  return drawn.sort((a, b) => (a.path < b.path ? -1 : 1))
}

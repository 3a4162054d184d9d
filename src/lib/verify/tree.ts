/*
 * Whether a tree is as a list says: the tree is walked as for an index, every file is read, and the two are merged.
 */
import {realpathSync} from 'node:fs'
import {BkError, isSystemError, reasonOf} from '../cli/errors.ts'
import {escapeName} from '../cli/escape.ts'
import {Cursor} from '../index/cursor.ts'
import {toBytes, unescapeText} from '../index/escape.ts'
import {commentValue, entryOf, type Group} from '../index/group.ts'
import {IndexReader} from '../index/read.ts'
import {createDigester, type DigestKind} from '../source/digest.ts'
import {localSource} from '../source/local.ts'
import {indexText} from '../source/source.ts'
import {digestOf} from './digest-of.ts'
import {differenceOf, type Difference} from './difference.ts'

export interface TreeOptions {
  /** Where the tree is; undefined is where the list says that it was. */
  readonly dir: Buffer | undefined
  /** Names also what the list does not have. */
  readonly extra: boolean
  /** Compares no modes, owners and times. */
  readonly contentOnly: boolean
  readonly workers: number
  readonly onProgress?: ((done: {readonly files: number; readonly bytes: number}) => void) | undefined
}

/** What was compared. */
export interface TreeTally {
  /** Entries of the list that are in the tree as it says. */
  matching: number
  differences: number
  /** Entries of the list that it could not read itself, or had from earlier. */
  passed: number
}

/** Up to so many entries only what they name is looked at; with more the whole tree is, which costs less memory. */
const FEW = 10_000

/**
 * Compares a tree with a list.
 * @throws BkError 2 for a directory that cannot be read, 65 for what the reader of the list refuses
 */
export async function* verifyTree(list: IndexReader, options: TreeOptions, tally: TreeTally): AsyncGenerator<Difference> {
  const batches = list.batches()
  const first: (readonly Group[])[] = []
  let count = 0
  let isWhole = false
  while (!isWhole && count <= FEW) {
    const {value, done} = await batches.next()
    isWhole = done === true
    if (value === undefined) continue
    first.push(value)
    count += value.length
  }
  const root = placeOf(options.dir, list.root)
  const source = localSource({
    root,
    paths: isWhole && !options.extra ? namedPaths(first.flat()) : undefined,
    digest: kindOf(first.flat()),
    workers: options.workers,
    reporter: {problem() {}, note() {}, detail() {}},
    onProgress: options.onProgress,
  })
  const listed = new Cursor(inOrder(first, batches))
  const found = new Cursor(new IndexReader(indexText(source), {trusted: true}).batches())
  const digests = {sha256: createDigester('sha256'), md5: createDigester('md5')}
  await Promise.all([listed.advance(), found.advance()])
  while (listed.current !== undefined || found.current !== undefined) {
    const a = listed.current
    const b = found.current
    const order = a === undefined ? 1 : b === undefined ? -1 : a.path < b.path ? -1 : a.path > b.path ? 1 : 0
    const difference = order > 0 ? extraOf(b!, options) : compared(a!, order === 0 ? b : undefined)
    if (difference !== undefined) {
      tally.differences++
      yield difference
    }
    if (order <= 0) await listed.advance()
    if (order >= 0) await found.advance()
  }

  function compared(a: Group, b: Group | undefined): Difference | undefined {
    if (a.line === '' || commentValue(a, 'stale') !== undefined) {
      tally.passed++
      return undefined
    }
    if (b === undefined) return {kind: 'missing', what: '', path: a.path}
    const difference = differenceOf(a, b, (kind) => digestOf(toBytes(`${root}/${unescapeText(a.path)}`), digests[kind]), options.contentOnly)
    if (difference === undefined) tally.matching++
    return difference
  }
}

async function* inOrder(first: readonly (readonly Group[])[], rest: AsyncGenerator<readonly Group[]>): AsyncGenerator<readonly Group[]> {
  yield* first
  yield* rest
}

function extraOf({path, line}: Group, {extra}: TreeOptions): Difference | undefined {
  return extra && line !== '' ? {kind: 'extra', what: '', path} : undefined
}

function placeOf(dir: Buffer | undefined, root: string): string {
  const place = dir ?? toBytes(root === '.' ? '.' : unescapeText(root))
  try {
    return realpathSync.native(place, 'buffer').toString('latin1')
  } catch (error) {
    if (!isSystemError(error)) throw error
    throw new BkError(`cannot read ${escapeName(place)}: ${reasonOf(error)}`, {cause: error})
  }
}

/* Raw paths of what has nothing below it in the list: the walk adds what leads there. */
function namedPaths(groups: readonly Group[]): string[] {
  const paths: string[] = []
  for (const [i, {path, line}] of groups.entries()) {
    const isDirectory = line.startsWith(' type=dir', path.length)
    if (isDirectory && hasBelow(groups, i, path)) continue
    paths.push(path === '.' ? '' : unescapeText(path).slice(2))
  }
  return paths
}

/* What is below a directory need not stand right behind it: `./a-b` is before `./a/x`. */
function hasBelow(groups: readonly Group[], i: number, path: string): boolean {
  for (let at = i + 1; at < groups.length && groups[at]!.path.startsWith(path); at++) if (groups[at]!.path[path.length] === '/') return true
  return false
}

/* The kind of digest that the walk makes: the first that the list has. */
function kindOf(groups: readonly Group[]): DigestKind | undefined {
  for (const group of groups) {
    const entry = entryOf(group)
    if (entry?.sha256 !== undefined) return 'sha256'
    if (entry?.md5 !== undefined) return 'md5'
  }
  return undefined
}

/*
 * The flags of every command that reads a tree of this machine, and the source that they describe. Declared once, so that
 * they mean the same in index and push.
 */
import {realpathSync} from 'node:fs'
import {homedir} from 'node:os'
import {join} from 'node:path'
import {removeOnInterrupt} from '../cli/temporary.ts'
import {BkError, usageError} from '../cli/errors.ts'
import {escapeName} from '../cli/escape.ts'
import {digitChar, numberFlag, quietFlag, repeatableFlag, sizeFlag, switchFlag, valueFlag, verboseFlag} from '../cli/flags.ts'
import {openIndex} from '../cli/index-input.ts'
import {openInput, operandBytes, type Input} from '../cli/input.ts'
import {prose} from '../cli/prose.ts'
import {stateDirectory} from '../cli/places.ts'
import type {Speech} from '../cli/speech.ts'
import {escapeBytes} from '../index/escape.ts'
import {isRoot} from '../index/read.ts'
import type {DigestKind} from './digest.ts'
import {patternLines} from './exclude.ts'
import type {LeftOut} from './left-out.ts'
import {localSource, type CacheOptions, type LocalOptions, type LocalSource} from './local.ts'
import {joinWanted, realDirectory, resolveOperands, type Wanted} from './operands.ts'
import {mustAllExist, resolveList, someExist} from './path-list.ts'
import {readReference, type SharedReference} from './reference.ts'

export const treeFlags = {
  as: valueFlag('say that the tree is at PATH, where it really is elsewhere', {helpValue: 'PATH'}),
  directory: valueFlag('list paths relative to DIR', {char: 'C', helpValue: 'DIR'}),
  exclude: repeatableFlag('leave out what matches PATTERN', {helpValue: 'PATTERN'}),
  'exclude-caches': switchFlag('leave out what stands beside a CACHEDIR.TAG'),
  'exclude-from': repeatableFlag('leave out what matches a pattern in FILE', {helpValue: 'FILE'}),
  'exclude-if-present': repeatableFlag('leave out what stands beside a file called NAME', {helpValue: 'NAME'}),
  'exclude-larger-than': sizeFlag('leave out files of more than SIZE'),
  'exclude-nodump': switchFlag('leave out what has the no-dump attribute', {
    description: 'Files, and directories with everything below them, that are marked by chattr +d. Where a file system knows no such attribute nothing is left out.',
  }),
  'files-from': valueFlag('list the paths in FILE (- for standard input) and what is below them', {
    helpValue: 'FILE',
    description: prose(`One path a line. Blank lines do not count, nor do comments, which are lines that begin with #; write ./#name for a name that begins so.
With -0 every name counts.

A path that is not there ends the run before anything is written. For a list that find made of a tree in use, give --keep-going.`),
  }),
  'ignore-inode': switchFlag('take a file for unchanged even if its inode number is another'),
  jobs: numberFlag('threads that walk and read; 2 if not given, 1 in a pipe on fewer than four cores', {char: 'j', min: 1, max: 64}),
  'keep-going': switchFlag('go on without a named path that is not there', {
    description: 'It is reported, and the run ends with 3. When none of the named paths is there the run fails.',
  }),
  'no-cache': switchFlag('read every file, and remember nothing'),
  'no-digest': switchFlag('do not read files: leave out digests that are not known'),
  null: switchFlag('paths in --files-from end in NUL instead of newline', {char: digitChar('0'), dependsOn: ['files-from']}),
  'one-file-system': switchFlag('list what other file systems are mounted on, but not what is in them', {char: 'x'}),
  quiet: quietFlag,
  reference: valueFlag('take digests from this index where path, size and time agree', {helpValue: 'INDEX'}),
  verbose: verboseFlag,
}

/** What the parser makes of them. */
export interface TreeFlags {
  readonly as?: string | undefined
  readonly directory?: string | undefined
  readonly exclude?: readonly string[] | undefined
  readonly 'exclude-caches': boolean
  readonly 'exclude-from'?: readonly string[] | undefined
  readonly 'exclude-if-present'?: readonly string[] | undefined
  readonly 'exclude-larger-than'?: number | undefined
  readonly 'exclude-nodump': boolean
  readonly 'files-from'?: string | undefined
  readonly 'ignore-inode': boolean
  readonly jobs?: number | undefined
  readonly 'keep-going': boolean
  readonly 'no-cache': boolean
  readonly 'no-digest': boolean
  readonly null: boolean
  readonly 'one-file-system': boolean
  readonly reference?: string | undefined
}

export interface TreeContext {
  /** Which digest is wanted, if any is. */
  readonly kind: DigestKind
  readonly speech: Speech
  /** Told how far the work is. */
  readonly onProgress?: LocalOptions['onProgress']
  /** What is left out of what is wanted, by its place; may throw, before anything is read. */
  readonly leftOut?: (wanted: Wanted) => readonly LeftOut[]
  /** Threads where --jobs does not say. */
  readonly workers: number
  /** The environment, for where caches are. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * The source that operands and flags describe. Changes the working directory to that of -C, so that paths are short, and
 * therefore reads first whatever else is named on the command line. Throws BkErrors for what is wrong or not there.
 */
export async function treeSource(words: readonly string[], flags: TreeFlags, context: TreeContext): Promise<LocalSource> {
  const {kind, speech} = context
  const list = flags['files-from'] === undefined ? undefined : await readWhole(openInput(flags['files-from'], 'a list of paths'))
  const reference = await referenceOf(flags.reference, context)
  const patterns = await patternsOf(flags)
  const directory = realDirectory(flags.directory === undefined ? Buffer.from('.') : operandBytes(flags.directory))
  goTo(directory)
  const wanted = wantedOf(words, list, directory, flags, speech)
  return localSource({
    root: wanted.root,
    listedAs: flags.as === undefined ? undefined : rootName(flags.as),
    paths: wanted.paths,
    digest: flags['no-digest'] ? undefined : kind,
    exclude: {
      patterns,
      caches: flags['exclude-caches'],
      ifPresent: (flags['exclude-if-present'] ?? []).map(latin1),
      largerThan: flags['exclude-larger-than'],
      nodump: flags['exclude-nodump'],
    },
    leaveOut: [...(context.leftOut?.(wanted) ?? []), ...ownState()],
    oneFileSystem: flags['one-file-system'],
    ignoreInode: flags['ignore-inode'],
    reference,
    workers: flags.jobs ?? context.workers,
    cache: cacheOf(flags, list === undefined ? wanted.paths.join('\0') : 'files-from', context),
    reporter: speech,
    onProgress: context.onProgress,
  })
}

async function readWhole(input: Input): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of input) pieces.push(piece)
  return Buffer.concat(pieces)
}

/* A reference that is not there yet is the first run of a script that keeps one. */
async function referenceOf(word: string | undefined, {kind, speech}: TreeContext): Promise<SharedReference | undefined> {
  if (word === undefined) return undefined
  const onMissing = (why: string): void => speech.note(`${why}: every file is read`)
  const reference = await openIndex(word, 'an index', {mayBeMissing: true, onMissing})
  return reference && readReference(reference, kind)
}

/* Patterns of the command line are the stronger ones. */
async function patternsOf(flags: TreeFlags): Promise<string[]> {
  const patterns: string[] = []
  for (const file of flags['exclude-from'] ?? []) patterns.push(...patternLines(await readWhole(openInput(file, 'a list of patterns'))))
  return [...patterns, ...(flags.exclude ?? []).map(latin1)]
}

function wantedOf(words: readonly string[], list: Buffer | undefined, directory: string, flags: TreeFlags, speech: Speech): Wanted {
  const mayBeMissing = flags['keep-going']
  const all: Wanted[] = []
  const named = words.length === 0 && list === undefined ? ['.'] : words
  if (named.length > 0) all.push(resolveOperands(named.map(operandBytes), directory, {onMoved: (note) => speech.note(note), mayBeMissing}))
  if (list !== undefined) {
    const listName = flags['files-from'] === '-' ? 'standard input' : escapeName(operandBytes(flags['files-from'] ?? ''))
    const listed = resolveList(list, flags.null ? '\0' : '\n', directory, listName)
    if (!mayBeMissing) mustAllExist(listed, listName)
    all.push(listed)
  }
  const wanted = joinWanted(all)
  if (mayBeMissing && !someExist(wanted)) throw new BkError('none of the paths that are named is there')
  return wanted
}

/* What bk remembers would be new after every run. */
function ownState(): LeftOut[] {
  try {
    return [{path: realpathSync.native(stateDirectory(), 'buffer').toString('latin1'), keep: false}]
  } catch {
    return []
  }
}

function cacheOf(flags: TreeFlags, scope: string, {env}: TreeContext): CacheOptions {
  const home = env['XDG_CACHE_HOME']
  // What the XDG specification says of a path that is not absolute.
  const directory = join(home?.startsWith('/') === true ? home : join(homedir(), '.cache'), 'bk')
  return {directory, use: !flags['no-cache'], scope, onTemp: removeOnInterrupt}
}

function latin1(word: string): string {
  return operandBytes(word).toString('latin1')
}

/* process.chdir takes only what is UTF-8; elsewhere long paths have to do. */
function goTo(directory: string): void {
  const bytes = Buffer.from(directory, 'latin1')
  const text = bytes.toString('utf8')
  if (Buffer.from(text).equals(bytes)) process.chdir(text)
}

function rootName(word: string): string {
  const root = latin1(word)
  if (!isRoot(escapeBytes(root))) throw usageError(`--as: not an absolute path in its shortest form: ${word}`)
  return root
}

/*
 * The flags of every command that reads a tree of this machine, and the source that they describe. Declared once, so that
 * they mean the same in index and push.
 */
import {unlinkSync} from 'node:fs'
import {homedir} from 'node:os'
import {join} from 'node:path'
import {onInterrupt} from '../cli/cleanup.ts'
import {usageError} from '../cli/errors.ts'
import {digitChar, numberFlag, quietFlag, repeatableFlag, sizeFlag, switchFlag, valueFlag, verboseFlag} from '../cli/flags.ts'
import {openIndex} from '../cli/index-input.ts'
import {openInput, operandBytes, type Input} from '../cli/input.ts'
import type {Speech} from '../cli/speech.ts'
import {escapeBytes} from '../index/escape.ts'
import {isRoot} from '../index/read.ts'
import type {DigestKind} from './digest.ts'
import {patternLines} from './exclude.ts'
import {localSource, type CacheOptions, type LocalOptions} from './local.ts'
import {joinWanted, realDirectory, resolveList, resolveOperands, type Wanted} from './operands.ts'
import {readReference, type SharedReference} from './reference.ts'
import type {Source} from './source.ts'

export const treeFlags = {
  as: valueFlag('say that the tree is at PATH, where it really is elsewhere', {helpValue: 'PATH'}),
  directory: valueFlag('list paths relative to DIR', {char: 'C', helpValue: 'DIR'}),
  exclude: repeatableFlag('leave out what matches PATTERN', {helpValue: 'PATTERN'}),
  'exclude-caches': switchFlag('leave out what stands beside a CACHEDIR.TAG'),
  'exclude-from': repeatableFlag('leave out what matches a pattern in FILE', {helpValue: 'FILE'}),
  'exclude-if-present': repeatableFlag('leave out what stands beside a file called NAME', {helpValue: 'NAME'}),
  'exclude-larger-than': sizeFlag('leave out files of more than SIZE'),
  'files-from': valueFlag('list the paths in FILE (- for standard input) and what is below them', {helpValue: 'FILE'}),
  'ignore-inode': switchFlag('take a file for unchanged even if its inode number is another'),
  jobs: numberFlag('threads that walk and read; 2 if not given, 1 in a pipe on fewer than four cores', {char: 'j', min: 1, max: 64}),
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
  readonly 'files-from'?: string | undefined
  readonly 'ignore-inode': boolean
  readonly jobs?: number | undefined
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
  /** Threads where --jobs does not say. */
  readonly workers: number
  /** The environment, for where caches are. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * The source that operands and flags describe. Changes the working directory to that of -C, so that paths are short, and
 * therefore reads first whatever else is named on the command line. Throws BkErrors for what is wrong or not there.
 */
export async function treeSource(words: readonly string[], flags: TreeFlags, context: TreeContext): Promise<Source> {
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
    },
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
  const named = words.length === 0 && list === undefined ? ['.'] : words
  const listed = list === undefined ? [] : [resolveList(list, flags.null ? '\0' : '\n', directory, flags['files-from'] ?? '')]
  return joinWanted([...(named.length === 0 ? [] : [resolveOperands(named.map(operandBytes), directory, (note) => speech.note(note))]), ...listed])
}

function cacheOf(flags: TreeFlags, scope: string, {env}: TreeContext): CacheOptions {
  const home = env['XDG_CACHE_HOME']
  // What the XDG specification says of a path that is not absolute.
  const directory = join(home?.startsWith('/') === true ? home : join(homedir(), '.cache'), 'bk')
  return {directory, use: !flags['no-cache'], scope, onTemp: (tmp) => onInterrupt(() => unlinkSync(tmp))}
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

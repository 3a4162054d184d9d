// Lists trees with the local source, as tests want it: the text, what was reported, and the bytes that were read.

import {join} from 'node:path'
import {indexText} from '../../../src/lib/source/source.ts'
import {localSource, type LocalOptions} from '../../../src/lib/source/local.ts'
import {errorCode} from '../../../src/lib/cli/errors.ts'
import {tempDir} from '../../harness/temp.ts'

export interface Walked {
  readonly text: string
  /** Lines of entries and comments, by path, without those of the text's begin and end. */
  readonly lines: readonly string[]
  /** `problem EACCES PATH`, `note TEXT`, `detail TEXT`; paths from the root. */
  readonly said: readonly string[]
  /** Bytes of content read. */
  readonly bytes: number
}

/** A directory for caches. */
export function cacheDir(): string {
  return join(tempDir('cache'), 'bk')
}

/** Lists a tree. `cache` is a directory from cacheDir; without one, nothing is remembered. */
export async function walked(root: string, options: Partial<Omit<LocalOptions, 'cache'>> & {readonly cache?: string} = {}): Promise<Walked> {
  const said: string[] = []
  const short = (text: string): string => text.replaceAll(`${root}/`, '')
  let bytes = 0
  const source = localSource({
    root,
    digest: 'sha256',
    workers: 2,
    reporter: {
      problem: (path, what) => said.push(`problem ${errorCode(what) ?? what} ${short(Buffer.from(path).toString('latin1'))}`),
      note: (text) => said.push(`note ${short(text)}`),
      detail: (text) => said.push(`detail ${short(text)}`),
    },
    onProgress: (done) => (bytes = done.bytes),
    ...options,
    cache: options.cache === undefined ? undefined : {directory: options.cache, use: true, scope: ''},
  })
  const pieces: Buffer[] = []
  for await (const piece of indexText(source)) pieces.push(Buffer.from(piece))
  const text = Buffer.concat(pieces).toString('latin1')
  return {text, lines: text.split('\n').slice(2, -2), said, bytes}
}

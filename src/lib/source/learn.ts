/*
 * What a push learns for the next one. It lists new files without reading them, so that each is read once, by those who pack it; what they
 * found is put into the stat cache afterwards, or the next night's lines would again lack what is known by then.
 */
import {runsOfLines} from '../index/lines.ts'
import {openCache} from './caches.ts'
import {WITHOUT_DIGEST} from './job.ts'
import type {LocalOptions} from './local.ts'
import type {LoadedCache} from './stat-cache-file.ts'

const DIGEST = /^ sha256=[0-9a-f]{64}$/

/**
 * Takes digests over into the stat cache of a run that came to its end.
 *
 * A line is taken where it is the cache's own, to the byte, and a digest. What was read may be newer than what was listed, with the same size
 * and time; then its time of change (ctime) is another than the cache has, and nobody will believe the cache.
 *
 * @param text the index of what was read, sha256 digests in it
 */
export async function learnDigests(options: LocalOptions, text: AsyncIterable<Uint8Array>): Promise<void> {
  const cache = openCache(options)
  try {
    const old = cache.file?.load()
    const writer = cache.createWriter?.(old)
    if (old === undefined || writer === undefined) return
    const {count} = old.cache.shared
    let kept = 1
    const keepUntil = (node: number): void => {
      if (node > kept) writer.keep(kept, node - kept, old.lines(kept, node - kept))
    }
    for await (const {node, lines} of mendedLines(old, text)) {
      keepUntil(node)
      writer.mend(node, lines)
      kept = node + 1
    }
    keepUntil(count + 1)
    writer.finish()
  } finally {
    cache.close()
  }
}

/** The nodes without a digest that the text has one for, in order, with their lines. */
async function* mendedLines(old: LoadedCache, text: AsyncIterable<Uint8Array>): AsyncGenerator<{readonly node: number; readonly lines: Buffer}> {
  let wanted = nextWithout(old, 1)
  for await (const {text: run} of runsOfLines(text)) {
    for (let at = 0; at < run.length && wanted !== undefined; ) {
      const stop = run.indexOf('\n', at)
      const start = at
      at = stop + 1
      if (run.charCodeAt(start) === HASH) continue
      const path = run.slice(start, run.indexOf(' ', start))
      while (wanted !== undefined && wanted.path < path) wanted = nextWithout(old, wanted.node + 1)
      if (wanted === undefined || wanted.path !== path) continue
      const {node, line, rest} = wanted
      const digest = run.slice(start + line.length, stop)
      if (run.startsWith(line, start) && DIGEST.test(digest)) yield {node, lines: Buffer.from(`${line}${digest}${rest}`, 'latin1')}
      wanted = nextWithout(old, node + 1)
    }
  }
}

const HASH = 35

interface Without {
  readonly node: number
  readonly path: string
  /** Its entry line, without LF. */
  readonly line: string
  /** What follows the line. */
  readonly rest: string
}

function nextWithout(old: LoadedCache, from: number): Without | undefined {
  const {flags, shared} = old.cache
  for (let node = from; node <= shared.count; node++) {
    if ((flags[node]! & WITHOUT_DIGEST) === 0) continue
    const text = Buffer.concat(old.lines(node, 1)).toString('latin1')
    const stop = text.indexOf('\n')
    const line = text.slice(0, stop)
    return {node, path: line.slice(0, line.indexOf(' ')), line, rest: text.slice(stop)}
  }
  return undefined
}

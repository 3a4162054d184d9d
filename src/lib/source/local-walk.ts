/*
 * Lists a tree of this machine: opens the stat cache, has the work done, and brings what comes of it into text.
 */
import {apartFrom} from './apart.ts'
import {openCache, type RunCache} from './caches.ts'
import {createDelivery} from './deliver.ts'
import {reportIncident} from './incidents.ts'
import type {SentFrame} from './job.ts'
import type {LocalOptions} from './local.ts'
import {createRunner, type WalkSetup} from './runner.ts'
import type {SharedSelection} from './selection.ts'
import type {Batch} from './source.ts'
import {Workforce} from './workforce.ts'

/**
 * Lists a tree; `root` is '.' where that is the working directory. The generator's result is how many files the stat cache has without a
 * digest now.
 */
export async function* walkTree(options: LocalOptions, root: string, selection: SharedSelection | undefined): AsyncGenerator<Batch, number> {
  const cache = openCache(options)
  const setup = setupOf(options, root, selection, cache)
  // Where nothing is read here and all is new, whoever reads has enough to do: a worker would take memory from him, and no time off.
  const threads = options.digest === undefined && cache.file === undefined ? 1 : options.workers
  // Before the cache is read, since workers take longer to start.
  const workforce = new Workforce(setup, threads, cache.file?.shared.count)
  try {
    const old = cache.file?.load()
    const writer = cache.createWriter?.(old)
    const deliver = createDelivery(old, writer)
    let files = 0
    let bytes = 0
    for await (const result of workforce.results(firstFrame(setup, old !== undefined), await createRunner(setup))) {
      for (const incident of result.incidents) reportIncident(incident, options)
      const batch = deliver(result)
      files += batch.entries
      bytes += result.bytes
      options.onProgress?.({files, bytes})
      if (batch.text.length > 0) yield batch
    }
    writer?.finish()
    return writer?.withoutDigest ?? 0
  } finally {
    cache.close()
    await workforce.close()
  }
}

function setupOf(options: LocalOptions, root: string, selection: SharedSelection | undefined, cache: RunCache): WalkSetup {
  const {digest, exclude = {}, oneFileSystem = false, ignoreInode = false, reference} = options
  const {patterns = [], caches = false, ifPresent = [], largerThan, nodump = false} = exclude
  return {
    root, digest, oneFileSystem, ignoreInode, reference, selection,
    exclude: {patterns, caches, ifPresent, largerThan, nodump},
    remembers: cache.createWriter !== undefined,
    cache: cache.file?.shared,
    apart: apartFrom(options.root, options.leaveOut ?? [], cache.place),
    ids: new SharedArrayBuffer(4),
  }
}

/* Where every walk begins: at the root's own name. Who has no place in the stat cache does not look into it. */
function firstFrame(setup: WalkSetup, isCached: boolean): SentFrame {
  const start = [0, 1] as const
  return {
    path: '', names: '.', id: 0, pending: [], device: undefined,
    known: isCached ? start : undefined,
    reference: setup.reference && start,
    selected: setup.selection && start,
  }
}

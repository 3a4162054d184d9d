/*
 * The file that an archive becomes: written beside its name, which it gets when it is whole and durable.
 */
import {BkError, reasonOf} from '../cli/errors.ts'
import {escapeName} from '../cli/escape.ts'
import {beginFile, type OnTemp} from '../sys/atomic.ts'
import {calls, writeAllMeanwhile} from '../sys/calls.ts'

/** It holds what only root could read where it comes from. */
const MODE = 0o600

export interface Destination {
  take(bytes: Uint8Array): Promise<void>
  /** Gives the file its name. */
  finish(): Promise<void>
  /** Removes what was written; after `finish` there is nothing to do. */
  discard(): void
}

/**
 * Begins the file.
 * @param overwrite whether a file of that name is replaced
 * @throws BkError 2 where it cannot be written, or is there already
 */
export function beginArchive(path: Buffer, overwrite: boolean, onTemp: OnTemp): Destination {
  const name = escapeName(path)
  const failed = (error: unknown): BkError => new BkError(`cannot write ${name}: ${reasonOf(error)}`, {cause: error})
  const taken = (): BkError => new BkError(`${name} is there already`, {hint: '--overwrite replaces it'})
  let isOpen = true
  let file: ReturnType<typeof beginFile>
  try {
    if (!overwrite && calls.lstatOrNone(path) !== undefined) throw taken()
    file = beginFile(path, {mode: MODE, onTemp})
  } catch (error) {
    throw error instanceof BkError ? error : failed(error)
  }
  const discard = (): void => {
    if (isOpen) file.discard()
    isOpen = false
  }
  return {
    discard,
    async take(bytes) {
      try {
        await writeAllMeanwhile(file.fd, bytes)
      } catch (error) {
        discard()
        throw failed(error)
      }
    },
    async finish() {
      isOpen = false
      let created = true
      try {
        if (overwrite) await file.replaceMeanwhile()
        else created = file.createIfAbsent()
      } catch (error) {
        throw failed(error)
      }
      if (!created) throw taken()
    },
  }
}

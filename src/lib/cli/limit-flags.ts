/**
 * The limits that a store sets for everybody and a key for its holder: the same options, in the same grammar, wherever they are given.
 */
import {numberFlag, sizeFlag} from './flags.ts'
import type {Limits} from '../store/settings.ts'

export const limitFlags = {
  'max-entries': numberFlag('refuse an index of more entries'),
  'max-file': sizeFlag('refuse a new or changed file that is larger'),
  'per-day': numberFlag('snapshots of a set in 24 hours'),
  quota: sizeFlag('bytes that a set may bring into the store, with what its cut-off sessions have left'),
  reserve: sizeFlag('bytes that must stay free on the disk of the store, and then 10,000 inodes too'),
}

/** What was asked for. 0 is a limit too. */
export function limitsOf(flags: {readonly [Name in keyof typeof limitFlags]: number | undefined}): Limits {
  return {quota: flags.quota, perDay: flags['per-day'], maxFile: flags['max-file'], maxEntries: flags['max-entries'], reserve: flags.reserve}
}

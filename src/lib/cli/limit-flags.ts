/**
 * The limits that a store sets for everybody and a key for its holder: the same options, in the same grammar, wherever they are given.
 */
import {ageFlag, numberFlag, sizeFlag} from './flags.ts'
import type {KeyLimits} from '../keys/grants.ts'
import type {Limits} from '../store/settings.ts'

export const limitFlags = {
  'max-entries': numberFlag('refuse an index of more entries'),
  'max-file': sizeFlag('refuse a new or changed file that is larger'),
  'per-day': numberFlag('snapshots of a set in 24 hours'),
  quota: sizeFlag('bytes that a set may bring into the store, with what its cut-off sessions have left'),
  reserve: sizeFlag('bytes that must stay free on the disk of the store, and then 10,000 inodes too'),
}

/** The same and what a store cannot have, for the holder of a key alone. */
export const keyLimitFlags = {
  ...limitFlags,
  deadline: ageFlag('longest time for a whole session that adds; 1D if not given'),
}

type Values<Flags> = {readonly [Name in keyof Flags]: number | undefined}

/** What was asked for. 0 is a limit too. */
export function limitsOf(flags: Values<typeof limitFlags>): Limits {
  return {quota: flags.quota, perDay: flags['per-day'], maxFile: flags['max-file'], maxEntries: flags['max-entries'], reserve: flags.reserve}
}

/** What was asked for of a key. */
export function keyLimitsOf(flags: Values<typeof keyLimitFlags>): KeyLimits {
  return {...limitsOf(flags), deadline: flags.deadline}
}

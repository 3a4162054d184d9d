/*
 * Which set a snapshot belongs to when nobody says: the name of this host.
 */
import {hostname} from 'node:os'
import {isSetName} from '../store/record.ts'
import {usageError} from './errors.ts'

/** The set that was asked for, or this host's. Throws 64 for what cannot be a name. */
export function setName(given: string | undefined): string {
  const name = given ?? (hostname().replaceAll(/[^A-Za-z0-9._-]/g, '-').replace(/^[^A-Za-z0-9]+/, '').slice(0, 64) || 'host')
  if (!isSetName(name)) throw usageError(`not the name of a set: ${name}`, 'a set has up to 64 letters, digits, dots, underscores and dashes')
  return name
}

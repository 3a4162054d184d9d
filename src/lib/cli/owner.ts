/*
 * Who may write edits: somebody on the store's own host, and not root in somebody else's store. Root's own files in somebody else's store would be ones that their account cannot read, and every push behind a key
 * of that account would fail from then on.
 */
import {statSync} from 'node:fs'
import {parseAddress} from '../store/address.ts'
import {BkError, usageError} from './errors.ts'
import {loadUsers} from '../sys/users.ts'

/**
 * Refuses to go on in a store that is elsewhere, or as root in one that is another account's.
 * @param command what is to be typed instead, without `bk`
 * @throws BkError 64, 77
 */
export function mustBeOwner(store: string, command: string): void {
  if (parseAddress(store).kind !== 'local') throw usageError(`${store} is on another machine`, `there: bk ${command}`)
  if (process.geteuid?.() !== 0) return
  const uid = statSync(store, {throwIfNoEntry: false})?.uid ?? 0
  if (uid === 0) return
  const name = loadUsers().uname(uid) ?? `#${uid}`
  throw new BkError(`${store} belongs to ${name}, who could not read what root writes there`, {status: 77, hint: `runuser -u ${name} -- bk ${command}`})
}

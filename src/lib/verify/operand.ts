/*
 * What verify is given: a store, a snapshot of one, or a list.
 */
import {parseAddress} from '../store/address.ts'
import {namesSnapshot} from '../store/open.ts'
import {calls} from '../sys/calls.ts'

/** Whether an operand means a store, or a snapshot; else it is a list. */
export function meansStore(operand: string): boolean {
  if (operand === '-') return false
  if (namesSnapshot(operand) || parseAddress(operand).kind === 'remote') return true
  return calls.lstatOrNone(operand) !== undefined && !isPlain(operand)
}

/* What a list can be read from: all but a directory, links followed. */
function isPlain(path: string): boolean {
  try {
    calls.readdir(path)
    return false
  } catch {
    return true
  }
}

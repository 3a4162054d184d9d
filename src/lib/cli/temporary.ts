/*
 * Files under temporary names (sys/atomic.ts) go when the process is interrupted.
 */
import {calls} from '../sys/calls.ts'
import {onInterrupt} from './cleanup.ts'
import type {OnTemp} from '../sys/atomic.ts'

/** Removes a temporary file when the process is told to die before it has its name. */
export const removeOnInterrupt: OnTemp = (tmp) => onInterrupt(() => calls.unlink(tmp))

/*
 * What to do about a part of a store that is damaged: whoever writes stops, whoever wants back what there is goes on and says so.
 */
import {BkError, reasonOf} from '../cli/errors.ts'
import {isDamage} from './is-damage.ts'

/** Hears of what is damaged, and goes on. */
export type OnDamage = (why: BkError) => void

/** Does not go on. */
export function raise(why: BkError): never {
  throw why
}

/** What a piece of work gives; undefined where it failed by damage and somebody heard of that. */
export async function orDamage<Result>(work: () => Promise<Result>, onDamage: OnDamage): Promise<Result | undefined> {
  try {
    return await work()
  } catch (error) {
    if (onDamage === raise || !isDamage(error)) throw error
    onDamage(error instanceof BkError ? error : new BkError(reasonOf(error), {status: 65, cause: error}))
    return undefined
  }
}

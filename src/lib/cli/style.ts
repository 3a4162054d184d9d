/**
 * Whether a stream gets colours, decided in one place because the packages that make them do not ask NO_COLOR.
 */
import type {ChalkInstance} from 'chalk'

type MaybeTerminal = {readonly isTTY?: boolean | undefined}

/** True when the stream is a terminal that shows colours and the user has not asked for none (NO_COLOR, TERM=dumb). */
export function wantsColour(stream: MaybeTerminal, environment: NodeJS.ProcessEnv = process.env): boolean {
  if (stream.isTTY !== true) return false
  // no-color.org: any value but the empty one.
  if ((environment['NO_COLOR'] ?? '') !== '') return false
  return environment['TERM'] !== 'dumb'
}

/** Chalk for a stream; on one without colours its functions return their text as it is. */
export async function paintFor(stream: MaybeTerminal): Promise<ChalkInstance> {
  const {Chalk} = await import('chalk')
  return new Chalk({level: wantsColour(stream) ? 1 : 0})
}

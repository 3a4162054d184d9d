/**
 * Whoever sits at the terminal while bk runs, and what another program has to say to him.
 */
import {isatty} from 'node:tty'
import {createSpeech} from './speech.ts'

/** Says a line of `program` on stderr, as `program: line`; undefined when stderr is no terminal, and nobody would see it in time. */
export function onlooker(program: string): ((line: string) => void) | undefined {
  if (!isatty(2)) return undefined
  const speech = createSpeech(program)
  return (line) => speech.note(line)
}

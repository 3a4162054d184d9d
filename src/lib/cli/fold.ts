/**
 * Sentences for people below a table: on a terminal broken between words, as a terminal by itself does not.
 */
import {oneLine} from './escape.ts'
import {writeOut} from './output.ts'
import {terminalColumns} from './terminal.ts'

const INDENT = '  '

/** Writes sentences to stdout, a terminal, each on lines of its own, below an empty one. */
export async function writeFolded(sentences: readonly string[]): Promise<void> {
  if (sentences.length === 0) return
  const width = terminalColumns()
  await writeOut(['', ...sentences.flatMap((sentence) => folded(oneLine(sentence), width))].map((line) => `${line}\n`))
}

/** The lines of a sentence for `width` columns, all but the first indented. A word that is longer stays whole. */
export function folded(sentence: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of sentence.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = INDENT + word
    } else line += line === '' ? word : ` ${word}`
  }
  return [...lines, line]
}

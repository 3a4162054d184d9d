/**
 * Manual pages and completions are derived from the commands' own declarations, so that no fact is said twice. They are
 * committed, because packagers and readers want them without a build; `--check` says which of them are stale.
 */
import {existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {join, resolve} from 'node:path'
import {loadCommands} from './man-commands.ts'
import {bashCompletion, fishCompletion, zshCompletion} from './man-completions.ts'
import {commandPage, overviewPage} from './man-pages.ts'

const root = resolve(import.meta.dirname, '..')

const commands = await loadCommands(root)
const listed = commands.filter(({hidden}) => !hidden)
const generated = new Map<string, string>([
  ['man/bk.1', overviewPage(listed)],
  ...commands.map((command): [string, string] => [`man/${command.page}.1`, commandPage(command)]),
  ['completions/bk.bash', bashCompletion(listed)],
  ['completions/_bk', zshCompletion(listed)],
  ['completions/bk.fish', fishCompletion(listed)],
])

const stale = [...generated].filter(([file, text]) => !existsSync(join(root, file)) || readFileSync(join(root, file), 'utf8') !== text)
const left = committedPages().filter((file) => !generated.has(file))

if (process.argv.includes('--check')) {
  const files = [...stale.map(([file]) => file), ...left]
  if (files.length > 0) {
    process.stderr.write(`man: stale: ${files.join(' ')}: run 'npm run man' and commit what it writes\n`)
    process.exitCode = 1
  }
} else {
  mkdirSync(join(root, 'completions'), {recursive: true})
  for (const [file, text] of stale) writeFileSync(join(root, file), text)
  for (const file of left) rmSync(join(root, file))
}

/* Section 1 is generated as a whole: the page of a command that is gone goes, too. */
function committedPages(): string[] {
  return readdirSync(join(root, 'man'))
    .filter((name) => name.endsWith('.1'))
    .map((name) => `man/${name}`)
}

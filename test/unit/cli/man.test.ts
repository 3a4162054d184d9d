// What tools/man writes: pages that roff takes as they are meant, and completions that shells take.

import {writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {sh} from '../../harness/bk.ts'
import {tempDir} from '../../harness/temp.ts'
import type {CommandFacts, Option} from '../../../tools/man-commands.ts'
import {bashCompletion, fishCompletion, zshCompletion} from '../../../tools/man-completions.ts'
import {commandPage, overviewPage} from '../../../tools/man-pages.ts'
import {entry, lines, literal, paragraphs, plain, section} from '../../../tools/man-roff.ts'

const option: Option = {
  char: undefined,
  default: undefined,
  dependsOn: [],
  description: '',
  exclusive: [],
  name: 'x',
  repeatable: false,
  required: false,
  summary: '',
  value: undefined,
  words: [],
}

const diff: CommandFacts = {
  description: 'Merges two indexes.\n\nPaths are bytes: `a\\b`.',
  environment: [['BK_STATE', 'where the state is']],
  examples: [{command: "bk diff old 'new' | wc -l", description: 'Count what changed:'}],
  exitNotes: {1: 'With --exit-code: there are changes'},
  files: [],
  operands: [
    {description: 'the old index', multiple: false, name: 'OLD', required: true},
    {description: 'the new index, or -', multiple: false, name: 'NEW', required: false},
  ],
  options: [
    {...option, char: '0', name: 'null', summary: "records end in NUL; it's raw"},
    {...option, name: 'format', summary: 'form of the records', value: 'FORMAT', words: ['text', 'json'], default: 'text', exclusive: ['null']},
    {...option, name: 'exclude', summary: 'leave out [some] files', value: 'FILE', repeatable: true, description: 'Longer text.\n\nAnd more.'},
  ],
  page: 'bk-diff',
  seeAlso: ['mtree(5)'],
  summary: 'say what changed',
  words: 'diff',
}

const add: CommandFacts = {...diff, options: [], page: 'bk-keys-add', summary: "add somebody's key", words: 'keys add'}
const list: CommandFacts = {...diff, options: [], page: 'bk-keys-list', summary: 'list keys', words: 'keys list'}
const commands = [diff, add, list]

describe('roff', () => {
  it.for<[text: string, roff: string]>([
    ['a-b', 'a\\-b'],
    ['C:\\x', 'C:\\ex'],
    ["it's `so`", "it\\(aqs \\(gaso\\(ga"],
    ['^~', '\\(ha\\(ti'],
  ])('%s in it is %s', ([text, roff]) => {
    expect(plain(text)).toBe(roff)
  })

  it('takes no line of text for a request', () => {
    expect(lines('.hidden\n\'quoted\n`.code` x')).toBe("\\&.hidden\n\\(aqquoted\n\\fB.code\\fR x\n")
    expect(literal('.\n x')).toBe('.PP\n.RS 4\n.EX\n\\&.\n x\n.EE\n.RE\n')
  })

  it('has paragraphs, sets off what is indented, and begins a line with every sentence', () => {
    expect(paragraphs('One. Two\nthree.\n\n    code -x\n\nFour.')).toBe('.PP\nOne.\nTwo\nthree.\n.PP\n.RS 4\n.EX\ncode \\-x\n.EE\n.RE\n.PP\nFour.\n')
  })

  it('leaves out a section without a body, and a paragraph behind a heading', () => {
    expect([section('FILES', ''), section('EXIT STATUS', '.PP\nx\n')]).toEqual(['', '.SH "EXIT STATUS"\nx\n'])
    expect(entry('\\fBx\\fR', 'y')).toBe('.TP\n\\fBx\\fR\ny\n')
  })
})

describe('a page', () => {
  it('has its sections in order', () => {
    const headings = [...commandPage(diff).matchAll(/^\.SH "?([A-Z ]+)/gm)].map(([, heading]) => heading)
    expect(headings).toEqual(['NAME', 'SYNOPSIS', 'DESCRIPTION', 'OPTIONS', 'EXIT STATUS', 'ENVIRONMENT', 'FILES', 'EXAMPLES', 'SEE ALSO'])
  })

  it('says what the command declares', () => {
    const page = commandPage(diff)
    expect(page).toContain('\\fBbk diff\\fR [\\fIOPTION\\fR]... \\fIOLD\\fR [\\fINEW\\fR]\n')
    expect(page).toContain('.TP\n\\fB\\-0\\fR, \\fB\\-\\-null\\fR\nRecords end in NUL; it\\(aqs raw.\n')
    expect(page).toContain('\\fB\\-\\-format\\fR=\\fIFORMAT\\fR\nForm of the records.\nOne of \\fBtext\\fR and \\fBjson\\fR.\nWithout it, text.\nNot with \\fB\\-\\-null\\fR.\n')
    expect(page).toContain('May be given more than once.\n.IP\nLonger text.\n.IP\nAnd more.\n')
    expect(page).toContain('\\fB1\\fR\nWith \\-\\-exit\\-code: there are changes.\n')
    expect(page).toContain('Count what changed:\n.PP\n.RS 4\n.EX\nbk diff old \\(aqnew\\(aq | wc \\-l\n')
    expect(page).toContain('\\fBbk\\fR(1),\n\\fBmtree\\fR(5)\n')
  })

  it('names files and variables that options come from, if any of its own can', () => {
    expect(commandPage(diff)).not.toContain('BK_CONFIG')
    const page = commandPage({...diff, configurable: true})
    for (const words of ['BK_OPTION', 'BK_CONFIG', '/etc/bk/config', '$XDG_CONFIG_HOME/bk/config']) expect(page).toContain(`.TP\n\\fB${words}\\fR\n`)
    expect(commandPage({...add, options: [{...option, name: 'json'}], configurable: true})).not.toContain('BK_CONFIG')
    expect(overviewPage([{...diff, options: [{...option, name: 'force'}]}])).toContain('On the command line alone:\n\\fB\\-\\-force\\fR, \\fB\\-\\-help\\fR, \\fB\\-\\-version\\fR.\n')
  })

  it('is taken by man without a warning', async () => {
    const dir = tempDir('man')
    for (const command of commands) writeFileSync(join(dir, `${command.page}.1`), commandPage(command))
    writeFileSync(join(dir, 'bk.1'), overviewPage(commands))
    const {status, stdout, stderr} = await sh(`cd ${dir}; groff -man -Tascii -ww -P-cbou *.1`)
    expect({status, stderr}).toEqual({status: 0, stderr: ''})
    expect(stdout.toString().replaceAll(/\s+/g, ' ')).toContain('Merges two indexes. Paths are bytes: a\\b. OLD The old index.')
  })
})

describe('completion', () => {
  it('bash: commands, their options, and the words an option takes', async () => {
    const file = join(tempDir('bash'), 'bk.bash')
    writeFileSync(file, bashCompletion(commands))
    const script = `. ${file}
      try() { COMP_WORDS=(bk "$@"); COMP_CWORD=$#; _bk; echo "\${COMPREPLY[*]}"; }
      try ''; try k; try keys ''; try keys add -; try diff --; try diff --format ''; try diff --format = j; try diff --format =; try help d; try diff x; try other -`
    const {stdout, stderr} = await sh(script)
    expect(stderr).toBe('')
    expect(stdout.toString().split('\n')).toEqual([
      'diff keys help --help --version',
      'keys',
      'add list',
      '--help',
      '--null --format --exclude --help',
      'text json',
      'json',
      'text json',
      'diff',
      '',
      '',
      '',
    ])
  })

  it('zsh and fish: every command and option, apostrophes and brackets escaped', () => {
    const zsh = zshCompletion(commands)
    expect(zsh).toContain("'diff:say what changed'")
    expect(zsh).toContain("'add:add somebody'\\''s key' 'list:list keys'")
    expect(zsh).toContain("'*--exclude=[leave out \\[some\\] files]:FILE:_files'")
    expect(zsh).toContain("'--format=[form of the records]:FORMAT:(text json)'")
    const fish = fishCompletion(commands)
    expect(fish).toContain("complete -c bk -n '__fish_seen_subcommand_from diff' -l format -x -a 'text json' -d 'form of the records'")
    expect(fish).toContain("complete -c bk -n '__fish_seen_subcommand_from keys; and not __fish_seen_subcommand_from add list' -f -a add -d 'add somebody'\\''s key'")
    expect(fish).toContain("-l null -s 0 -d 'records end in NUL; it'\\''s raw'")
  })
})

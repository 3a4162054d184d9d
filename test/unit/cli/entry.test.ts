// The contract of every command with the shell: exit status, one line per error, stdout whole or an error, signals.

import {existsSync, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeAll, describe, expect, it} from 'vitest'
import {sh, startShell, type Result} from '../../harness/bk.ts'
import {tempDir} from '../../harness/temp.ts'
import {buildSample} from './sample.ts'

let bin: string

beforeAll(() => {
  bin = join(buildSample(), 'bin')
})

function run(script: string, env: Record<string, string> = {}): Promise<Result> {
  return sh(`PATH=${bin}:$PATH; ${script}`, {env})
}

describe('the status and the words of a command that ends', () => {
  it.for<[line: string, status: number, stderr: string]>([
    ['index', 0, ''],
    ['odd no', 1, ''],
    ['odd refused', 77, 'bk odd: refused: x\\012y\nbk odd: hint: ask\n'],
    ['odd system', 2, 'bk odd: /nonexistent/file: no such file or directory\n'],
    ['odd bug', 70, 'bk odd: this is a bug: TypeError: x is not a function\nbk odd: hint: run it again with BK_DEBUG=1 and report what it prints\n'],
    ['odd thrown', 70, 'bk odd: this is a bug: RangeError: nobody catches\nbk odd: hint: run it again with BK_DEBUG=1 and report what it prints\n'],
    ['odd unhandled', 70, 'bk odd: this is a bug: RangeError: nobody waits\nbk odd: hint: run it again with BK_DEBUG=1 and report what it prints\n'],
    ['odd problem', 3, 'bk odd: a\\012b\\377\\033[31m: permission denied\n'],
    ['odd words', 0, 'bk odd: a note\n'],
    ['odd words -q', 0, ''],
    ['odd words -v', 0, 'bk odd: a note\nbk odd: a detail\n'],
    ['keys show fail', 2, 'bk keys show: no such key\n'],
    ['copy /no-such-file', 2, 'bk copy: cannot read /no-such-file: no such file or directory\n'],
    ['copy /', 2, `bk copy: cannot read /: is a directory\nbk copy: hint: 'bk index /' makes an index of it\n`],
    ['copy --if-exists /no-such-file', 0, ''],
    ['copy - -', 64, "bk copy: standard input can be read only once\nbk copy: hint: give '-' for one operand only\n"],
    ['frobnicate', 64, "bk: no such command: frobnicate\nbk: hint: 'bk help' lists the commands\n"],
    ['idnex', 64, "bk: no such command: idnex\nbk: hint: did you mean 'bk index'?\n"],
    ['help idnex', 64, "bk: no such command: idnex\nbk: hint: did you mean 'bk index'?\n"],
    ['odd', 64, "bk odd: missing operand: WAY\nbk odd: hint: see 'bk help odd'\n"],
    ['odd a b c', 64, "bk odd: too many operands: b c\nbk odd: hint: see 'bk help odd'\n"],
    ['odd --nope -x a', 64, "bk odd: no such option: --nope -x\nbk odd: hint: see 'bk help odd'\n"],
    ['lines --format', 64, "bk lines: option --format needs one of: plain, fancy\nbk lines: hint: see 'bk help lines'\n"],
    ['lines --format x 0', 64, "bk lines: --format: x is not one of: plain, fancy\nbk lines: hint: see 'bk help lines'\n"],
    ['lines --format plain --format fancy 0', 64, "bk lines: option --format is given twice\nbk lines: hint: see 'bk help lines'\n"],
    ['lines --exclude', 64, "bk lines: option --exclude needs a value\nbk lines: hint: see 'bk help lines'\n"],
    ['lines --level 12 0', 64, 'bk lines: --level: not a whole number from 1 to 9: 12\n'],
    ['lines --larger-than 3X 0', 64, 'bk lines: --larger-than: not a size: 3X\nbk lines: hint: a size is a number of bytes, or one with K, M, G or T: 200G\n'],
  ])('bk %s', async ([line, status, stderr]) => {
    const result = await run(`bk ${line}`)
    expect({status: result.status, stderr: result.stderr}).toEqual({status, stderr})
  })

  it('says everything as JSON lines with --json', async () => {
    const refused = await run('bk odd refused --json')
    expect(JSON.parse(refused.stderr)).toEqual({command: 'bk odd', hint: 'ask', message: 'refused: x\ny', status: 77, type: 'error'})
    const problem = await run('bk odd problem --json')
    expect(JSON.parse(problem.stderr)).toEqual({
      code: 'EACCES',
      command: 'bk odd',
      message: 'a\\012b\\377\\033[31m: permission denied',
      path_base64: Buffer.from('a\nb\xff\x1b[31m', 'latin1').toString('base64'),
      type: 'problem',
    })
  })

  it('shows a stack with BK_DEBUG=1 and only then', async () => {
    expect((await run('bk odd bug')).stderr).not.toContain('    at ')
    expect((await run('bk odd bug', {BK_DEBUG: '1'})).stderr).toContain('    at ')
  })

  it('names the npm script to run when it was not built', async () => {
    const result = await run(`cp -r ${bin} "$TMPDIR/bin"; ln -s ${bin}/../node_modules "$TMPDIR/node_modules"; "$TMPDIR/bin/bk" index`)
    expect(result.status).toBe(2)
    expect(result.stderr).toMatch(/^bk: not built yet: run 'npm run build' in \S+\n$/)
  })
})

describe('operands and options', () => {
  it('come as they were typed, in any order, none of them swallowed', async () => {
    const {stdout} = await run('echo not an operand | bk lines --exclude a 0 x --exclude=b -0q y --larger-than 200G --within 1D12h -- -z')
    const {exclude, more, null: nul, quiet, within, 'larger-than': largerThan} = JSON.parse(stdout.toString())
    expect({exclude, largerThan, more, nul, quiet, within}).toEqual({
      exclude: ['a', 'b'],
      largerThan: 200 * 2 ** 30,
      more: ['x', 'y', '-z'],
      nul: true,
      quiet: true,
      within: 129_600,
    })
  })

  it('never read an operand from stdin', async () => {
    const result = await run('echo refused | bk odd')
    expect({status: result.status, stdout: result.stdout.toString()}).toEqual({status: 64, stdout: ''})
  })

  it('open files whose names are not UTF-8', async () => {
    const result = await run(`cd "$TMPDIR"; echo inside >$'a\\377'; bk copy $'a\\377'; bk copy $'b\\377'`)
    expect(result.stdout.toString()).toBe('inside\n')
    expect(result.stderr).toBe('bk copy: cannot read b\\377: no such file or directory\n')
  })
})

describe('help and other programs', () => {
  it.for(['bk', 'bk help', 'bk --help', 'bk -h', 'echo odd | bk help'])('%s lists the commands', async (line) => {
    const result = await run(line)
    expect(result.status).toBe(0)
    expect(result.stdout.toString()).toMatch(/^ {2}index +say index$/m)
    expect(result.stderr).toBe('')
  })

  it.for(['bk help keys show', 'bk keys show --help', 'bk keys show x -h'])('%s explains the command', async (line) => {
    const result = await run(line)
    expect(result.status).toBe(0)
    expect(result.stdout.toString()).toContain('$ bk keys show [WORD]')
  })

  it('prints the version', async () => {
    const {version} = JSON.parse(readFileSync(join(bin, '../package.json'), 'utf8'))
    expect((await run('bk --version')).stdout.toString()).toMatch(new RegExp(`^bk/${version} `))
  })

  it('runs bk-foo on PATH as bk foo, with its streams and its status', async () => {
    const script = `mkdir "$TMPDIR/p"; printf '#!/bin/sh\\necho "$0 $*"; cat; exit 9\\n' >"$TMPDIR/p/bk-foo"; chmod +x "$TMPDIR/p/bk-foo"`
    const result = await run(`${script}; PATH=$PATH:$TMPDIR/p; echo input | bk foo -x 'a b' --help`)
    expect(result.status).toBe(9)
    expect(result.stdout.toString()).toMatch(/^\S+\/bk-foo -x a b --help\ninput\n$/)
  })

  it('finds what a thread runs although the command is bundled', async () => {
    expect((await run('bk keys show you')).stdout.toString()).toBe('answer to you\n')
  })
})

describe('stdout', () => {
  it('waits for a slow reader and loses nothing', async () => {
    const result = await run('bk lines 5000 --fail-late | (sleep 11; wc -l); echo ${PIPESTATUS[0]}')
    expect(result.stdout.toString()).toBe('5000\n65\n')
    expect(result.stderr).toBe('bk lines: failed at the end\nbk lines: hint: leave out --fail-late\n')
  })

  it.for(['bk lines 5000000', 'bk lines --asynchronous 5000000', 'bk --help'])('ends silently when the reader has gone: %s', async (line) => {
    const result = await run(`${line} | true; echo \${PIPESTATUS[0]}`)
    expect({stderr: result.stderr, stdout: result.stdout.toString()}).toEqual({stderr: '', stdout: '141\n'})
  })

  it.for(['bk lines 5', 'bk lines 5000', 'bk lines --asynchronous 5', 'bk copy /etc/passwd'])('fails on a full disk: %s', async (line) => {
    const result = await run(`${line} >/dev/full`)
    expect(result.status).toBe(74)
    expect(result.stderr).toMatch(/^bk \w+: cannot write to standard output: no space left on device\n$/)
  })

  it('fails when it is closed and something is to be written, and only then', async () => {
    const result = await run('bk lines 1 >&-; echo $?; bk odd words -q >&-; echo $?')
    expect(result.stdout.toString()).toBe('74\n0\n')
    expect(result.stderr).toBe('bk lines: cannot write to standard output: bad file descriptor\n')
  })

  it('needs no memory for what the reader has not taken yet', async () => {
    const result = await run('/usr/bin/time -f %M bk lines 1500000 | (sleep 1; wc -c)')
    expect(result.stdout.toString()).toBe('150000000\n')
    expect(Number(result.stderr)).toBeLessThan(200_000)
  })

  it('passes on files, pipes and stdin to the byte', async () => {
    const dir = tempDir('copy')
    const bytes = Buffer.from(Array.from({length: 3_000_000}, (_, at) => (at * 7919) % 256))
    writeFileSync(join(dir, 'in'), bytes)
    const result = await run(`cd ${dir}; bk copy in >a; bk copy <in >b; cat in | bk copy >c; bk copy <(cat in) - <in >d; cat in in >e
      bk copy in | cat >f; cmp in a; cmp in b; cmp in c; cmp e d; cmp in f`)
    expect({status: result.status, stderr: result.stderr, stdout: result.stdout.toString()}).toEqual({status: 0, stderr: '', stdout: ''})
  })
})

describe('signals', () => {
  it.for<[signal: NodeJS.Signals, options: string]>([
    ['SIGINT', ''],
    ['SIGTERM', ''],
    ['SIGINT', '--busy'],
    ['SIGTERM', '--busy'],
  ])('%s %s: what was registered is undone, and the process dies of the signal', async ([signal, options]) => {
    const file = join(tempDir('hold'), 'file')
    const running = startShell(`exec ${bin}/bk hold ${options} ${file} >${file}.out`)
    await until(() => existsSync(file))
    process.kill(running.pid, signal)
    const result = await running.done
    expect({left: existsSync(file), signal: result.signal, stderr: result.stderr}).toEqual({left: false, signal, stderr: ''})
  })

  it('a second Ctrl-C does not wait for the clean-up', async () => {
    const file = join(tempDir('hold'), 'file')
    const running = startShell(`exec ${bin}/bk hold --stubborn ${file}`)
    await until(() => existsSync(file))
    process.kill(running.pid, 'SIGINT')
    await until(() => !existsSync(file))
    process.kill(running.pid, 'SIGINT')
    expect((await running.done).signal).toBe('SIGINT')
  })

  it('a gone reader is a reason to clean up, too', async () => {
    const file = join(tempDir('hold'), 'file')
    await run(`bk hold ${file} | true`)
    expect(existsSync(file)).toBe(false)
  })
})

async function until(condition: () => boolean): Promise<void> {
  const limit = Date.now() + 20_000
  while (!condition()) {
    if (Date.now() > limit) throw new Error('waited too long')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

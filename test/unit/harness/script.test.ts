// The runner of test scripts must fail when a script does not hold: each case is a script and a part of what the failure says.

import {readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {runScript} from '../../harness/script.ts'
import type {ScriptOptions} from '../../harness/script.ts'
import {splitWords} from '../../harness/script-words.ts'
import {tempDir} from '../../harness/temp.ts'

function scriptFile(text: string): string {
  const file = join(tempDir('runner'), 'case.txt')
  writeFileSync(file, text)
  return file
}

function run(text: string, options?: ScriptOptions): Promise<void> {
  return runScript(scriptFile(text), options)
}

describe('a script fails', () => {
  test.each<[string, string, RegExp]>([
    ['a program that fails', 'exec false', /case\.txt:1: failed with status 1\n {2}> exec false/],
    ['one that should have failed', '! exec true', /case\.txt:1: succeeded, and should have failed/],
    ['one that is not there', '! exec no-such-program', /no-such-program ENOENT/],
    ['another status', "! sh 'exit 3'\nstatus 4", /case\.txt:2: status is 3, not 4/],
    ['no status yet', 'status 0', /no program has run yet/],
    ['stdout without the pattern', 'exec echo a\nstdout b', /stdout does not match b[^]*\[stdout\]\na/],
    ['stdout with the pattern', 'exec echo a\n! stdout a', /stdout matches a/],
    ['a stray newline on stderr', "sh 'echo >&2'\n! stderr .", /stderr matches \./],
    ['different files', 'cmp a b\n-- a --\n1\n-- b --\n2\n', /a is not b:\n--- wanted\n\+\+\+ got\n[^]*-2\n\+1/],
    ['equal files', '! cmp a b\n-- a --\n1\n-- b --\n1\n', /a and b are the same/],
    ['different files with variables', 'cmpenv a b\n-- a --\nx\n-- b --\n$WORK\n', /a is not b/],
    ['a file that is missing', 'exists a', /a does not exist/],
    ['a file that is there', '! exists a\n-- a --\n', /a exists/],
    ['a missing file to compare', 'cmp a b', /does not exist/],
    ['a missing directory', 'cd a', /a does not exist/],
    ['an unknown word', 'ecxec true', /no such command: ecxec/],
    ['a word that cannot be negated', '! cd a', /cd cannot be negated/],
    ['too few arguments', 'cmp a', /usage: cmp A B/],
    ['an open quote', "exec 'a", /a quote is not closed/],
    ['a need that is not met', 'need no-such-program', /needs no-such-program/],
  ])('%s', async (_, text, message) => {
    await expect(run(text)).rejects.toThrow(message)
  })

  test('with the place, the last program and its output', async () => {
    const failing = run("exec true\n\n! sh 'echo out; echo err >&2; exit 9'\nstatus 8\n")
    await expect(failing).rejects.toThrow(/case\.txt:4: status is 9, not 8\n {2}> status 8\n/)
    await expect(failing).rejects.toThrow(/status 9:\n {2}> ! sh [^]*\[stdout\]\nout\n\[stderr\]\nerr/)
  })
})

test('a script is skipped where it needs what is missing', async () => {
  const skip = (reason: string): never => {
    throw new Error(`skipped: ${reason}`)
  }
  await expect(run('need sh no-such-program', {skip})).rejects.toThrow('skipped: needs no-such-program')
})

test('-u rewrites a golden file that differs, and nothing else', async () => {
  const file = scriptFile('exec echo new\ncmp stdout want\n-- other --\nsame \xff\n-- want --\nold\n')
  await expect(runScript(file)).rejects.toThrow(/stdout is not want/)
  await runScript(file, {update: true})
  expect(readFileSync(file, 'utf8')).toBe('exec echo new\ncmp stdout want\n-- other --\nsame \xff\n-- want --\nnew\n')
  await runScript(file)
})

test('-u leaves a script alone that fails otherwise', async () => {
  const text = 'exec echo new\ncmp stdout want\nexec false\n-- want --\nold\n'
  const file = scriptFile(text)
  await expect(runScript(file, {update: true})).rejects.toThrow(/case\.txt:3/)
  expect(readFileSync(file, 'utf8')).toBe(text)
})

test('-u refuses what txtar cannot hold', async () => {
  await expect(run('exec printf x\ncmp stdout want\n-- want --\n', {update: true})).rejects.toThrow(/does not end in a newline/)
})

test('words', () => {
  const env = {NAME: 'value', ONE: '1'}
  expect(splitWords("a  'b  c' d'e'f 'it''s' '' # rest", env)).toEqual(['a', 'b  c', 'def', "it's", ''])
  expect(splitWords("$NAME ${NAME}s '$NAME' $ONE$ONE $NONE. a#b", env)).toEqual(['value', 'values', '$NAME', '11', '.', 'a#b'])
  expect(splitWords('  # nothing', env)).toEqual([])
})

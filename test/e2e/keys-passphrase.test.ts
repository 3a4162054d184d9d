// A passphrase is typed on a real terminal: nothing of it is shown, keys that correct it do, and the terminal is as before at the end.

import {spawnSync} from 'node:child_process'
import {existsSync} from 'node:fs'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {open, start} from '../harness/bk.ts'
import {until} from '../harness/limits.ts'
import {tempDir} from '../harness/temp.ts'

/** Types an answer to each question, and tells what was on the screen, and how the terminal was left. */
async function type(file: string, answers: readonly string[]): Promise<{status: number; screen: string; echo: boolean}> {
  const script = start('script', ['-qec', `bk keys generate ${file} --passphrase; status=$?; stty -a | grep -o ' -*echo '; exit $status`, '/dev/null'], {stdin: open})
  let screen = ''
  script.child.stdout?.on('data', (bytes: Buffer) => (screen += bytes.toString()))
  for (const [at, answer] of answers.entries()) {
    await until('the question is asked', () => screen.includes(['passphrase for', 'the same once more:'][at] ?? ''))
    // One by one, as a person types.
    for (const key of Buffer.from(answer)) {
      await new Promise((resolve) => script.child.stdin?.write(Buffer.of(key), resolve))
      await new Promise(setImmediate)
    }
  }
  const {status} = await script.done
  return {status, screen, echo: / echo /.test(screen)}
}

test.each<[string, string, string]>([
  ['what is typed', 's3cret pass', 's3cret pass'],
  ['backspace', 'a\u00fcb\x7f\x7f\x08x', 'x'],
  ['backspace at the begin', '\x7f\x7fab', 'ab'],
  ['Ctrl-U', 'wrong\x15right', 'right'],
  ['UTF-8', 'gr\u00fcn \u{1f511}', 'gr\u00fcn \u{1f511}'],
])('%s', async (_what, typed, passphrase) => {
  const file = join(tempDir('typed'), 'key')
  const {status, screen, echo} = await type(file, [`${typed}\r`, `${typed}\n`])
  expect({status, echo}).toEqual({status: 0, echo: true})
  expect(screen.replaceAll('\r', '')).toMatch(/^passphrase for .*: \nthe same once more: \nbk keys generate: made .*\n echo \n$/)
  expect(spawnSync('ssh-keygen', ['-y', '-P', passphrase, '-f', file]).status).toBe(0)
})

test.each([
  ['Ctrl-C', 'abc\x03'],
  ['Ctrl-D', '\x04'],
])('%s gives up', async (_what, typed) => {
  const file = join(tempDir('typed'), 'key')
  const {status, screen, echo} = await type(file, [typed])
  expect({status, echo}).toEqual({status: 130, echo: true})
  expect(screen).not.toContain('abc')
  expect(existsSync(file)).toBe(false)
})

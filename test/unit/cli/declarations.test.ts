// What every command of bk declares: oclif's traps closed, and enough said for help and pages.

import {globSync} from 'node:fs'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {root} from '../../harness/bk.ts'

type Declared = {
  readonly summary?: string
  readonly examples?: readonly unknown[]
  readonly args?: Readonly<Record<string, {readonly ignoreStdin?: boolean; readonly description?: string}>>
  readonly flags?: Readonly<Record<string, {readonly char?: string; readonly multiple?: boolean; readonly multipleNonGreedy?: boolean; readonly summary?: string}>>
}

const directory = join(root, 'src/commands')
const files = globSync('**/*.ts', {cwd: directory}).sort()

it('no command is a file that oclif would drop', () => {
  expect(files).not.toContain('index.ts')
})

describe.for(files)('src/commands/%s', (file) => {
  it('declares what it should', async () => {
    const {default: command}: {default: Declared} = await import(join(directory, file))
    expect(command.summary).toMatch(/^[^A-Z].*[^.]$/)
    expect(command.examples?.length).toBeGreaterThan(0)
    for (const [name, arg] of Object.entries(command.args ?? {})) {
      expect({ignoreStdin: arg.ignoreStdin, name}).toEqual({ignoreStdin: true, name})
      expect(arg.description).toBeTruthy()
    }
    for (const [name, flag] of Object.entries(command.flags ?? {})) {
      expect(name).toMatch(/^[a-z][a-z-]*$/)
      if (flag.multiple) expect({multipleNonGreedy: flag.multipleNonGreedy, name}).toEqual({multipleNonGreedy: true, name})
      expect(flag.summary, name).toMatch(/^[^A-Z].*[^.]$/)
    }
  })
})

it('a letter means the same in every command', async () => {
  const meanings = new Map<string, Set<string>>()
  for (const file of files) {
    const {default: command}: {default: Declared} = await import(join(directory, file))
    for (const [name, {char}] of Object.entries(command.flags ?? {})) {
      if (char !== undefined) meanings.set(char, (meanings.get(char) ?? new Set()).add(name))
    }
  }
  expect([...meanings].filter(([, names]) => names.size > 1)).toEqual([])
})

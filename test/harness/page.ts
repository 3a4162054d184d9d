// A page of docs/ that is typed as it stands: its blocks of commands, each with the machine and the user that stand above it, and what the
// page shows behind it.

import {readFileSync} from 'node:fs'
import {join} from 'node:path'
import {expect} from 'vitest'
import {root} from './bk.ts'

export type Block = {readonly machine: string; readonly user: string; readonly script: string; readonly shown: string | undefined}

/** The blocks of commands of one step of a page. Every block says where and as whom; what it shows stands behind it. */
export function blocksOf(page: string, step: number): Block[] {
  const whole = readFileSync(join(root, 'docs', page), 'utf8')
  const text = new RegExp(`^## ${step}\\. [^]*?(?=^## |(?![^]))`, 'm').exec(whole)?.[0] ?? ''
  const found = [...text.matchAll(/^\*(\w+), as (\w+)\*\n\n```sh\n([^]*?)^```\n(?:\n```text\n([^]*?)^```\n)?/gm)]
  expect(found.length, `blocks of step ${step}`).toBe(text.match(/^```sh$/gm)?.length ?? 0)
  expect(found.filter(([, , , , shown]) => shown !== undefined)).toHaveLength(text.match(/^```text$/gm)?.length ?? 0)
  return found.map(([, machine = '', user = '', script = '', shown]) => ({machine, user, script, shown}))
}

/** What the page shows, as a pattern: numbers, blanks between words, and what stands for … are what they are on this machine. */
export function shownPattern(shown: string | undefined): RegExp {
  if (shown === undefined) return /^$/
  const words = shown.trim().replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&').replaceAll('…', '[^]*?')
  return new RegExp(`^${words.replaceAll(/(?<!\w)\d(?:\\?[\d.,:-])*[KMGT]?(?!\w)/g, '[\\d.,:-]+[KMGT]?').replaceAll(/\s+/g, '\\s+')}$`)
}

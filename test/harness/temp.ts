// Directories for tests, below TMPDIR (which tools/test removes as a whole) and removed at the end of the test file.

import {spawnSync} from 'node:child_process'
import {mkdirSync, mkdtempSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {atEnd} from './cleanup.ts'

/** A new empty directory of mode 0700; `name` only helps who looks into it. */
export function tempDir(name = 'test'): string {
  const dir = mkdtempSync(join(tmpdir(), `${name}-`))
  atEnd(() => removeTree(dir))
  return dir
}

/** Removes a tree whatever the modes and names in it. Throws when something stays. */
export function removeTree(dir: string): void {
  // Directories without w or x stop everybody but root.
  if (process.getuid?.() !== 0) spawnSync('chmod', ['-R', 'u+rwX', '--', dir])
  const {status, stderr} = spawnSync('rm', ['-rf', '--', dir], {encoding: 'utf8'})
  if (status !== 0) throw new Error(`cannot remove ${dir}: ${stderr}`)
}

let shared: string | undefined

/** A place for HOME, state, cache and temporary files, the same for all of a test file. */
export function sharedHome(): string {
  shared ??= newHome(tempDir('home'))
  return shared
}

/** Makes the directories that `pinnedEnvironment` names below `dir`, and answers `dir`. */
export function newHome(dir: string): string {
  for (const name of ['home', 'state', 'cache', 'tmp']) mkdirSync(join(dir, name), {recursive: true, mode: 0o700})
  return dir
}

// All files of a store as bytes, to see that what was in it before is in it still.

import {readdirSync, readFileSync} from 'node:fs'
import {join} from 'node:path'
import {sha256} from './read-store.ts'

/** The sha256 of each file by its name in the store, sorted. Temporary files, as a killed process leaves them, are not part of it. */
export function storeFiles(dir: string): Map<string, string> {
  const names = readdirSync(dir, {recursive: true, withFileTypes: true}).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const files = names.filter((name) => !/\.tmp\b/.test(name)).sort()
  return new Map(files.map((name) => [name.slice(dir.length + 1), sha256(readFileSync(name))]))
}

// A small program made of bk's floor and the commands of test/fixtures/cli: built like bk, started by a copy of bin/bk. So the
// contract of every command is tested before, and apart from, any real one.

import {spawnSync} from 'node:child_process'
import {cpSync, mkdirSync, readFileSync, symlinkSync} from 'node:fs'
import {join} from 'node:path'
import {root} from '../../harness/bk.ts'
import {tempDir} from '../../harness/temp.ts'

/** Builds the program and answers its root; it is `bin/bk` in there. */
export function buildSample(): string {
  const dir = join(tempDir('sample'), 'bk')
  mkdirSync(join(dir, 'tools'), {recursive: true})
  for (const name of ['bin', 'package.json', 'tsconfig.json', 'tools/node', 'tools/build.ts']) {
    cpSync(join(root, name), join(dir, name), {recursive: true})
  }
  // Its lib/cli is a link to bk's own. What in there stands on other parts of the library is not part of the floor.
  const floor = (file: string): boolean => !/\/cli\/[\w-]+\.ts$/.test(file) || !readFileSync(file, 'utf8').includes(" from '../")
  cpSync(join(root, 'test/fixtures/cli'), join(dir, 'src'), {dereference: true, filter: floor, recursive: true})
  symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'))
  const built = spawnSync('sh', ['tools/node', 'tools/build.ts'], {cwd: dir, encoding: 'utf8'})
  if (built.status !== 0) throw new Error(`the sample was not built: ${built.stdout}${built.stderr}`)
  return dir
}

// A small program made of bk's floor and the commands of test/fixtures/cli: built like bk, started by a copy of bin/bk. So the
// contract of every command is tested before, and apart from, any real one.

import {spawnSync} from 'node:child_process'
import {cpSync, globSync, mkdirSync, readFileSync, symlinkSync, writeFileSync} from 'node:fs'
import {dirname, join} from 'node:path'
import {root} from '../../harness/bk.ts'
import {tempDir} from '../../harness/temp.ts'

/** Builds the program and answers its root; it is `bin/bk` in there. */
export function buildSample(): string {
  const dir = join(tempDir('sample'), 'bk')
  mkdirSync(join(dir, 'tools'), {recursive: true})
  for (const name of ['bin', 'package.json', 'tsconfig.json', 'tools/node', 'tools/build.ts']) {
    cpSync(join(root, name), join(dir, name), {recursive: true})
  }
  copySources(join(root, 'test/fixtures/cli'), join(dir, 'src'), (code) => code.replaceAll('../../../src/lib/', 'lib/'))
  // What stands on other parts of the library is not part of the floor.
  copySources(join(root, 'src/lib/cli'), join(dir, 'src/lib/cli'), (code) => (code.includes(" from '../") ? undefined : code))
  symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'))
  const built = spawnSync('sh', ['tools/node', 'tools/build.ts'], {cwd: dir, encoding: 'utf8'})
  if (built.status !== 0) throw new Error(`the sample was not built: ${built.stdout}${built.stderr}`)
  return dir
}

function copySources(from: string, to: string, edit: (code: string) => string | undefined): void {
  for (const file of globSync('**/*.ts', {cwd: from})) {
    const code = edit(readFileSync(join(from, file), 'utf8'))
    if (code === undefined) continue
    mkdirSync(dirname(join(to, file)), {recursive: true})
    writeFileSync(join(to, file), code)
  }
}

// A bk from which one defence was taken out: the text of one file is changed while the command is bundled, everything else is as it
// stands in src/ and bin/. There is no switch for this in bk itself.

import {cpSync, mkdirSync, readFileSync, symlinkSync} from 'node:fs'
import {join} from 'node:path'
import {build} from 'esbuild'
import {root} from '../harness/bk.ts'
import {tempDir} from '../harness/temp.ts'
import type {Patch} from './row.ts'

const built = new Map<string, Promise<string>>()

/** The path of a `bk` that has this command and lacks the defence. Throws when the patch does not match exactly once. */
export function weakened(patch: Patch, command: 'receive' | 'forced'): Promise<string> {
  const key = JSON.stringify([patch, command])
  let program = built.get(key)
  if (program === undefined) built.set(key, (program = bundle(patch, command)))
  return program
}

async function bundle({file, find, replace}: Patch, command: string): Promise<string> {
  const path = join(root, file)
  const parts = readFileSync(path, 'utf8').split(find)
  if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times what a patch replaces: ${find}`)
  const dir = tempDir('weakened')
  cpSync(join(root, 'bin'), join(dir, 'bin'), {recursive: true})
  symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'))
  mkdirSync(join(dir, 'dist/hot'), {recursive: true})
  let patched = 0
  await build({
    stdin: {contents: `export * from './lib/cli/entry.ts'; export {default} from './commands/${command}.ts'`, resolveDir: join(root, 'src'), loader: 'ts'},
    outfile: join(dir, `dist/hot/${command}.js`),
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    logLevel: 'silent',
    plugins: [{
      name: 'take out',
      setup(bundler) {
        bundler.onLoad({filter: /\.ts$/}, (loaded) => {
          if (loaded.path !== path) return undefined
          patched++
          return {contents: parts.join(replace), loader: 'ts'}
        })
      },
    }],
  })
  if (patched !== 1) throw new Error(`bk ${command} does not use ${file}`)
  return join(dir, 'bin/bk')
}

/**
 * Compiles src/ to dist/, bundles the commands, and writes oclif's manifest. All is made aside and then moved into place,
 * so that a build that is cut off leaves the old one.
 *
 *   dist/commands, dist/lib   one file per source file: what oclif discovers, and where worker threads start
 *   dist/hot                  the same commands as bundles, `keys add` as keys.add.js, and the entry _entry.js: what
 *                             bin/bk.js starts, because reading one file instead of fifty is most of the start-up time
 *   oclif.manifest.json       what help and completion know of the commands; made here, never committed
 */
import {spawnSync} from 'node:child_process'
import {existsSync, globSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync} from 'node:fs'
import {join, relative, resolve} from 'node:path'
import {build, type Plugin as BundlePlugin} from 'esbuild'

const root = resolve(import.meta.dirname, '..')
const dist = join(root, 'dist')
const out = join(dist, `.next-${process.pid}`)

/* Native, or needed only by few commands and then imported where it is used: these stay packages. */
const external = ['@oclif/core/run', '@oclif/core/settings', 'chalk', 'cli-table3', 'koffi', 'ssh2', 'zx']

/* Compiles even what has type errors, so that half-done work can be tried; the build fails all the same. */
function compile(): boolean {
  rmSync(out, {force: true, recursive: true})
  mkdirSync(out, {recursive: true})
  const tsc = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '--outDir', out], {cwd: root, encoding: 'utf8'})
  process.stderr.write(tsc.stdout + tsc.stderr)
  return tsc.status === 0
}

/* Each command is bundled on its own together with the entry: what it always needs is one file, what it imports later stays apart. */
async function bundle(): Promise<void> {
  const entry = join(out, 'lib/cli/entry.js')
  await bundleOne('_entry', `export * from ${JSON.stringify(entry)}`)
  for (const file of globSync('**/*.js', {cwd: join(out, 'commands')})) {
    const name = file.replace(/(?:\/index)?\.js$/, '').replaceAll('/', '.')
    const command = JSON.stringify(join(out, 'commands', file))
    await bundleOne(name, `export * from ${JSON.stringify(entry)}; export {default} from ${command}`)
  }
}

async function bundleOne(name: string, contents: string): Promise<void> {
  await build({
    stdin: {contents, resolveDir: root, sourcefile: `${name}.js`},
    entryNames: name,
    outdir: join(out, 'hot'),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    minifySyntax: true,
    minifyWhitespace: true,
    external,
    banner: {js: requireBanner},
    plugins: [hotOclif, ownFiles],
    logLevel: 'warning',
  })
}

/*
 * How a bundle asks for Node's own modules, and oclif for what is not bundled of it. Not by `import`: that reads every
 * property of a module, and reading `fs.promises` alone costs 3 ms.
 */
const requireBanner = `const require = process.getBuiltinModule
let bkOclifRequire
const oclifRequire = (path) => {
  if (bkOclifRequire === undefined) {
    const {createRequire} = require('node:module')
    bkOclifRequire = createRequire(createRequire(import.meta.url).resolve('@oclif/core/command'))
  }
  return bkOclifRequire(path)
}`

/* The files of oclif that take part in running a command. All others stay in its package. */
const hotFiles = /^(?:args|cache|command|constraints|flags|logger|settings|symbols|parser\/\w+|errors\/(?:index|errors\/cli)|util\/(?:aggregate-flags|ids|util))\.js$/

/*
 * oclif requires its help, its colours and its loggers at the top of every file. Here each `require` is put behind a
 * function and happens when its result is first used, which for most of them is never while a command runs. What then
 * is still asked for is bundled if it is one of the hot files, and required from the package if it is not.
 */
const hotOclif: BundlePlugin = {
  name: 'hot-oclif',
  setup(bundler) {
    const lib = join(root, 'node_modules/@oclif/core/lib')
    bundler.onLoad({filter: /@oclif\/core\/lib\/.*\.js$/}, ({path}) => {
      let code = readFileSync(path, 'utf8')
      for (const [line, name = '', value = '', target = ''] of code.matchAll(/^(?:const|var) (\w+_\d+) = (.*\brequire\("([^"]+)"\)\)?);$/gm)) {
        code = code.replace(line, '')
        // `new a.B()` has to stay a call of B, not of what a() is.
        code = code.replaceAll(new RegExp(`\\bnew ${name}\\.(\\w+)`, 'g'), `new (${name}().$1)`)
        code = code.replaceAll(new RegExp(`\\b${name}\\b(?!\\(\\))`, 'g'), `${name}()`)
        code += `\nlet ${name}_value; function ${name}() { return ${name}_value ??= ${value.replace(`require("${target}")`, requireCall(lib, path, target))}; }`
      }
      return {contents: code}
    })
  },
}

function requireCall(lib: string, from: string, target: string): string {
  if (target.startsWith('node:')) return `require("${target}")`
  // Its log is for those who write oclif.
  if (target === 'debug') return '{default: () => () => {}, __esModule: true}'
  if (!target.startsWith('.')) return `oclifRequire("${target}")`
  const base = resolve(from, '..', target)
  const file = [`${base}.js`, join(base, 'index.js')].find((candidate) => existsSync(candidate)) ?? base
  const path = relative(lib, file)
  return hotFiles.test(path) ? `require("${target}")` : `oclifRequire("./${path}")`
}

/* bk's own files: Node's modules come by `require`, see above; and a worker is found beside the file that starts it, wherever the bundle lies. */
const ownFiles: BundlePlugin = {
  name: 'own-files',
  setup(bundler) {
    bundler.onLoad({filter: /\/dist\/\.next-\d+\/.*\.js$/}, ({path}) => {
      const url = `new URL(${JSON.stringify(relative(join(out, 'hot'), path))}, import.meta.url).href`
      const code = readFileSync(path, 'utf8')
        .replaceAll(/^import (.+) from '(node:[\w/]+)';?$/gm, (_line, names: string, module: string) => requireOf(names, module))
        .replaceAll(/\bimport\.meta\.url\b/g, url)
      return {contents: code}
    })
  },
}

function requireOf(names: string, module: string): string {
  const bound = names.startsWith('{') ? names.replaceAll(/ as /g, ': ') : names.replace('* as ', '')
  return `const ${bound} = require('${module}');`
}

function replaceDist(): void {
  const old = `${out}-old`
  mkdirSync(old)
  for (const part of ['commands', 'lib', 'hot']) {
    if (existsSync(join(dist, part))) renameSync(join(dist, part), join(old, part))
    if (existsSync(join(out, part))) renameSync(join(out, part), join(dist, part))
  }
  for (const directory of readdirSync(dist)) if (directory.startsWith('.next-')) rmSync(join(dist, directory), {force: true, recursive: true})
}

async function writeManifest(): Promise<void> {
  const {Plugin} = await import('@oclif/core')
  const plugin = new Plugin({errorOnManifestCreate: true, ignoreManifest: true, respectNoCacheDefault: true, root, type: 'core'})
  await plugin.load()
  writeFileSync(join(root, 'oclif.manifest.json'), JSON.stringify(plugin.manifest))
}

const started = new Date()
const compiled = compile()
await bundle()
replaceDist()
await writeManifest()
if (compiled) {
  writeFileSync(join(dist, '.built'), '')
  utimesSync(join(dist, '.built'), started, started)
} else {
  process.exitCode = 1
}

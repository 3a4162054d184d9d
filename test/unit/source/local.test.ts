// Trees of this machine as index text: everything odd, whatever the number of threads; what cannot be read; what moves meanwhile.

import {spawn, spawnSync} from 'node:child_process'
import {chmodSync, chownSync, linkSync, mkdirSync, symlinkSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {selectPaths} from '../../../src/lib/source/selection.ts'
import {oddTree} from '../../harness/odd-tree.ts'
import {tempDir} from '../../harness/temp.ts'
import {makeTree, manyFiles} from '../../harness/tree.ts'
import {readIndex, sha256} from '../index/texts.ts'
import {atEnd} from '../../harness/cleanup.ts'
import {cacheDir, walked} from './walked.ts'

const isRoot = process.getuid?.() === 0

describe('everything odd', () => {
  const dir = tempDir('odd')
  makeTree(dir, oddTree())

  test('is an index, and the same by any number of threads', async () => {
    const one = await walked(dir, {workers: 1})
    await readIndex(one.text)
    expect((await walked(dir, {workers: 4})).text).toBe(one.text)
    expect(one.said).toEqual(['detail types/socket: socket, left out'])
    expect(one.lines).toContain('#bk ./types/socket left-out=socket')
    expect(one.lines.some((line) => line.startsWith('./types/socket '))).toBe(false)
  })

  test('has as many entries as find finds, but for the socket', async () => {
    const {stdout} = spawnSync('find', [dir, '!', '-type', 's', '-printf', '\\n'], {encoding: 'utf8'})
    const {lines} = await walked(dir)
    expect(lines.filter((line) => !line.startsWith('#'))).toHaveLength(stdout.length)
  })

  test('has the size, time and digest that other programs see', async () => {
    const {lines} = await walked(dir)
    const line = (path: string): string | undefined => lines.find((each) => each.startsWith(`./${path} `))
    expect(line('times/before\\0401970')).toMatch(/ size=1 time=-2\.500000000 sha256=/)
    expect(line('times/far\\040future')).toMatch(/ time=13569465600\.000000000 /)
    expect(line('types/all\\040bytes')).toMatch(new RegExp(` size=256 .* sha256=${sha256(Buffer.from(Array.from({length: 256}, (_, byte) => byte)))}$`))
    expect(line('holes/nothing\\040else')).toMatch(new RegExp(` size=5000000 .* sha256=${sha256(Buffer.alloc(5_000_000))}$`))
    expect(line('links/to\\040file')).toMatch(/ type=link mode=0777 .* link=first$/)
    expect(lines).toContain('#bk ./links/second hardlink=./links/below/third')
    expect(lines).toContain('#bk ./links/hard\\040to\\040link hardlink=./links/dangling')
    expect(lines).toContain('#bk ./attributes/file xattr.user.empty=')
    expect(lines.filter((each) => each.startsWith('#bk ./attributes/acl '))).toHaveLength(1)
  })
})

describe('what is listed', () => {
  const dir = tempDir('listed')
  makeTree(dir, [
    {path: 'a/x', type: 'file', content: 'x'},
    {path: 'a/y/z', type: 'file', content: 'z'},
    {path: 'a-b', type: 'file', content: 'beside'},
    {path: 'c/big', type: 'file', size: 100},
    {path: 'c/CACHEDIR.TAG', type: 'file', content: 'Signature: 8a477f597d28d172789f06886806bc55'},
    {path: 'link', type: 'link', target: 'a'},
  ])
  const paths = async (options: Parameters<typeof walked>[1]): Promise<string[]> =>
    (await walked(dir, options)).lines.map((line) => (line.startsWith('#') ? line : line.split(' ')[0]!))
  const all = ['.', './a', './a-b', './a/x', './a/y', './a/y/z', './c', './c/CACHEDIR.TAG', './c/big', './link']

  test.for([
    ['everything', {}, all],
    ['by patterns', {exclude: {patterns: ['y', '/c/']}}, ['.', './a', './a-b', './a/x', './link']],
    ['not what is larger', {exclude: {largerThan: 99}}, all.filter((path) => path !== './c/big')],
    ['not caches', {exclude: {caches: true}}, all.filter((path) => path !== './c/big')],
    ['not beside a name', {exclude: {ifPresent: ['x']}}, all.filter((path) => !path.startsWith('./a/y'))],
    ['one path', {paths: ['a/y']}, ['.', './a', './a/y', './a/y/z']],
    ['several', {paths: ['a/x', 'a-b', 'link']}, ['.', './a', './a-b', './a/x', './link']],
    ['a path that is not there', {paths: ['a/x', 'b/c']}, ['.', './a', './a/x', '#bk ./b error=ENOENT']],
    ['a path below a file', {paths: ['a-b/c']}, ['.', '#bk ./a-b error=ENOTDIR']],
    ['a path below a link', {paths: ['link/x']}, ['.', '#bk ./link error=ENOTDIR']],
    ['an excluded path', {paths: ['a/y/z'], exclude: {patterns: ['y']}}, ['.', './a']],
  ] as const)('%s', async ([, options, wanted]) => {
    expect(await paths(options)).toEqual(wanted)
  })

  test('under another name', async () => {
    const {text} = await walked(dir, {listedAs: '/srv/a b'})
    expect(text.split('\n')[1]).toBe('#bk index 1 root=/srv/a\\040b')
  })

  test('without digests, or with others', async () => {
    expect((await walked(dir, {digest: undefined})).text).not.toMatch(/sha256=.*\n#bk end/)
    const {lines} = await walked(dir, {digest: 'md5'})
    expect(lines.find((line) => line.startsWith('./a/x '))).toMatch(/ md5=9dd4e461268c8034f5c8564e155c67a6$/)
  })

  test('a selection is what it was made of', () => {
    expect(selectPaths(['a', ''])).toBeUndefined()
  })
})

describe('what cannot be read', () => {
  const dir = tempDir('closed')
  makeTree(dir, [
    {path: 'closed/inside', type: 'file', content: 'x', mode: 0o600},
    {path: 'closed', type: 'dir', mode: 0o000},
    {path: 'file', type: 'file', content: 'x', mode: 0o000},
    {path: 'names only/a', type: 'file', content: 'x'},
    {path: 'names only', type: 'dir', mode: 0o444},
    {path: 'open', type: 'file', content: 'x'},
    {path: 'z', type: 'file', content: 'x'},
  ])
  chmodSync(dir, 0o755)

  // Without the right to read everything, where we have it: a process of its own, because threads share their rights. It is still root
  // otherwise, who owns the clone that this runs in, wherever that lies.
  const withoutRights = (script: string): {status: number | null; stdout: string; stderr: string} => {
    const program = [process.execPath, '--no-warnings', '--input-type=module', '-e', script]
    const [name, ...args] = isRoot ? ['setpriv', '--bounding-set', '-dac_override,-dac_read_search', ...program] : program
    return spawnSync(name!, args, {encoding: 'utf8', cwd: '/'})
  }

  test('is commented on and said, and the rest is listed', () => {
    const module = new URL('../../../src/lib/source/', import.meta.url).pathname
    const {stdout, stderr} = withoutRights(`
      const {localSource} = await import('${module}local.ts')
      const {indexText} = await import('${module}source.ts')
      const reporter = {problem: (path, error) => console.error(error.code, String(path)), note: console.error, detail: console.error}
      for await (const piece of indexText(localSource({root: '${dir}', digest: 'sha256', workers: 2, reporter}))) process.stdout.write(piece)`)
    const lines = stdout.split('\n').slice(2, -1).map((line) => line.split(' type=')[0]!)
    expect(lines.slice(0, -1)).toEqual([
      '.',
      '#bk ./closed error=EACCES',
      '#bk ./file error=EACCES',
      './names\\040only',
      '#bk ./names\\040only/a error=EACCES',
      './open',
      './z',
    ])
    expect(lines.at(-1)).toMatch(/^#bk end entries=4 partial=3 /)
    expect(stderr.split('\n').slice(0, -1)).toEqual([`EACCES ${dir}/closed`, `EACCES ${dir}/file`, `EACCES ${dir}/names only/a`])
  })
})

/** Makes directories in each other, with a file in each, by a process that goes along: their paths are too long to be named. */
function dig(dir: string, names: readonly string[]): void {
  const script = `
    const {mkdirSync, writeFileSync} = require('node:fs')
    for (const name of JSON.parse(process.argv[1])) { mkdirSync(name); process.chdir(name); writeFileSync('f', name) }`
  expect(spawnSync(process.execPath, ['-e', script, JSON.stringify(names)], {cwd: dir}).status).toBe(0)
}

test('paths beyond what an index, or the kernel, can hold', async () => {
  const dir = tempDir('deep')
  dig(dir, Array.from({length: 18}, () => 'n'.repeat(250)))
  dig(dir, Array.from({length: 1005}, () => 'd'))
  const {text, said} = await walked(dir)
  const {end} = await readIndex(text)
  expect(end.partial).toBe(2)
  expect(said.map((line) => line.split(' ', 2).join(' '))).toEqual(['problem ENAMETOOLONG', 'problem ENAMETOOLONG'])
  // The first of a thousand components is the dot.
  expect(text).toContain(`.${'/d'.repeat(999)} type=dir`)
  expect(text).not.toContain(`.${'/d'.repeat(1000)} `)
})

test('a tree that the kernel cannot reach by its whole path', async () => {
  const dir = tempDir('far')
  const names = Array.from({length: 34}, (_, index) => `${index}`.padEnd(200, '-'))
  dig(dir, names)
  const root = join(dir, ...names.slice(0, 17))
  const {lines, said} = await walked(root)
  expect(said).toEqual([])
  expect(lines.filter((line) => line.includes('/f type=file'))).toHaveLength(18)
  expect(lines.find((line) => line.startsWith(`./${names.slice(17).join('/')}/f `))).toMatch(new RegExp(`sha256=${sha256(names.at(-1)!)}$`))
})

test('a directory of very many files', async () => {
  const dir = tempDir('wide')
  for (let index = 0; index < 12_000; index++) writeFileSync(join(dir, `f${index}`), '')
  const {text} = await walked(dir, {workers: 3})
  expect((await readIndex(text)).end.entries).toBe(12_001)
})

test('a file with several names is read once', async () => {
  const dir = tempDir('names')
  writeFileSync(join(dir, 'a'), 'x'.repeat(1000))
  for (let index = 0; index < 20; index++) linkSync(join(dir, 'a'), join(dir, `b${index}`))
  const {bytes, lines} = await walked(dir, {workers: 1})
  expect(bytes).toBe(1000)
  expect(lines.filter((line) => line.includes('hardlink=./a'))).toHaveLength(20)
})

test('the stat cache is never listed', async () => {
  const dir = tempDir('own')
  writeFileSync(join(dir, 'a'), 'a')
  const {text} = await walked(dir, {cache: join(dir, 'cache')})
  expect(text).not.toContain('./cache')
  expect((await walked(dir, {cache: join(dir, 'cache')})).text).toBe(text)
})

describe('a tree that changes all the time', () => {
  test('is always a valid index', async () => {
    const dir = tempDir('busy')
    manyFiles(dir, 3000)
    mkdirSync(join(dir, 'd0/sub'))
    symlinkSync('nowhere', join(dir, 'd0/link'))
    const script = `
      cd "$1"; i=0
      while :; do
        i=$((i + 1)); d=d$((i % 30))
        echo grow >>$d/f$((i % 30))01; echo "$i" >$d/new; rm -f $d/f$((i % 30))05; mv $d/f$((i % 30))07 $d/moved 2>/dev/null
        rm -rf $d/t; mkdir $d/t; : >$d/t/x; ln -sf x $d/l; rm -f $d/p; mkfifo $d/p
        mv d9 d9-away; ln -s d8 d9; rm d9; mv d9-away d9
      done`
    const child = spawn('bash', ['-c', script, 'bash', dir], {stdio: 'ignore', detached: true})
    const stop = atEnd(() => void process.kill(-child.pid!, 'SIGKILL'))
    const cache = cacheDir()
    const problems: string[] = []
    for (let run = 0; run < 12; run++) {
      const {text, said} = await walked(dir, run % 3 === 2 ? {} : {cache, workers: 1 + (run % 2)})
      await readIndex(text)
      problems.push(...said.filter((line) => line.startsWith('problem')))
    }
    process.kill(-child.pid!, 'SIGKILL')
    stop()
    expect(problems).toEqual([])
    // Quiet again, what was remembered of the busy time does no harm.
    await new Promise((resolve) => child.on('close', resolve))
    expect((await walked(dir, {cache})).text).toBe((await walked(dir)).text)
  })
})

test('another file system is listed where it is mounted', async () => {
  // /proc and /dev are mounted everywhere, and their names change all the time.
  const {lines} = await walked('/', {oneFileSystem: true, digest: undefined, paths: undefined, exclude: {patterns: ['/*/*', '!/proc/*', '!/dev/*']}})
  const below = (path: string): number => lines.filter((line) => line.startsWith(`./${path}/`)).length
  expect(lines.filter((line) => /^\.\/(?:proc|dev) type=dir/.test(line))).toHaveLength(2)
  expect([below('proc'), below('dev')]).toEqual([0, 0])
})

test.runIf(isRoot)('owners by name', async () => {
  const dir = tempDir('owners')
  writeFileSync(join(dir, 'a'), '')
  writeFileSync(join(dir, 'b'), '')
  chownSync(join(dir, 'a'), 0, 0)
  chownSync(join(dir, 'b'), 54321, 54322)
  const {lines} = await walked(dir)
  expect(lines.find((line) => line.startsWith('./a '))).toContain(' uid=0 gid=0 uname=root gname=root ')
  expect(lines.find((line) => line.startsWith('./b '))).toContain(' uid=54321 gid=54322 size=')
})

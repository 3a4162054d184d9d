// Two indexes and what changed between them, case by case. What holds in every case is in laws.test.ts.

import {describe, expect, test} from 'vitest'
import {Diff} from '../../../src/lib/index/diff.ts'
import {IndexReader} from '../../../src/lib/index/read.ts'
import type {Spill} from '../../../src/lib/index/spill.ts'
import {bytes, diffOf, indexText, memorySpill, printed, readIndex, refusal} from './texts.ts'

const [one, two, three] = ['1', '2', '3'].map((digit) => digit.repeat(64)) as [string, string, string]
const [md5, other] = ['4', '5'].map((digit) => digit.repeat(32)) as [string, string]
const t = 'time=1763800000.000000000'
const dir = '. type=dir mode=0755'
const file = (path: string, words: string): string => `${path} type=file ${words}`

/** The lines of the changes between two lists of lines below the top. */
async function changesOf(old: readonly string[], next: readonly string[]): Promise<string[]> {
  const {text} = await diffOf(indexText([dir, ...old]), indexText([dir, ...next]))
  return text.split('\n').slice(1, -2)
}

/** The lines of the target, below the top. */
async function targetOf(old: readonly string[], next: readonly string[]): Promise<string[]> {
  const {target} = await diffOf(indexText([dir, ...old]), indexText([dir, ...next]))
  return target.split('\n').slice(3, -2)
}

const chunks = `#bk ./a chunks=${three}`
const cut = '#bk ./a cut=15'

describe('a file', () => {
  test.each<[name: string, old: readonly string[], next: readonly string[], changes: readonly string[]]>([
    ['new', [], [file('./a', `size=6 ${t}`)], ['+']],
    ['gone', [file('./a', `size=6 ${t}`)], [], ['- ./a']],
    ['with another digest', [file('./a', `size=6 ${t} sha256=${one}`)], [file('./a', `size=6 ${t} sha256=${two}`)], ['~']],
    ['with the same digest and another time', [file('./a', `size=6 ${t} sha256=${one}`)], [file('./a', `size=6 time=1.000000000 sha256=${one}`)], ['=']],
    ['with another mode', [file('./a', `mode=0644 size=6 ${t}`)], [file('./a', `mode=0600 size=6 ${t}`)], ['=']],
    ['without digests, size and time the same', [file('./a', `uid=0 size=6 ${t}`)], [file('./a', `size=6 ${t}`)], ['=']],
    ['without digests, another time', [file('./a', `size=6 ${t}`)], [file('./a', 'size=6 time=1.000000000')], ['~']],
    ['without digests, another size', [file('./a', `size=6 ${t}`)], [file('./a', `size=7 ${t}`)], ['~']],
    ['without digests or time', [file('./a', 'uid=0 size=6')], [file('./a', 'size=6')], ['~']],
    ['with digests of different kinds, size and time the same', [file('./a', `size=6 ${t} md5=${md5}`)], [file('./a', `size=6 ${t} sha256=${one}`)], ['=']],
    ['with digests of different kinds and no times', [file('./a', `md5=${md5}`)], [file('./a', `sha256=${one}`)], ['~']],
    ['with the same md5 and nothing else', [file('./a', `size=6 md5=${md5}`)], [file('./a', `md5=${md5}`)], ['=']],
    ['whose sha256 is another under the same md5', [file('./a', `md5=${md5} sha256=${one}`)], [file('./a', `md5=${md5} sha256=${two}`)], ['~']],
    ['that lost its digest and nothing else', [file('./a', `size=6 ${t} sha256=${one}`)], [file('./a', `size=6 ${t}`)], []],
    ['that lost its digest and its list of chunks', [file('./a', `size=6 ${t} sha256=${one}`), chunks, cut], [file('./a', `size=6 ${t}`)], []],
    ['that is a directory now', [file('./a', `size=6 ${t}`)], ['./a type=dir', file('./a/b', `size=6 ${t}`)], ['~', '+']],
    ['that was a directory', ['./a type=dir', file('./a/b', `size=6 ${t}`)], [file('./a', `size=6 ${t}`)], ['~', '- ./a/b']],
    ['that is a socket now', [file('./a', `size=6 ${t}`)], ['#bk ./a left-out=socket'], ['~']],
    ['that was a socket', ['#bk ./a left-out=socket'], [file('./a', `size=6 ${t}`)], ['~']],
    ['with another comment', [file('./a', `size=6 ${t}`)], [file('./a', `size=6 ${t}`), '#bk ./a xattr.user.a=AA=='], ['= =']],
    ['that is readable again', [file('./a', `size=6 ${t}`), '#bk ./a stale=EACCES'], [file('./a', `size=6 ${t}`)], ['=']],
  ])('%s', async (_, old, next, expected) => {
    const changes = await changesOf(old, next)
    const marks = expected.flatMap((it) => (it.startsWith('-') ? [it] : it.split(' ')))
    expect(changes.map((line) => (line.startsWith('- ') ? line : line[0]))).toEqual(marks)
    // Whole lines of NEW stand behind the marks here, since nothing is carried over unless all stays as it was.
    for (const line of changes) if (!line.startsWith('- ') && !old.some((it) => it.includes('sha256') || it.includes('md5'))) expect(next).toContain(line.slice(2))
  })

  test('keeps the digests that NEW does not have, where size and time agree', async () => {
    expect(await targetOf([file('./a', `mode=0644 size=6 ${t} md5=${md5} sha256=${one}`)], [file('./a', `mode=0600 size=6 ${t}`)])).toEqual([
      file('./a', `mode=0600 size=6 ${t} md5=${md5} sha256=${one}`),
    ])
    expect(await targetOf([file('./a', `size=6 ${t} md5=${md5}`)], [file('./a', `size=6 ${t} sha256=${one}`)])).toEqual([
      file('./a', `size=6 ${t} md5=${md5} sha256=${one}`),
    ])
    expect(await targetOf([file('./a', `size=6 ${t} md5=${md5} sha256=${one}`)], [file('./a', `size=6 time=1.000000000 sha256=${one}`)])).toEqual([
      file('./a', `size=6 time=1.000000000 sha256=${one}`),
    ])
    expect(await targetOf([file('./a', `size=6 ${t} md5=${md5} sha256=${one}`)], [file('./a', `size=6 ${t} md5=${other}`)])).toEqual([
      file('./a', `size=6 ${t} md5=${other}`),
    ])
  })

  test('keeps its list of chunks with its content, and loses both', async () => {
    const old = [file('./a', `size=6 ${t} sha256=${one}`), chunks, cut]
    expect(await targetOf(old, [file('./a', `size=6 time=2.000000000 sha256=${one}`)])).toEqual([file('./a', `size=6 time=2.000000000 sha256=${one}`), chunks, cut])
    expect(await targetOf(old, [file('./a', `size=6 time=2.000000000 sha256=${two}`)])).toEqual([file('./a', `size=6 time=2.000000000 sha256=${two}`)])
    const own = [file('./a', `size=6 time=2.000000000 sha256=${one}`), `#bk ./a chunks=${two}`, '#bk ./a cut=17']
    expect(await targetOf(old, own)).toEqual(own)
  })
})

test.each([
  ['a link with another target', './a type=link link=b', './a type=link link=c', '~'],
  ['a link with another time', './a type=link link=b', `./a type=link ${t} link=b`, '='],
  ['a device with another number', './a type=char device=native,1,3', './a type=char device=native,1,5', '~'],
  ['a device with another owner', './a type=char device=native,1,3', './a type=char uid=1 device=native,1,3', '='],
  ['another kind of device', './a type=char device=native,1,3', './a type=block device=native,1,3', '~'],
  ['a directory with another time', './a type=dir', `./a type=dir ${t}`, '='],
  ['a fifo with another mode', './a type=fifo', './a type=fifo mode=0600', '='],
])('%s', async (_, old, next, mark) => {
  expect(await changesOf([old], [next])).toEqual([`${mark} ${next}`])
})

describe('a move', () => {
  const here = file('./a', `size=6 sha256=${one}`)
  const there = file('./b', `size=6 sha256=${one}`)

  test('is told by the digest, forwards and backwards', async () => {
    expect(await changesOf([here], [there])).toEqual([`> ${there}`, '> #bk ./b from=./a'])
    expect(await changesOf([there], [here])).toEqual([`> ${here}`, '> #bk ./a from=./b'])
    expect(await changesOf([file('./a', `md5=${md5}`)], [file('./b', `md5=${md5}`)])).toEqual([`> ${file('./b', `md5=${md5}`)}`, '> #bk ./b from=./a'])
  })

  test('comes in between the other comments', async () => {
    expect(await changesOf([here], [there, '#bk ./b flags=nodump', '#bk ./b note=changed'])).toEqual([
      `> ${there}`, '> #bk ./b flags=nodump', '> #bk ./b from=./a', '> #bk ./b note=changed',
    ])
  })

  test('takes each old path once, in order', async () => {
    const copies = (...paths: string[]): string[] => paths.map((path) => file(path, `size=6 sha256=${one}`))
    const froms = (lines: readonly string[]): string[] => lines.filter((line) => !/^[>+] \.\//.test(line))
    expect(froms(await changesOf(copies('./a', './b'), copies('./c', './d', './e')))).toEqual(['> #bk ./c from=./a', '> #bk ./d from=./b'])
    expect(froms(await changesOf(copies('./a', './b', './c'), copies('./d')))).toEqual(['- ./b', '- ./c', '> #bk ./d from=./a'])
  })

  test.each([
    ['the old path is still there', [here], [here, there], ['+']],
    ['nothing is in it', [file('./a', `size=0 sha256=${one}`)], [file('./b', `size=0 sha256=${one}`)], ['-', '+']],
    ['its digest is of another kind', [file('./a', `size=6 md5=${md5}`)], [file('./b', `size=6 sha256=${one}`)], ['-', '+']],
    ['it has none', [file('./a', `size=6 ${t}`)], [file('./b', `size=6 ${t}`)], ['-', '+']],
    ['it is a link', ['./a type=link link=c'], ['./b type=link link=c'], ['-', '+']],
    ['the new path was there', [here, file('./b', `sha256=${two}`)], [there], ['-', '~']],
    ['the old path could not be read', ['./d type=dir', file('./d/a', `size=6 sha256=${one}`)], ['#bk ./d error=EIO', file('./e', `size=6 sha256=${one}`)], ['!', '+']],
  ])('is none when %s', async (_, old, next, marks) => {
    expect((await changesOf(old, next)).map((line) => line[0])).toEqual(marks)
  })
})

describe('what could not be read', () => {
  const old = ['./d type=dir', file('./d-e', `size=6 sha256=${two}`), file('./d/a', `size=6 sha256=${one}`), './e type=dir', './e/f type=fifo']

  test('stays with all that is below, and nothing else does', async () => {
    const next = ['#bk ./d error=EACCES']
    expect(await changesOf(old, next)).toEqual(['! #bk ./d error=EACCES', '- ./d-e', '- ./e', '- ./e/f'])
    expect(await targetOf(old, next)).toEqual(['./d type=dir', '#bk ./d stale=EACCES', file('./d/a', `size=6 sha256=${one}`)])
  })

  test('stays as it was the first time', async () => {
    expect(await targetOf(['./d type=dir', '#bk ./d stale=EIO'], ['#bk ./d error=EACCES'])).toEqual(['./d type=dir', '#bk ./d stale=EACCES'])
    expect(await targetOf(['#bk ./d error=EIO'], ['#bk ./d error=EACCES'])).toEqual(['#bk ./d error=EACCES'])
    expect(await targetOf([], ['#bk ./d error=EACCES'])).toEqual(['#bk ./d error=EACCES'])
    expect(await targetOf(['#bk ./d left-out=socket'], ['#bk ./d error=EACCES'])).toEqual(['#bk ./d error=EACCES'])
  })

  test('is all of it, when the top is', async () => {
    const {target, changes} = await diffOf(indexText([dir, ...old]), indexText(['#bk . error=EIO']))
    expect(changes.map(({mark}) => mark)).toEqual(['!'])
    expect(target.split('\n').slice(2, -2)).toEqual([dir, '#bk . stale=EIO', ...old])
  })

  test('is not what has a line and an error', async () => {
    const next = ['./d type=dir', '#bk ./d error=EIO']
    expect(await changesOf(old.slice(0, 3), next)).toEqual(['= ./d type=dir', '= #bk ./d error=EIO', '- ./d-e', '- ./d/a'])
  })
})

describe('the ends', () => {
  const text = indexText([dir, './a type=fifo'])

  test('name the base, or none, and the root of NEW', async () => {
    const moved = indexText([dir, './a type=fifo'], '/elsewhere')
    const {text: changes, end} = await diffOf(text, moved)
    expect(changes.split('\n')[0]).toBe('#bk changes 1 root=/elsewhere')
    expect(end).toMatchObject({base: (await readIndex(text)).end.digest, target: (await readIndex(moved)).end.digest, lines: 0, partial: 0})
    expect((await diffOf(undefined, text)).end).toMatchObject({base: undefined, target: (await readIndex(text)).end.digest, lines: 2})
  })

  test('count what could not be read in the target', async () => {
    const {end} = await diffOf(indexText([dir, './a type=fifo', '#bk ./b error=EIO']), indexText([dir, '#bk ./a error=EIO', '#bk ./c error=EIO']))
    expect(end.partial).toBe(2)
  })

  test.each([
    ['OLD is cut off', () => [text.slice(0, -60), text]],
    ['NEW is cut off', () => [text, text.slice(0, -60)]],
    ['OLD is forged', () => [text.replace('fifo', 'file'), text]],
    ['NEW is forged', () => [text, text.replace('fifo', 'file')]],
    ['NEW is empty', () => [text, '']],
  ])('do not come when %s', async (_, texts) => {
    const [old, next] = texts() as [string, string]
    await refusal(() => diffOf(old, next))
  })
})

test('without an OLD changes flow before NEW has ended', async () => {
  const whole = bytes(indexText([dir, ...Array.from({length: 5000}, (_, i) => `./${String(i).padStart(5, '0')} type=fifo`)]))
  let given = 0
  const pieces = (function* () {
    for (let at = 0; at < whole.length; at += 1000) {
      given = at
      yield whole.subarray(at, at + 1000)
    }
  })()
  const diff = new Diff(undefined, new IndexReader(pieces), {spill: memorySpill})
  for await (const batch of diff.batches()) {
    if (batch.length > 0) break
  }
  expect(given).toBeLessThan(whole.length / 2)
})

test('changes above the limit wait elsewhere, and the place is given back', async () => {
  const lines = (sha: string): string[] => Array.from({length: 3000}, (_, i) => file(`./${String(i).padStart(5, '0')}`, `size=6 sha256=${sha}`))
  let open = 0
  let written = 0
  const spill = (): Spill => {
    const inner = memorySpill()
    open++
    return {...inner, write: (piece) => (written += piece.length, inner.write(piece)), close: () => void open--}
  }
  const {changes} = await diffOf(indexText([dir, ...lines(one)]), indexText([dir, ...lines(two)]), {spill, inMemory: 1000})
  expect(changes).toHaveLength(3000)
  expect([open, written > 100_000]).toEqual([0, true])

  // Also when nobody wants the rest, and when NEW turns out to be cut off.
  const [old, next] = [indexText([dir, ...lines(one)]), indexText([dir, ...lines(two)])]
  const diff = new Diff(new IndexReader([bytes(old)]), new IndexReader([bytes(next)]), {spill, inMemory: 1000})
  for await (const batch of diff.batches()) if (batch.length > 0) break
  await refusal(() => diffOf(old, next.slice(0, -50), {spill, inMemory: 1000}))
  expect(open).toBe(0)
})

test('thirty thousand copies that moved take no time that grows with their square', async () => {
  const copies = (folder: string): string[] => [`./${folder} type=dir`, ...Array.from({length: 30_000}, (_, i) => file(`./${folder}/${String(i).padStart(5, '0')}`, `size=6 sha256=${one}`))]
  const {changes} = await diffOf(indexText([dir, ...copies('a')]), indexText([dir, ...copies('b')]))
  expect(changes.filter(({mark}) => mark === '>')).toHaveLength(30_000)
  expect(changes.at(-1)!.group.comments).toEqual(['#bk ./b/29999 from=./a/29999'])
})

test('the target is the text that applying prints', async () => {
  const old = indexText([dir, './a type=fifo'])
  const {target} = await diffOf(old, indexText([dir, './b type=fifo']))
  expect(target).toBe(printed((await readIndex(target)).groups))
})

// The tree maker must make what it was told, and the judge must see each kind of difference: a judge that misses one would let a
// restore lose it.

import {spawnSync} from 'node:child_process'
import {linkSync, lstatSync, readdirSync, renameSync, rmSync, truncateSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeAll, describe, expect, test} from 'vitest'
import {sh} from '../../harness/bk.ts'
import {oddNames, oddTree, patternNames} from '../../harness/odd-tree.ts'
import {sameTree} from '../../harness/same-tree.ts'
import {tempDir} from '../../harness/temp.ts'
import {makeTree, manyFiles} from '../../harness/tree.ts'

const top = tempDir('odd')
const original = join(top, 'original')

beforeAll(() => makeTree(original, oddTree()))

function isRoot(): boolean {
  return process.getuid?.() === 0
}

describe('the odd tree', () => {
  test('has every name, byte for byte', () => {
    const names = readdirSync(join(original, 'names'), {encoding: 'buffer'}).map((name) => name.toString('latin1')).sort()
    expect(names).toEqual([...oddNames, ...patternNames].map((name) => Buffer.from(name).toString('latin1')).sort())
  })

  test('has the types, modes, times and sizes that it says', async () => {
    const format = "find types links/first times holes -printf '%P %y %m %T@ %s %n\\n' | sort"
    const found = (await sh(format, {cwd: original})).stdout.toString().split('\n')
    expect(found).toContainEqual(expect.stringMatching(/^fifo p 640 /))
    expect(found).toContainEqual(expect.stringMatching(/^socket s /))
    expect(found).toContainEqual(expect.stringMatching(/^set-user-id f 4755 /))
    expect(found).toContainEqual(expect.stringMatching(/^set-group-id dir d 2775 /))
    expect(found).toContainEqual(expect.stringMatching(/^sticky d 1777 /))
    // find floors the seconds and shows the rest behind the point: -2 and 0.5
    expect(found).toContainEqual(expect.stringMatching(/^before 1970 f 644 -2\.50* 1 1$/))
    expect(found).toContainEqual(expect.stringMatching(/^nanosecond f 644 1763800000\.0000000010* 1 1$/))
    expect(found).toContainEqual(expect.stringMatching(/^of a directory d 755 1000000000\.0000000050* /))
    expect(found).toContainEqual(expect.stringMatching(/^ f 644 \S+ 12 3$/))
    expect(found).toContainEqual(expect.stringMatching(/^nothing else f 644 \S+ 5000000 1$/))
  })

  test('has holes that take no room', () => {
    expect(lstatSync(join(original, 'holes/nothing else')).blocks).toBe(0)
  })
})

describe('sameTree', () => {
  test('a copy by tar is the same', async () => {
    const copy = join(top, 'tar')
    const all = '--xattrs --xattrs-include="*" --acls'
    const tar = `mkdir "$COPY" && tar ${all} --sparse --format=posix -cf - . | tar ${all} -xpf - -C "$COPY"`
    expect(await sh(tar, {cwd: original, env: {COPY: copy}})).toMatchObject({status: 0})
    // tar knows no sockets
    expect(sameTree(original, copy, {ignoreSockets: true})).toEqual([])
    expect(sameTree(original, copy)).toEqual([`./types/socket: only in ${original}`])
  })

  const changes: readonly [name: string, change: string, difference: RegExp][] = [
    ['content of the same size and time', 'printf 2 >f; touch -d @1 f', /^\.\/f: sha256 /],
    ['time by a nanosecond', 'touch -d @1.000000001 f', /^\.\/f: time 1\.0+ and 1\.0000000010+$/],
    ['time of a directory', 'touch -d @2 d', /^\.\/d: time /],
    ['mode', 'chmod 600 f', /^\.\/f: mode 644 and 600$/],
    ['set-id bit', 'chmod 4644 f', /^\.\/f: mode 644 and 4644$/],
    ['target of a link', 'ln -sfn y l; touch -h -d @1 l; touch -d @1 .', /^\.\/l: target x and y$/],
    ['hard link made a copy', 'rm h; cp -p f h; touch -d @1 .', /^\.\/h: hard link of \.\/f and nothing$/],
    ['extended attribute', 'setfattr -n user.a -v 2 f', /^\.\/f: xattrs user\.a=0x31 and user\.a=0x32$/],
    ['ACL', 'setfacl -m u:1:r f', /^\.\/f: acl /],
    ['type', 'rm p; mknod p p; rm p; touch -d @1 p; touch -d @1 .', /^\.\/p: type p and f$/],
  ]

  test.each(changes)('sees %s', async (name, change, difference) => {
    const [a, b] = [join(top, `${name}-a`), join(top, `${name}-b`)]
    for (const dir of [a, b]) {
      makeTree(dir, [
        {path: '.', type: 'dir', time: '1'},
        {path: 'f', type: 'file', content: '1', time: '1', xattrs: {'user.a': '1'}},
        {path: 'h', type: 'hardlink', target: 'f'},
        {path: 'd', type: 'dir', time: '1'},
        {path: 'l', type: 'link', target: 'x', time: '1'},
        {path: 'p', type: 'fifo', time: '1'},
      ])
    }
    expect(sameTree(a, b)).toEqual([])
    expect(await sh(change, {cwd: b})).toMatchObject({status: 0})
    expect(sameTree(a, b)).toContainEqual(expect.stringMatching(difference))
  })

  test('sees names, sizes and odd names', () => {
    const [a, b] = [join(top, 'names-a'), join(top, 'names-b')]
    for (const dir of [a, b]) makeTree(dir, [{path: 'old\n', type: 'file'}, {path: '\xff', type: 'file', content: '12'}])
    renameSync(join(b, 'old\n'), join(b, 'new'))
    truncateSync(join(b, '\xff'), 1)
    const differences = sameTree(a, b)
    expect(differences).toContain(`./old\\012: only in ${a}`)
    expect(differences).toContain(`./new: only in ${b}`)
    expect(differences).toContainEqual(expect.stringMatching(/^\.\/\\303\\277: size 2 and 1$/))
  })

  test('sees which of several names are one file', () => {
    const [a, b] = [join(top, 'groups-a'), join(top, 'groups-b')]
    for (const [dir, partner] of [[a, '1'], [b, '2']] as const) {
      makeTree(dir, [])
      for (const name of ['1', '2']) writeFileSync(join(dir, name), 'same')
      rmSync(join(dir, '3'), {force: true})
      linkSync(join(dir, partner), join(dir, '3'))
    }
    expect(sameTree(a, b)).toContain('./3: hard link of ./1 and ./2')
  })

  test.runIf(isRoot())('sees owners and devices', async () => {
    const [a, b] = [join(top, 'owners-a'), join(top, 'owners-b')]
    makeTree(a, [{path: 'f', type: 'file', owner: '1:2'}, {path: 'c', type: 'char', device: [1, 3]}])
    makeTree(b, [{path: 'f', type: 'file', owner: '3:4'}, {path: 'c', type: 'char', device: [1, 5]}])
    expect(sameTree(a, b)).toEqual(expect.arrayContaining(['./f: uid 1 and 3', './f: gid 2 and 4', './c: device 1:3 and 1:5']))
  })

  test('a tree that is not there is an error', () => {
    expect(() => sameTree(original, join(top, 'nowhere'))).toThrow(/cannot read/)
  })
})

test('many files', () => {
  const dir = join(top, 'many')
  manyFiles(dir, 250)
  expect(spawnSync('find', [dir, '-type', 'f'], {encoding: 'utf8'}).stdout.trim().split('\n')).toHaveLength(250)
})

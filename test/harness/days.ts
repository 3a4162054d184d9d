// A tree that changes from day to day in every way a tree can: twenty days, the same each time they are lived through. Each says what
// happens in words and does it with plain system calls; it answers how many bytes of content are new, so that a test can see that
// only those were moved.

import {spawnSync} from 'node:child_process'
import {createCipheriv} from 'node:crypto'
import {
  appendFileSync, chmodSync, copyFileSync, linkSync, lstatSync, mkdirSync, openSync, closeSync, renameSync, rmSync, symlinkSync, truncateSync, utimesSync,
  writeFileSync, writeSync,
} from 'node:fs'
import {join} from 'node:path'
import {oddTree} from './odd-tree.ts'
import {makeTree} from './tree.ts'

export type Day = {
  readonly what: string
  /** Changes the tree in `dir`; answers the bytes of content that were not in it before. */
  readonly pass: (dir: string) => number
}

const KIB = 1024

/** Bytes that do not compress, the same for the same seed. */
export function noise(seed: number, size: number): Buffer {
  const key = Buffer.alloc(16)
  key.writeUInt32LE(seed)
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size))
}

/** The tree of the first day: everything odd, forty small files, one of 3 MiB, names of one inode. */
function firstDay(dir: string): number {
  makeTree(dir, oddTree())
  mkdirSync(join(dir, 'docs/deep/deeper'), {recursive: true})
  for (let at = 0; at < 40; at++) writeFileSync(join(dir, 'docs', at % 2 ? 'deep/deeper' : '.', `file ${at}`), noise(at, 100 * at))
  writeFileSync(join(dir, 'large'), noise(1000, 3072 * KIB))
  writeFileSync(join(dir, 'inode a'), 'one inode\n')
  linkSync(join(dir, 'inode a'), join(dir, 'inode b'))
  linkSync(join(dir, 'inode a'), join(dir, 'docs/inode c'))
  return 3400 * KIB
}

/** What happens every day but one: a file comes, a file changes, 4 KiB somewhere in the large one are written over. */
function usual(dir: string, day: number): number {
  mkdirSync(join(dir, 'new'), {recursive: true})
  writeFileSync(join(dir, `new/day ${day}`), noise(2000 + day, 5 * KIB))
  writeFileSync(join(dir, `new/changes daily`), noise(3000 + day, 3 * KIB))
  writeAt(join(dir, 'large'), noise(4000 + day, 4 * KIB), (day * 711_317) % (1024 * KIB))
  return 8 * KIB + scattered
}

// A write into a large file costs the chunks it touches: 32 KiB on average, 128 KiB at most, and their neighbours' ends.
const scattered = 200 * KIB

const special: readonly Day[] = [
  {
    what: 'a file is renamed, and renamed into another directory',
    pass: (dir) => {
      renameSync(join(dir, 'docs/file 10'), join(dir, 'docs/file ten'))
      renameSync(join(dir, 'docs/file 12'), join(dir, 'file 12'))
      return 0
    },
  },
  {what: 'a directory is moved with all that is in it', pass: (dir) => (renameSync(join(dir, 'docs'), join(dir, 'papers')), 0)},
  {
    what: 'files and directories are deleted',
    pass: (dir) => {
      rmSync(join(dir, 'papers/file 0'))
      rmSync(join(dir, 'dirs'), {recursive: true})
      return 0
    },
  },
  {
    what: 'modes change, and nothing else',
    pass: (dir) => {
      chmodSync(join(dir, 'papers/file 14'), 0o400)
      chmodSync(join(dir, 'papers/deep'), 0o2711)
      return 0
    },
  },
  {what: 'every file is touched', pass: (dir) => shell(dir, 'find . -type f -exec touch -h -d "2026-11-01 12:00:00.123456789" {} +')},
  {
    what: 'hard links come and go, and the first name is one of them',
    pass: (dir) => {
      linkSync(join(dir, 'large'), join(dir, 'a large one'))
      rmSync(join(dir, 'inode a'))
      return 0
    },
  },
  {
    what: 'a file becomes a directory, and a directory a file',
    pass: (dir) => {
      rmSync(join(dir, 'papers/file 16'))
      mkdirSync(join(dir, 'papers/file 16'))
      writeFileSync(join(dir, 'papers/file 16/inside'), 'it was a file\n')
      rmSync(join(dir, 'papers/deep/deeper'), {recursive: true})
      writeFileSync(join(dir, 'papers/deep/deeper'), 'it was a directory\n')
      return 100
    },
  },
  {
    what: 'a file becomes a link, a link another link and a fifo',
    pass: (dir) => {
      rmSync(join(dir, 'papers/file 18'))
      symlinkSync('file 20', join(dir, 'papers/file 18'))
      rmSync(join(dir, 'links/dangling'))
      symlinkSync('still not there', join(dir, 'links/dangling'))
      return shell(dir, "rm 'links/to file' && mkfifo 'links/to file'")
    },
  },
  {what: 'odd names change into other odd names', pass: (dir) => shell(dir, oddRenames)},
  {
    what: 'content changes, size and modification time stay',
    pass: (dir) => {
      const path = join(dir, 'papers/file 20')
      const {mtimeMs, size} = lstatSync(path)
      writeFileSync(path, noise(5000, size))
      utimesSync(path, mtimeMs / 1000, mtimeMs / 1000)
      return size
    },
  },
  {
    what: 'two files change places',
    pass: (dir) => {
      renameSync(join(dir, 'papers/file 22'), join(dir, 'aside'))
      renameSync(join(dir, 'papers/file 24'), join(dir, 'papers/file 22'))
      renameSync(join(dir, 'aside'), join(dir, 'papers/file 24'))
      return 0
    },
  },
  {
    what: 'the large file moves and grows',
    pass: (dir) => {
      renameSync(join(dir, 'large'), join(dir, 'larger'))
      appendFileSync(join(dir, 'larger'), noise(5001, 50 * KIB))
      linkSync(join(dir, 'larger'), join(dir, 'large'))
      return 50 * KIB + scattered
    },
  },
  {what: 'an extended attribute and an ACL come and go', pass: (dir) => shell(dir, attributes)},
  {
    what: 'copies of what is there already',
    pass: (dir) => {
      copyFileSync(join(dir, 'larger'), join(dir, 'copy of larger'))
      for (let at = 26; at < 32; at += 2) copyFileSync(join(dir, `papers/file ${at}`), join(dir, `papers/copy ${at}`))
      return 0
    },
  },
  {
    what: 'files become empty, and larger than one object, and smaller again',
    pass: (dir) => {
      truncateSync(join(dir, 'papers/file 26'))
      writeFileSync(join(dir, 'papers/file 28'), noise(5002, 600 * KIB))
      truncateSync(join(dir, 'copy of larger'), 100 * KIB)
      return 700 * KIB
    },
  },
  {
    what: 'a file comes back that was deleted days ago, under another name',
    pass: (dir) => (writeFileSync(join(dir, 'came back'), noise(0 + 11, 1100)), 1100),
  },
  {what: 'a directory that was moved comes back, beside the other', pass: (dir) => shell(dir, 'cp -a papers docs')},
  {what: 'whole directories go', pass: (dir) => shell(dir, 'rm -r papers links root times attributes')},
]

/** The days of the tree, one after the other; on the ninth nothing happens. */
export const days: readonly Day[] = [
  {what: 'the first day', pass: firstDay},
  ...special.slice(0, 7).map(asDay),
  {what: 'nothing happens', pass: () => 0},
  ...special.slice(7).map((day, at) => asDay(day, at + 7)),
]

function asDay({what, pass}: Day, at: number): Day {
  return {what, pass: (dir) => usual(dir, at) + pass(dir)}
}

const oddRenames = String.raw`
  mv names/$'newline at the end\n' names/$'\n'
  mv names/$'not utf-8 \377\376\200' names/$'\377'
  mv names/a names/$(printf 'z%.0s' {1..255})
  mv -f 'names/[id].js' names/d.js
  mv ./names/-- names/'-*?'
  mv names/$'back\\slash' names/$'back\\134slash'
`

const attributes = String.raw`
  setfattr -n user.new -v value 'papers/file 20'
  setfattr -x user.mime attributes/file
  setfacl -m u:1:r 'papers/file 22'
  setfacl -b attributes/acl
`

function shell(dir: string, script: string): number {
  const {status, stderr} = spawnSync('bash', ['--norc', '-ec', script], {cwd: dir, encoding: 'utf8', env: {PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC'}})
  if (status !== 0) throw new Error(`a day did not pass: ${stderr}`)
  return 0
}

function writeAt(path: string, bytes: Buffer, offset: number): void {
  const fd = openSync(path, 'r+')
  writeSync(fd, bytes, 0, bytes.length, offset)
  closeSync(fd)
}

// What lies in a store is in formats that other programs read: here they are read by zstd, tar, sha256sum, sort, bsdtar and mtree, in
// the shell, as somebody would who never saw bk and has only docs/format.md.

import {join} from 'node:path'
import {beforeAll, describe, expect, test} from 'vitest'
import {bk, sh} from '../harness/bk.ts'
import {noise} from '../harness/days.ts'
import {oddTree} from '../harness/odd-tree.ts'
import {tempDir} from '../harness/temp.ts'
import {makeTree} from '../harness/tree.ts'

let dir: string
const run = async (script: string): Promise<string> => {
  const {status, stdout, stderr} = await sh(`set -e\n${script}`, {cwd: dir})
  expect({status, stderr}, script).toEqual({status: 0, stderr: ''})
  return stdout.toString()
}

beforeAll(async () => {
  dir = tempDir('formats')
  // Names that NetBSD's mtree takes for patterns are for other judges.
  makeTree(join(dir, 'tree'), [...oddTree({patterns: false, socket: false}), {path: 'large', type: 'file', content: noise(1, 5_000_000)}])
  await bk(['init', '-q', 'store'], {cwd: dir})
  const pipe = 'bk index -C tree . | bk diff remote.idx 2>/dev/null | bk send --to store --index-out remote.idx >/dev/null'
  await run(pipe)
  await run(`printf new >tree/new; printf changed >>tree/large; ${pipe}`)
  await run(`rm tree/new; mkdir tree/dir; ${pipe}`)
  // Each pack unpacked by itself, and all of them together.
  await run(`
    mkdir all
    for pack in store/packs/*/*.tar.zst; do
      mkdir "one-$(basename "$pack")"
      zstd -qdc "$pack" | tar -x -C "one-$(basename "$pack")"
      cp -n one-"$(basename "$pack")"/* all
    done`)
}, 60_000)

describe('packs', () => {
  test('there are some, named by the sha256 of their bytes, in the folder of its first two digits', async () => {
    const names = await run("cd store/packs; sha256sum */*.tar.zst | awk '{ print substr($1, 1, 2) \"/\" $1 \".tar.zst\", $2 }'")
    expect(names.split('\n').length).toBeGreaterThan(5)
    for (const line of names.trimEnd().split('\n')) expect(line.split(' ')[0]).toBe(line.split(' ')[1])
  })

  test('each member that tar unpacks is named by its sha256', async () => {
    const names = (await run('cd all; sha256sum * | tr -s " "')).trimEnd().split('\n')
    expect(names.length).toBeGreaterThan(80)
    for (const line of names) expect(line.split(' ')[0]).toBe(line.split(' ')[1])
  })

  test('tar, bsdtar and zstd have nothing to complain of', async () => {
    await run('for pack in store/packs/*/*.tar.zst; do zstd -qt "$pack"; zstd -qdc "$pack" | tar -t >/dev/null; zstd -qdc "$pack" | bsdtar -tf - >/dev/null; done')
    // Members are files of mode 0444, of nobody and of no time.
    const kinds = await run("for pack in store/packs/*/*.tar.zst; do zstd -qdc \"$pack\" | tar --numeric-owner -tv; done | awk '{ print $1, $2, $4, $5 }' | sort -u")
    expect(kinds).toBe('-r--r--r-- 0/0 1970-01-01 00:00\n')
  })

  test('an index never shares a pack with anything else', async () => {
    const counts = await run("grep -rlE '^#mtree|^#bk changes' one-* | while read -r file; do ls \"${file%/*}\" | wc -l; done | sort -u")
    expect(counts.trim()).toBe('1')
  })

  test('the last sixteen bytes lead to the table of contents, which lists the frames and what is in them', async () => {
    await run(`
      for pack in store/packs/*/*.tar.zst; do
        length=$(tail -c 16 "$pack" | sed -n 's/^length 0*//p')
        tail -c "$length" "$pack" | tail -c +9 >toc
        head -n 1 toc | grep -qx '#bk toc 1'
        at=25
        while read -r word a b; do
          case $word in
          '#bk' | length) ;;
          frame) [ "$(tail -c "+$at" "$pack" | head -c "$a" | zstd -qdc | wc -c)" = "$b" ]; at=$((at + a)) ;;
          *) [ "$(wc -c <"one-$(basename "$pack")/$word")" = "$a" ] ;;
          esac
        done <toc
      done`)
  })
})

describe('log', () => {
  test('records are numbered, chained by their sums, and sha256sum agrees', async () => {
    await run(`
      prev=0000000000000000000000000000000000000000000000000000000000000000 n=0
      for record in store/log/*; do
        n=$((n + 1))
        [ "$(basename "$record")" = "$(printf %06d $n)" ]
        grep -qx "seq $n" "$record"
        grep -qx "prev $prev" "$record"
        prev=$(sed '$d' "$record" | sha256sum | cut -d' ' -f1)
        [ "$(tail -n 1 "$record")" = "sum $prev" ]
      done
      [ $n = 3 ]`)
  })

  test('bk-store ends in its sum and names what stands beside it', async () => {
    await run(`
      cd store
      [ "$(tail -n 1 bk-store)" = "sum $(sed '$d' bk-store | sha256sum | cut -d' ' -f1)" ]
      sed -n 's/^file \\([^ ]*\\) \\(.*\\)$/\\2  \\1/p' bk-store | sha256sum -c --quiet
      sed -n 's/^file \\([^ ]*\\) .*/\\1/p' bk-store | grep -qx recover.sh`)
  })

  test('catalogs are named by their sha256 and list what tar unpacks', async () => {
    await run(`
      for catalog in $(sed -n 's/^catalog //p' store/log/*); do
        [ "$(sha256sum <"store/catalogs/$catalog")" = "$catalog  -" ]
        grep '^pack ' "store/catalogs/$catalog" | while read -r _ name size; do
          [ "$(wc -c <"store/packs/$(echo "$name" | cut -c1-2)/$name.tar.zst")" = "$size" ]
          sed -n "/^pack $name /,/^pack /p" "store/catalogs/$catalog" | grep -v '^pack' | cmp - <(ls "one-$name.tar.zst" | LC_ALL=C sort)
        done
      done`)
  })
})

describe('content', () => {
  test('is found by the sha256 in the index; chunk lists joined give it', async () => {
    await run(`
      : >checked
      join() { # LIST: the content, chunk after chunk
        while read -r kind id size; do
          [ "$(if [ $kind = list ]; then join "$id"; else cat "all/$id"; fi | wc -c)" = "$size" ]
          if [ $kind = list ]; then join "$id"; else cat "all/$id"; fi
        done <"all/$1"
      }
      grep ' type=file ' remote.idx | grep -v ' size=0 ' | sed 's/ .* sha256=/ /' | while read -r path digest; do
        list=$({ grep -F -- "#bk $path chunks=" remote.idx || :; } | sed 's/.* chunks=//')
        [ "$(if [ -n "$list" ]; then join "$list"; else cat "all/$digest"; fi | sha256sum)" = "$digest  -" ]
        echo "$path" >>checked
      done`)
    expect(Number(await run('wc -l <checked'))).toBeGreaterThan(60)
  }, 60_000)
})

describe('indexes', () => {
  test('are sorted as text, and their last line is the sum of all above', async () => {
    await run(`
      grep -v '^#' remote.idx | sed 's/ .*//' | LC_ALL=C sort -uc
      [ "$(tail -n 1 remote.idx | sed 's/.* sha256=//')" = "$(sed '$d' remote.idx | sha256sum | cut -d' ' -f1)" ]
      [ "$(tail -n 1 remote.idx | sed 's/.* entries=//; s/ .*//')" = "$(grep -vc '^#' remote.idx)" ]
      [ -z "$(LC_ALL=C tr -d '\\n -~' <remote.idx)" ]`)
  })

  test("NetBSD's mtree finds nothing to say of the tree, and bsdtar lists as many entries as find", async () => {
    expect(await run('mtree -p tree <remote.idx')).toBe('')
    expect(await run('bk index -q store@latest | mtree -p tree')).toBe('')
    const count = await run('find tree -printf x | wc -c')
    expect(await run('bsdtar -tf remote.idx | wc -l')).toBe(count)
    expect(await run('bk index -q store@latest | bsdtar -tf - | wc -l')).toBe(count)
  })

  test('the one of a snapshot is text that other programs read, whatever it is stored as', async () => {
    expect(await run('bk index -q store@3')).toBe(await run('cat remote.idx'))
    const levels = await run("sed -n 's/^index [0-9a-f]* //p' store/log/*")
    expect(levels.split('\n')[0]).toBe('full')
    // The newest object that is changes names the one it is changes against, and that one is there.
    await run(`
      object=$(sed -n 's/^index \\([0-9a-f]*\\) .*/\\1/p' store/log/000003)
      while base=$(sed -n '1s/.* object=//p' "all/$object") && [ -n "$base" ]; do object=$base; done
      head -n 1 "all/$object" | grep -qx '#mtree'`)
  })
})

// `bk archive` of trees with everything odd in them, unpacked by GNU tar and bsdtar and compared with the tree; compressed and encrypted,
// and opened by the programs whose formats those are.

import {chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeAll, describe, expect, test} from 'vitest'
import {root, sh} from '../harness/bk.ts'
import type {Result} from '../harness/bk.ts'
import {noise} from '../harness/days.ts'
import {oddTree} from '../harness/odd-tree.ts'
import {sameTree} from '../harness/same-tree.ts'
import {startSshd} from '../harness/sshd.ts'
import {newHome, tempDir} from '../harness/temp.ts'
import {makeTree} from '../harness/tree.ts'
import type {TreeEntry} from '../harness/tree.ts'

let dir: string
const run = (script: string): Promise<Result> => sh(script, {cwd: dir, env: {XDG_STATE_HOME: join(dir, 'home/state')}})

/** Runs what must succeed and say nothing on stderr. */
async function done(script: string): Promise<string> {
  const {status, stdout, stderr} = await run(script)
  expect({script, status, stderr}).toEqual({script, status: 0, stderr: ''})
  return String(stdout)
}

const tar = "tar --acls --xattrs --xattrs-include='*' --warning=no-unknown-keyword --warning=no-timestamp"

/** Unpacks into a new directory. */
async function unpack(command: string): Promise<string> {
  const to = join(tempDir('unpacked'), 'tree')
  mkdirSync(to)
  await done(command.replaceAll('TO', to))
  return to
}

// Of "./" it sets no time in its own archives either.
const bsdtarDiffers = ['./: time', './attributes/odd\\040name: xattrs', './times/before\\0401970: time', './times/long\\040before\\0401970: time']

const differences = (to: string, tree = 'tree'): string[] => sameTree(join(dir, tree), to, {ignoreSockets: true})

const deep = 'd'.repeat(90)
const more: readonly TreeEntry[] = [
  // The order of an index is not that of a walk.
  {path: 'order/a/x', type: 'file', content: 'below'},
  {path: 'order/a-b', type: 'hardlink', target: 'order/a/x'},
  {path: 'order/a', type: 'dir', time: '1000000000.000000007', mode: 0o555},
  {path: `long/${deep}/${deep}/${deep}/${deep}/file`, type: 'file', content: 'deep'},
  {path: `long/${deep}/${deep}/${deep}/${deep}/link`, type: 'hardlink', target: `long/${deep}/${deep}/${deep}/${deep}/file`},
  {path: Buffer.concat([Buffer.from(`long/${deep}/`), Buffer.from('\xff'.repeat(200), 'latin1')]), type: 'file', content: 'long and no text'},
  {path: 'long/target', type: 'link', target: Buffer.from('\xe9'.repeat(300), 'latin1')},
  {path: 'owner/large', type: 'file', content: 'x', owner: '3000000000:2097152'},
  {path: 'owner/largest short', type: 'file', content: 'x', owner: '2097151:2097151'},
  {path: 'large/whole', type: 'file', content: noise(3, 3_000_000)},
  {path: 'large/512', type: 'file', content: noise(4, 524_288)},
  {path: 'large/small holes', type: 'file', content: 'x', offset: 20_000, size: 100_000},
  {path: 'large/holes in names', type: 'file', content: 'x', offset: 2_000_000, size: 9_000_000},
  {path: `large/${'é'.repeat(90)}`, type: 'file', content: 'x', offset: 2_000_000, size: 9_000_000},
  {path: `large/${'n'.repeat(200)}`, type: 'file', content: 'x', offset: 2_000_000, xattrs: {'user.on': 'holes'}},
  {path: 'attributes/capability', type: 'file', content: 'x', xattrs: {'security.capability': Buffer.from('0100000200200000000000000000000000000000', 'hex')}},
  {path: 'attributes/very long', type: 'file', content: 'x', xattrs: {'user.long': 'y'.repeat(3000)}},
]

beforeAll(async () => {
  dir = tempDir('archive')
  newHome(join(dir, 'home'))
  makeTree(join(dir, 'tree'), [...oddTree(), ...more])
  await done('bk init -q store; bk push -q -C tree . --set odd store')
}, 120_000)

describe('everything odd comes back', () => {
  test('by GNU tar', async () => {
    await done('bk archive -q store >odd.tar')
    const to = await unpack(`${tar} -xpf odd.tar -C TO`)
    expect(differences(to)).toEqual([])
  }, 60_000)

  test('by bsdtar, but times before 1970 with a fraction, the time of the top, and attributes with = in their names', async () => {
    const to = await unpack('LC_ALL=C.UTF-8 bsdtar -xpf odd.tar -C TO')
    expect(differences(to).map((line) => line.split(' ', 2).join(' '))).toEqual(bsdtarDiffers)
  }, 60_000)

  test.each([tar, 'LC_ALL=C.UTF-8 bsdtar'])('with holes, by %s', async (program) => {
    await done('bk archive -q --sparse store >holes.tar')
    const to = await unpack(`${program} -xpf holes.tar -C TO`)
    expect(differences(to).map((line) => line.split(' ', 2).join(' '))).toEqual(program === tar ? [] : bsdtarDiffers)
    for (const name of [...readdirSync(join(dir, 'tree/holes')).map((name) => `holes/${name}`), 'large/holes in names', `large/${'n'.repeat(200)}`]) {
      expect(statSync(join(to, name)).blocks, name).toBeLessThan(1024)
    }
  }, 60_000)

  test('the same snapshot gives the same bytes', async () => {
    await done('bk archive -q store@1 | cmp - odd.tar')
    await done('bk archive -q store --compress zstd:1 | zstd -dc | cmp - odd.tar; bk archive -q store --compress gzip | gzip -dc | cmp - odd.tar')
  })

  test('names are relative, in the order of a walk', async () => {
    const list = await done('tar --warning=no-unknown-keyword -tf odd.tar --quoting-style=escape')
    expect(list.split('\n')[0]).toBe('./')
    expect(list).toContain('\norder/\norder/a/\norder/a/x\norder/a-b\n')
    expect(list).not.toMatch(/^(?!\.\/$)[./]/m)
  })
})

describe('forms', () => {
  test.each([
    ['full.tar', ''],
    ['full.tgz', 'z'],
    ['full.tar.gz', 'z'],
    ['full.tar.zst', '-zstd '],
  ])('%s, by its name', async (name, letter) => {
    await done(`bk archive -q store -o ${name}`)
    expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600)
    expect(differences(await unpack(`${tar} ${letter === '' ? '' : `-${letter} `}-xpf ${name} -C TO`))).toEqual([])
    expect(differences(await unpack(`LC_ALL=C.UTF-8 bsdtar -xpf ${name} -C TO`))).toHaveLength(bsdtarDiffers.length)
  }, 60_000)

  test('encrypted, for age and for two', async () => {
    await done('age-keygen -o one.key 2>/dev/null; age-keygen -o two.key 2>/dev/null')
    await done('bk archive -q store -o full.tar.zst.age --recipient $(age-keygen -y one.key) --recipient $(age-keygen -y two.key)')
    for (const key of ['one.key', 'two.key']) await done(`age -d -i ${key} full.tar.zst.age | zstd -dc | cmp - odd.tar`)
    await done('bk archive -q store --recipient $(age-keygen -y two.key) | age -d -i two.key | cmp - odd.tar')
  })

  test('names with letters of the time of receipt, here', async () => {
    await done("TZ=Europe/Berlin faketime -f '@2026-11-22 23:30:05' bk push -q -C tree/types . --set timed store")
    await done("TZ=Asia/Tokyo bk archive -q store --set timed -o '%F-%H%M %% %G-W%V-%u.tar'")
    expect(readdirSync(dir)).toContain('2026-11-23-0730 % 2026-W48-1.tar')
  })

  test.each([
    ['-o x.zip', /the name does not say how to compress: x\.zip/],
    ['-o x.tar.gz --compress zstd', /x\.tar\.gz is to be compressed by gzip, and --compress says zstd/],
    ['-o x.tar --compress gzip:0', /no such level of gzip: 0/],
    ['--compress lzma', /no such compression: lzma/],
    ['-o x.tar.age', /nobody is named who can read it/],
    ['-o x.tar.gz --recipient age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kdz2zmtrs0mtylp', /an encrypted archive is no \.tar\.gz/],
    ["--recipient 'ssh-ed25519 AAAA'", /ssh keys cannot be recipients/],
    ['--recipient age1nonsense', /not an age recipient: age1nonsense/],
    ['-o %Q.tar', /no such letter of a time: %Q/],
    ['--overwrite', /--output/],
  ])('%s is refused', async (words, reason) => {
    const {status, stdout, stderr} = await run(`bk archive -q store --set odd ${words} | cat; exit \${PIPESTATUS[0]}`)
    expect({status, stdout: String(stdout)}).toEqual({status: 64, stdout: ''})
    expect(stderr).toMatch(reason)
  })
})

test('a file that is there stays, but with --overwrite; nothing else is left', async () => {
  writeFileSync(join(dir, 'mine.tar'), 'mine')
  const {status, stderr} = await run('bk archive -q store --set odd -o mine.tar')
  expect({status, stderr}).toEqual({status: 2, stderr: 'bk archive: mine.tar is there already\nbk archive: hint: --overwrite replaces it\n'})
  expect(readFileSync(join(dir, 'mine.tar'), 'utf8')).toBe('mine')
  await done('bk archive -q store --set odd -o mine.tar --overwrite; cmp mine.tar odd.tar')
  expect(await run('bk archive -q store --set odd nowhere -o none.tar')).toMatchObject({status: 2, stderr: expect.stringContaining('not in the snapshot: nowhere')})
  expect(await run('bk archive -q store --set odd -o no/such/directory.tar')).toMatchObject({status: 2, stderr: expect.stringContaining('no such file or directory')})
  expect(readdirSync(dir).filter((name) => name.startsWith('.') || name === 'none.tar')).toEqual([])
})

test('parts of a snapshot, with the directories above', async () => {
  const list = await done('bk archive -q store --set odd /links order/a/x | tar -tf - | sort')
  expect(list).toMatch(/^\.\/\nlinks\/\n/)
  expect(list).toMatch(/\norder\/\norder\/a\/\norder\/a\/x\n$/)
  // The first name is elsewhere.
  const to = await unpack('bk archive -q store --set odd links/second links/below | tar -xpf - -C TO')
  expect(readFileSync(join(to, 'links/second'), 'utf8')).toBe('three names\n')
  expect(statSync(join(to, 'links/below/third')).nlink).toBe(2)
})

test('of a store on another machine, the same', async () => {
  const sshd = await startSshd({hosts: ['vault']})
  sshd.authorize([`restrict,command="${root}/bin/bk browse ${dir}/store" ${sshd.publicKeys['vault']}`])
  const {status, stderr} = await sh('bk archive -q vault: --set odd | cmp - odd.tar && bk archive -q vault: --set odd -o far.tar && cmp far.tar odd.tar', {cwd: dir, env: sshd.env})
  expect({status, stderr}).toEqual({status: 0, stderr: ''})
})

test('whoever stops reading ends it, and a disk that is full is said', async () => {
  expect(await run('bk archive -q store --set odd | head -c 100 >/dev/null; exit ${PIPESTATUS[0]}')).toMatchObject({status: 141, stderr: ''})
  expect(await run('bk archive -q store --set odd >/dev/full')).toMatchObject({status: 74, stderr: expect.stringContaining('no space left')})
})

describe('--changed-since', () => {
  beforeAll(async () => {
    await done('mkdir now-tree; cp -a tree/links tree/order tree/large now-tree')
    await done('bk push -q -C now-tree . --set now store; cp -a now-tree then-tree')
    await done('cd now-tree; echo new >order/new; chmod 700 large/512; rm links/dangling; ln links/first order/fourth; rm -r large/whole; touch -d @1000000000.000000007 order')
    await done('bk push -q -C now-tree . --set now store')
  })

  test('holds what is new or changed, and names what is gone', async () => {
    await done('bk archive -q store --set now --changed-since 3 -o changed.tar')
    const list = (await done('tar -tf changed.tar')).split('\n')
    expect(list).toEqual(['./', 'large/', 'large/512', 'links/', 'links/below/', 'links/below/third', 'links/first', 'links/hard to link', 'links/second', 'order/', 'order/fourth', 'order/new', ''])
    expect(await done('head -c 1M changed.tar | grep -a ^gone')).toBe('gone ./large/whole\ngone ./links/dangling\n')
  })

  test('over the earlier one, without what is gone, it makes the later one', async () => {
    const to = await unpack(`bk archive -q store@3 | ${tar} -xpf - -C TO; rm TO/large/whole TO/links/dangling; ${tar} -xpf changed.tar -C TO`)
    expect(differences(to, 'now-tree')).toEqual([])
  })

  test('what is no earlier snapshot is refused', async () => {
    expect(await run('bk archive -q store@3 --changed-since 4 -o no.tar')).toMatchObject({status: 64, stderr: expect.stringContaining('snapshot 4 is not earlier than snapshot 3')})
    expect(await run('bk archive -q store@3 --changed-since 1 -o no.tar')).toMatchObject({status: 2, stderr: expect.stringContaining('snapshot 1 belongs to set odd')})
  })
})

describe('a damaged store', () => {
  beforeAll(async () => {
    const tree = join(dir, 'lossy')
    mkdirSync(join(tree, 'z'), {recursive: true})
    for (let i = 0; i < 20; i++) writeFileSync(join(tree, `small ${i}`), noise(100 + i, 300_000))
    writeFileSync(join(tree, 'big'), noise(7, 40_000_000))
    writeFileSync(join(tree, 'z/last'), 'the last of all\n')
    await done('ln "lossy/small 3" lossy/z/link; bk init -q damaged; bk push -q -C lossy . --set lossy damaged')
    // The middle of each pack is lost.
    const packs = (await done('find damaged/packs -name "*.tar.zst" -size +4M')).trim().split('\n')
    expect(packs.length).toBeGreaterThan(1)
    for (const pack of packs) {
      const path = join(dir, pack)
      const bytes = readFileSync(path)
      const middle = bytes.length >> 1
      bytes.fill(0, middle, middle + 100_000)
      chmodSync(path, 0o600)
      writeFileSync(path, bytes)
    }
  }, 60_000)

  test('all that is not lost comes back, and what is lost is named', async () => {
    const {status, stderr} = await run('bk archive -q damaged -o lossy.tar')
    expect(status).toBe(3)
    const lost = [...stderr.matchAll(/^bk archive: (.*): it is left out: its content is lost: .*$/gm)].map(([, name]) => name!)
    expect(stderr).toMatch(/^bk archive: \.\/big: there are zeros in place of what is lost of it: object [0-9a-f]{64} is lost: pack /m)
    const to = await unpack('tar -xpf lossy.tar -C TO')
    const there = readdirSync(to)
    expect(there).toHaveLength(22 - lost.length)
    expect(readFileSync(join(to, 'z/last'), 'utf8')).toBe('the last of all\n')
    for (const name of there.filter((each) => each.startsWith('small'))) expect(readFileSync(join(to, name)).equals(readFileSync(join(dir, 'lossy', name)))).toBe(true)
    const [was, is] = [readFileSync(join(dir, 'lossy/big')), readFileSync(join(to, 'big'))]
    expect(is.length).toBe(was.length)
    expect(is.every((byte, at) => byte === was[at] || byte === 0)).toBe(true)
    expect(is.equals(was)).toBe(false)
    expect(sameTree(to, await unpack('bsdtar -xpf lossy.tar -C TO'))).toEqual([])
    const end = await done('tail -c 12K lossy.tar | grep -aE "^(missing|damaged|#bk end) |comment=(missing|damaged)"')
    expect(end).toMatch(/damaged \.\/big\n/)
    expect(end).toMatch(new RegExp(`#bk end files=\\d+ lost=${stderr.trim().split('\n').length}\n$`))
  }, 60_000)

  test('an archive that is cut off has no end', async () => {
    truncateSync(join(dir, 'full.tar'), statSync(join(dir, 'full.tar')).size - 1024)
    expect((await run('bsdtar -tf full.tar >/dev/null; tail -c 1024 odd.tar | tr -d "\\0" | wc -c')).stdout.toString()).toBe('0\n')
    const {status, stderr} = await run('tar -tf <(head -c 3000000 odd.tar) >/dev/null')
    expect({status, isSaid: /Unexpected EOF/.test(stderr)}).toEqual({status: 2, isSaid: true})
  })
})

test('killed while it writes, it leaves nothing under the name', async () => {
  const {status} = await run('bk archive -q damaged -o killed.tar.zst --compress zstd:22 & sleep 0.7; kill -TERM $!; wait $!')
  expect(status).toBe(143)
  expect(existsSync(join(dir, 'killed.tar.zst'))).toBe(false)
  expect(readdirSync(dir).filter((name) => name.includes('.tmp.'))).toEqual([])
})

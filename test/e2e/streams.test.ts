// stdin and stdout of the commands as the world treats them: a reader that leaves, or takes its time, or is a full disk; a terminal
// where data belongs; a disk that fills up under the store.

import {constants, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeAll, describe, expect, test} from 'vitest'
import {bk, sh} from '../harness/bk.ts'
import type {Result} from '../harness/bk.ts'
import {noise} from '../harness/days.ts'
import {smallDisk} from '../harness/limits.ts'
import {readStore} from '../harness/read-store.ts'
import {tempDir} from '../harness/temp.ts'
import {manyFiles} from '../harness/tree.ts'

let dir: string
const run = (script: string): Promise<Result> => sh(script, {cwd: dir})

beforeAll(async () => {
  dir = tempDir('streams')
  manyFiles(join(dir, 'tree'), 3000)
  writeFileSync(join(dir, 'tree/large'), noise(1, 3_000_000))
  await run('bk init -q store; bk index -C tree . >new.idx; bk diff nowhere new.idx >changes 2>/dev/null; bk send <changes >stream')
})

const commands = [
  {name: 'bk index', command: 'bk index -C tree .', whole: 'new.idx'},
  {name: 'bk diff', command: 'bk diff -q nowhere new.idx', whole: 'changes'},
  {name: 'bk send', command: 'bk send changes', whole: 'stream'},
]

describe.each(commands)('$name', ({command}) => {
  test('ends at once with 141 and without a word when its reader leaves', async () => {
    const {stdout, stderr} = await run(`${command} | head -c 1 >/dev/null; echo "\${PIPESTATUS[0]}"`)
    expect({stdout: String(stdout), stderr}).toEqual({stdout: '141\n', stderr: ''})
  })

  test('says so and ends with 74 when stdout is a full disk, or closed', async () => {
    for (const place of ['>/dev/full', '>&-', '</dev/null 1<&0']) {
      const {status, stderr} = await run(`${command} ${place}`)
      expect({place, status, stderr}).toEqual({place, status: 74, stderr: expect.stringMatching(/^bk \w+: cannot write to standard output: [a-z ]+\n$/)})
    }
  })
})

test('nothing is lost to a reader that sleeps for eleven seconds', async () => {
  const results = await Promise.all(commands.map(({command, whole}) => run(`${command} | { sleep 11; cat; } >slow-${whole}`)))
  for (const {status, stderr} of results) expect({status, stderr}).toEqual({status: 0, stderr: ''})
  expect((await run('cmp slow-new.idx new.idx && cmp slow-changes changes')).status).toBe(0)
  // Packs begin with random bytes: no stream is like another.
  expect((await run('bk init -q slow; bk receive slow <slow-stream')).status).toBe(0)
}, 30_000)

describe('the end of a pipe', () => {
  // A shell's next command has the same pipe, and takes it for one that waits. O_NONBLOCK is 04000.
  test.for([
    ['read to its end', 'cat new.idx | { bk diff -q new.idx - >/dev/null; cat /proc/self/fdinfo/0 >&2; }'],
    ['read a little', '{ echo no index; sleep 0.5; } | { bk diff -q new.idx - 2>/dev/null; cat /proc/self/fdinfo/0 >&2; }'],
    ['written to', '{ bk index -C tree .; cat /proc/self/fdinfo/1 >&2; } | cat >/dev/null'],
    ['told an error', '{ bk index nowhere; cat /proc/self/fdinfo/2; } 2>&1 >flags | cat >/dev/null; cat flags >&2'],
  ] as const)('that was %s still waits', async ([, script]) => {
    const flags = /^flags:\s+(\d+)$/m.exec((await run(script)).stderr)?.[1]
    expect(Number.parseInt(flags ?? '', 8) & constants.O_NONBLOCK).toBe(0)
    expect(flags).toBeDefined()
  })

  test('receive and send --to say 74 when their answer cannot be written, and have committed', async () => {
    const sent = await run('bk init -q answers; bk send --to answers changes >/dev/full')
    expect(sent).toMatchObject({status: 74, stderr: 'bk send: cannot write to standard output: no space left on device\n'})
    const received = await run('bk receive answers --set other <stream >/dev/full')
    expect(received).toMatchObject({status: 74, stderr: 'bk receive: cannot write to standard output: no space left on device\n'})
    expect(readStore(join(dir, 'answers')).snapshots).toHaveLength(2)
  })

  test('a receiver that sleeps, and one that reads byte by byte', async () => {
    expect((await run('bk init -q sleeper; bk send changes | { sleep 2; bk receive sleeper; }')).status).toBe(0)
    expect((await run('bk init -q crumbs; head -c 60000 stream | dd bs=1 status=none | cat - <(tail -c +60001 stream) | bk receive crumbs')).status).toBe(0)
    expect(readStore(join(dir, 'sleeper')).snapshots[0]?.index).toBe(readStore(join(dir, 'crumbs')).snapshots[0]?.index)
  }, 30_000)

  test('diff of a slow index, line by line', async () => {
    const {status, stdout} = await run('while read -r line; do printf "%s\\n" "$line"; done <new.idx | bk diff -q nowhere | cmp - changes')
    expect({status, stdout: String(stdout)}).toEqual({status: 0, stdout: ''})
  })
})

describe('a terminal', () => {
  // script(1) gives a command a terminal for stdin, stdout and stderr.
  const onTerminal = (command: string): Promise<Result> => run(`script -qec '${command}' /dev/null </dev/null`)

  test.each([
    ['bk send --to store', 'expected a list of changes on standard input, which is a terminal'],
    ['bk diff nowhere', 'expected NEW on standard input, which is a terminal'],
    ['bk receive store', 'expected a stream of bk send on standard input, which is a terminal'],
    ['bk send changes', 'will not write a stream to a terminal'],
  ])('%s: says what it expects instead of hanging, with 64', async (command, words) => {
    const {status, stdout} = await onTerminal(command)
    expect({status, said: String(stdout).replaceAll(/\r|\x1b\[[0-9;]*[A-Za-z]/g, '')}).toMatchObject({status: 64, said: expect.stringContaining(words)})
    expect(readStore(join(dir, 'store')).snapshots).toHaveLength(0)
  })
})

describe('a full disk', () => {
  test.each([
    ['under a store that is sent to', 'bk index -C tree . | bk send --to disk/store', 'bk send'],
    ['under a store that receives', 'bk index -C tree . | bk send 2>/dev/null | bk receive disk/store', 'bk receive'],
  ])('%s: 2 and one line, the store is as it was; with room again the next run succeeds', async (_, pipe, who) => {
    const place = tempDir('full')
    const disk = smallDisk(12)
    const store = join(disk, 'store')
    await sh(`ln -s '${disk}' disk; mkdir tree; echo small >tree/small; bk init -q disk/store`, {cwd: place})
    expect((await sh(pipe, {cwd: place})).status).toBe(0)
    writeFileSync(join(disk, 'filler'), noise(2, 6_000_000))
    writeFileSync(join(place, 'tree/large'), noise(3, 9_000_000))
    for (let times = 0; times < 2; times++) {
      const {status, stdout, stderr} = await sh(pipe, {cwd: place})
      expect({status, stdout: String(stdout), stderr}).toEqual({status: 2, stdout: '', stderr: expect.stringMatching(new RegExp(`^${who}: [^\\n]*disk/store[^\\n]*: no space left on device\\n$`))})
      expect(readStore(store).snapshots.map(({seq}) => seq)).toEqual([1])
    }
    rmSync(join(disk, 'filler'))
    expect(await sh(pipe, {cwd: place})).toMatchObject({status: 0, stderr: ''})
    expect(readStore(store).snapshots.map(({seq, state}) => `${seq} ${state}`)).toEqual(['1 complete', '2 complete'])
  }, 60_000)

  test('under the log alone: the commit itself fails', async () => {
    const disk = smallDisk(4)
    await run(`ln -s '${disk}' log-disk; bk init -q commit; rmdir commit/log 2>/dev/null; mkdir -p log-disk/log; ln -s "$PWD/log-disk/log" commit/log; head -c 9000000 /dev/zero >log-disk/filler`)
    const {status, stderr} = await run('bk send --to commit changes')
    expect({status, stderr}).toEqual({status: 2, stderr: expect.stringMatching(/^bk send: [^\n]*commit\/log\/[^\n]*: no space left on device\n$/)})
    await run('rm log-disk/filler')
    expect((await run('bk send --to commit changes')).status).toBe(0)
    expect(readStore(join(dir, 'commit')).snapshots).toHaveLength(1)
  })

  test('under --index-out: committed, and the old index stays', async () => {
    const disk = smallDisk(1)
    await run(`ln -s '${disk}' out; bk init -q indexed; bk index -C tree/d0 . | bk send --to indexed --index-out out/remote.idx >/dev/null; head -c 9000000 /dev/zero >out/filler`)
    const before = readFileSync(join(disk, 'remote.idx'))
    await run('echo new >tree/d0/new')
    const {status, stdout, stderr} = await run('bk index -C tree/d0 . | bk diff out/remote.idx | bk send --to indexed --index-out out/remote.idx')
    expect({status, stdout: String(stdout), stderr}).toEqual({
      status: 3,
      stdout: expect.stringMatching(/^committed 2 \w{64}\n$/),
      stderr: expect.stringMatching(/^bk send: committed, but cannot write out\/remote\.idx: no space left on device\nbk send: hint: [^\n]*\n$/),
    })
    expect(readFileSync(join(disk, 'remote.idx')).equals(before)).toBe(true)
    expect((await run('ls out')).stdout.toString()).toBe('filler\nremote.idx\n')
    // And the next run goes on from the old one.
    await run('rm out/filler')
    expect((await run('bk index -C tree/d0 . | bk diff out/remote.idx | bk send --to indexed --index-out out/remote.idx')).status).toBe(0)
    expect(readFileSync(join(disk, 'remote.idx'), 'latin1')).toBe(readStore(join(dir, 'indexed')).snapshots.at(-1)?.index)
  })

  test('under FILE.pending: nothing is committed', async () => {
    const disk = smallDisk(1)
    await run(`ln -s '${disk}' way; bk init -q pending; head -c 9000000 /dev/zero >way/filler`)
    const {status, stdout} = await run('bk index -C tree . | bk send --index-out way/remote.idx | bk receive pending && mv way/remote.idx.pending way/remote.idx')
    expect({status, stdout: String(stdout)}).toEqual({status: 65, stdout: ''})
    expect(existsSync(join(disk, 'remote.idx'))).toBe(false)
    expect(readStore(join(dir, 'pending')).snapshots).toHaveLength(0)
  })

  test('where lists wait that are too long for memory', async () => {
    const disk = smallDisk(1)
    mkdirSync(join(disk, 'tmp'))
    const lines = Array.from({length: 200_000}, (_, at) => `./f${String(at).padStart(6, '0')} type=file mode=0644 uid=0 gid=0 uname=root gname=root size=0 time=0.000000000`)
    writeFileSync(join(dir, 'foreign'), `#mtree\n${lines.toReversed().join('\n')}\n`)
    const {status, stdout, stderr} = await sh('bk diff new.idx foreign', {cwd: dir, env: {TMPDIR: join(disk, 'tmp')}})
    expect({status, stderr}).toEqual({status: 2, stderr: expect.stringMatching(/^bk diff: [^\n]*\/tmp[^\n]*: no space left on device\nbk diff: hint: TMPDIR [^\n]*\n$/)})
    expect(String(stdout)).not.toContain('#bk end')
  })
})

test('the commands that write nothing to stdout do not mind that it is gone', async () => {
  expect(await run('bk init -q silent >&-')).toMatchObject({status: 0, stderr: ''})
  expect((await bk(['restore', '-q', 'answers', '--to', 'restored', '--set', 'other'], {cwd: dir})).status).toBe(0)
})

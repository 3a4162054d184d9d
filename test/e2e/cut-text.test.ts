// Text that was cut off, as a killed process, a full disk or a lost connection leaves it, or that somebody changed: diff and send end
// with 65 and commit nothing, wherever the cut is. Only a whole list becomes a snapshot.

import {readdirSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeAll, describe, expect, test} from 'vitest'
import {bk, sh} from '../harness/bk.ts'
import {rounds} from '../harness/faults.ts'
import {readStore, sha256} from '../harness/read-store.ts'
import {makeTree} from '../harness/tree.ts'
import {tempDir} from '../harness/temp.ts'

let dir: string
let texts: Record<'old' | 'index' | 'changes' | 'removals', Buffer>

beforeAll(async () => {
  dir = tempDir('cut')
  makeTree(join(dir, 'tree'), [
    {path: 'd/b', type: 'file', content: 'two\n'},
    {path: 'd/c', type: 'hardlink', target: 'd/b'},
    {path: 'a', type: 'file', content: 'one\n', xattrs: {'user.note': 'x'}},
    {path: 'l', type: 'link', target: 'a'},
    {path: 'z', type: 'fifo'},
  ])
  await bk(['init', '-q', 'store'], {cwd: dir})
  await sh('bk index -C tree . >old.idx && bk send --to store old.idx', {cwd: dir})
  await sh('echo three >tree/d/e; mv tree/a tree/f; chmod 700 tree; bk index -C tree . >new.idx; bk diff old.idx new.idx >new.changes', {cwd: dir})
  // Nothing in it makes send read a file.
  await sh('rm -r tree/d; bk index -C tree . | bk diff old.idx >removals.changes', {cwd: dir})
  const text = async (name: string): Promise<Buffer> => (await sh(`cat ${name}`, {cwd: dir})).stdout
  texts = {old: await text('old.idx'), index: await text('new.idx'), changes: await text('new.changes'), removals: await text('removals.changes')}
}, 60_000)

const readers = [
  {name: 'bk diff, as NEW', command: 'bk diff old.idx - >out', kinds: ['index']},
  {name: 'bk diff, as OLD', command: 'bk diff - new.idx >out', kinds: ['index']},
  {name: 'bk send --to STORE', command: 'bk send --to store', kinds: ['index', 'changes', 'removals']},
  {name: 'bk send, one way', command: 'bk send --base old.idx | bk receive store', kinds: ['index', 'changes']},
] as const

describe.each(readers)('$name', ({command, kinds}) => {
  test.each(kinds)('%s, cut at every line', async (kind) => {
    for (let end = texts[kind].indexOf(10); end < texts[kind].length - 1; end = texts[kind].indexOf(10, end + 1)) {
      await expectRefused(command, texts[kind].subarray(0, end + 1), `${kind} cut at byte ${end + 1}`)
    }
  }, 60_000)

  test.each(kinds)('%s, cut anywhere', async (kind) => {
    const {length} = texts[kind]
    const ends = [1, 7, 8, length - 1, length - 2]
    await rounds(6, async (random) => void ends.push(1 + Math.floor(random() * (length - 1))))
    for (const end of ends) await expectRefused(command, texts[kind].subarray(0, end), `${kind} cut at byte ${end}`)
  }, 60_000)

  test.each(kinds)('%s, with something behind its end', async (kind) => {
    for (const more of ['\n', 'x', '. type=dir\n', '#bk end entries=0 complete\n', String(texts[kind])]) {
      await expectRefused(command, Buffer.concat([texts[kind], Buffer.from(more)]), `${kind} and ${JSON.stringify(more.slice(0, 20))}`)
    }
  }, 60_000)
})

describe('forged', () => {
  test('an index that lacks a line, has one changed, or counts wrong', async () => {
    const lines = String(texts.index).split(/(?<=\n)/)
    for (let at = 2; at < lines.length - 1; at++) {
      await expectRefused('bk diff old.idx - >out', Buffer.from(lines.toSpliced(at, 1).join('')), `without line ${at + 1}`)
    }
    const forged = [
      String(texts.index).replace('mode=0644', 'mode=0777'),
      String(texts.index).replace(/entries=(\d+)/, 'entries=1'),
      String(texts.index).replace(' complete ', ' partial=1 '),
      String(texts.index).replace(/root=\S+/, 'root=/'),
      // A digit of the digest itself.
      String(texts.index).replace(/(.)\n$/, (_, digit: string) => `${digit === '0' ? '1' : '0'}\n`),
    ]
    for (const text of forged) for (const command of ['bk diff old.idx - >out', 'bk send --to store']) await expectRefused(command, Buffer.from(text), text)
  }, 60_000)

  test('changes that count their lines wrong, or do not give the index they say', async () => {
    const forged = [
      String(texts.changes).replace(/lines=(\d+)/, 'lines=1'),
      String(texts.removals).replace(/^- .*\n/m, '').replace(/lines=(\d+)/, (_, lines) => `lines=${Number(lines) - 1}`),
      String(texts.removals).replace(/target=sha256:\w{8}/, 'target=sha256:00000000'),
      String(texts.removals).replace(/mode=0700/, 'mode=0777'),
    ]
    for (const text of forged) await expectRefused('bk send --to store', Buffer.from(text), text)
  }, 60_000)

  test('changes that do not fit their base', async () => {
    await expectRefused('bk send --to store', forge(['- ./not-there']), 'removes what is not there')
    await expectRefused('bk send --to store', forge(['= ./not-there type=dir']), 'changes what is not there')
    await expectRefused('bk send --to store', forge(['+ ./z type=fifo']), 'adds what is there')
    await expectRefused('bk send --to store', forge(['> ./y type=fifo', '> #bk ./y from=./not-there']), 'moves what is not there')
  }, 60_000)

  // Everything about them is right, sums included, but no tree can look like that.
  test('changes that give an index which is none', async () => {
    const without = (path: string): string[] => lines().filter((line) => !line.startsWith(`${path} `))
    await expectRefused('bk send --to store', forge(['- ./d'], without('./d')), 'removes a directory and leaves what is in it')
    const fifo = lines().map((line) => (line.startsWith('./d ') ? './d type=fifo' : line))
    await expectRefused('bk send --to store', forge(['~ ./d type=fifo'], fifo), 'makes a fifo of a directory and leaves what is in it')
    const nowhere = [...lines(), './zz/x type=dir']
    await expectRefused('bk send --to store', forge(['+ ./zz/x type=dir'], nowhere), 'adds something in a directory that is not there')
  }, 60_000)

  test('and the whole lists are taken', async () => {
    expect(readdirSync(join(dir, 'store/log'))).toEqual(['000001'])
    expect((await sh('bk send --to store <removals.changes', {cwd: dir})).status).toBe(0)
    // A first name that is missing is what a name that vanished looks like: the others are files in their own right.
    const orphan = forge(['- ./d/b'], lines().filter((line) => !line.startsWith('./d/b ')))
    expect((await bk(['send', '--to', 'store'], {cwd: dir, stdin: orphan})).status).toBe(0)
    const {snapshots} = readStore(join(dir, 'store'))
    expect(snapshots.map(({seq, state}) => `${seq} ${state}`)).toEqual(['1 complete', '2 complete', '3 complete'])
    expect(snapshots[2]?.index).toMatch(/^\.\/d\/c type=file /m)
    expect(snapshots[2]?.index).not.toContain('hardlink=')
  })
})

/** The lines of the index in the store, without header and end. */
function lines(): string[] {
  return texts.old.toString().split('\n').slice(2, -2)
}

/** Changes against it, with all sums as they should be. `result`: the lines of the index that they give. */
function forge(changes: readonly string[], result: readonly string[] = []): Buffer {
  const [header, base] = [`#mtree\n${String(texts.old).split('\n')[1]}\n`, / base=(\S+)/.exec(String(texts.removals))?.[1]]
  const target = sha256(Buffer.from(header + result.map((line) => `${line}\n`).join('')))
  const body = changes.map((line) => `${line}\n`).join('')
  return Buffer.from(`#bk changes 1 root=${dir}/tree\n${body}#bk end base=${base} target=sha256:${target} lines=${changes.length} complete\n`)
}

async function expectRefused(command: string, text: Buffer, what: string): Promise<void> {
  writeFileSync(join(dir, 'input'), text)
  const {status, stdout, stderr} = await sh(`cat input | ${command}; for s in "\${PIPESTATUS[@]}"; do [ $s = 0 ] || exit $s; done`, {cwd: dir})
  expect({what, status, stdout: String(stdout)}).toEqual({what, status: 65, stdout: ''})
  for (const line of stderr.trimEnd().split('\n')) expect(line, what).toMatch(/^bk (?:diff|send|receive): [a-z]/)
  expect(readdirSync(join(dir, 'store/log')), what).toEqual(['000001'])
}

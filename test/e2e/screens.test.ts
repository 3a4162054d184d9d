// What people see while bk works: the progress line on terminals of 80 and of 40 columns, as tmux shows it. It moves while there is
// something to do, is one line and never two, is never wrapped, and is gone at the end, however that comes.

import {mkdirSync, readdirSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeAll, describe, expect, test} from 'vitest'
import {root, sh} from '../harness/bk.ts'
import {noise} from '../harness/days.ts'
import {descendants} from '../harness/processes.ts'
import {openScreen, type Frame, type Screen} from '../harness/screen.ts'
import {startSshd, type Sshd} from '../harness/sshd.ts'
import {tempDir} from '../harness/temp.ts'
import {manyFiles} from '../harness/tree.ts'

const deep = 'größe/日本語のとても長い名前のディレクトリ/a name below it that is far too long for a line of forty columns'
const snapshot = /^bk restore: snapshot 1 of set slow, received \S+$/
let dir: string
let sshd: Sshd
const run = (script: string) => sh(script, {cwd: dir, env: sshd.env})

beforeAll(async () => {
  dir = tempDir('screens')
  sshd = await startSshd({hosts: ['slow', 'pushed']})
  const far = (set: string, store: string): string => `${process.execPath} ${root}/test/harness/slow.ts 1500000 ${root}/bin/bk forced --receive ${store} --set ${set} --browse ${store}`
  const grant = (set: string, store: string): string => `restrict,command="${far(set, join(dir, store))}" ${sshd.publicKeys[set]}`
  // What is pushed goes elsewhere: the others want to know which snapshot is the newest.
  sshd.authorize([grant('slow', 'store'), grant('pushed', 'pushed')])
  mkdirSync(join(dir, 'tree', deep), {recursive: true})
  for (let at = 0; at < 8; at++) writeFileSync(join(dir, 'tree', deep, `file ${at}`), noise(at, 600_000))
  writeFileSync(join(dir, 'tree/large'), noise(100, 2_000_000))
  for (const columns of [80, 40]) {
    mkdirSync(join(dir, `tree ${columns}`, deep), {recursive: true})
    for (let at = 0; at < 12; at++) writeFileSync(join(dir, `tree ${columns}`, deep, `file ${at}`), noise(1000 * columns + at, 800_000))
  }
  const {status, stderr} = await run('bk init -q pushed && bk init -q store && bk index -C tree . | bk send -q --to store --set slow')
  expect({status, stderr}).toEqual({status: 0, stderr: ''})
})

const open = (columns: number, env: Readonly<Record<string, string>> = {}): Promise<Screen> => openScreen({columns, cwd: dir, env: {...sshd.env, ...env}})

/** The progress lines of a frame: what is done, and last but for a path the time. */
function progressOf({lines}: Frame): string[] {
  return lines.filter((line) => /^(?:bk \w+: )?(?:\w+ {2})?[\d.,]+(?:[KMGT]?(?: of [\d.]+[KMGT]?)?| files?) {2}(?:.* {2})?\d+:\d\d(?:$| left| {2})/.test(line))
}

const filesIn = (path: string): number => readdirSync(path, {recursive: true, withFileTypes: true}).filter((entry) => entry.isFile()).length
const hasProgress = (frame: Frame): boolean => progressOf(frame).length > 0
const atPrompt = ({rows, cursor}: Frame): boolean => rows.at(-1) === '$' && cursor.row === rows.length - 1 && rows.length > 1

/** Until so many different progress lines were seen. */
function seenLines(count: number): (frame: Frame) => boolean {
  const seen = new Set<string>()
  return (frame) => {
    for (const line of progressOf(frame)) seen.add(line)
    return seen.size >= count
  }
}

/** All progress lines, of which no frame may have more than one, and each in one row. */
function singleLines(frames: readonly Frame[]): string[] {
  for (const frame of frames) {
    const lines = progressOf(frame)
    expect(lines.length, frame.rows.join('\n')).toBeLessThanOrEqual(1)
    for (const line of lines) expect(frame.rows).toContain(line)
  }
  return frames.flatMap(progressOf)
}

function expectMoves(lines: readonly string[]): void {
  const done = lines.map((line) => {
    const [, digits = '', letter = ''] = /([\d.]+)([KMGT]?)(?: of |  )/.exec(line) ?? []
    return Number(digits) * 1024 ** (' KMGT'.indexOf(letter || ' '))
  })
  // What was read, and from the beginning again what was sent of it.
  const sent = done.slice(done.findIndex((bytes, at) => bytes < (done[at - 1] ?? 0)))
  const parts = sent.length === 1 ? [done] : [done.slice(0, -sent.length), sent]
  for (const part of parts) expect(part).toEqual(part.toSorted((a, b) => a - b))
  expect(new Set(done).size).toBeGreaterThan(3)
}

/*
 * What takes some seconds: the line that is typed, what its progress looks like in either width, and what it says. Each
 * runs twice, in 80 and in 40 columns ($COLUMNS).
 */
const rows = [
  {
    what: 'restore',
    line: 'bk restore slow: --to "to $COLUMNS"',
    shows: /^bk restore: [\d.]+[KM] of 6\.5M {2}(?:.* {2})?0:0\d left/,
    says: [snapshot, /^bk restore: restored 9 files, 6\.5M in 0:\d\d$/],
  },
  {
    what: 'push',
    line: 'bk push "tree $COLUMNS" pushed:',
    shows: /^bk push: (?:sending {2})?[\d.]+[KM] of 9\.[34]M {2}(?:.* {2})?0:0\d left/,
    says: [/^bk push: \d\d new.* of \d\d entries; read 9\.2M, sent 9\.4M, stored 9\.4M in 0:\d\d$/, /^committed \d \w{64}$/],
  },
]

describe.each(rows)('bk $what', ({line, shows, says}) => {
  test.each([[80, 40], [40, 80]])('in %d columns, and then in %d', async (columns, others) => {
    const screen = await open(columns)
    screen.enter(line)
    const before = singleLines(await screen.watch('it moves', seenLines(4)))
    screen.resize(others)
    // What the terminal wraps is there for a moment: until the process hears of the new size.
    await screen.watch('a line for the new size', (frame) => frame.columns === others && progressOf(frame).some((each) => frame.rows.includes(each)))
    const after = await screen.watch('the end', atPrompt)
    const lines = [...before, ...singleLines(after)]
    expectMoves(lines)
    expect(lines.filter((each) => shows.test(each)).length).toBeGreaterThan(2)
    // With 80 columns there is room for a path, too.
    expect(lines.some((each) => each.includes('…'))).toBe(true)
    // And nothing of it stays.
    expect(after.at(-1)!.lines).toEqual([`$ ${line}`, ...says.map((each) => expect.stringMatching(each)), '$'])
    screen.close()
  })
})

describe('the path', () => {
  test.each([
    ['C.UTF-8', /0:0\d left {2}größ\S*…\S.*\d$/],
    ['C', /0:0\d left {2}gr\\303\S*\.\.\.\S.*\d$/],
  ])('with LC_ALL=%s', async (locale, shown) => {
    const screen = await open(100, {LC_ALL: locale})
    screen.enter('bk restore slow: größe --to here; rm -r here')
    const frames = await screen.watch('a path', (frame) => progressOf(frame).some((line) => shown.test(line)))
    singleLines(frames)
    singleLines(await screen.watch('the end', atPrompt))
    screen.close()
  })
})

describe('while nothing comes', () => {
  test('the line goes on, and so does the run after it', async () => {
    const screen = await open(80)
    screen.enter('bk restore slow: --to later')
    await screen.watch('it moves', seenLines(2))
    const line = descendants(process.pid).find(({command}) => command.includes('/slow.ts '))!.pid
    process.kill(line, 'SIGSTOP')
    const frames = await screen.watch('it lives', seenLines(6))
    process.kill(line, 'SIGCONT')
    const still = singleLines(frames).slice(-3).map((shown) => /[\d.]+[KM]? of/.exec(shown)?.[0])
    expect(new Set(still).size).toBe(1)
    singleLines(await screen.watch('the end', atPrompt))
    screen.close()
  })
})

describe('a run that is stopped', () => {
  test.each([40, 80])('by Ctrl-C leaves the prompt alone in %d columns', async (columns) => {
    const screen = await open(columns)
    const line = 'bk restore slow: --to "cut $COLUMNS"'
    screen.enter(line)
    await screen.watch('it moves', seenLines(2))
    screen.press('C-c')
    const frames = await screen.watch('the prompt', atPrompt)
    // An empty row, because bash ends the line of a program that a signal has ended.
    expect(frames.at(-1)!.lines.filter((each) => each !== '')).toEqual([`$ ${line}`, expect.stringMatching(snapshot), '$'])
    screen.enter('echo "status $?"')
    await screen.watch('how it ended', ({rows: lines}) => lines.includes('status 130'))
    screen.close()
  })

  test('by Ctrl-Z draws nothing until it is in the foreground again', async () => {
    const screen = await open(80)
    screen.enter('bk restore slow: --to again')
    await screen.watch('it moves', seenLines(2))
    screen.press('C-z')
    await screen.watch('the prompt', atPrompt)
    screen.enter('clear; bg')
    await screen.watch('the prompt', atPrompt)
    // It works in the background, and the shell has its line to itself.
    const restored = join(dir, 'again')
    const background = await screen.watch('it goes on', () => filesIn(restored) > 2)
    expect(background.flatMap(progressOf)).toEqual([])
    screen.resize(60)
    screen.enter('clear; fg')
    const frames = await screen.watch('the line is there again', hasProgress)
    singleLines(frames)
    for (const frame of await screen.watch('the end', atPrompt)) for (const line of progressOf(frame)) expect(line.length).toBeLessThan(60)
    screen.close()
  })
})

describe('a pipe', () => {
  test('has one line for all, and what others in it say stands alone', async () => {
    // More than the programs of a pipe gather before they hand it on.
    manyFiles(join(dir, 'more'), 4000)
    expect((await run('mkfifo gate && bk init -q other')).status).toBe(0)
    const screen = await open(80)
    screen.enter('{ bk index -q --no-digest -C more .; read <gate; bk index nothing; read <gate; } | bk send -C more --to other')
    const frames = await screen.watch('it moves, though nothing comes', seenLines(4))
    for (const line of singleLines(frames)) expect(line).toMatch(/^bk send: /)
    writeFileSync(join(dir, 'gate'), '\n')
    const said = 'bk index: cannot read nothing: no such file or directory'
    singleLines(await screen.watch('another speaks', ({rows: lines}) => lines.includes(said)))
    singleLines(await screen.watch('the line is there again', hasProgress))
    writeFileSync(join(dir, 'gate'), '\n')
    const after = await screen.watch('the end', atPrompt)
    singleLines(after)
    expect(after.at(-1)!.rows.slice(-3)).toEqual([said, expect.stringMatching(/^committed \d+ /), '$'])
    screen.close()
  })
})

describe('a terminal without tmux', () => {
  const drawn = (columns: number, words: string, env = ''): Promise<string> =>
    run(`${env} script -qec 'stty cols ${columns}; bk restore ${words}' /dev/null`).then(({stdout}) => String(stdout))
  
  test('gets one line, drawn over and over, and taken away', async () => {
    const written = await drawn(40, 'slow: large --to plain')
    const pieces = written.split('\r').map((piece) => piece.replaceAll('\x1b[J', ''))
    expect(pieces[0]).toMatch(snapshot)
    const lines = pieces.filter((piece) => / of 1\.9M/.test(piece))
    expect(lines.length).toBeGreaterThan(1)
    for (const line of lines) expect(line).toMatch(/^\x1b\[\?7lbk restore: .{1,27}\x1b\[\?7h$/)
    expect(written).toMatch(/\r\x1b\[K\x1b\[Jbk restore: restored 1 file, 1\.9M in 0:0\d\r\n$/)
  })

  test('gets nothing with -q, nor with TERM=dumb, nor does a pipe', async () => {
    const [quiet, dumb, pipe] = await Promise.all([
      drawn(80, '-q slow: large --to quiet'), drawn(80, 'slow: large --to dumb', 'TERM=dumb'), run('bk restore slow: large --to pipe'),
    ])
    expect(quiet).toBe('')
    expect(dumb.split('\r\n')).toEqual([expect.stringMatching(snapshot), expect.stringMatching(/^bk restore: restored 1 file, 1\.9M in/), ''])
    expect(pipe.stderr.split('\n')).toEqual([expect.stringMatching(snapshot), ''])
  })
})

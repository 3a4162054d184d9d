// A terminal that can be looked at: an interactive shell in a tmux of the test's own, on a socket of its own. What people see is a
// matter of moments, so a test watches: it gathers one frame after the other until it has seen what it waits for.

import {spawn, spawnSync} from 'node:child_process'
import {pinnedEnvironment} from './bk.ts'
import {atEnd} from './cleanup.ts'
import {until} from './limits.ts'
import {tempDir} from './temp.ts'

/** What is on the screen at one moment. */
export type Frame = {
  readonly columns: number
  /** Row by row, as they are seen, without blanks at the end; the empty ones below the last are left out. */
  readonly rows: readonly string[]
  /** The same as it was written, from the beginning: a line that was too long for its row and went on in the next is one here. */
  readonly lines: readonly string[]
  readonly cursor: {readonly column: number; readonly row: number}
}

export type Screen = {
  /** Types a line into the shell, and Enter. Its prompt is `$ `. */
  readonly enter: (line: string) => void
  /** Presses a key by tmux's name for it: `C-c`. */
  readonly press: (key: string) => void
  readonly look: () => Frame
  /** Looks until `seen` says so, and answers all that was on the screen meanwhile, each frame once. Throws with the last after half a minute. */
  readonly watch: (what: string, seen: (frame: Frame) => boolean) => Promise<readonly Frame[]>
  readonly resize: (columns: number, rows?: number) => void
  readonly close: () => void
}

export type ScreenOptions = {
  readonly columns: number
  readonly rows?: number
  readonly cwd: string
  /** added to the pinned environment; names are UTF-8 unless it says otherwise */
  readonly env?: Readonly<Record<string, string>>
}

let screens = 0

/** Opens one, with the shell's prompt on it. It ends with the test file, or with the test process when that is killed. */
export async function openScreen({columns, rows = 16, cwd, env = {}}: ScreenOptions): Promise<Screen> {
  const name = `bk-${process.pid}-${++screens}`
  const environment = {...pinnedEnvironment(), LC_ALL: 'C.UTF-8', ...env, TMUX_TMPDIR: tempDir('screen')}
  const options = {cwd, env: environment, encoding: 'utf8'} as const
  // -u and -N: text is UTF-8 on it whatever the locale of the test, and no second server is started by mistake.
  const ask = (...args: string[]): string | undefined => {
    const {status, stdout} = spawnSync('tmux', ['-u', '-N', '-L', name, ...args], options)
    return status === 0 ? stdout : undefined
  }
  const tmux = (...args: string[]): string => {
    const answer = ask(...args)
    if (answer === undefined) throw new Error(`tmux ${args.join(' ')} failed`)
    return answer
  }
  // In the foreground, so that the kernel ends it with the test process, even when that dies of SIGKILL.
  const server = spawn('setpriv', ['--pdeathsig', 'TERM', 'tmux', '-u', '-L', name, '-f', '/dev/null', '-D'], {...options, stdio: 'ignore'})
  const close = (): void => void ask('kill-server')
  const forget = atEnd(close)
  server.on('exit', forget)
  await until('tmux answers', () => ask('show-options', '-g'))
  tmux('set-option', '-g', 'status', 'off')
  tmux('new-session', '-d', '-x', String(columns), '-y', String(rows), "exec env PS1='$ ' bash --norc --noprofile")

  const look = (): Frame => frameOf(tmux('display-message', '-p', '#{pane_width} #{pane_height} #{cursor_x} #{cursor_y}', ';', 'capture-pane', '-p', ';', 'capture-pane', '-pJS', '-'))
  const screen: Screen = {
    enter(line) {
      tmux('send-keys', '-l', line)
      tmux('send-keys', 'Enter')
    },
    press: (key) => void tmux('send-keys', key),
    look,
    async watch(what, seen) {
      const frames: Frame[] = []
      await until(what, () => {
        const frame = look()
        if (JSON.stringify(frame) !== JSON.stringify(frames.at(-1))) frames.push(frame)
        return seen(frame)
      }, 30_000).catch((error: unknown) => {
        throw new Error(`${String(error)}\n${frames.slice(-3).map(({rows: lines}) => lines.join('\n')).join('\n---\n')}`, {cause: error})
      })
      return frames
    },
    resize: (width, height = rows) => void tmux('resize-window', '-x', String(width), '-y', String(height)),
    close,
  }
  await screen.watch('the prompt', (frame) => frame.rows.at(-1) === '$')
  return screen
}

/* The size, then the screen row by row, then once more with rows of one line joined, and what has left the screen above. */
function frameOf(answer: string): Frame {
  const [size = '', ...lines] = answer.split('\n').slice(0, -1)
  const [columns = 0, height = 0, column = 0, row = 0] = size.split(' ').map(Number)
  return {columns, rows: trimmed(lines.slice(0, height)), lines: trimmed(lines.slice(height)), cursor: {column, row}}
}

function trimmed(lines: readonly string[]): string[] {
  const text = lines.map((line) => line.trimEnd())
  while (text.at(-1) === '') text.pop()
  return text
}

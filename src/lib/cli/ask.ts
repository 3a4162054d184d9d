/**
 * Asks for a secret on the terminal itself, whatever standard input and output are. What is typed is not shown, and the terminal is as
 * before when the question is over, however it ends.
 */
import {openSync, writeSync} from 'node:fs'
import {ReadStream} from 'node:tty'
import {BkError, reasonOf} from './errors.ts'
import {oneLine} from './escape.ts'
import {exitStatus} from './exit.ts'

/** Asks for a new passphrase, twice. Throws BkError 2 where there is no terminal, for an empty one, and for two that differ. */
export async function askNewPassphrase(what: string): Promise<Buffer> {
  const fd = openTerminal()
  const terminal = new ReadStream(fd)
  try {
    const first = await askHidden(terminal, fd, `passphrase for ${what}: `)
    if (first.length === 0) throw new BkError('the passphrase is empty', {hint: 'leave out --passphrase for a key without one'})
    const second = await askHidden(terminal, fd, 'the same once more: ')
    if (!second.equals(first)) throw new BkError('the two passphrases differ', {hint: 'try again'})
    return first
  } finally {
    terminal.destroy()
  }
}

function openTerminal(): number {
  try {
    return openSync('/dev/tty', 'r+')
  } catch (error) {
    throw new BkError(`cannot ask for a passphrase, there is no terminal: ${reasonOf(error)}`, {hint: 'run it in a terminal, or leave out --passphrase', cause: error})
  }
}

/* The terminal shows nothing and hands over every key as it is pressed: what they mean is for us to say. */
async function askHidden(terminal: ReadStream, fd: number, prompt: string): Promise<Buffer> {
  terminal.setRawMode(true)
  writeSync(fd, oneLine(prompt))
  let typed = ''
  try {
    for (;;) {
      const piece = await pressedKeys(terminal)
      // A character of several bytes may come in two pieces: as bytes until the line is whole.
      for (const [at, key] of [...piece.toString('latin1')].entries()) {
        if (key === '\r' || key === '\n') {
          const rest = piece.subarray(at + 1)
          if (rest.length > 0) terminal.unshift(rest)
          return Buffer.from(typed, 'latin1')
        }
        typed = edited(typed, key)
      }
    }
  } finally {
    terminal.setRawMode(false)
    writeSync(fd, '\n')
  }
}

async function pressedKeys(terminal: ReadStream): Promise<Buffer> {
  for (;;) {
    const piece: Buffer | null = terminal.read()
    if (piece !== null) return piece
    if (terminal.readableEnded || terminal.errored !== null) return giveUp()
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        for (const event of ['readable', 'end', 'error']) terminal.off(event, wake)
        resolve()
      }
      for (const event of ['readable', 'end', 'error']) terminal.on(event, wake)
    })
  }
}

/* Ctrl-C and Ctrl-D give up, Ctrl-U begins anew, backspace takes a character back: all bytes of it, from its first on. */
function edited(typed: string, key: string): string {
  switch (key) {
    case '\x03':
    case '\x04':
      return giveUp()
    case '\x15':
      return ''
    case '\x7f':
    case '\b':
      return typed.replace(/[^\x80-\xbf][\x80-\xbf]*$/, '')
    default:
      return typed + key
  }
}

function giveUp(): never {
  throw new BkError('interrupted', {status: exitStatus.interrupted})
}

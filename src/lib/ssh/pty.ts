/*
 * A terminal of our own for the stderr of ssh: it says "Confirm user presence for key ..." nowhere else than on a terminal, so that with
 * a pipe there whoever has such a key would sit and wait without a word. What ssh writes to it is read here, as from a pipe.
 */
import {constants, openSync} from 'node:fs'
import {ReadStream} from 'node:tty'
import {checked, libc} from '../sys/libc.ts'

const {O_NOCTTY, O_RDWR} = constants

// From asm-generic/ioctls.h, which x64 and arm64 share: unlocks the other end; asks for its number.
const TIOCSPTLCK = 0x40045431
const TIOCGPTN = 0x80045430

/** The end for ssh, to be closed when ssh has it, and the one to read from, which ends when nobody has the other any more. */
export type Pty = {readonly fd: number; readonly words: ReadStream}

/** Opens one; undefined where the system has none to give. */
export function openPty(): Pty | undefined {
  let words: ReadStream | undefined
  try {
    const ours = openSync('/dev/ptmx', O_RDWR | O_NOCTTY)
    words = new ReadStream(ours)
    const number = new Int32Array(1)
    const argument = new Uint8Array(number.buffer)
    checked(libc().ioctl(ours, TIOCSPTLCK, argument), 'ioctl')
    checked(libc().ioctl(ours, TIOCGPTN, argument), 'ioctl')
    return {fd: openSync(`/dev/pts/${number[0]}`, O_RDWR | O_NOCTTY), words}
  } catch {
    words?.destroy()
    return undefined
  }
}

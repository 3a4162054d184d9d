// A program behind a slow line, as a forced command: `node slow.ts BYTES PROGRAM ARGS...` runs the program and lets at most so many
// bytes a second through, each way. What it waits is no time that a test sleeps: it is the line that is slow.

import {spawn} from 'node:child_process'
import type {Readable, Writable} from 'node:stream'
import {setTimeout as sleep} from 'node:timers/promises'

const [rate = '', program = '', ...args] = process.argv.slice(2)
const piece = Math.ceil(Number(rate) / 50)

const child = spawn(program, args, {stdio: ['pipe', 'pipe', 'inherit']})
const ended = new Promise<number>((resolve) => child.on('exit', (code) => resolve(code ?? 1)))
// Whoever ends first is no error of the line.
for (const end of [process.stdout, child.stdin]) end.on('error', () => end.destroy())
void pass(process.stdin, child.stdin)
await pass(child.stdout, process.stdout)
process.exitCode = await ended
process.stdin.destroy()

async function pass(from: Readable, to: Writable): Promise<void> {
  for await (const bytes of from as AsyncIterable<Buffer>) {
    for (let at = 0; at < bytes.length; at += piece) {
      const part = bytes.subarray(at, at + piece)
      to.write(part)
      await sleep((1000 * part.length) / Number(rate))
    }
  }
  if (to !== process.stdout) to.end()
}

// An access log as a web server writes it, for the corpus of large files: real paths and sizes of this machine, a few busy clients and
// pages among many, time that moves on. A pure function of its arguments but for the list of paths.

import {closeSync, openSync, writeSync} from 'node:fs'
import {seeded} from './random.ts'
import {filesBelow} from './texts.ts'

/** 2026-01-01, in seconds: when the logs of the corpora begin. */
export const logStart = 1767225600

const agents = [
  'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
  'curl/7.88.1',
  'Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)',
]
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Appends at least `limit` bytes of log to the file, beginning at `start` (seconds); the same seed gives the same lines. */
export function appendLog(path: string, seed: number | Uint8Array, start: number, limit: number): void {
  const fd = openSync(path, 'a')
  try {
    let held: string[] = []
    for (const line of linesOf(seed, start, limit)) {
      held.push(line)
      if (held.length < 20_000) continue
      writeSync(fd, held.join(''))
      held = []
    }
    writeSync(fd, held.join(''))
  } finally {
    closeSync(fd)
  }
}

function* linesOf(seed: number | Uint8Array, start: number, limit: number): Generator<string> {
  const pages = [...filesBelow(['/usr/share/doc', '/usr/share/perl', '/usr/lib/python3'])]
  if (pages.length === 0) throw new Error('no files below /usr/share/doc to make a log of')
  const {next} = seeded(seed)
  const site = seeded(7)
  site.shuffle(pages)
  const octet = (): number => site.below(256)
  const clients = Array.from({length: 20_000}, () => `${1 + site.below(222)}.${octet()}.${octet()}.${octet()}`)
  let time = start
  for (let written = 0; written < limit; ) {
    time += next() < 0.8 ? 0 : 1
    const x = next()
    const {path, size} = pages[Math.floor(pages.length * x * x * x)]!
    const y = next()
    const client = clients[Math.floor(clients.length * y * y)]!
    const [status, length] = outcome(next(), size)
    const agent = agents[Math.floor(agents.length * next() * next())]!
    const seconds = (next() * next() * 0.4).toFixed(3)
    const line = `${client} - - [${stamp(time)}] "GET ${path.slice(4)} HTTP/1.1" ${status} ${length} "-" "${agent}" rt=${seconds}\n`
    written += Buffer.byteLength(line)
    yield line
  }
}

function outcome(z: number, size: number): [number, number] {
  if (z < 0.86) return [200, size]
  if (z < 0.94) return [304, 0]
  return z < 0.99 ? [404, 162] : [500, 584]
}

function stamp(seconds: number): string {
  const date = new Date(seconds * 1000)
  const two = (n: number): string => String(n).padStart(2, '0')
  const clock = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`
  return `${two(date.getUTCDate())}/${months[date.getUTCMonth()]}/${date.getUTCFullYear()}:${clock} +0000`
}

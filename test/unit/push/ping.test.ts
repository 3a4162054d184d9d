// Pings as a watcher sees them, and what is said of those that do not arrive.

import {createServer, type IncomingMessage, type Server, type ServerResponse} from 'node:http'
import type {AddressInfo} from 'node:net'
import {afterEach, describe, expect, it} from 'vitest'
import {ping, pingAddress, pingUrl, type PingKind} from '../../../src/lib/push/ping.ts'

let server: Server | undefined

afterEach(() => {
  server?.closeAllConnections()
  server?.close()
  server = undefined
})

type Seen = {readonly line: string; readonly body: string; readonly type: string | undefined}

/* Answers each request by the next of the answers, and the last again and again. */
async function watch(...answers: ((response: ServerResponse, request: IncomingMessage) => void)[]): Promise<{url: URL; seen: Seen[]}> {
  const seen: Seen[] = []
  const listening = createServer(async (request, response) => {
    const pieces: Buffer[] = []
    for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece)
    seen.push({line: `${request.method} ${request.url}`, body: Buffer.concat(pieces).toString(), type: request.headers['content-type']})
    answers[Math.min(seen.length, answers.length) - 1]!(response, request)
  })
  server = listening
  await new Promise<void>((done) => listening.listen(0, '127.0.0.1', done))
  return {url: new URL(`http://127.0.0.1:${(listening.address() as AddressInfo).port}/abc-def`), seen}
}

const ok = (response: ServerResponse): void => void response.end('OK')
const status = (code: number, headers = {}) => (response: ServerResponse): void => void response.writeHead(code, headers).end('no')
const quick = {pauses: [1, 1], timeout: 2000}

describe('a URL', () => {
  it.for(['', 'hc-ping.com/x', 'ftp://hc-ping.com/x', 'file:///etc/passwd', 'https://', 'javascript:1'])('%j is none', (text) => {
    expect(() => pingUrl(text)).toThrow(expect.objectContaining({message: '--ping: not the URL of a check', status: 64}))
  })

  it.for<[text: string, kind: PingKind, address: string]>([
    ['https://hc-ping.com/u', 'start', 'https://hc-ping.com/u/start'],
    ['https://hc-ping.com/u', 'success', 'https://hc-ping.com/u'],
    ['https://hc-ping.com/u/', 'success', 'https://hc-ping.com/u/'],
    ['https://hc-ping.com/u//', 'fail', 'https://hc-ping.com/u/fail'],
    ['http://h:8000/ping/u?rid=1&create=1', 'start', 'http://h:8000/ping/u/start?rid=1&create=1'],
    ['http://h:8000/ping/u?rid=1', 'success', 'http://h:8000/ping/u?rid=1'],
    ['http://h/u#x', 'success', 'http://h/u'],
    ['http://h', 'fail', 'http://h/fail'],
  ])('%s, %s', ([text, kind, address]) => {
    expect(pingAddress(pingUrl(text), kind).href).toBe(address)
  })
})

describe('a ping that arrives', () => {
  it('is a POST with a few words', async () => {
    const {url, seen} = await watch(ok)
    url.search = '?rid=7'
    expect(await ping(url, 'start')).toBe(undefined)
    expect(await ping(url, 'success', '3 new, 1 gone')).toBe(undefined)
    expect(await ping(url, 'fail', 'cannot read ä')).toBe(undefined)
    expect(seen.map(({line, body}) => `${line} ${body}`)).toEqual(['POST /abc-def/start?rid=7 ', 'POST /abc-def?rid=7 3 new, 1 gone', 'POST /abc-def/fail?rid=7 cannot read ä'])
    expect(seen[2]?.type).toBe('text/plain; charset=utf-8')
  })

  it('has no more than 4 KiB of them, in whole characters', async () => {
    const {url, seen} = await watch(ok)
    await ping(url, 'fail', 'x' + 'ä'.repeat(5000))
    expect(seen[0]?.body).toBe('x' + 'ä'.repeat(2047))
  })

  it('may take three attempts', async () => {
    const {url, seen} = await watch(status(503), (response) => void response.destroy(), ok)
    expect(await ping(url, 'success', 'x', quick)).toBe(undefined)
    expect(seen.map(({line, body}) => `${line} ${body}`)).toEqual(Array.from({length: 3}, () => 'POST /abc-def x'))
  })

  it('is not waited for when the answer has no end', async () => {
    const {url} = await watch((response) => {
      response.write('OK'.repeat(1000))
    })
    expect(await ping(url, 'success', '', quick)).toBe(undefined)
  })
})

describe('a ping that does not', () => {
  it.for<[what: string, answer: (response: ServerResponse) => void, attempts: number, reason: string]>([
    ['not there', status(404), 1, 'the answer is 404'],
    ['down', status(500), 3, 'the answer is 500'],
    ['too often', status(429), 3, 'the answer is 429'],
    ['not counted', (response) => void response.end('OK (not found)'), 1, 'not found'],
    ['moved', status(301, {location: 'https://other.example/secret'}), 1, 'the answer is 301, ask elsewhere: https://other.example'],
    ['moved on the host', status(302, {location: '/x'}), 1, 'the answer is 302, ask elsewhere: another path'],
    ['cut off', (response) => void response.destroy(), 3, 'connection reset by peer'],
    ['forging a line', (response) => void response.end('OK (a\u001b[31m)'), 1, 'a\\033[31m'],
  ])('%s', async ([, answer, attempts, reason]) => {
    const {url, seen} = await watch(answer)
    expect(await ping(url, 'success', '', quick)).toBe(`${url.host}: ${reason}`)
    expect(seen).toHaveLength(attempts)
  })

  it('silent: given up after its time, each attempt', async () => {
    const {url, seen} = await watch(() => {})
    const begun = Date.now()
    expect(await ping(url, 'success', '', {pauses: [1, 1], timeout: 200})).toBe(`${url.host}: no answer within 0.2 s`)
    expect(seen).toHaveLength(3)
    expect(Date.now() - begun).toBeLessThan(5000)
  })

  it('stuck in the middle of an answer', async () => {
    const {url} = await watch((response) => {
      response.writeHead(200, {'content-length': '200'}).write('O')
    })
    expect(await ping(url, 'success', '', {pauses: [], timeout: 200})).toBe(`${url.host}: no answer within 0.2 s`)
  })

  it('nobody there, no such host, no TLS: never the path in the words', async () => {
    const {url} = await watch(ok)
    const secure = new URL(url.href.replace('http:', 'https:'))
    expect(await ping(secure, 'success', '', {pauses: []})).toMatch(/^127\.0\.0\.1:\d+: (?!.*abc)/)
    server?.close()
    server = undefined
    expect(await ping(url, 'success', '', {pauses: []})).toBe(`${url.host}: connection refused`)
    expect(await ping(new URL('http://no-such-host.invalid/abc'), 'success', '', {pauses: []})).toMatch(/^no-such-host\.invalid: (?!.*abc)/)
  })
})

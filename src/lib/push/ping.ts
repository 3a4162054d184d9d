/**
 * Tells a watcher on the web that a push began, was done, or failed, the way healthchecks.io and its self-hosted kin take it: a
 * POST to URL/start, URL, or URL/fail, with a few words as its body. So somebody is told when the host is too dead to tell.
 *
 * A ping that fails is no failure of the backup, which is committed whatever the watcher hears, and changes no status: a
 * watcher that hears nothing raises its alarm itself, that is what it is for, and a warning every night that it is down for
 * would be one that nobody reads. The caller says it as a note.
 *
 * A redirect is not followed: a POST would become a GET, and the words go where nobody has sent them. The reason says where
 * it leads. The URL is a secret (who has it can say that all is well), so that no reason shows more of it than the host.
 */
import type {IncomingMessage} from 'node:http'
import {errorCode, reasonOf, usageError} from '../cli/errors.ts'
import {oneLine} from '../cli/escape.ts'

export type PingKind = 'start' | 'success' | 'fail'

export type PingOptions = {
  /** Milliseconds for one attempt, the name's look-up and the answer included. */
  readonly timeout?: number
  /** Milliseconds before each further attempt; there are as many as these and one. */
  readonly pauses?: readonly number[]
}

/* Of the words that are sent. */
const maxBody = 4096
/* Of an answer, which nobody reads but for its first words. */
const maxAnswer = 256

/** The URL of --ping. Throws a usage error for what is none, or not of the web. */
export function pingUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.hostname === '') {
    throw usageError('--ping: not the URL of a check', 'it begins with https:// or http://')
  }
  return url
}

/** Where a kind of ping goes: a query stays behind it, a fragment does not. */
export function pingAddress(url: URL, kind: PingKind): URL {
  const address = new URL(url)
  address.hash = ''
  if (kind !== 'success') address.pathname = `${address.pathname.replace(/\/+$/, '')}/${kind}`
  return address
}

/** Sends a ping, again after a time if it failed for a reason that may pass. Never throws: answers why it failed, or undefined. */
export async function ping(url: URL, kind: PingKind, text = '', {timeout = 10_000, pauses = [1000, 3000]}: PingOptions = {}): Promise<string | undefined> {
  const address = pingAddress(url, kind)
  const body = Buffer.from(shortened(text))
  for (let attempt = 0; ; attempt++) {
    const {reason, final} = await attemptPing(address, body, timeout)
    const pause = pauses[attempt]
    if (reason === undefined || final || pause === undefined) return reason && oneLine(`${address.host}: ${reason}`)
    await new Promise((done) => setTimeout(done, pause))
  }
}

/** `final`: to ask again would change nothing. */
type Attempt = {readonly reason: string | undefined; readonly final: boolean}

async function attemptPing(address: URL, body: Buffer, timeout: number): Promise<Attempt> {
  const signal = AbortSignal.timeout(timeout)
  try {
    const {request} = await (address.protocol === 'https:' ? import('node:https') : import('node:http'))
    const headers = {'content-type': 'text/plain; charset=utf-8', 'content-length': body.length, 'user-agent': 'bk'}
    const answer = await new Promise<IncomingMessage>((done, failed) => {
      // A connection that is kept would keep the process.
      request(address, {method: 'POST', agent: false, headers, signal}, done).on('error', failed).end(body)
    })
    return judge(answer, await firstWords(answer))
  } catch (error) {
    return {reason: signal.aborted ? `no answer within ${timeout / 1000} s` : reasonOfFailure(error), final: false}
  }
}

function judge({statusCode = 0, headers}: IncomingMessage, words: string): Attempt {
  // healthchecks.io says 200 for what it does not count: `OK (not found)`, `OK (rate limited)`.
  if (statusCode >= 200 && statusCode < 300) return {reason: /^OK \((.*)\)/.exec(words)?.[1], final: true}
  if (statusCode >= 300 && statusCode < 400) return {reason: `the answer is ${statusCode}, ask elsewhere: ${hostOf(headers.location)}`, final: true}
  return {reason: `the answer is ${statusCode}`, final: statusCode < 500 && statusCode !== 408 && statusCode !== 429}
}

function hostOf(location: string | undefined): string {
  return location !== undefined && URL.canParse(location) ? new URL(location).origin : 'another path'
}

/* The rest is not waited for. */
async function firstWords(answer: IncomingMessage): Promise<string> {
  let bytes = Buffer.alloc(0)
  for await (const piece of answer as AsyncIterable<Buffer>) {
    bytes = Buffer.concat([bytes, piece])
    if (bytes.length >= maxAnswer) break
  }
  answer.destroy()
  return bytes.subarray(0, maxAnswer).toString('utf8')
}

/* A host with several addresses fails with an error for each. */
function reasonOfFailure(error: unknown): string {
  const one: unknown = error instanceof AggregateError ? error.errors[0] : error
  return errorCode(one) === 'ENOTFOUND' ? 'no such host' : reasonOf(one)
}

/* Whole characters. */
function shortened(text: string): string {
  if (Buffer.byteLength(text) <= maxBody) return text
  return Buffer.from(text).subarray(0, maxBody).toString('utf8').replace(/\ufffd+$/, '')
}

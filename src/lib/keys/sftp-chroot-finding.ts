/**
 * What `bk keys sftp-chroot --check` has found out, a finding for each thing that it has looked at: what is right, and what is wrong with
 * what to type against it. Pure.
 */
import {oneLine} from '../cli/escape.ts'

export type Finding = {
  readonly verdict: 'ok' | 'wrong'
  /** What was looked at, a word: `shell`, or a keyword of sshd_config. */
  readonly what: string
  readonly text: string
  /** What to do, where it is wrong. */
  readonly hint?: string
}

export function ok(what: string, text: string): Finding {
  return {verdict: 'ok', what, text}
}

export function wrong(what: string, text: string, hint: string): Finding {
  return {verdict: 'wrong', what, text, hint}
}

/** `ok: shell: …`, `wrong: shell: …` and `hint: …`, with their newlines. */
export function findingLines({verdict, what, text, hint}: Finding): string {
  return [`${verdict}: ${what}: ${text}`, ...(hint === undefined ? [] : [`hint: ${hint}`])].map((line) => `${oneLine(line)}\n`).join('')
}

/** A finding as one line of JSON. */
export function findingAsJson({verdict, what, text, hint}: Finding): string {
  return `${JSON.stringify({type: 'finding', verdict, what, message: text, hint})}\n`
}

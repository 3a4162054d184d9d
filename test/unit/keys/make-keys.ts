// Keys for tests: made by ssh-keygen, once for each kind, and lines with them.

import {spawnSync} from 'node:child_process'
import {readFileSync} from 'node:fs'
import {join} from 'node:path'
import {parsePublicKey, type PublicKey} from '../../../src/lib/keys/public-key.ts'
import type {RestrictedLine} from '../../../src/lib/keys/restricted-line.ts'
import {tempDir} from '../../harness/temp.ts'

/** The line of a new public key, without its newline, and its file. */
export function makeKey(type = 'ed25519', comment = 'web1', bits?: number): {readonly line: string; readonly file: string} {
  const file = join(tempDir('key'), 'key')
  const size = bits === undefined ? [] : ['-b', String(bits)]
  const {status, stderr} = spawnSync('ssh-keygen', ['-q', '-t', type, ...size, '-N', '', '-C', comment, '-f', file], {encoding: 'utf8'})
  if (status !== 0) throw new Error(`ssh-keygen failed: ${stderr}`)
  return {line: readFileSync(`${file}.pub`, 'latin1').replace(/\n$/, ''), file}
}

export function newKey(comment?: string): PublicKey {
  return parsePublicKey(makeKey('ed25519', comment).line, 'line 1')
}

/** A line that lets a key add to a store. */
export function lineFor(key: PublicKey, changes: Partial<RestrictedLine> = {}): RestrictedLine {
  return {key, program: '/opt/bk/bin/bk', words: ['--receive', '/backup/store', '--set', 'web1'], from: undefined, expires: undefined, ...changes}
}

// What somebody tries with a key that is restricted: each works with a key that is not, or the test would prove nothing.

import {existsSync} from 'node:fs'
import {join} from 'node:path'
import type {Result} from '../harness/bk.ts'

export type Attempt = {
  readonly name: string
  /** a script, with HOST for the key */
  readonly script: string
  /** whether the thief got what he wanted */
  readonly works: (result: Result) => boolean
}

/** What works with any key that is not restricted. Made in `dir()`, where tree/file is; `granted` is what the restricted key may ask for. */
export function attemptsIn(dir: () => string, granted: string): Attempt[] {
  const makes = (name: string) => (): boolean => existsSync(join(dir(), name))
  const all: Attempt[] = [
    {name: 'a shell', script: "echo 'echo in-$((40+2))' | ssh HOST", works: says('in-42')},
    {name: 'a command', script: "ssh HOST 'echo in-$((40+2))' </dev/null", works: says('in-42')},
    {name: 'a command behind the granted one', script: "ssh HOST 'GRANTED; echo in-$((40+2))' </dev/null", works: says('in-42')},
    {name: 'a command in the granted one', script: "ssh HOST 'GRANTED $(echo in-$((40+2)) >&2)' </dev/null 2>&1", works: says('in-42')},
    {name: 'a command on a line of its own', script: "ssh HOST $'GRANTED\\necho in-$((40+2))' </dev/null", works: says('in-42')},
    {name: 'scp, from there', script: 'scp -q HOST:/etc/passwd stolen', works: makes('stolen')},
    {name: 'scp, from there, the old way', script: 'scp -O -q HOST:/etc/passwd stolen', works: makes('stolen')},
    {name: 'scp, to there', script: 'scp -q tree/file HOST:$PWD/planted', works: makes('planted')},
    {name: 'scp, to there, the old way', script: 'scp -O -q tree/file HOST:$PWD/planted', works: makes('planted')},
    {name: 'rsync, to there', script: 'rsync tree/file HOST:$PWD/planted', works: makes('planted')},
    {name: 'sftp', script: 'echo get /etc/passwd stolen | sftp -q -b - HOST', works: makes('stolen')},
    {name: 'a forwarded stdin (-W)', script: `ssh -W 127.0.0.1:PORT HOST </dev/null`, works: says('SSH-2.0')},
    {name: 'a forwarded port there (-R)', script: 'timeout 3 ssh -N -o ExitOnForwardFailure=yes -R 127.0.0.1:0:127.0.0.1:PORT HOST', works: ({status}) => status === 124},
    {name: 'a forwarded port there for all (-R *)', script: "timeout 3 ssh -N -o ExitOnForwardFailure=yes -R '*:0:127.0.0.1:PORT' HOST", works: ({status}) => status === 124},
    {name: 'a forwarded socket there (-R)', script: 'timeout 3 ssh -N -o ExitOnForwardFailure=yes -R $PWD/remote.sock:127.0.0.1:PORT HOST', works: makes('remote.sock')},
  ]
  return all.map((attempt) => ({...attempt, script: attempt.script.replaceAll('GRANTED', granted)}))
}

const says = (text: string) => ({stdout}: Result): boolean => stdout.toString().includes(text)

#!/usr/bin/env node
// nightly.mjs STORE DIRECTORY...
//
// nightly.sh for those who would rather write JavaScript, with zx: the same parts of bk in a pipe, one run at a time, and up to ATTEMPTS (5)
// of them, WAIT (10m) apart, while the store cannot be reached (75). It ends with the status of the pipe. zx comes with bk; for a copy of this
// file elsewhere: npm install zx.
//
// The pipe is one command of the shell, so that the texts go from process to process and not through this one. pipefail, which zx sets,
// gives the status of the last part that failed. Where an earlier one did, that is 65: its text was cut off, and nothing was committed.

import {mkdir} from 'node:fs/promises'
import {$, sleep} from 'zx'

const {STATE: state = '/var/lib/bk-nightly', WAIT: wait = '10m', ATTEMPTS: attempts = '5'} = process.env
const [store, ...directories] = process.argv.slice(2)

if (directories.length === 0) {
  console.error('usage: nightly.mjs STORE DIRECTORY...')
  process.exit(64)
}

await mkdir(state, {recursive: true, mode: 0o700})
const remote = `${state}/remote.idx`
const lock = `${state}/lock`

async function backUp() {
  // The lock is descriptor 9 of the shell and of all that it starts: it goes with the last of them.
  const run = $({nothrow: true, stdio: ['ignore', 'inherit', 'inherit']})
  const {exitCode, signal} = await run`
    exec 9>${lock}
    flock -n 9 || { echo 'nightly.mjs: another run is at work' >&2; exit 75; }
    bk index ${directories} | bk diff -q ${remote} | bk send -q --to ${store} --index-out ${remote} >/dev/null
  `
  return signal === null ? exitCode : 2
}

let status = await backUp()
for (let attempt = 1; status === 75 && attempt < Number(attempts); attempt++) {
  console.error(`nightly.mjs: again in ${wait}`)
  await sleep(wait)
  status = await backUp()
}
process.exit(status)

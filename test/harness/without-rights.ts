// Commands that may not read everything, also where the tests run as root: then they run as root without the capabilities that let it
// read what modes forbid. (Another user could not even enter a checkout in /root.)

import {sh} from './bk.ts'
import type {Result, RunOptions} from './bk.ts'

/** Runs a script as `sh` of bk.ts does; what has mode 000 cannot be read by it. */
export function shWithoutRights(script: string, options: RunOptions = {}): Promise<Result> {
  if (process.getuid?.() !== 0) return sh(script, options)
  return sh(`exec setpriv --bounding-set -dac_override,-dac_read_search bash --norc -o pipefail -c "$SCRIPT"`, {...options, env: {...options.env, SCRIPT: script}})
}

/*
 * What stands in every store beside the data: how to get everything back on a machine that never saw bk.
 */
import {readFileSync} from 'node:fs'

/** The files, by name. */
export function recoveryKit(): Map<string, Buffer> {
  return new Map(['README', 'recover.sh'].map((name) => [name, readFileSync(new URL(`./recovery/${name}`, import.meta.url))]))
}

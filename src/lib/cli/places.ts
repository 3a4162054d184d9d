/*
 * Where this user's files are (XDG base directories).
 */
import {homedir} from 'node:os'

/** Directory for what is remembered between runs and may be lost. */
export function stateDirectory(): string {
  const given = process.env['XDG_STATE_HOME']
  return `${given !== undefined && given.startsWith('/') ? given : `${homedir()}/.local/state`}/bk`
}

/*
 * What is remembered for whoever asks has to have an end: he could say each time that he is another store.
 */
import {calls} from '../sys/calls.ts'

/** Removes of the files and directories of files in a folder the oldest, until so many are left. Throws what the system does. */
export function forgetOldest(folder: string, most: number): void {
  const aged = calls.readdir(folder).map((name) => ({path: `${folder}/${name}`, stats: calls.lstatOrNone(`${folder}/${name}`)}))
  const newestFirst = aged.sort((a, b) => Number(b.stats?.mtimeMs ?? 0) - Number(a.stats?.mtimeMs ?? 0))
  for (const {path, stats} of newestFirst.slice(most)) remove(path, stats?.isDirectory() === true)
}

function remove(path: string, isDirectory: boolean): void {
  if (!isDirectory) return calls.unlink(path)
  for (const name of calls.readdir(path)) remove(`${path}/${name}`, calls.lstatOrNone(`${path}/${name}`)?.isDirectory() === true)
  calls.rmdir(path)
}

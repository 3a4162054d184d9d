/**
 * Who could exchange what a path leads to. sshd looks at each directory of a path as it is written; here the places where its symbolic
 * links lead are looked at as well, since whoever owns one of those owns the path.
 */
import {dirname} from 'node:path'
import {isSystemError} from '../cli/errors.ts'
import {escapeName} from '../cli/escape.ts'
import {calls} from '../sys/calls.ts'
import {componentsOf, shellWord} from './sftp-chroot-names.ts'
import {ok, wrong, type Finding} from './sftp-chroot-finding.ts'
import type {BigIntStats} from 'node:fs'

const MOST_LINKS = 40

/** Every directory on the way to a path, and last what it is, with links followed; those that are missing are left out. */
export function placesOf(path: string): string[] {
  const places = ['/']
  const todo = path.split('/')
  let at = '/'
  let links = 0
  for (let part = todo.shift(); part !== undefined; part = todo.shift()) {
    if (part === '' || part === '.') continue
    if (part === '..') {
      at = dirname(at)
      continue
    }
    const next = at === '/' ? `/${part}` : `${at}/${part}`
    const stat = calls.lstatOrNone(next)
    if (stat === undefined) break
    if (!stat.isSymbolicLink()) {
      at = next
      places.push(at)
      continue
    }
    if (++links > MOST_LINKS) break
    const target = calls.readlink(next).toString()
    if (target.startsWith('/')) at = '/'
    todo.unshift(...target.split('/'))
  }
  return [...new Set(places)]
}

/** The directories of a root, each with what sshd would say of it, and of those behind its links. */
export function rootFindings(root: string, user: string): Finding[] {
  const written = componentsOf(root)
  const elsewhere = placesOf(root).filter((place) => !written.includes(place))
  const findings: Finding[] = []
  for (const place of [...written, ...elsewhere]) {
    const finding = directoryFinding(place, user)
    findings.push(finding)
    // Nothing is below what is not there.
    if (finding.verdict === 'wrong' && statOf(place)?.isDirectory() !== true) break
  }
  return findings
}

function directoryFinding(dir: string, user: string): Finding {
  const what = 'path'
  const shown = escapeName(dir)
  const stat = statOf(dir)
  if (stat === undefined) return wrong(what, `${shown} is not there: sshd refuses every login`, `mkdir -p -m 755 ${shellWord(dir)}`)
  if (!stat.isDirectory()) return wrong(what, `${shown} is no directory: sshd refuses every login`, 'name a directory: --root DIR')
  const trouble = whoElseWrites(stat)
  if (trouble === undefined) return ok(what, `${shown}: root, ${modeOf(stat)}`)
  return wrong(what, `${shown} ${trouble}: sshd refuses every login`, `${mending(dir, stat)}; a directory that others work in is shown below another root: bk keys sftp-chroot ${user} --tree DIR`)
}

/** What is wrong with a file, or its directories, that only root may be able to change; undefined where all is right. */
export function onlyRootChanges(file: string): {readonly trouble: string; readonly hint: string} | undefined {
  for (const place of placesOf(file)) {
    const stat = statOf(place)
    const trouble = stat === undefined ? undefined : whoElseWrites(stat)
    if (stat !== undefined && trouble !== undefined) return {trouble: `${escapeName(place)} ${trouble}`, hint: mending(place, stat)}
  }
  return undefined
}

/** The rule of sshd for a chroot: root's own, and nobody else may write. An ACL that lets others write shows in the mode of the group. */
function whoElseWrites({uid, mode}: BigIntStats): string | undefined {
  if (uid !== 0n) return `belongs to user ${uid}, not to root`
  if ((mode & 0o002n) !== 0n) return `may be written by everybody (mode ${modeOf({mode})})`
  if ((mode & 0o020n) !== 0n) return `may be written by its group (mode ${modeOf({mode})})`
  return undefined
}

function mending(path: string, {uid, mode}: BigIntStats): string {
  const shown = shellWord(path)
  return [...(uid === 0n ? [] : [`chown root ${shown}`]), ...((mode & 0o022n) === 0n ? [] : [`chmod go-w ${shown}`])].join(' && ')
}

function modeOf({mode}: {readonly mode: bigint}): string {
  return (mode & 0o7777n).toString(8).padStart(4, '0')
}

/** What a path leads to; undefined where that is nothing, or nothing that root can look at. */
export function statOf(path: string): BigIntStats | undefined {
  try {
    return calls.stat(path)
  } catch (error) {
    if (isSystemError(error)) return undefined
    throw error
  }
}

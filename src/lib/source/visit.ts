/*
 * Looks at one name of a tree and brings home its lines: those of the last run where its stats say that nothing changed,
 * new ones otherwise. What cannot be read becomes an `error` comment and the walk goes on; what vanishes meanwhile is gone.
 */
import {constants, lstatSync, readdirSync, readlinkSync, type BigIntStats} from 'node:fs'
import type {EntryType} from '../index/entry.ts'
import {calls} from '../sys/calls.ts'
import {errnoName, errnoWords, systemError, type Path} from '../sys/errno.ts'
import type {Users} from '../sys/users.ts'
import {findApart, type Apart} from './apart.ts'
import {attributesOf, isGone} from './attributes.ts'
import {createFileReader, REPLACED, type FileReaderOptions} from './contents.ts'
import {commentLine, createDescribe, type Details} from './describe.ts'
import type {Excluder} from './exclude.ts'
import type {Harvest} from './harvest.ts'
import {COMPLETE, PLAIN, TRUSTED, UNKNOWN, WITHOUT_DIGEST, type Incident} from './job.ts'
import {childrenOf, TreeCursor} from './name-tree.ts'
import {fittingNames, sortNames} from './names.ts'
import type {Selection} from './selection.ts'
import {isSettled, isUnchanged} from './stat-cache.ts'
import type {Reach} from './system-path.ts'
import {TOO_MUCH, type Listing, type Visit} from './walk.ts'

/** What a visitor works with; the same for a whole run but for `now` and what the reader's options say. */
export interface VisitContext extends FileReaderOptions {
  readonly reach: Reach
  readonly excluder: Excluder | undefined
  readonly selection: Selection | undefined
  /** Is what has the no-dump attribute left out? Then the system is asked about each file and directory, also about those that did not change. */
  readonly excludesNodump: boolean
  readonly oneFileSystem: boolean
  readonly apart: readonly Apart[]
  readonly users: Pick<Users, 'uname' | 'gname'>
  /** Does the file system of a device change a directory's times whenever a name comes or goes? */
  readonly keepsNames: (device: bigint, place: Path) => boolean
  /** A number that no directory of this run has had. */
  readonly newId: () => number
  /** When the job began, in nanoseconds since 1970. */
  now: bigint
}

/** One thing on the walk, while it is looked at. */
export interface Subject {
  readonly listing: Listing
  readonly name: string
  /** From the root, raw. */
  readonly raw: string
  /** As in the index. */
  readonly path: string
  readonly place: Path
  /** Its nodes in the trees that are followed, 0 for none. */
  readonly known: number
  readonly referred: number
  readonly selected: number
  readonly harvest: Harvest
}

/** What is known of an entry beside its stats and attributes. */
type Known = Omit<Details, 'xattrs' | 'error'> & {readonly error?: Error | undefined}

/** The names to visit in a directory. */
interface Names {
  readonly names: string[]
  readonly plain: boolean
  /** How many were found, of which some may be left out; UNKNOWN where it was not read as a whole. */
  readonly found: number
  /** False when some have no place in an index. */
  readonly fits: boolean
}

const noNames: Names = {names: [], plain: true, found: UNKNOWN, fits: true}
const noDirectory = {id: 0, found: UNKNOWN, plain: true}

const statOptions = {bigint: true, throwIfNoEntry: false} as const
const {S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK} = constants

/* What the grammar has digits for. */
const largestSize = BigInt(Number.MAX_SAFE_INTEGER)
const latestTime = largestSize * 1_000_000_000n

/* How often a thing may turn into another one while it is looked at. */
const mostTries = 4

export function createVisitor(context: VisitContext): Visit {
  const {cache, excluder, reach, selection, trust} = context
  const describe = createDescribe(context.users)
  const readFile = createFileReader(context)
  const keeps = cache?.shared.linesHold === true
  const keepsAtSight = keeps && excluder === undefined && !context.excludesNodump

  const visit: Visit = (frame, name, escaped, harvest) => {
    const {listing} = frame
    const raw = listing.path + name
    const place = reach(raw, frame.isAscii && listing.plain)
    const known = listing.known === undefined ? 0 : listing.known.find(name, escaped)
    const stats = lookUp(place)
    // By far the most of a run in which little changed.
    if (known !== 0 && keepsAtSight && isStats(stats) && !isDirectory(stats) && isUnchanged(cache, known, stats, trust)) {
      harvest.keep(known, stats)
      return undefined
    }
    const subject: Subject = {
      listing, name, raw, place, known, harvest,
      path: name === '.' ? '.' : frame.escaped + escaped,
      referred: listing.reference === undefined ? 0 : listing.reference.find(name, escaped),
      selected: listing.selected === undefined ? 0 : listing.selected.find(name, escaped),
    }
    const found = look(subject, stats)
    if (found === TOO_MUCH) stepBack(subject)
    return found
  }

  const look = (subject: Subject, first: BigIntStats | Error | undefined): Listing | typeof TOO_MUCH | undefined => {
    let stats = first
    for (let tries = 1; tries <= mostTries; tries++) {
      if (stats === undefined) return missing(subject)
      try {
        if (!isStats(stats)) throw stats
        const found = lookAt(subject, stats)
        if (found !== REPLACED) return found
      } catch (error) {
        return fail(subject, error)
      }
      stats = lookUp(subject.place)
    }
    return fail(subject, systemError(116, 'lstat'))
  }

  const lookAt = (subject: Subject, stats: BigIntStats): Listing | typeof REPLACED | typeof TOO_MUCH | undefined => {
    const kind = Number(stats.mode) & S_IFMT
    if (excluder !== undefined && subject.name !== '.') {
      if (excluder.excludesPath(subject.raw, kind === S_IFDIR) || (kind === S_IFREG && excluder.excludesSize(stats.size))) return undefined
    }
    if (context.excludesNodump && subject.name !== '.' && (kind === S_IFREG || kind === S_IFDIR) && calls.hasNodump(subject.place)) {
      return report(subject, {kind: 'nodump'})
    }
    if (stats.size > largestSize || stats.mtimeNs > latestTime || stats.mtimeNs < -latestTime) throw systemError(27, 'lstat')
    if (kind === S_IFDIR) return directory(subject, stats)
    if (subject.selected !== 0 && selection?.whole[subject.selected] === 0) throw systemError(20, 'lstat')
    if (cache !== undefined && keeps && subject.known !== 0 && isUnchanged(cache, subject.known, stats, trust)) {
      subject.harvest.keep(subject.known, stats)
      return undefined
    }
    if (kind === S_IFREG) return file(subject, stats)
    if (kind === S_IFLNK) return link(subject, stats)
    if (kind === S_IFIFO) return make(subject, 'fifo', stats, {})
    if (kind === S_IFCHR) return make(subject, 'char', stats, {})
    if (kind === S_IFBLK) return make(subject, 'block', stats, {})
    return leaveOut(subject, kind === S_IFSOCK ? 'socket' : 'unknown-type')
  }

  const file = (subject: Subject, stats: BigIntStats): typeof REPLACED | typeof TOO_MUCH | undefined => {
    const content = readFile(subject, stats)
    if (content === REPLACED || content === TOO_MUCH) return content
    if (content.changed) report(subject, {kind: 'changed'})
    return make(subject, 'file', content.stats, {digest: content.digest, size: content.size, note: content.changed ? 'changed' : undefined})
  }

  const link = (subject: Subject, stats: BigIntStats): typeof REPLACED | undefined => {
    let target: string
    try {
      target = readlinkSync(subject.place, 'latin1')
    } catch (error) {
      if (errnoName(error) === 'EINVAL') return REPLACED
      throw error
    }
    return make(subject, 'link', stats, {link: target})
  }

  const directory = (subject: Subject, stats: BigIntStats): Listing | undefined => {
    const apart = findApart(context.apart, subject.raw, stats)
    if (apart !== undefined) report(subject, {kind: apart.keep ? 'apart-inside' : 'apart'})
    if (apart?.keep === false && subject.name !== '.') return undefined
    const {known} = subject
    const unchanged = cache !== undefined && known !== 0 && isUnchanged(cache, known, stats, trust)
    const path = subject.name === '.' ? '' : `${subject.raw}/`
    const {found, names, plain, fits} = apart === undefined ? namesIn(subject, stats, path, unchanged) : noNames
    const id = known === 0 ? context.newId() : known
    if (unchanged && keeps && fits) subject.harvest.keep(known, stats)
    else make(subject, 'dir', stats, {error: fits ? undefined : systemError(36, 'readdir')}, {id, found, plain})
    if (names.length === 0) return undefined
    return {
      path, names, plain, id,
      known: known === 0 || cache === undefined ? undefined : new TreeCursor(cache.tree, known),
      reference: subject.referred === 0 || context.reference === undefined ? undefined : new TreeCursor(context.reference.tree, subject.referred),
      selected: isWhole(subject) || selection === undefined ? undefined : new TreeCursor(selection.tree, subject.selected),
      device: context.oneFileSystem ? stats.dev : undefined,
    }
  }

  const namesIn = (subject: Subject, stats: BigIntStats, path: string, unchanged: boolean): Names => {
    if (selection !== undefined && !isWhole(subject)) return {...sortNames(childrenOf(selection.tree, subject.selected)), found: UNKNOWN, fits: true}
    // Another file system is listed where it is mounted, but its content only if it was asked for by name.
    const {device} = subject.listing
    if (device !== undefined && device !== stats.dev && subject.selected === 0) return noNames
    const all = unchanged ? remembered(subject, stats) : undefined
    if (all !== undefined && excluder === undefined) return all
    const names = all?.names ?? readdirSync(subject.place, 'latin1')
    const kept = excluder === undefined ? names : excluder.keptNames((name) => reach(path + name, false), names)
    const fitting = fittingNames(path, kept)
    return {...sortNames(fitting), found: kept === names ? names.length : UNKNOWN, fits: fitting.length === kept.length}
  }

  /* The names that the last run found, where the file system promises that a directory which is the same has the same ones. */
  const remembered = ({known, place}: Subject, {dev}: BigIntStats): Names | undefined => {
    if (cache === undefined || (cache.flags[known]! & COMPLETE) === 0 || !context.keepsNames(dev, place)) return undefined
    const names = childrenOf(cache.tree, known)
    return {names, plain: (cache.flags[known]! & PLAIN) !== 0, found: names.length, fits: true}
  }

  const isWhole = ({listing, selected}: Subject): boolean => listing.selected === undefined || selection?.whole[selected] === 1

  const make = (subject: Subject, type: EntryType, stats: BigIntStats, known: Known, directory = noDirectory): undefined => {
    const {harvest, listing, name, path, place} = subject
    const attributes = attributesOf(place)
    const error = known.error ?? attributes.error
    const lines = describe(path, type, stats, {...known, xattrs: attributes.xattrs, error: error && codeOf(error)})
    if (error !== undefined) reportProblem(subject, error)
    const isTrusted = error === undefined && known.note === undefined && isSettled(stats, context.now)
    const hasDigest = type !== 'file' || known.digest !== undefined
    const flags = (isTrusted ? TRUSTED : 0) | (hasDigest ? 0 : WITHOUT_DIGEST) | (directory.plain ? PLAIN : 0)
    harvest.make(lines, stats, {name, parent: listing.id, id: directory.id, found: directory.found, flags})
    return undefined
  }

  const missing = (subject: Subject): undefined => {
    if (subject.selected === 0) return report(subject, {kind: 'vanished'})
    return fail(subject, systemError(2, 'lstat'))
  }

  const leaveOut = (subject: Subject, why: 'socket' | 'unknown-type'): undefined => {
    subject.harvest.comment(commentLine(subject.path, 'left-out', why))
    return report(subject, {kind: why})
  }

  const fail = (subject: Subject, error: unknown): undefined => {
    const name = errnoName(error)
    if (name === undefined || !(error instanceof Error)) throw error
    if (isGone(name) && subject.selected === 0) return report(subject, {kind: 'vanished'})
    // Whoever excluded a thing does not care that it cannot be read.
    if (excluder !== undefined && (excluder.excludesPath(subject.raw, true) || excluder.excludesPath(subject.raw, false))) return undefined
    subject.harvest.comment(commentLine(subject.path, 'error', codeOf(error)))
    return reportProblem(subject, error)
  }

  return visit
}

function lookUp(place: Path): BigIntStats | Error | undefined {
  try {
    return lstatSync(place, statOptions)
  } catch (error) {
    if (error instanceof Error) return error
    throw error
  }
}

function isStats(found: BigIntStats | Error | undefined): found is BigIntStats {
  return found !== undefined && !(found instanceof Error)
}

function isDirectory({mode}: BigIntStats): boolean {
  return (Number(mode) & S_IFMT) === S_IFDIR
}

/* The cursors as they were before the subject was found, so that it can be found again. */
function stepBack({listing, known, referred, selected}: Subject): void {
  if (known !== 0 && listing.known !== undefined) listing.known.at = known
  if (referred !== 0 && listing.reference !== undefined) listing.reference.at = referred
  if (selected !== 0 && listing.selected !== undefined) listing.selected.at = selected
}

function report({harvest, raw}: Subject, incident: Omit<Incident, 'path'>): undefined {
  harvest.report({path: raw, ...incident})
  return undefined
}

function reportProblem(subject: Subject, error: Error): undefined {
  subject.harvest.countUnread()
  return report(subject, {kind: 'problem', code: codeOf(error), reason: errnoWords(error)})
}

/* The name for an index, which takes only what looks like one. */
function codeOf(error: Error): string {
  const name = errnoName(error) ?? ''
  return /^E[A-Z0-9]{1,30}$/.test(name) ? name : 'EIO'
}

/*
 * What a walk has to say about single paths, in words. Problems count; the rest happens on every busy machine every night:
 * a file that changed is worth a line, one that vanished or a socket only to those who ask.
 */
import {escapeName} from '../cli/escape.ts'
import {toBytes} from '../index/escape.ts'
import type {Incident} from './job.ts'
import type {LocalOptions} from './local.ts'

const words = {
  changed: 'changed while it was read, stored as it was read',
  vanished: 'vanished',
  socket: 'socket, left out',
  'unknown-type': 'neither file, directory, link, fifo nor device, left out',
  nodump: 'has the no-dump attribute, left out',
  apart: 'belongs to bk, left out',
  'apart-inside': 'what is in it is left out',
} as const

/** Says what happened to a path, by its place in the file system. */
export function reportIncident({kind, path, code, reason}: Incident, {root, reporter}: Pick<LocalOptions, 'root' | 'reporter'>): void {
  const place = toBytes(path === '.' ? root : `${root === '/' ? '' : root}/${path}`)
  if (kind === 'problem') reporter.problem(place, Object.assign(new Error(reason), {code}))
  else if (kind === 'changed') reporter.note(`${escapeName(place)}: ${words[kind]}`)
  else reporter.detail(`${escapeName(place)}: ${words[kind]}`)
}

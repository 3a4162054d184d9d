// What a report says about where it was measured, which peers are there, and how the others are installed.

import {spawnSync} from 'node:child_process'
import {existsSync, readFileSync} from 'node:fs'
import {cpus, loadavg, release, totalmem} from 'node:os'
import {join} from 'node:path'
import {type Place, environment} from './cycle.ts'
import {measure} from './measure.ts'
import type {Peer} from './peers.ts'
import type {Fact} from './rows.ts'
import type {Stage} from './stage.ts'

/** A peer that can run here, with its version; or that cannot, with the reason. */
export type Found = {readonly peer: Peer; readonly version: string} | {readonly peer: Peer; readonly missing: string}

/** Asks every peer for its version, and by that whether it is there. */
export async function findPeers(wanted: readonly Peer[], place: Place, signal: AbortSignal): Promise<Found[]> {
  const found: Found[] = []
  for (const peer of wanted) {
    const {status, stdout, stderr} = await measure({command: peer.version, env: environment(peer, place), limit: 60}, signal)
    const said = `${stdout}\n${stderr}`.trim().split('\n')[0]!.replace(/\s+/g, ' ')
    found.push(status === '0' ? {peer, version: said} : {peer, missing: said || `status ${status}`})
  }
  return found
}

/** Installs Debian packages; true when apt-get says that it did. */
export function install(packages: readonly string[]): boolean {
  const env = {...process.env, DEBIAN_FRONTEND: 'noninteractive'}
  const apt = (...args: string[]): boolean =>
    spawnSync('apt-get', ['-q', '-y', ...args], {env, stdio: ['ignore', 'ignore', 'inherit'], timeout: 600_000}).status === 0
  return apt('update') && apt('install', '--no-install-recommends', ...packages)
}

/** Where and with what the figures were made. */
export function machineFacts(found: readonly Found[], root: string, stage: Stage): Fact[] {
  const said = (...[command, ...args]: [string, ...string[]]): string => spawnSync(command, args, {encoding: 'utf8'}).stdout?.trim() ?? ''
  const commit = said('git', '-C', root, 'describe', '--always', '--dirty')
  const cores = `${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'})`
  const memory = `${(totalmem() / 2 ** 30).toFixed(0)} GiB`
  const versions = new Set(found.flatMap((each) => ('version' in each ? [each.version] : [])))
  const missing = found.flatMap((each) => ('missing' in each ? [each.peer.name] : []))
  return [
    {key: 'date', value: new Date().toISOString().slice(0, 10)},
    {key: 'machine', value: `${cores}, ${memory}, Linux ${release()}, load at the start ${loadavg()[0]!.toFixed(2)}`},
    {key: 'stores', value: stage.about},
    ...(commit ? [{key: 'bk', value: `commit ${commit}, Node ${process.versions.node}`}] : []),
    {key: 'versions', value: [...versions].join('; ')},
    ...(missing.length > 0 ? [{key: 'missing', value: missing.join(', ')}] : []),
  ]
}

/** A corpus in one line, from its MANIFEST. */
export function corpusFact(dir: string, name: string): Fact {
  const path = join(dir, `MANIFEST.${name}`)
  if (!existsSync(path)) return {key: 'corpus', value: name}
  const manifest = new Map(readFileSync(path, 'utf8').trim().split('\n').map((line) => line.split('=', 2) as [string, string]))
  const {files, dirs, bytes, content} = Object.fromEntries(manifest)
  const size = (Number(bytes) / 1e6).toFixed(0)
  return {key: 'corpus', value: `${name}, ${files} files, ${dirs} directories, ${size} MB, content ${content?.slice(0, 12)}`}
}

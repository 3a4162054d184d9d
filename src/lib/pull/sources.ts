/*
 * What the operands of `bk pull` mean: where each source is, and to which set its snapshots go. Two sources with one set would take turns
 * in it, and each night look like the loss of the other.
 */
import {setName} from '../cli/set-name.ts'
import {usageError} from '../cli/errors.ts'
import {escapeName} from '../cli/escape.ts'
import {parseSshTarget, type SshTarget} from '../ssh/target.ts'
import {parseAddress} from '../store/address.ts'
import {isSetName} from '../store/record.ts'

export interface PullSource {
  /** As typed, safe to print. */
  readonly name: string
  /** As typed. */
  readonly text: string
  /** The other machine; undefined for a path of this one. */
  readonly target: SshTarget | undefined
  /** Whether that is read over SFTP; else `bk offer` runs there. */
  readonly isSftp: boolean
  readonly set: string
}

/**
 * Takes operands apart.
 * @param set that was asked for; with several sources there can be none
 * @throws BkError 64
 */
export function pullSources(operands: readonly string[], set: string | undefined): PullSource[] {
  if (set !== undefined && operands.length > 1) throw usageError('--set goes with one source', 'each goes to the set that is called as its host')
  const sources = operands.map((text) => {
    const target = targetOf(text)
    return {name: escapeName(text), text, target, isSftp: /^sftp:/i.test(text), set: set === undefined ? setOf(text, target) : setName(set)}
  })
  for (const [at, source] of sources.entries()) {
    const same = sources.slice(0, at).find((before) => before.set === source.set)
    if (same === undefined) continue
    throw usageError(`${same.name} and ${source.name} would both go to the set ${source.set}`, 'pull them one by one, each with a --set NAME of its own')
  }
  return sources
}

function targetOf(text: string): SshTarget | undefined {
  const address = parseAddress(text)
  if (address.kind === 'local') return undefined
  if (address.how === 'ssh' || address.how === 'sftp') return parseSshTarget(text)
  throw usageError(`sources over ${address.how} cannot be pulled: ${escapeName(text)}`, 'give ssh://user@host, whose key is restricted by \'bk keys restrict --source\', or sftp://user@host/path')
}

function setOf(text: string, target: SshTarget | undefined): string {
  if (target === undefined) return setName(undefined)
  if (isSetName(target.host)) return target.host
  throw usageError(`no set can be called as the host of ${escapeName(text)}`, 'pull it by itself, and name the set: --set NAME')
}

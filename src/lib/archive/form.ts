/*
 * What an archive is to be: how it is compressed and whether it is encrypted, as its name and the options say. A name that says something
 * else than what is in the file is refused, since tar goes by the one and not by the other. Pure.
 */
import {usageError} from '../cli/errors.ts'
import {LEVELS, type Compression} from './compress.ts'

const SUFFIXES: readonly (readonly [suffix: RegExp, kind: Compression['kind']])[] = [
  [/\.tar$/, 'none'],
  [/\.(?:tar\.gz|tgz)$/, 'gzip'],
  [/\.(?:tar\.zst|tzst)$/, 'zstd'],
]
const NAMES = '.tar, .tar.gz, .tgz, .tar.zst or .tzst, and .age behind it when it is encrypted'

/**
 * Decides.
 * @param name of the file; undefined for standard output
 * @param compress value of --compress
 * @throws BkError 64 where they contradict each other, or say nothing
 */
export function archiveForm(name: string | undefined, compress: string | undefined, isEncrypted: boolean): Compression {
  const said = compress === undefined ? undefined : parseCompression(compress)
  if (name === undefined) return said ?? {kind: 'none'}
  const isNamedAge = name.endsWith('.age')
  if (isNamedAge && !isEncrypted) throw usageError(`${name} is to be encrypted, and nobody is named who can read it`, "--recipient age1…, the public key that 'age-keygen' shows")
  const [suffix, kind] = SUFFIXES.find(([ending]) => ending.test(isNamedAge ? name.slice(0, -4) : name)) ?? []
  if (kind === undefined) {
    if (said !== undefined) return said
    throw usageError(`the name does not say how to compress: ${name}`, `it may end in ${NAMES}; or say --compress`)
  }
  if (isEncrypted && !isNamedAge) throw usageError(`an encrypted archive is no ${suffix!.exec(name)![0]}: ${name}`, `name it ${name}.age`)
  if (said !== undefined && said.kind !== kind) throw usageError(`${name} is to be ${words(kind)}, and --compress says ${compress}`, 'say one of the two')
  return said ?? withLevel(kind)
}

/** Parses the value of --compress: `zstd`, `gzip:9`, `none`. Throws BkError 64. */
function parseCompression(text: string): Compression {
  const [, kind, digits] = /^(gzip|zstd|none)(?::(\d{1,2}))?$/.exec(text) ?? []
  if (kind === undefined || (kind === 'none' && digits !== undefined)) {
    throw usageError(`no such compression: ${text}`, 'gzip, zstd or none; with a level gzip:9 or zstd:19')
  }
  if (digits === undefined) return withLevel(kind as Compression['kind'])
  const level = Number(digits)
  const {least, most} = LEVELS[kind as keyof typeof LEVELS]
  if (level < least || level > most) throw usageError(`no such level of ${kind}: ${digits}`, `it has levels from ${least} to ${most}`)
  return {kind: kind as keyof typeof LEVELS, level}
}

function withLevel(kind: Compression['kind']): Compression {
  return kind === 'none' ? {kind} : {kind, level: LEVELS[kind].usual}
}

function words(kind: Compression['kind']): string {
  return kind === 'none' ? 'without compression' : `compressed by ${kind}`
}

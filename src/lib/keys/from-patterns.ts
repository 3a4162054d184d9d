/**
 * The hosts from which a key may be used: sshd's pattern list for from=. sshd says nothing about a list that it cannot use, it lets
 * nobody in; so what is no pattern, or can match no host, is refused here. Pure.
 */
import {isIPv4, isIPv6} from 'node:net'
import {usageError} from '../cli/errors.ts'

const PATTERN = /^!?[A-Za-z0-9.:_*?-]+(?:\/\d{1,3})?$/
const HINT = "addresses, networks or names with commas between: 192.0.2.7,10.1.0.0/16,*.example.org; ! in front of one excludes it"

/** Checks a list and returns it as it is. Throws a usage error. */
export function checkPatterns(list: string): string {
  const patterns = list.split(',')
  for (const pattern of patterns) {
    if (!PATTERN.test(pattern)) throw usageError(`--from: not an address, network or name: '${pattern}'`, HINT)
    if (pattern.includes('/')) checkNetwork(pattern.replace('!', ''))
  }
  if (patterns.every((pattern) => pattern.startsWith('!'))) throw usageError(`--from: ${list} excludes hosts, but lets none in`, `add what may come in: ${list},*`)
  return list
}

function checkNetwork(network: string): void {
  const [address = '', length = ''] = network.split('/')
  const bits = isIPv4(address) ? 32 : isIPv6(address) ? 128 : 0
  const wrong = (why: string): Error => usageError(`--from: ${network} ${why}`, HINT)
  if (bits === 0) throw wrong('is no network: it does not begin with an address')
  if (Number(length) > bits) throw wrong(`is no network: an address has ${bits} bits`)
  const host = BigInt.asUintN(bits - Number(length), addressNumber(address))
  // sshd refuses such a list as a whole.
  if (host !== 0n) throw wrong(`is no network: there must be zeros behind its ${length} bits`)
}

function addressNumber(address: string): bigint {
  if (isIPv4(address)) return fromGroups(address.split('.').map(Number), 8n)
  // The address with an IPv4 end, as of ::ffff:192.0.2.7, in hexadecimal groups.
  const plain = address.replace(/[\d.]+$/, (end) => (isIPv4(end) ? hexGroups(addressNumber(end)) : end))
  const [head = '', tail] = plain.split('::')
  const [before, after] = [head, tail ?? ''].map((half) => half.split(':').filter((group) => group !== '')) as [string[], string[]]
  const zeros = Array.from({length: 8 - before.length - after.length}, () => '0')
  return fromGroups([...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16)), 16n)
}

function hexGroups(address: bigint): string {
  return `${(address >> 16n).toString(16)}:${(address & 0xffffn).toString(16)}`
}

function fromGroups(groups: readonly number[], width: bigint): bigint {
  return groups.reduce((sum, group) => (sum << width) | BigInt(group), 0n)
}

// What ssh has to say to whoever sits at the terminal while bk waits for it: that a key is to be touched, or its passphrase typed. It is
// on the screen at once, and a failure is still one line. `script` is the terminal.

import {spawnSync} from 'node:child_process'
import {generateKeyPairSync} from 'node:crypto'
import {chmodSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs'
import {dirname, join} from 'node:path'
import {beforeAll, beforeEach, describe, expect, test} from 'vitest'
import {bk, open, start} from '../harness/bk.ts'
import type {Result} from '../harness/bk.ts'
import {until} from '../harness/limits.ts'
import {startSshd} from '../harness/sshd.ts'
import type {Sshd} from '../harness/sshd.ts'
import {tempDir} from '../harness/temp.ts'

let dir: string
let sshd: Sshd
let line: string
const send = 'bk index -C tree . | bk send -q --to vault:'

beforeAll(async () => {
  dir = tempDir('prompts')
  sshd = await startSshd()
  await bk(['init', '-q', join(dir, 'store')])
  mkdirSync(join(dir, 'tree'))
  writeFileSync(join(dir, 'tree/file'), 'content\n')
  line = (await bk(['keys', 'restrict', '-q', '--receive', join(dir, 'store'), '--set', 'web1', '--browse', join(dir, 'store')], {stdin: `${sshd.publicKeys['vault']}\n`})).stdout.toString().trim()
  // The key has a passphrase, and ssh may ask for it.
  const config = readFileSync(sshd.config, 'utf8').replace('BatchMode yes', 'BatchMode no')
  const key = join(dirname(sshd.config), 'vault')
  spawnSync('cp', ['-p', key, join(dir, 'locked')])
  expect(spawnSync('ssh-keygen', ['-q', '-p', '-P', '', '-N', 'open sesame', '-f', join(dir, 'locked')]).status).toBe(0)
  writeFileSync(join(dir, 'asking'), config.replace(`IdentityFile ${key}`, `IdentityFile ${join(dir, 'locked')}`))
  mkdirSync(join(dir, 'bin'))
})

beforeEach(() => {
  sshd.authorize([line])
  sshWith('')
})

/** The `ssh` that bk finds: it does something first. */
function sshWith(first: string, config = sshd.config): void {
  writeFileSync(join(dir, 'bin/ssh'), `#!/bin/sh\n${first}\nexec /usr/bin/ssh -F '${config}' "$@"\n`)
  chmodSync(join(dir, 'bin/ssh'), 0o755)
}

/** Runs a script on a terminal; `act` is handed what is on the screen until now, and types. */
async function onTerminal(script: string, act: (screen: () => string, type: (text: string) => void) => Promise<void> = async () => {}): Promise<Result & {readonly screen: string}> {
  const terminal = start('script', ['-qec', `set -o pipefail; ${script}`, '/dev/null'], {cwd: dir, stdin: open, env: {PATH: `${join(dir, 'bin')}:${sshd.env['PATH']}`, SHELL: '/bin/bash'}})
  let screen = ''
  terminal.child.stdout?.on('data', (bytes: Buffer) => (screen += bytes.toString()))
  await act(() => screen, (text) => void terminal.child.stdin?.write(text))
  const result = await terminal.done
  return {...result, screen: screen.replaceAll('\r', '')}
}

test('OpenSSH itself says that a key is to be touched; without one in the machine it goes on with the next', async () => {
  const publicKey = makeSecurityKey(join(dir, 'sk'))
  const plain = join(dirname(sshd.config), 'vault')
  writeFileSync(join(dir, 'touching'), readFileSync(sshd.config, 'utf8').replace('BatchMode yes', 'BatchMode no').replace(`  IdentityFile ${plain}`, `  IdentityFile ${join(dir, 'sk')}\n  IdentityFile ${plain}`))
  sshd.authorize([`restrict,command="false" ${publicKey}`, line.replace('command="', 'command="sleep 1; ')])
  sshWith('', join(dir, 'touching'))
  const {status, screen} = await onTerminal(send)
  expect({status, screen}).toEqual({status: 0, screen: expect.stringMatching(/^ssh: Confirm user presence for key ED25519-SK SHA256:\S+\n(?:.*\n)*committed \d+ /)})
})

// As OpenSSH's notify_start does: on a terminal, and nowhere else.
const touch = `[ -t 2 ] && { printf '\\r'; printf 'Confirm user presence for key ED25519-SK SHA256:abc'; printf '\\r\\n'; } >&2; while [ ! -e touched ]; do sleep 0.05; done; rm touched`

describe.each([
  ['send', send, /^committed \d+ \w{64}$/m],
  ['restore', 'rm -rf got; bk restore -q vault: --to got && cat got/file', /^content$/m],
])('a key that is to be touched, for %s', (_name, script, done) => {
  test('is said at once, and when it was touched the work goes on', async () => {
    sshWith(touch)
    const {status, screen} = await onTerminal(script, async (seen) => {
      await until('it is on the screen', () => seen().includes('\n'))
      expect(seen()).toBe('ssh: Confirm user presence for key ED25519-SK SHA256:abc\r\n')
      writeFileSync(join(dir, 'touched'), '')
    })
    expect({status, screen}).toEqual({status: 0, screen: expect.stringMatching(done)})
  })
})

describe('a passphrase', () => {
  test('is asked for by ssh itself', async () => {
    sshWith('', join(dir, 'asking'))
    const {status, screen} = await onTerminal(send, async (seen, type) => {
      await until('the question is there', () => seen().includes('Enter passphrase for key'))
      type('open sesame\r')
    })
    expect({status, screen}).toEqual({status: 0, screen: expect.stringMatching(/^committed \d+ /m)})
    expect(screen).not.toContain('sesame')
  })

  test('that is wrong three times is one line', async () => {
    sshWith('', join(dir, 'asking'))
    const {status, screen} = await onTerminal(send, async (seen, type) => {
      for (const times of [1, 2, 3]) {
        await until('the question is there', () => seen().split('Enter passphrase for key').length > times)
        type('wrong\r')
      }
    })
    expect(status).toBe(77)
    expect(screen.split('\n').filter((each) => each !== '' && !each.startsWith('Enter passphrase for key'))).toEqual([
      expect.stringMatching(/^bk send: \S+ takes none of the keys that ssh offers$/), expect.stringMatching(/^bk send: hint: /),
    ])
  })
})

test('a host that is not known yet: ssh shows its key and asks', async () => {
  const config = readFileSync(sshd.config, 'utf8').replace(/UserKnownHostsFile .*/, `UserKnownHostsFile ${join(dir, 'none-yet')}`).replace('StrictHostKeyChecking yes', 'StrictHostKeyChecking ask')
  writeFileSync(join(dir, 'new'), config.replace('BatchMode yes', 'BatchMode no'))
  sshWith('', join(dir, 'new'))
  const {status, screen} = await onTerminal(send, async (seen, type) => {
    await until('the question is there', () => seen().includes('Are you sure you want to continue connecting'))
    type('yes\r')
  })
  expect({status, screen}).toEqual({status: 0, screen: expect.stringMatching(/^committed \d+ /m)})
})

describe('a failure on a terminal is one line and a hint', () => {
  test.each([
    ['a key that is not let in', () => sshd.authorize([]), /takes none of the keys that ssh offers/],
    ['another host key', () => sshWith('', changedHost()), /the host key of \S+ has changed/],
    ['a port where nobody listens', () => sshWith('set -- -o Port=1 "$@"'), /refuses the connection/],
    ['what the other side refuses', () => sshd.authorize([line.replace(/ '--receive'.*'--browse'/, " '--browse'")]), /bk forced: refused command: bk receive/],
  ])('%s', async (_name, prepare, message) => {
    prepare()
    const {screen} = await onTerminal(send)
    const [first, ...others] = screen.trimEnd().split('\n')
    expect(first).toMatch(message)
    expect(first).toMatch(/^bk send: /)
    expect(others.filter((each) => !each.startsWith('bk send: hint: '))).toEqual([])
  })
})

function changedHost(): string {
  spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(dir, 'another')])
  const known = readFileSync(join(dirname(sshd.config), 'known_hosts'), 'utf8').split(' ')[0]
  writeFileSync(join(dir, 'known'), `${known} ${readFileSync(join(dir, 'another.pub'), 'utf8')}`)
  const config = readFileSync(sshd.config, 'utf8').replace(/UserKnownHostsFile .*/, `UserKnownHostsFile ${join(dir, 'known')}`)
  writeFileSync(join(dir, 'changed'), config)
  return join(dir, 'changed')
}

/** Writes a private key that is kept in a security key which nobody has; answers the public one. */
function makeSecurityKey(path: string): string {
  const type = 'sk-ssh-ed25519@openssh.com'
  const number = (value: number): Buffer => Buffer.from([0, 0, value >> 8, value & 255])
  const text = (bytes: string | Buffer): Buffer => Buffer.concat([number(bytes.length), Buffer.from(bytes)])
  const point = generateKeyPairSync('ed25519').publicKey.export({type: 'spki', format: 'der'}).subarray(-32)
  const key = Buffer.concat([text(type), text(point), text('ssh:')])
  // 1: it wants to be touched.
  const secret = Buffer.concat([number(7), number(7), key, Buffer.from([1]), text(Buffer.alloc(64, 5)), text(''), text('sk')])
  const padding = Buffer.from([1, 2, 3, 4, 5, 6, 7]).subarray(0, (8 - (secret.length % 8)) % 8)
  const file = Buffer.concat([Buffer.from('openssh-key-v1\0'), text('none'), text('none'), text(''), number(1), text(key), text(Buffer.concat([secret, padding]))])
  writeFileSync(path, `-----BEGIN OPENSSH PRIVATE KEY-----\n${file.toString('base64').replaceAll(/.{70}/g, '$&\n')}\n-----END OPENSSH PRIVATE KEY-----\n`, {mode: 0o600})
  writeFileSync(`${path}.pub`, `${type} ${key.toString('base64')} sk\n`)
  return `${type} ${key.toString('base64')} sk`
}

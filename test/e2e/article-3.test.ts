// docs/article-3.md, typed line by line: each machine is a directory with its own /root, /home and /srv, and those that are logged in to have
// a real sshd. The key lies at the desk, and reaches the others through its agent alone.

import {execFileSync} from 'node:child_process'
import {existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync} from 'node:fs'
import {userInfo} from 'node:os'
import {dirname, join} from 'node:path'
import {beforeAll, expect, test} from 'vitest'
import {root, sh, start} from '../harness/bk.ts'
import {noise} from '../harness/days.ts'
import {until} from '../harness/limits.ts'
import {typeInto} from '../harness/machines.ts'
import {blocksOf, shownPattern} from '../harness/page.ts'
import type {Block} from '../harness/page.ts'
import {readStore} from '../harness/read-store.ts'
import {sameTree} from '../harness/same-tree.ts'
import {clientProgram, startSshd} from '../harness/sshd.ts'
import type {Sshd} from '../harness/sshd.ts'
import {tempDir} from '../harness/temp.ts'

let dir: string
let agent: string
const sshds: Record<string, Sshd> = {}
const at = (machine: string): string => join(dir, machine)

const environmentOf = (machine: string): string[] => [
  `HOME=${at(machine)}/root`, 'LOGNAME=root', 'SHELL=/bin/sh', `PATH=${at(machine)}/bin:/usr/sbin:/usr/bin:/sbin:/bin`, 'BK_CONFIG=', ...(machine === 'desk' ? [`SSH_AUTH_SOCK=${agent}`] : []),
]

/** What is typed is what the page says but for the places, and where each sshd is. */
function substituted(text: string, machine: string): string {
  const table: readonly (readonly [what: RegExp, by: string | ((...words: string[]) => string)])[] = [
    [/^ssh-ed25519 AAAA… desk$/gm, () => readFileSync(join(at('desk'), 'root/.ssh/fetch.pub'), 'utf8').trim()],
    // The test has no fingers for a passphrase.
    [/ssh-keygen -q/g, "ssh-keygen -q -N ''"],
    [/--install/g, '--install --file MACHINE/root/.ssh/authorized_keys'],
    [/HostName (web\d)\.example\.org/g, (_, name = '') => `HostName 127.0.0.1\n    Port ${sshds[name]!.port}`],
    [/ssh -A root@keep\.example\.org/g, () => `ssh -A -p ${sshds['keep']!.port} ${userInfo().username}@127.0.0.1`],
    // What runs on keep has its places, too.
    [/bk pull (.*) \/srv\/store/g, (_, sources = '') => `bk pull ${sources} ${at('keep')}/srv/store`],
    [/~\//g, 'MACHINE/root/'],
    [/(?<![\w.]|MACHINE)\/(root|srv|home)\b/g, 'MACHINE/$1'],
  ]
  let result = text
  for (const [what, by] of table) result = typeof by === 'string' ? result.replaceAll(what, by) : result.replaceAll(what, by)
  return result.replaceAll('MACHINE', at(machine))
}

async function type({machine, script, shown}: Block): Promise<void> {
  const typed = await typeInto(at(machine), environmentOf(machine), join(at(machine), 'root'), substituted(script, machine))
  expect(Object.keys(sshds).reduce((text, name) => text.replaceAll(at(name), ''), typed).trim()).toMatch(shownPattern(shown))
}

const typeStep = async (step: number): Promise<void> => {
  for (const block of blocksOf('article-3.md', step)) await type(block)
}

beforeAll(async () => {
  dir = tempDir('article-3')
  agent = join(dir, 'agent')
  for (const name of ['desk', 'keep', 'web1', 'web2']) {
    for (const each of ['root/.ssh', 'srv', 'home', 'bin']) mkdirSync(join(at(name), each), {recursive: true})
    if (name !== 'desk') symlinkSync(join(root, 'bin/bk'), join(at(name), 'bin/bk'))
    const known = `-o UserKnownHostsFile=${at(name)}/root/.ssh/known_hosts -o GlobalKnownHostsFile=none -o User=${userInfo().username}`
    clientProgram(join(at(name), 'bin'), 'ssh', `-F ${at(name)}/root/.ssh/config ${known}`)
    writeFileSync(join(at(name), 'root/.ssh/config'), '')
  }
  for (const name of ['keep', 'web1', 'web2']) {
    const keys = join(at(name), 'root/.ssh/authorized_keys')
    sshds[name] = await startSshd({serverConfig: ['Match all', `AuthorizedKeysFile ${keys}`, `SetEnv ${environmentOf(name).join(' ')}`]})
  }
  for (const name of ['web1', 'web2']) {
    writeFileSync(join(at(name), 'srv/name'), name)
    writeFileSync(join(at(name), 'home/data'), noise(name.length, 100_000))
  }
  const scans = ['web1', 'web2'].map((name) => `/usr/bin/ssh-keyscan -t ed25519 -p ${sshds[name]!.port} 127.0.0.1`)
  writeFileSync(join(at('keep'), 'bin/ssh-keyscan'), `#!/bin/sh\n${scans.join('\n')}\n`, {mode: 0o755})
  // Before the page begins its reader has an account on keep.
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(at('desk'), 'root/.ssh/id_ed25519')])
  writeFileSync(join(at('keep'), 'root/.ssh/authorized_keys'), readFileSync(join(at('desk'), 'root/.ssh/id_ed25519.pub')))
  writeFileSync(join(at('desk'), 'root/.ssh/config'), `IdentityFile ${at('desk')}/root/.ssh/id_ed25519\n`)
  writeFileSync(join(at('desk'), 'root/.ssh/known_hosts'), String((await sh(`ssh-keyscan -t ed25519 -p ${sshds['keep']!.port} 127.0.0.1`)).stdout))
  start('ssh-agent', ['-D', '-a', agent], {timeout: 600_000})
  await until('the agent is there', () => existsSync(agent) || undefined)
})

test('steps 1 to 4: one key, two machines, and a host that has no key', async () => {
  for (const step of [1, 2, 3]) await typeStep(step)
  // Typed on web1 and web2, the key is only at the desk.
  expect(readdirSync(join(at('keep'), 'root/.ssh')).sort()).toEqual(['authorized_keys', 'config', 'known_hosts'])
  await typeStep(4)
  const {snapshots} = readStore(join(at('keep'), 'srv/store'))
  expect(snapshots.map(({set}) => set)).toEqual(['web1', 'web2'])
})

test('step 5: back again', async () => {
  await typeStep(5)
  expect(sameTree(join(at('web1'), 'srv'), join(at('keep'), 'root/look', at('web1'), 'srv'))).toEqual([])
  expect(existsSync(join(at('keep'), 'root/look', at('web1'), 'home'))).toBe(false)
})

test('step 6: the key gets nothing else, and without the agent there is none', async () => {
  await typeStep(6)
  const {status, stderr} = await sh(`env -i ${environmentOf('keep').join(' ')} bk pull ssh://web1 ${at('keep')}/srv/store`, {cwd: dirname(at('keep'))})
  expect({status, stderr}).toEqual({status: 77, stderr: expect.stringContaining('takes none of the keys that ssh offers')})
})

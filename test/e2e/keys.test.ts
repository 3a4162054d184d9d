// Every line that `bk keys restrict` prints, proved by a login through a real sshd: ssh-keygen -l takes a misspelt option, and proves
// nothing. What a key may do works; that it can do nothing else is in keys-refused.test.ts.

import {mkdirSync, readFileSync, symlinkSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeAll, describe, expect, test} from 'vitest'
import {bk, root, sh, start} from '../harness/bk.ts'
import type {Result} from '../harness/bk.ts'
import {until} from '../harness/limits.ts'
import {startSshd} from '../harness/sshd.ts'
import type {Sshd} from '../harness/sshd.ts'
import {storeFiles} from '../harness/store-files.ts'
import {tempDir} from '../harness/temp.ts'

let dir: string
let sshd: Sshd
const run = (script: string): Promise<Result> => sh(script, {cwd: dir, env: sshd.env})
const send = (host = 'vault', command = ''): Promise<Result> => run(`bk index -C tree . | bk send -q | ssh ${host} ${command}`)

beforeAll(async () => {
  dir = tempDir('keys')
  sshd = await startSshd({hosts: ['vault', 'other']})
  mkdirSync(join(dir, 'tree'))
  writeFileSync(join(dir, 'tree/file'), 'content\n')
  await bk(['init', '-q', join(dir, 'store')])
})

/** What restrict prints for the key of a host, as it stands in authorized_keys. */
async function restrict(args: readonly string[], {host = 'vault', program = 'bk', key = sshd.publicKeys[host]}: {host?: string; program?: string; key?: string | undefined} = {}): Promise<string> {
  const {status, stdout, stderr} = await start(program, ['keys', 'restrict', ...args], {stdin: `${key}\n`, cwd: dir}).done
  expect({status, stderr}).toEqual({status: 0, stderr: expect.not.stringContaining('error')})
  const line = stdout.toString().replace(/\n$/, '')
  expect(line).not.toContain('\n')
  return line
}

/** The set of each snapshot. */
async function setsIn(store: string): Promise<string[]> {
  const {stdout} = await sh('bk log --json -- "$STORE"', {env: {STORE: store}})
  return stdout.toString().trim().split('\n').map((line) => (JSON.parse(line) as {set: string}).set)
}

const committed = {status: 0, stderr: ''}

describe('a path of a store', () => {
  test.each([
    'with blanks', "it's", "'", '"', 'say "hi"', 'back\\slash', 'both\\"', '\\\\"\\', 'ends\\', '$HOME', '`id`', '$(id)', '!!', '*?[a]', '~', 'a;b&c|d', '<in>out', '#hash', '-dash', '--set', 'x=y,z',
    'tab\there', '\u00fcber', '%h%u', '\\n', '\x1b[2J', "'; id; '", '" ssh-ed25519 AAAA', 'a:b',
  ])('%j', async (name) => {
    const store = join(dir, 'odd', name)
    mkdirSync(join(dir, 'odd'), {recursive: true})
    expect((await bk(['init', '-q', store])).status).toBe(0)
    sshd.authorize([await restrict([`--receive=${store}`, '--set', 'web1'])])
    const {status, stdout, stderr} = await send()
    expect({status, stderr, stdout: stdout.toString()}).toEqual({...committed, stdout: expect.stringMatching(/^committed 1 \w{64}\n$/)})
    expect(await setsIn(store)).toEqual(['web1'])
    sshd.authorize([await restrict([`--browse=${store}`])])
    expect(await run('rm -f got; scp -q vault:store/bk-store got')).toMatchObject(committed)
    expect(readFileSync(join(dir, 'got')).equals(readFileSync(join(store, 'bk-store')))).toBe(true)
  })

  test('with a newline is refused', async () => {
    const store = join(dir, 'new\nline')
    await bk(['init', '-q', store])
    const {status, stderr, stdout} = await bk(['keys', 'restrict', '--receive', store, '--set', 'x'], {stdin: `${sshd.publicKeys['vault']}\n`})
    expect({status, stdout: stdout.toString()}).toEqual({status: 2, stdout: ''})
    expect(stderr).toContain('new\\012line: a path with a newline cannot stand in authorized_keys\n')
  })

  test('is absolute and without links, from wherever it was named', async () => {
    symlinkSync('store', join(dir, 'link'))
    expect(await restrict(['--browse', 'link'])).toContain(`'--browse' '${join(dir, 'store')}'`)
  })
})

test('a path of bk itself may be as odd, and links to directories in it stay', async () => {
  const odd = join(dir, `it's "bk" \\"`)
  symlinkSync(root, odd)
  const line = await restrict(['--receive', 'store', '--set', 'odd'], {program: join(odd, 'bin/bk')})
  sshd.authorize([line])
  expect(await send()).toMatchObject(committed)
  expect(line).toContain(`it'\\''s \\"bk\\" '\\\\'\\"/bin/bk' 'forced'`)
})

describe('grants', () => {
  test('receive: by its name, or by none', async () => {
    sshd.authorize([await restrict(['--receive', 'store', '--set', 'named'])])
    expect(await send('vault', 'bk receive')).toMatchObject(committed)
    expect(await send('vault')).toMatchObject(committed)
    expect((await setsIn(join(dir, 'store'))).slice(-2)).toEqual(['named', 'named'])
  })

  test('the set is the comment of the key when none is named', async () => {
    sshd.authorize([await restrict(['--receive', 'store']), await restrict(['--receive', 'store'], {host: 'other'})])
    expect(await send('vault')).toMatchObject(committed)
    expect(await send('other')).toMatchObject(committed)
    expect((await setsIn(join(dir, 'store'))).slice(-2)).toEqual(['vault', 'other'])
  })

  test('browse: by its name, or by none; both: each by its name, receive by none', async () => {
    const fetch = (command: string): Promise<Result> => run(`rm -f got; echo get store/bk-store got | sftp -q -D 'ssh vault ${command}' -b -; cmp got store/bk-store`)
    sshd.authorize([await restrict(['--browse', 'store'])])
    expect(await fetch('bk browse')).toMatchObject({status: 0})
    expect(await fetch('')).toMatchObject({status: 0})
    expect(await send('vault', 'bk receive')).toMatchObject({status: 77, stderr: 'bk forced: refused command: bk receive\n'})
    sshd.authorize([await restrict(['--browse', 'store', '--receive', 'store'])])
    expect(await fetch('bk browse')).toMatchObject({status: 0})
    expect(await send('vault')).toMatchObject(committed)
    expect(await send('vault', 'bk receive')).toMatchObject(committed)
  })

  test('errors are those of the command that runs, and so is the status', async () => {
    sshd.authorize([await restrict(['--receive', 'store', '--set', 'x'])])
    expect(await run('ssh vault bk receive </dev/null')).toMatchObject({status: 65, stderr: 'bk receive: the stream is cut off\n'})
  })
})

describe('limits', () => {
  test.each([
    ['--quota', '1', '1G', 'quota'],
    ['--max-file', '3', '1G', 'max-file'],
    ['--max-entries', '1', '1000', 'max-entries'],
    ['--per-day', '0', '1000', 'per-day'],
    ['--reserve', '8000T', '1M', 'reserve'],
    ['--deadline', '0s', '1h', 'deadline'],
  ])('%s %s holds, %s is kept', async (option, value, wide, word) => {
    const before = storeFiles(join(dir, 'store'))
    sshd.authorize([await restrict(['--receive', 'store', '--set', word, option, value])])
    const {status, stdout} = await send()
    expect({status, stdout: stdout.toString()}).toEqual({status: 77, stdout: expect.stringContaining(`refused ${word}`)})
    for (const [name, sum] of before) expect(storeFiles(join(dir, 'store')).get(name), name).toBe(sum)
    sshd.authorize([await restrict(['--receive', 'store', '--set', word, option, wide])])
    expect(await send()).toMatchObject(committed)
  })

  test.each([
    ['says nothing', 'sleep 100'],
    ['says a little now and then', "for i in $(seq 100); do printf 'pack/'; sleep 0.3; done"],
    ['greets, and then says nothing', "echo 'bk 1'; sleep 100"],
  ])('who %s is gone when --deadline is over', async (_what, client) => {
    sshd.authorize([await restrict(['--receive', 'store', '--set', 'mute', '--deadline', '1s'])])
    const began = performance.now()
    const {status, stdout} = await run(`ssh vault < <(exec 2>/dev/null; ${client})`)
    expect({status, stdout: stdout.toString().split('\n').at(-2)}).toEqual({status: 77, stdout: 'refused deadline: the session took longer than 1 seconds'})
    expect(performance.now() - began).toBeLessThan(20_000)
  })

  test('of a store hold for every key, and the stricter of the two', async () => {
    await bk(['init', '-q', join(dir, 'narrow'), '--max-entries', '1', '--quota', '1G'])
    sshd.authorize([await restrict(['--receive', 'narrow', '--set', 'x', '--max-entries', '1000'])])
    expect((await send()).stdout.toString()).toMatch(/^refused max-entries/)
    await bk(['init', '-q', join(dir, 'wide'), '--max-entries', '1000'])
    sshd.authorize([await restrict(['--receive', 'wide', '--set', 'x', '--max-entries', '1'])])
    expect((await send()).stdout.toString()).toMatch(/^refused max-entries/)
  })
})

describe('--from and --expires', () => {
  test.each([
    ['127.0.0.1', 0],
    ['127.0.0.0/8', 0],
    ['192.0.2.0/24,127.0.0.*', 0],
    ['192.0.2.1', 255],
    ['192.0.2.0/24,2001:db8::/32', 255],
    ['*,!127.0.0.1', 255],
  ])('--from %s: %d', async (from, status) => {
    sshd.authorize([await restrict(['--receive', 'store', '--set', 'from', '--from', from])])
    expect((await send()).status).toBe(status)
  })

  test('a key works until it expires', async () => {
    const line = await restrict(['--receive', 'store', '--set', 'expires', '--expires', '1h'])
    sshd.authorize([line])
    expect(await send()).toMatchObject(committed)
    const past = line.replace(/expiry-time="\d{4}/, 'expiry-time="2020')
    expect(past).not.toBe(line)
    sshd.authorize([past])
    expect(await send()).toMatchObject({status: 255, stderr: expect.stringContaining('Permission denied')})
  })

  test('a key that works for a few seconds does not work after them', async () => {
    sshd.authorize([await restrict(['--receive', 'store', '--set', 'expires', '--expires', '3s'])])
    expect(await send()).toMatchObject(committed)
    const refused = await until('it is over', async () => {
      const result = await run('ssh vault bk receive </dev/null')
      return result.status === 255 ? result : null
    })
    expect(refused.stderr).toContain('Permission denied')
  })

  test('both at once, with all limits', async () => {
    const limits = ['--quota', '1G', '--per-day', '1000', '--max-file', '1G', '--max-entries', '1000', '--reserve', '1M', '--deadline', '1h']
    sshd.authorize([await restrict(['--receive', 'store', '--set', 'all', ...limits, '--browse', 'store', '--from', '127.0.0.1', '--expires', '2099-12-31'])])
    expect(await send()).toMatchObject(committed)
  })
})

describe('keys', () => {
  test('of every kind, several in one call: each gets its line, and its set', async () => {
    const kinds = ['ed25519', 'rsa -b 2048', 'ecdsa -b 256', 'ecdsa -b 384', 'ecdsa -b 521']
    for (const [at, kind] of kinds.entries()) await run(`ssh-keygen -q -t ${kind} -N '' -C kind${at} -f kind${at}`)
    const {status, stdout} = await run('cat kind1.pub kind2.pub | bk keys restrict kind0.pub - kind3.pub kind4.pub --receive store')
    const lines = stdout.toString().trim().split('\n')
    expect({status, lines: lines.length}).toEqual({status: 0, lines: 5})
    sshd.authorize(lines)
    for (const at of kinds.keys()) {
      expect(await send(`-o IdentityFile=kind${at} vault`)).toMatchObject(committed)
      expect((await setsIn(join(dir, 'store'))).at(-1)).toBe(`kind${at}`)
    }
  })

  test.each(['', 'two  blanks', 'say "hi"', "it's", 'ends\\', '# hash', 'command="id"', 'from="192.0.2.1" ssh-ed25519 AAAA', '$(id)', '\u00fcber', 'a,b=c'])('with the comment %j', async (comment) => {
    const key = `${sshd.publicKeys['vault']!.split(' ').slice(0, 2).join(' ')}${comment === '' ? '' : ` ${comment}`}`
    const line = await restrict(['--receive', 'store', '--set', 'a.set-with_all'], {key})
    expect(line.endsWith(key)).toBe(true)
    sshd.authorize([line])
    expect(await send()).toMatchObject(committed)
    expect((await setsIn(join(dir, 'store'))).at(-1)).toBe('a.set-with_all')
  })
})

describe('--install', () => {
  test('what is installed lets the key in, and what is revoked does not', async () => {
    const file = join(dir, 'authorized_keys')
    const use = (): void => sshd.authorize(readFileSync(file, 'utf8').split('\n').slice(0, -1))
    writeFileSync(join(dir, 'vault.pub'), `${sshd.publicKeys['vault']}\n`)
    await run(`bk keys restrict -q vault.pub --receive store --set installed --install --file ${file}`)
    use()
    expect(await send()).toMatchObject(committed)
    expect(await run(`bk keys revoke vault --file ${file}`)).toMatchObject({status: 0})
    use()
    expect((await send()).status).toBe(255)
  })

  // What others wrote: comments, a broken line, carriage returns, bytes that are no text, and a key of theirs at the end of it.
  const foreign = (): Buffer => Buffer.from(`# mine\r\n\n  ssh-rsa AAAA broken\n\xff\xfe\n\tno-pty,command="echo \\"for me\\"" ${sshd.publicKeys['other']}`, 'latin1')

  test.each([['once', 1], ['twice', 2], ['five times', 5]])('%s is one line; what others wrote stays to the byte, and still lets them in', async (_name, times) => {
    const file = join(dir, 'shared')
    writeFileSync(file, foreign())
    writeFileSync(join(dir, 'vault.pub'), `${sshd.publicKeys['vault']}\n`)
    for (let time = 0; time < times; time++) expect((await run(`bk keys restrict -q vault.pub --receive store --set shared --install --file ${file}`)).status).toBe(0)
    const added = Buffer.from(`\n${await restrict(['--receive', 'store', '--set', 'shared'])}\n`)
    expect(readFileSync(file).equals(Buffer.concat([foreign(), added]))).toBe(true)
    sshd.authorize([readFileSync(file, 'latin1').trimEnd()])
    expect(await send()).toMatchObject(committed)
    expect((await run('ssh other anything </dev/null')).stdout.toString()).toBe('for me\n')
    expect((await run(`bk keys revoke vault --file ${file}`)).status).toBe(0)
    expect(readFileSync(file).equals(Buffer.concat([foreign(), Buffer.from('\n')]))).toBe(true)
  })

  test('a new line takes the place of the old one, and the old one lets nobody in any more', async () => {
    const file = join(dir, 'changing')
    writeFileSync(join(dir, 'vault.pub'), `${sshd.publicKeys['vault']}\n`)
    await run(`bk keys restrict -q vault.pub --receive store --set x --browse store --install --file ${file}; bk keys restrict -q vault.pub --receive store --set y --install --file ${file}`)
    sshd.authorize(readFileSync(file, 'utf8').trimEnd().split('\n'))
    expect(await send()).toMatchObject(committed)
    expect((await setsIn(join(dir, 'store'))).at(-1)).toBe('y')
    expect(await run('ssh vault bk browse </dev/null')).toMatchObject({status: 77})
  })

  test('a key with a line of somebody else\'s is refused with reason: sshd goes on to that line when ours does not let it in', async () => {
    const file = join(dir, 'both')
    writeFileSync(file, `${sshd.publicKeys['vault']}\n`)
    writeFileSync(join(dir, 'vault.pub'), `${sshd.publicKeys['vault']}\n`)
    expect(await run(`bk keys restrict vault.pub --receive store --set x --from 192.0.2.1 --install --file ${file}`)).toMatchObject({status: 77})
    expect(readFileSync(file, 'utf8')).toBe(`${sshd.publicKeys['vault']}\n`)
    sshd.authorize([await restrict(['--receive', 'store', '--set', 'x', '--from', '192.0.2.1']), `${sshd.publicKeys['vault']}`])
    expect((await run('ssh vault "echo in-$((40+2))" </dev/null')).stdout.toString()).toBe('in-42\n')
  })

  test('ten at the same time are ten lines', async () => {
    const script = 'mkdir pool; for i in 0 1 2 3 4 5 6 7 8 9; do bk keys generate -q pool/$i --comment k$i; done; for i in 0 1 2 3 4 5 6 7 8 9; do bk keys restrict -q pool/$i.pub --receive store --install --file pool/all & done; wait'
    expect(await run(script)).toMatchObject({status: 0, stderr: ''})
    const listed = await run('bk keys list pool/all | cut -f 2 | sort | tr "\\n" " "; ls -A pool | grep -c tmp')
    expect(listed.stdout.toString()).toBe('k0 k1 k2 k3 k4 k5 k6 k7 k8 k9 0\n')
  })
})

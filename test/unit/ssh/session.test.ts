// Against an `ssh` of the test's own, first on PATH: what it is started with, what is made of its words, and how it ends.

import {spawn} from 'node:child_process'
import {chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {text} from 'node:stream/consumers'
import {isatty} from 'node:tty'
import {afterEach, beforeEach, describe, expect, it} from 'vitest'
import {explainEnd} from '../../../src/lib/ssh/failure.ts'
import {sshArguments, startSsh} from '../../../src/lib/ssh/session.ts'
import {parseSshTarget} from '../../../src/lib/ssh/target.ts'
import {atEnd} from '../../harness/cleanup.ts'
import {until} from '../../harness/limits.ts'
import {isRunning} from '../../harness/processes.ts'
import {tempDir} from '../../harness/temp.ts'

const vault = parseSshTarget('me@vault:')

describe('arguments', () => {
  it('end with the host and one word for the other side', () => {
    expect(sshArguments(vault, {verb: 'browse'}, true).slice(-3)).toEqual(['--', 'me@vault', 'bk browse'])
    expect(sshArguments(parseSshTarget('ssh://[::1]:2222/srv'), {subsystem: 'sftp'}, true).slice(-6)).toEqual(['-p', '2222', '-s', '--', '::1', 'sftp'])
  })

  it('forbid questions only where nobody could answer', () => {
    expect(sshArguments(vault, {verb: 'browse'}, true).join(' ')).not.toContain('BatchMode')
    expect(sshArguments(vault, {verb: 'browse'}, false)).toContain('-oBatchMode=yes')
  })

  it('name the set only where there is a path: behind a key it is not ours to say', () => {
    const command = {verb: 'receive', flags: ['--set', 'web1']} as const
    expect(sshArguments(vault, command, true).at(-1)).toBe('bk receive')
    expect(sshArguments(parseSshTarget('vault:/srv/store'), command, true).at(-1)).toBe("bk receive --set 'web1' -- '/srv/store'")
  })

  it.for(["a'b", '$HOME', '`x`', 'a b', '\\', '*', "'", 'x;y', '~/x'])('reach a shell as they are: %s', (path) => {
    const word = sshArguments({host: 'vault', path}, {verb: 'browse'}, true).at(-1)!
    // What the shell on the other side does with it.
    const script = join(tempDir('quoting'), 'script')
    writeFileSync(script, `bk() { printf '%s\\n' "$@"; }\n${word}\n`)
    return expect(run('/bin/sh', script)).resolves.toBe(`browse\n--\n${path}\n`)
  })
})

function run(program: string, script: string): Promise<string> {
  return text(spawn(program, [script], {stdio: ['ignore', 'pipe', 'inherit']}).stdout)
}

describe('a session', () => {
  const {PATH = ''} = process.env
  let dir: string

  beforeEach(() => {
    dir = tempDir('ssh')
    process.env['PATH'] = `${dir}:${PATH}`
  })
  afterEach(() => {
    process.env['PATH'] = PATH
  })

  function ssh(script: string): void {
    writeFileSync(join(dir, 'ssh'), `#!/bin/sh\n${script}\n`)
    chmodSync(join(dir, 'ssh'), 0o755)
  }

  it('carries bytes both ways and ends when its input does', async () => {
    ssh('cat')
    const session = startSsh(vault, {verb: 'browse'})
    const answer = text(session.output)
    session.input.write('there and back')
    await session.close()
    expect(await answer).toBe('there and back')
    expect(await session.finished).toEqual({status: 0, signal: null})
  })

  it('calls back whoever writes to a command that is gone, or ends its input', async () => {
    ssh('exec sleep 60')
    const session = startSsh(vault, {verb: 'browse'})
    // More than a pipe holds.
    const waiting = new Promise((done) => session.input.write(Buffer.alloc(1_000_000), done))
    const ending = new Promise((done) => session.input.end(done))
    session.kill()
    await session.finished
    expect(await waiting).toBeInstanceOf(Error)
    expect(await ending).toBeInstanceOf(Error)
    expect(await new Promise((done) => session.input.end(done))).toBeInstanceOf(Error)

    ssh('exit 0')
    const gone = startSsh(vault, {verb: 'browse'})
    await gone.finished
    expect(await new Promise((done) => gone.input.end(done))).toBeInstanceOf(Error)
    expect(await new Promise((done) => gone.input.write('x', done))).toBeInstanceOf(Error)
  })

  /** Starts it with somebody who looks on; `lines` are what he was told. */
  function watched(): {readonly session: ReturnType<typeof startSsh>; readonly lines: string[]} {
    const lines: string[] = []
    return {session: startSsh(vault, {verb: 'browse'}, (line) => lines.push(line)), lines}
  }

  it('has a terminal for its stderr where somebody looks on: only there it says that a key is to be touched', async () => {
    ssh(`[ -t 2 ] && echo terminal >${dir}/is || echo pipe >${dir}/is`)
    await watched().session.finished
    expect(readFileSync(join(dir, 'is'), 'utf8')).toBe('terminal\n')
    await startSsh(vault, {verb: 'browse'}).finished
    expect(readFileSync(join(dir, 'is'), 'utf8')).toBe(isatty(2) ? 'terminal\n' : 'pipe\n')
  })

  it.each([
    // As OpenSSH writes it.
    ['a line', String.raw`printf '\r' >&2; printf 'Confirm user presence for key ED25519-SK SHA256:abc' >&2; printf '\r\n' >&2`, ['Confirm user presence for key ED25519-SK SHA256:abc']],
    ['a question that ends without a newline', String.raw`printf 'Enter code: ' >&2`, ['Enter code:']],
    ['several, and what a program in between says', String.raw`printf 'one\r\n\033[31mtwo\n\n\377three\nssh: four\n' >&2`, ['one', String.raw`\033[31mtwo`, '\ufffdthree', 'four']],
  ])('tells what it waits with, at once: %s', async (_what, says, told) => {
    ssh(`${says}; while [ ! -e ${dir}/touched ]; do sleep 0.05; done; cat`)
    const {session, lines} = watched()
    const answer = text(session.output)
    session.input.write('went on')
    await until('it is told', () => lines.length === told.length)
    expect(lines.map((line) => line.trimEnd())).toEqual(told)
    writeFileSync(join(dir, 'touched'), '')
    await session.close()
    expect(await answer).toBe('went on')
    expect(lines).toHaveLength(told.length)
  })

  it('tells the rest of a line whose beginning was told, once', async () => {
    ssh(`printf 'Code: ' >&2; while [ ! -e ${dir}/typed ]; do sleep 0.05; done; printf ' wrong\\n' >&2; cat`)
    const {session, lines} = watched()
    await until('the question is told', () => lines.length === 1)
    writeFileSync(join(dir, 'typed'), '')
    await until('the rest is told', () => lines.length === 2)
    await session.close()
    expect(lines).toEqual(['Code: ', ' wrong'])
    expect(await session.failure()).toMatchObject({message: 'me@vault: Code:  wrong'})
  })

  it('tells nothing of what it ends with: that becomes the one line', async () => {
    ssh(`echo 'Warning: this is new' >&2; sleep 1; printf '@@@@\r\nme@vault: Permission denied (publickey).\r\n' >&2; exit 255`)
    const {session, lines} = watched()
    expect(await session.failure()).toMatchObject({message: 'me@vault takes none of the keys that ssh offers', status: 77})
    expect(lines).toEqual(['Warning: this is new'])
  })

  it('tells nothing of what bk says over there: it is for its end, however long that takes', async () => {
    ssh(`echo 'bk forced: refused command: bk browse' >&2; echo 'bk forced: hint: ask' >&2; sleep 1; exit 77`)
    const {session, lines} = watched()
    expect(await session.failure()).toMatchObject({message: 'me@vault: bk forced: refused command: bk browse', status: 77, hint: 'ask'})
    expect(lines).toEqual([])
  })

  it('tells nothing that is said when the other side has answered', async () => {
    ssh(`echo answer; while [ ! -e ${dir}/read ]; do sleep 0.05; done; echo 'bk receive: something' >&2; sleep 1`)
    const {session, lines} = watched()
    await new Promise((resolve) => session.output.once('data', resolve))
    writeFileSync(join(dir, 'read'), '')
    await session.finished
    expect(lines).toEqual([])
    expect(await session.failure()).toMatchObject({message: 'me@vault: bk receive: something'})
  })

  it.each(['pipe', 'terminal'])('reads an endless stderr on a %s, and tells a hundred lines of it', async (kind) => {
    ssh("i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i + 1)); done >&2; sleep 1; head -c 1000000 /dev/zero | tr '\\0' x >&2")
    const {session, lines} = kind === 'pipe' ? {session: startSsh(vault, {verb: 'browse'}), lines: []} : watched()
    await session.finished
    expect(lines).toHaveLength(kind === 'pipe' ? 0 : 100)
    expect((await session.failure()).message.length).toBeLessThan(2100)
  })

  it('that does not end by itself is ended', async () => {
    ssh('exec sleep 60')
    const session = startSsh(vault, {verb: 'browse'})
    session.kill()
    expect(await session.finished).toEqual({status: null, signal: 'SIGTERM'})
    expect(await session.failure()).toMatchObject({message: 'ssh to me@vault was ended by SIGTERM', status: 75})
  })

  it('leaves nothing behind when this process is told to die', async () => {
    ssh(`echo $$ >${dir}/pid; exec sleep 60`)
    const script = join(dir, 'dies.ts')
    const source = join(import.meta.dirname, '../../../src/lib/ssh')
    writeFileSync(script, `
      import {startSsh} from '${source}/session.ts'
      startSsh({host: 'vault', path: ''}, {verb: 'browse'})
      setInterval(() => {}, 1000)`)
    const child = spawn(process.execPath, ['--no-warnings', script], {stdio: 'ignore'})
    atEnd(() => void child.kill('SIGKILL'))
    await until('ssh runs', async () => (existsSync(join(dir, 'pid')) && readFileSync(join(dir, 'pid'), 'utf8').endsWith('\n')) || null)
    child.kill('SIGTERM')
    const pid = Number(readFileSync(join(dir, 'pid'), 'utf8'))
    await until('ssh is gone', () => !isRunning(pid))
  })

  it('that cannot begin says so', async () => {
    mkdirSync(join(dir, 'empty'))
    process.env['PATH'] = join(dir, 'empty')
    const session = startSsh(vault, {verb: 'browse'})
    session.input.write('nobody hears this')
    expect(await session.failure()).toMatchObject({message: 'ssh is not on PATH', status: 2, hint: "install OpenSSH's client"})
    await session.close()
  })
})

describe('the end of a session', () => {
  // As OpenSSH 9.2 says it.
  const changed = `@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
Offending ED25519 key in /root/.ssh/known_hosts:1
  remove with:
  ssh-keygen -f "/root/.ssh/known_hosts" -R "[127.0.0.1]:2222"
Host key for [127.0.0.1]:2222 has changed and you have requested strict checking.
Host key verification failed.
`
  it.for([
    ['ssh: Could not resolve hostname vault: Name or service not known\n', 75, 'no such host: me@vault'],
    ['ssh: connect to host vault port 22: Connection refused\n', 75, 'me@vault refuses the connection: no sshd listens there'],
    ['ssh: connect to host vault port 22: Connection timed out\n', 75, 'me@vault does not answer'],
    ['ssh: connect to host vault port 22: No route to host\n', 75, 'there is no way to me@vault'],
    ['kex_exchange_identification: Connection closed by remote host\nConnection closed by 10.0.0.1 port 22\n', 75, 'me@vault closed the connection before the login was through'],
    ['Timeout, server vault not responding.\n', 75, 'the connection to me@vault is lost: it does not answer any more'],
    ['Connection to vault closed by remote host.\n', 75, 'the connection to me@vault is lost'],
    ['client_loop: send disconnect: Broken pipe\n', 75, 'the connection to me@vault is lost'],
    [changed, 77, 'the host key of me@vault has changed: it is another machine, or somebody is in between'],
    ['No ED25519 host key is known for vault and you have requested strict checking.\nHost key verification failed.\n', 77, 'the host key of me@vault is not known here'],
    ['me@vault: Permission denied (publickey).\n', 77, 'me@vault takes none of the keys that ssh offers'],
    ['Received disconnect from 10.0.0.1 port 22:2: Too many authentication failures\n', 77, 'me@vault takes none of the first keys that ssh offers'],
    ['/root/.ssh/config: line 1: Bad configuration option: foo\n/root/.ssh/config: terminating, 1 bad configuration options\n', 2, 'ssh does not take its configuration'],
    ['subsystem request failed on channel 0\n', 2, 'me@vault has no SFTP for this key'],
    ['something new\n', 75, 'cannot reach me@vault: something new'],
    ['', 75, 'cannot reach me@vault'],
  ] as const)('%j', ([stderr, status, message]) => {
    expect(explainEnd({status: 255}, stderr, vault)).toMatchObject({status, message})
  })

  it('names the host as known_hosts does', () => {
    expect(explainEnd({status: 255}, changed, vault).hint).toContain("ssh-keygen -R '[127.0.0.1]:2222'")
    expect(explainEnd({status: 255}, 'Host key for vault has changed\n', parseSshTarget('ssh://vault:2222')).hint).toContain("ssh-keygen -R '[vault]:2222'")
  })

  it.for([
    [127, 'bash: line 1: bk: command not found\n', 2, 'there is no bk on PATH at me@vault', expect.stringContaining('install it there')],
    [77, 'bk forced: refused command: bk browse\n', 77, 'me@vault: bk forced: refused command: bk browse', undefined],
    [2, 'bk browse: /srv is not a store: it has no bk-store\nbk browse: hint: is the disk mounted?\n', 2, 'me@vault: bk browse: /srv is not a store: it has no bk-store', 'is the disk mounted?'],
    [64, 'bk: no such command: browse\n', 2, 'me@vault: bk: no such command: browse', undefined],
    [75, 'bk browse: nothing was asked for too long\n', 75, 'me@vault: bk browse: nothing was asked for too long', undefined],
    [0, '', 75, 'me@vault ended before it was through', undefined],
    [9, '', 75, 'me@vault ended with 9, and no word why', undefined],
  ] as const)('with %d is that of the command there: %j', ([end, stderr, status, message, hint]) => {
    expect(explainEnd({status: end}, stderr, vault)).toMatchObject({status, message, hint})
  })
})

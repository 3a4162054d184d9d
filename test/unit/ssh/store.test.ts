// A store over SFTP, with an `ssh` of the test's own on PATH that starts `bk browse` here: what is asked of it, and how often anybody
// is called.

import {chmodSync, cpSync, existsSync, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, it} from 'vitest'
import {BkError} from '../../../src/lib/cli/errors.ts'
import {LocalStore} from '../../../src/lib/store/local.ts'
import {StoreLog} from '../../../src/lib/store/log.ts'
import {SftpStore} from '../../../src/lib/store/sftp.ts'
import {root} from '../../harness/bk.ts'
import {until} from '../../harness/limits.ts'
import {storeFiles} from '../../harness/store-files.ts'
import {tempDir} from '../../harness/temp.ts'

const {PATH = ''} = process.env
let dir: string
let at: string
let store: SftpStore

beforeEach(() => {
  dir = tempDir('sftp-store')
  at = join(dir, 'store')
  cpSync(join(root, 'test/fixtures/version-1/store'), at, {recursive: true})
  process.env['PATH'] = `${dir}:${PATH}`
  store = new SftpStore('vault:', {host: 'vault', path: ''}, 'ssh')
})
afterEach(async () => {
  await store.close()
  process.env['PATH'] = PATH
})

function ssh(script = `exec env PATH='${PATH}' ${root}/bin/bk browse ${at}`): void {
  writeFileSync(join(dir, 'ssh'), `#!/bin/sh\necho $$ >>${dir}/started\n${script}\n`)
  chmodSync(join(dir, 'ssh'), 0o755)
}

const started = (): string[] => readFileSync(join(dir, 'started'), 'latin1').trim().split('\n')

describe('a store over SFTP', () => {
  it('has what the store at hand has', async () => {
    ssh()
    const local = new LocalStore(at)
    for (const prefix of ['log/', 'catalogs/', 'packs/0b/', 'packs/ff/']) expect(await store.list(prefix)).toEqual(await local.list(prefix))
    expect(await store.list('log/', 'log/000008')).toEqual(['log/000009', 'log/000010'])
    for (const name of storeFiles(at).keys()) {
      expect(await store.size(name)).toBe(await local.size(name))
      expect(await store.get(name)).toEqual(await local.get(name))
      expect(await store.get(name, {offset: 3, length: 50})).toEqual(await local.get(name, {offset: 3, length: 50}))
    }
    expect(await store.size('log/000011')).toBe(undefined)
    await expect(store.get('log/000011')).rejects.toMatchObject({code: 'ENOENT'})
    expect(started()).toHaveLength(1)
  })

  it('reads a log in both directions, and what comes to it meanwhile', async () => {
    ssh()
    const log = await StoreLog.open(store)
    const forwards: (number | undefined)[] = []
    expect(await log.last()).toBe(10)
    for (let seq = 1; seq <= 12; seq++) forwards.push((await log.record(seq))?.seq)
    expect(forwards).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, undefined, undefined])
    const again = await StoreLog.open(store)
    expect((await again.snapshots()).map(({seq}) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    cpSync(join(at, 'log/000010'), join(at, 'log/000011'))
    expect(await store.get('log/000011', {offset: 0, length: 100})).toHaveLength(100)
  })

  it('is not called before it is asked, and takes no space for an answer that is never given', async () => {
    ssh()
    await expect(store.get('bk-store', {offset: 0, length: 2 ** 40})).rejects.toMatchObject({status: 65})
    expect(() => started()).toThrow('ENOENT')
    expect(await store.get('bk-store', {offset: 0, length: 2 ** 30})).toEqual(readFileSync(join(at, 'bk-store')))
  })
})

describe('the other end', () => {
  it('may end while nobody asks: it is called again', async () => {
    ssh()
    await store.size('bk-store')
    const first = Number(started()[0])
    process.kill(first)
    // Not isRunning: what has ended and is still there as a zombie this process has not heard of.
    await until('it is gone, and this was heard', () => !existsSync(`/proc/${first}`))
    expect(await store.get('bk-store')).toEqual(readFileSync(join(at, 'bk-store')))
    expect(started()).toHaveLength(2)
  })

  it('is not called again when it has failed, and that is no damage of a file', async () => {
    ssh('echo "ssh: connect to host vault port 22: Connection refused" >&2; exit 255')
    const failures = await Promise.all([1, 2, 3].map((seq) => store.get(`log/00000${seq}`).catch((error: unknown) => error)))
    for (const failure of [...failures, await store.list('log/').catch((error: unknown) => error)]) {
      expect(failure).toMatchObject({status: 75, message: 'vault refuses the connection: no sshd listens there'})
      expect(failure).not.toBeInstanceOf(BkError)
    }
    expect(started()).toHaveLength(1)
  })

  it('that closes its output and stays does not keep anybody', async () => {
    ssh('exec >&-; exec sleep 60')
    await expect(store.size('bk-store')).rejects.toMatchObject({status: 75})
  })
})

// What an operand means that names a store on another machine. (Local ones and the grammar of WHEN: when.test.ts.)

import {mkdirSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, it} from 'vitest'
import {namesSnapshot, openStore, snapshotOperand} from '../../../src/lib/store/open.ts'
import {SftpStore} from '../../../src/lib/store/sftp.ts'
import {tempDir} from '../../harness/temp.ts'

const before = process.cwd()
beforeEach(() => process.chdir(tempDir('address')))
afterEach(() => process.chdir(before))

describe('a store on another machine', () => {
  it.for([
    ['vault:', 'vault:', undefined],
    ['vault:@3D', 'vault:', {kind: 'age', months: 0, seconds: 259_200}],
    ['vault:/srv/store@17', 'vault:/srv/store', {kind: 'number', seq: 17}],
    ['me@vault:/srv/store', 'me@vault:/srv/store', undefined],
    ['me@vault:@latest', 'me@vault:', {kind: 'latest'}],
    ['me@vault:/srv/store@soon', 'me@vault:/srv/store@soon', undefined],
    ['ssh://me@vault:2222/srv/store@2Y', 'ssh://me@vault:2222/srv/store', {kind: 'age', months: 24, seconds: 0}],
    ['sftp://me@vault', 'sftp://me@vault', undefined],
  ] as const)('%s', ([operand, store, when]) => {
    expect(snapshotOperand(operand)).toEqual({store, when})
    expect(openStore(store)).toBeInstanceOf(SftpStore)
  })

  it.for([
    ['vault:@17', true],
    ['me@vault:@latest', true],
    ['ssh://vault/srv@2026-11-20', true],
    ['me@vault:/srv/store', false],
    ['vault:', false],
    ['vault:x@soon', false],
    ['me@17', false],
    ['./vault:@17', false],
  ] as const)('%s is a snapshot: %s', ([operand, expected]) => {
    expect(namesSnapshot(operand)).toBe(expected)
  })

  it('is not meant where something of that whole name is there', () => {
    writeFileSync('vault:@17', '')
    expect(namesSnapshot('vault:@17')).toBe(false)
  })

  it('is not meant by a path with a colon behind a slash', () => {
    mkdirSync('a:b')
    writeFileSync(join('a:b', 'bk-store'), '')
    expect(namesSnapshot('./a:b@soon')).toBe(true)
    expect(openStore('./a:b')).not.toBeInstanceOf(SftpStore)
  })

  it.for(['-oProxyCommand=x:/srv', 'vault:-x', ':/srv', 's3://bucket/x'])('%s is a usage error before anything is started', (address) => {
    expect(() => openStore(address)).toThrow(expect.objectContaining({status: 64}))
  })

  it('can only be read', async () => {
    const store = openStore('vault:/srv/store')
    await expect(store.put('log/000001', [], true)).rejects.toMatchObject({status: 77, message: 'vault:/srv/store can only be read: it is on another machine'})
    await expect(store.remove('log/000001')).rejects.toMatchObject({status: 77})
  })
})

// Streams that are small and become large, through real processes whose memory is watched: they are refused before they have cost
// more than an honest stream does.

import {writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeAll, describe, expect, test} from 'vitest'
import {bk, sh} from '../harness/bk.ts'
import {bomb, bombStream, zeros} from '../harness/bomb.ts'
import {forgePack, member, packMembers, zstdFrame} from '../harness/forge-stream.ts'
import {measureMemory} from '../harness/limits.ts'
import {tempDir} from '../harness/temp.ts'

const MIB = 2 ** 20
let dir: string

beforeAll(async () => {
  dir = tempDir('bombs')
  await bk(['init', '-q', 'store'], {cwd: dir})
})

async function expectRefused(stream: Buffer, mebibytes: number): Promise<void> {
  writeFileSync(join(dir, 'stream'), stream)
  const {result, peaks} = await measureMemory('bk receive store <stream', {cwd: dir})
  expect({...result, stdout: String(result.stdout)}).toMatchObject({status: 65, stdout: '', stderr: expect.stringMatching(/^bk receive: [^\n]*\n$/)})
  expect((peaks[0]?.kibibytes ?? 0) / 1024, peaks[0]?.command).toBeLessThan(mebibytes)
  expect((await sh('find store -type f | sort', {cwd: dir})).stdout.toString()).toBe('store/README\nstore/bk-store\nstore/recover.sh\n')
}


describe('a frame', () => {
  test('that declares what it becomes, 3 GiB', async () => {
    const size = 3072 * MIB
    await expectRefused(bombStream(bomb(size), `${size + 512}\n${zeros} ${size}\n`), 300)
  })

  test('that becomes more than it declares', async () => {
    const size = 2048 * MIB
    await expectRefused(bombStream(bomb(size, 1024), `1024\n${zeros} 100\n`), 150)
  })

  test('that becomes more than the table of its pack says', async () => {
    const size = 2048 * MIB
    await expectRefused(bombStream(bomb(size), `1024\n${zeros} 100\n`), 150)
  })

  test('that declares terabytes and holds nothing', async () => {
    await expectRefused(bombStream(bomb(128 * 1024, 2 ** 42 + 512), `${2 ** 42 + 512}\n${zeros} ${2 ** 42}\n`), 150)
    await expectRefused(bombStream(zstdFrame(Buffer.alloc(0)), `${2 ** 42 + 512}\n${zeros} ${2 ** 42}\n`), 150)
  })
})

describe('a stream', () => {
  test('that never ends, of one pack after the other', async () => {
    // Each pack is honest; nothing but the writer's patience ends it, and memory stays where it is.
    const packs = Array.from({length: 40}, (_, at) => packMembers(forgePack([[Buffer.alloc(4 * MIB, at + 1)]])))
    writeFileSync(join(dir, 'packs'), Buffer.concat(packs))
    await sh('bk init -q endless', {cwd: dir})
    const {result, peaks} = await measureMemory('cat packs | bk receive endless', {cwd: dir})
    expect(result.status).toBe(65)
    expect((peaks[0]?.kibibytes ?? 0) / 1024).toBeLessThan(250)
  })

  test('whose snapshot says it has 60 MB of lines', async () => {
    const lines = member('snapshot', Buffer.alloc(60_000_000, 'pack +\n'))
    await expectRefused(lines, 500)
  })

  test('of another protocol, whose client says little and waits: refused at once, not waited for', async () => {
    for (const hello of ['bk 2\\n', 'SSH-2.0-x\\r\\n', '\\0\\0\\0\\005\\001\\0\\0\\0\\003']) {
      // The shell holds the fifo open at both ends: it never comes to its end.
      const result = await sh(`rm -f fifo; mkfifo fifo; exec 3<>fifo; printf '${hello}' >&3; bk receive store <fifo`, {cwd: dir, timeout: 10_000})
      expect({...result, stdout: String(result.stdout)}).toMatchObject({status: 65, stdout: '', stderr: 'bk receive: not a stream of bk send\n'})
    }
  })
})

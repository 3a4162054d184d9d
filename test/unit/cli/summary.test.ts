import {describe, expect, it} from 'vitest'
import {restoredLine, summaryLine, type Totals} from '../../../src/lib/cli/summary.ts'

const none: Totals = {added: 0, changed: 0, moved: 0, gone: 0, meta: 0, unread: 0, entries: 28_401, bytesRead: 0, bytesStored: 0, seconds: 1}

describe('the last line of a backup', () => {
  it.for<[totals: Partial<Totals>, line: string]>([
    [
      {added: 18, changed: 3, moved: 1, gone: 2, bytesRead: 12 << 20, bytesSent: 4_300_000, bytesStored: 4_100_000, seconds: 7},
      '18 new, 3 changed, 1 moved, 2 gone of 28,401 entries; read 12M, sent 4.1M, stored 3.9M in 0:07',
    ],
    [
      {added: 1234, changed: 1, meta: 5, unread: 2, bytesRead: 1, bytesStored: 800, seconds: 3725},
      '1,234 new, 1 changed, 5 with other metadata, 2 unread of 28,401 entries; read 1 byte, stored 800 bytes in 1:02:05',
    ],
    [{}, 'nothing changed, 28,401 entries in 0:01'],
    [{bytesSent: 700, bytesStored: 600}, 'nothing changed, 28,401 entries in 0:01'],
    [{unread: 1}, 'nothing changed, 1 unread of 28,401 entries in 0:01'],
    [{bytesRead: 5 << 20, bytesStored: 0}, 'nothing changed, 28,401 entries; read 5.0M, stored nothing in 0:01'],
    [{meta: 1, bytesStored: 1200}, '1 with other metadata of 28,401 entries; read nothing, stored 1.2K in 0:01'],
    [{gone: 1, entries: 1, bytesStored: 900}, '1 gone of 1 entry; read nothing, stored 900 bytes in 0:01'],
  ])('%j', ([totals, line]) => {
    expect(summaryLine({...none, ...totals})).toBe(line)
  })
})

describe('the last line of a restore', () => {
  it.for<[files: number, bytes: number, seconds: number, line: string]>([
    [12_345, 1_300_000_000, 12.4, 'restored 12,345 files, 1.2G in 0:12'],
    [1, 1, 0.1, 'restored 1 file, 1 byte in 0:00'],
    [0, 0, 61, 'restored 0 files, nothing in 1:01'],
  ])('%d files, %d bytes', ([files, bytes, seconds, line]) => {
    expect(restoredLine({files, bytes, seconds})).toBe(line)
  })
})

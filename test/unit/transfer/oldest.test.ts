// What is remembered for whoever asks has an end.

import {existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {forgetOldest} from '../../../src/lib/transfer/oldest.ts'
import {tempDir} from '../../harness/temp.ts'

test('the oldest go, files and directories with what is in them, and as many stay as may', () => {
  const dir = tempDir('oldest')
  for (const [at, name] of ['d', 'a', 'c', 'b'].entries()) {
    mkdirSync(join(dir, name, 'inner'), {recursive: true})
    writeFileSync(join(dir, name, 'inner/file'), name)
    writeFileSync(join(dir, `${name}.file`), name)
    utimesSync(join(dir, name), 1000 + at, 1000 + at)
    utimesSync(join(dir, `${name}.file`), 1000 + at, 1000 + at)
  }
  forgetOldest(dir, 8)
  expect(readdirSync(dir)).toHaveLength(8)
  forgetOldest(dir, 4)
  expect(readdirSync(dir).sort()).toEqual(['b', 'b.file', 'c', 'c.file'])
  expect(existsSync(join(dir, 'b/inner/file'))).toBe(true)
  forgetOldest(dir, 0)
  expect(readdirSync(dir)).toEqual([])
  expect(() => forgetOldest(join(dir, 'gone'), 1)).toThrow('ENOENT')
})

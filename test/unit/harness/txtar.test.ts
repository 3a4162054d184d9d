import {describe, expect, test} from 'vitest'
import {parseArchive, printArchive} from '../../harness/txtar.ts'

describe('txtar', () => {
  test.each([
    ['nothing', ''],
    ['commands only', 'exec true\n'],
    ['files', 'exec true\n-- a --\n1\n2\n-- dir/b c --\n-- empty --\n'],
    ['lines that only look like a marker', '--\n-- --\n--a--\n -- a --\n'],
  ])('prints what it parsed: %s', (_, text) => {
    expect(printArchive(parseArchive(Buffer.from(text))).toString()).toBe(text)
  })

  test('keeps bytes that are not UTF-8', () => {
    const bytes = Buffer.from('é\n-- ü --\n\xff\x00\r\n', 'latin1')
    const {files} = parseArchive(bytes)
    expect(files[0]?.data).toEqual(Buffer.from([0xff, 0, 13, 10]))
  })

  test('adds the newline that an editor forgot', () => {
    expect(parseArchive(Buffer.from('-- a --\nx')).files).toEqual([{name: 'a', data: Buffer.from('x\n')}])
  })

  test.each(['x', '-- b --\n'])('refuses contents that it would not read back: %j', (data) => {
    expect(() => printArchive({script: '', files: [{name: 'a', data: Buffer.from(data)}]})).toThrow('txtar cannot hold it')
  })
})

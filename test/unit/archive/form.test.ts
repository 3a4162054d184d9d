// What an archive's name and options say of its form.

import {describe, expect, it} from 'vitest'
import {archiveForm} from '../../../src/lib/archive/form.ts'

describe('a form', () => {
  it.each([
    [undefined, undefined, false, {kind: 'none'}],
    [undefined, 'zstd:19', true, {kind: 'zstd', level: 19}],
    ['a.tar', undefined, false, {kind: 'none'}],
    ['a.tgz', undefined, false, {kind: 'gzip', level: 6}],
    ['a.tar.gz', 'gzip:9', false, {kind: 'gzip', level: 9}],
    ['a.tzst', undefined, false, {kind: 'zstd', level: 3}],
    ['a.tar.zst.age', undefined, true, {kind: 'zstd', level: 3}],
    ['a.tar.age', 'none', true, {kind: 'none'}],
    ['/dev/tape', 'none', false, {kind: 'none'}],
    ['/dev/tape', 'gzip', true, {kind: 'gzip', level: 6}],
  ] as const)('of %s and %s, encrypted: %s', (name, compress, isEncrypted, form) => {
    expect(archiveForm(name, compress, isEncrypted)).toEqual(form)
  })

  it.each([
    ['a', undefined, false, /does not say how to compress/],
    ['.zst', undefined, false, /does not say how to compress/],
    ['a.tar.gz', 'zstd', false, /is to be compressed by gzip, and --compress says zstd/],
    ['a.tar', 'gzip', false, /is to be without compression/],
    ['a.tar.age', undefined, false, /nobody is named who can read it/],
    ['a.age', undefined, true, /does not say how to compress/],
    ['a.tar.zst', undefined, true, /an encrypted archive is no \.tar\.zst/],
    [undefined, 'none:1', false, /no such compression: none:1/],
    [undefined, 'gzip:10', false, /no such level of gzip: 10/],
    [undefined, 'zstd:0', false, /no such level of zstd: 0/],
    [undefined, 'zstd:', false, /no such compression/],
  ] as const)('is none of %s and %s, encrypted: %s', (name, compress, isEncrypted, reason) => {
    expect(() => archiveForm(name, compress, isEncrypted)).toThrow(expect.objectContaining({status: 64, message: expect.stringMatching(reason)}))
  })
})

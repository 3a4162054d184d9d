// The text of authorized_keys: which lines are bk's, which key is on a line, and that nothing but bk's own lines ever changes.

import fc from 'fast-check'
import {describe, expect, it, test} from 'vitest'
import {install, keyLines} from '../../../src/lib/keys/authorized-keys.ts'
import {fingerprint, formatPublicKey, identityOf} from '../../../src/lib/keys/public-key.ts'
import {revoke} from '../../../src/lib/keys/revoke.ts'
import {formatLine, keyOnLine, parseLine} from '../../../src/lib/keys/restricted-line.ts'
import {lineFor, newKey} from './make-keys.ts'

const [one, two, three] = [newKey('one'), newKey('two'), newKey('three')]
const base64 = one.blob.toString('base64')
const line = formatLine(lineFor(one))

describe('a line that bk wrote', () => {
  it.each([
    ['as short as it gets', lineFor(one)],
    ['with all options', lineFor(one, {from: '10.0.0.0/8,!10.1.2.3', expires: '20270331235959Z'})],
    ['with odd paths', lineFor(one, {program: `/it's "bk" \\"/bk`, words: ['--browse', `/a b'c"d\\e\\"$HOME\`id\`,x="y" z`]})],
    ['of a later version', lineFor(one, {words: ['--offer', '/etc']})],
    ['without a comment', lineFor({...one, comment: ''})],
    ['with blanks and UTF-8 in the comment', lineFor({...one, comment: 'a  b \u00c3\u00bc'})],
  ])('%s: reads back', (_what, written) => {
    expect(parseLine(formatLine(written))).toEqual(written)
    expect(keyOnLine(formatLine(written))).toEqual(one.blob)
  })

  test('any words read back', () => {
    const words = fc.array(fc.string({unit: fc.constantFrom("'", '"', '\\', ' ', ',', '=', 'a', '\u00ff'), maxLength: 8}), {maxLength: 4})
    fc.assert(
      fc.property(words, (list) => {
        const written = lineFor(one, {words: list})
        expect(parseLine(formatLine(written))).toEqual(written)
        expect(keyOnLine(formatLine(written))).toEqual(one.blob)
      }),
    )
  })

  it.each<[string, string]>([
    ['the key alone', formatPublicKey(one)],
    ['without restrict', line.replace('restrict,', '')],
    ['with an option more', line.replace('restrict,', 'restrict,pty,')],
    ['with an option behind', line.replace('" ssh', '",pty ssh')],
    ['in another order', line.replace(/restrict,(command="[^"]*")/, '$1,restrict')],
    ['with another command', line.replace("'/opt/bk/bin/bk'", "'/bin/sh'")],
    ['with a program called otherwise', line.replace('/bin/bk', '/bin/xbk')],
    ['with a relative path', line.replace('/opt/bk/bin/bk', 'bk')],
    ['with another word for forced', line.replace("'forced'", "'receive'")],
    ['with a second command', line.replace("'web1'", "'web1'; id")],
    ['without quotes', line.replaceAll("'", '')],
    ['with a blank in front', ` ${line}`],
    ['with two blanks', line.replace(' ssh', '  ssh')],
    ['with a TAB', line.replace(' ssh', '\tssh')],
    ['with a carriage return and no comment', `${formatLine(lineFor({...one, comment: ''}))}\r`],
    ['in capitals', line.replace('restrict', 'RESTRICT')],
    ['as a comment', `#${line}`],
    ['cut off', line.slice(0, 60)],
  ])('%s: is not bk\'s', (_what, text) => {
    expect(parseLine(text)).toBeUndefined()
  })
})

describe('the key on a line', () => {
  it.each<[string, string]>([
    ['alone', formatPublicKey(one)],
    ['with blanks and TABs', `  \t${one.type}\t ${base64}\tcomment`],
    ['behind an option', `no-pty ${formatPublicKey(one)}`],
    ['behind options in any order', `pty,command="a b,c",restrict,from="*" ${formatPublicKey(one)}`],
    ['behind quotes in quotes', `command="say \\"${formatPublicKey(two)}\\" x" ${formatPublicKey(one)}`],
    ['behind another key in an option', `command="x ${two.blob.toString('base64')} y" ${formatPublicKey(one)}`],
    ['behind an option and a TAB', `restrict\t${formatPublicKey(one)}`],
    ['as an authority', `cert-authority ${formatPublicKey(one)}`],
    ['by the short name of its type', `ed25519 ${base64}`],
    ['with a carriage return', `${one.type} ${base64}\r`],
    ['before a NUL', `${formatPublicKey(one)}\0 more`],
  ])('%s', (_what, text) => {
    expect(keyOnLine(text)).toEqual(one.blob)
  })

  it.each(['', ' ', '# comment', ` # ${formatPublicKey(one)}`, `\0${formatPublicKey(one)}`, 'words', `command="open ${formatPublicKey(one)}`, `command="x" y ${base64.slice(0, 40)}`])('%j has none', (text) => {
    expect(keyOnLine(text)).toBeUndefined()
  })
})

const foreign = `# mine\r\n\n  ssh-rsa AAAA broken\nno-pty,command="a \\" b" ${formatPublicKey(three)}\n\x00\xff`

describe('install', () => {
  test('a line more, behind all others, which stay to the byte', () => {
    const {text, result} = install(`${foreign}\n`, [lineFor(one)])
    expect(text).toBe(`${foreign}\n${line}\n`)
    expect(result).toEqual([{key: one, what: 'added'}])
  })

  test('a last line without a newline gets one', () => {
    expect(install(foreign, [lineFor(one)]).text).toBe(`${foreign}\n${line}\n`)
    expect(install('', [lineFor(one)]).text).toBe(`${line}\n`)
  })

  test('the same again changes nothing, also without a last newline', () => {
    for (const text of [`${line}\n${foreign}`, `${foreign}\n${line}`]) {
      expect(install(text, [lineFor(one)])).toEqual({text, result: [{key: one, what: 'unchanged'}]})
    }
  })

  test('another line for the key takes the place of the old one', () => {
    const changed = lineFor({...one, comment: 'renamed'}, {from: '10.0.0.1'})
    const {text, result} = install(`a\n${line}\n${foreign}`, [changed])
    expect(text).toBe(`a\n${formatLine(changed)}\n${foreign}`)
    expect(result).toEqual([{key: changed.key, what: 'replaced'}])
  })

  test('of several lines for the key one is left: sshd would go on to the next', () => {
    const wide = formatLine(lineFor(one, {words: ['--browse', '/']}))
    expect(install(`${line}\nb\n${wide}\n${wide}`, [lineFor(one)])).toEqual({text: `${line}\nb\n`, result: [{key: one, what: 'replaced'}]})
  })

  test('several keys, one of them twice', () => {
    const {text, result} = install('', [lineFor(one), lineFor(two), lineFor(one)])
    expect(text).toBe(`${line}\n${formatLine(lineFor(two))}\n`)
    expect(result.map(({what}) => what)).toEqual(['added', 'added', 'unchanged'])
  })

  test.each<[string, string]>([
    ['before', `${formatPublicKey(one)}\n`],
    ['behind ours', `${line}\n${formatPublicKey(one)}\n`],
    ['with options', `from="a b,c",command="x \\" y",restrict ${formatPublicKey(one)}`],
    ['with a command of its own', line.replace("'forced'", "'receive'")],
    ['as an authority', `cert-authority ${formatPublicKey(one)}`],
    ['by a short name', `\tED25519 ${base64} x`],
  ])('a key on a line of somebody else\'s is refused: %s', (_where, text) => {
    expect(() => install(`#\n${text}`, [lineFor(two), lineFor(one)])).toThrow(expect.objectContaining({status: 77, message: expect.stringMatching(/ is on line [23] already, which bk did not write/)}))
  })

  test('all other lines stay to the byte, whatever they are', () => {
    const texts = fc.array(fc.constantFrom('', '#', 'x', line, formatPublicKey(three), '\r', '\0', '"', `from="${line}" y`, formatLine(lineFor(two))), {maxLength: 6})
    fc.assert(
      fc.property(texts, fc.boolean(), (lines, ended) => {
        const text = lines.join('\n') + (ended && lines.length > 0 ? '\n' : '')
        const others = (all: string): string[] => all.split('\n').filter((each) => keyLines(each)[0]?.identity !== identityOf(one.blob) && each !== '')
        const added = install(text, [lineFor(one)]).text
        expect(others(added)).toEqual(others(text))
        expect(install(added, [lineFor(one)]).text).toBe(added)
        expect(others(revoke(added, [{text: fingerprint(one)}]).text)).toEqual(others(text))
      }),
    )
  })
})

describe('revoke', () => {
  const text = `a\n${line}\nb\n${formatLine(lineFor(two))}\nc`

  test.each([
    ['its fingerprint', {text: fingerprint(one)}],
    ['its comment', {text: 'one'}],
    ['its public key', {text: 'file', keys: [{...one, comment: 'other'}]}],
  ])('by %s', (_how, name) => {
    expect(revoke(text, [name])).toEqual({text: `a\nb\n${formatLine(lineFor(two))}\nc`, result: {removed: [one], left: []}})
  })

  test('several, and one by two names', () => {
    expect(revoke(text, [{text: 'two'}, {text: 'one'}, {text: fingerprint(two)}])).toEqual({text: 'a\nb\nc', result: {removed: [two, one], left: []}})
  })

  test('all or none', () => {
    expect(() => revoke(text, [{text: 'one'}, {text: 'four'}])).toThrow(expect.objectContaining({status: 2, message: 'no key that bk restricted is called four'}))
  })

  test('a comment of two keys is refused, and says which they are', () => {
    const same = `${text}\n${formatLine(lineFor({...three, comment: 'one'}))}`
    const both = new RegExp(`${fingerprint(one).replaceAll('+', '\\+')}, ${fingerprint(three).replaceAll('+', '\\+')}`)
    expect(() => revoke(same, [{text: 'one'}])).toThrow(expect.objectContaining({status: 77, message: expect.stringMatching(both)}))
  })

  test('a key on a line of somebody else\'s is left, and said', () => {
    expect(revoke(`${formatPublicKey(one)}\n${line}\n`, [{text: 'one'}])).toEqual({text: `${formatPublicKey(one)}\n`, result: {removed: [one], left: [{number: 1, key: one}]}})
    expect(() => revoke(formatPublicKey(one), [{text: 'f', keys: [one]}])).toThrow(/is on line 1, which bk did not write/)
    expect(() => revoke(formatPublicKey(one), [{text: 'one'}])).toThrow(/no key that bk restricted is called one/)
  })
})

import {describe, expect, it} from 'vitest'
import fc from 'fast-check'
import {escapeName, oneLine} from '../../../src/lib/cli/escape.ts'
import {BkError, reasonOf} from '../../../src/lib/cli/errors.ts'
import {describeFailure} from '../../../src/lib/cli/failure.ts'
import {createSpeech} from '../../../src/lib/cli/speech.ts'

const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u

describe('a name in speech', () => {
  it.for<[name: string | Uint8Array, shown: string]>([
    ['plain name', 'plain name'],
    ['größe 日本', 'größe 日本'],
    ['a\nb\tc', 'a\\012b\\011c'],
    ['\x1b[31mred', '\\033[31mred'],
    ['back\\slash', 'back\\134slash'],
    ['\x7f\x85', '\\177\\302\\205'],
    ['txt.\u202egpj', 'txt.\\342\\200\\256gpj'],
    [Buffer.from('a\xffb', 'latin1'), 'a\\377b'],
    [Buffer.from([0xe2, 0x82, 0xac, 0xe2, 0x82]), '€\\342\\202'],
    [Buffer.from([0xed, 0xa0, 0x80]), '\\355\\240\\200'],
    [Buffer.from('\ufffd'), '\ufffd'],
  ])('%j is shown as %s', ([name, shown]) => {
    expect(escapeName(name)).toBe(shown)
  })

  it('is one printable line, whatever its bytes are, and can be told from every other', () => {
    const seen = new Map<string, string>()
    fc.assert(
      fc.property(fc.uint8Array({maxLength: 12}), (bytes) => {
        const shown = escapeName(bytes)
        expect(shown).not.toMatch(unprintable)
        expect(oneLine(shown)).toBe(shown)
        const hex = Buffer.from(bytes).toString('hex')
        expect(seen.get(shown) ?? hex).toBe(hex)
        seen.set(shown, hex)
      }),
      {numRuns: 3000},
    )
  })
})

describe('speech', () => {
  function speak(options: {quiet?: boolean; verbose?: boolean; json?: boolean} = {}): {lines: string[]; speech: ReturnType<typeof createSpeech>} {
    const lines: string[] = []
    return {lines, speech: createSpeech('bk diff', {...options, write: (line) => lines.push(line)})}
  }

  it('has a line for each thing, with the command before it', () => {
    const {lines, speech} = speak({verbose: true})
    speech.problem('x', 'permission denied')
    speech.warn('the store was rolled back')
    speech.note('first backup')
    speech.detail('left out a socket')
    speech.hint('try again')
    speech.failure('failed', {hint: 'do this', status: 2})
    expect(lines).toEqual([
      'bk diff: x: permission denied',
      'bk diff: the store was rolled back',
      'bk diff: first backup',
      'bk diff: left out a socket',
      'bk diff: hint: try again',
      'bk diff: failed',
      'bk diff: hint: do this',
    ])
  })

  it('never leaves out a problem or a warning, and counts them', () => {
    const {lines, speech} = speak({quiet: true})
    expect(speech.status()).toBe(0)
    speech.note('a note')
    speech.detail('a detail')
    expect([speech.troubles, speech.status()]).toEqual([0, 0])
    speech.problem('x', new Error('odd'))
    speech.warn('a warning')
    expect([speech.troubles, speech.status(), lines]).toEqual([2, 3, ['bk diff: x: odd', 'bk diff: a warning']])
  })

  it('says why a system call failed in the words of the system', () => {
    expect(reasonOf(Object.assign(new Error('EACCES: permission denied, open x'), {code: 'EACCES'}))).toBe('permission denied')
    expect(reasonOf(Object.assign(new Error('text'), {code: 'ERR_SOMETHING'}))).toBe('text')
    expect(reasonOf('thrown text')).toBe('thrown text')
  })
})

describe('a failure', () => {
  it.for<[error: unknown, told: object]>([
    [new BkError('gone'), {message: 'gone', status: 2}],
    [new BkError('locked', {hint: 'wait', status: 75}), {hint: 'wait', message: 'locked', status: 75}],
    [Object.assign(new Error('ENOSPC: …'), {code: 'ENOSPC', path: '/a\nb'}), {message: '/a\\012b: no space left on device', status: 2}],
    [Object.assign(new Error('EPERM: …'), {code: 'EPERM'}), {message: 'operation not permitted (EPERM)', status: 2}],
    [new RangeError('first\nsecond'), {message: 'this is a bug: RangeError: first', status: 70}],
    [undefined, {message: 'this is a bug: undefined', status: 70}],
  ])('%s', ([error, told]) => {
    expect(describeFailure(error, 'bk diff')).toMatchObject(told)
  })
})

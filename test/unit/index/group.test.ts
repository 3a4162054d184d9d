// Comments: each key with the values it may have, in its one order; and what a group says of itself.

import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {
  checkComments, commentValue, entryOf, formatComment, isDirectoryLine, isUnread, NO_COMMENTS, parseComment, sameGroup, withComments, type Group,
} from '../../../src/lib/index/group.ts'
import {groupsOf, tree} from './arbitrary.ts'
import {law, refusal} from './texts.ts'

const id = '5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03'
const file = './a type=file size=6 time=0.000000000'

function group(...comments: string[]): Group {
  return {path: './a', line: file, comments: comments.map((comment) => `#bk ./a ${comment}`)}
}

describe('a comment is taken', () => {
  test.each([
    `chunks=${id}`, 'cut=15', 'cut=10', 'cut=24', 'error=EACCES', 'error=EIO', 'stale=ENOTDIR', 'flags=nodump', 'flags=immutable,append', 'gname=a\\040b', 'uname=\\303\\274',
    'hardlink=.', 'hardlink=./A/b\\075c', 'from=./b', 'left-out=socket', 'left-out=unknown-type', 'note=changed', 'sparse=0+4096', 'sparse=0+1,4096+8192', 'sparse=',
    'xattr.user.mime=', 'xattr.user.mime=AA==', 'xattr.user.mime=AAE=', 'xattr.user.mime=AAEC', `xattr.user.mime=@${id}`, 'xattr.user.a\\075b=AA==', 'xattr.system.posix_acl_access=AgAAAA==',
    'xattr.user.a/b\\040=AA==', `xattr.user.long=${'A'.repeat(40_000)}`, 'later=', 'later=a=b==', 'later.word-2=!"#$%&~', 'constructor=x', 'x=y',
  ])('%s', (comment) => {
    const line = `#bk ./a ${comment}`
    const {path, key, value} = parseComment(line)
    expect(formatComment(path, key, value)).toBe(line)
    expect(key).not.toContain('=')
  })

  test('at every path', () => {
    expect(parseComment('#bk . note=changed').path).toBe('.')
    expect(parseComment('#bk ./note\\075changed/\\040 note=changed').path).toBe('./note\\075changed/\\040')
  })
})

describe('a comment is refused', () => {
  const shape = /^not a comment of an index: /
  test.each([
    ['', shape], ['error', shape], ['=x', shape], ['Error=EIO', shape], ['1a=x', shape], ['.a=x', shape], ['a_b=x', shape], ['aB=x', shape], ['a/b=x', shape], ['a\\040=x', shape],
    ['a b=x', shape], ['xattr.=AA==', shape], ['xattr.user.\\141=AA==', shape], ['xattr.user.a\\000=AA==', shape], ['xattr.user.[=AA==', shape],
    ['a=b c', shape], ['a=b\t', shape], ['a=\xff', shape], ['a=b\0', shape], ['a=b\n', shape],
    ['chunks=', /bad value of chunks=/], [`chunks=${id.toUpperCase()}`, /bad value of chunks=/], [`chunks=${id}0`, /bad value of chunks=/], ['chunks=@', /bad value/],
    ['cut=9', /bad value of cut=/], ['cut=25', /bad value of cut=/], ['cut=015', /bad value of cut=/], ['cut=', /bad value/],
    ['error=', /bad value of error=/], ['error=eacces', /bad value of error=/], ['error=E ACCES', shape], ['stale=', /bad value of stale=/], ['error=\\033', /bad value/],
    ['flags=', /bad value of flags=/], ['flags=a,,b', /bad value of flags=/], ['flags=A', /bad value/],
    ['gname=', /bad value of gname=/], ['gname=staff', /bad value of gname=/], ['uname=a.b-C_9', /bad value of uname=/], ['uname=\\141', /bad value/], ['uname=a=b', /bad value/], ['uname=\\000', /bad value/],
    ['hardlink=', /path does not begin/], ['hardlink=/a', /path is absolute/], ['hardlink=./b/../c', /path leaves the tree/], ['from=..', /path does not begin/], ['hardlink=./b=c', /path is not escaped/],
    ['left-out=', /bad value of left-out=/], ['left-out=Socket', /bad value/], ['note=', /bad value of note=/], ['note=a=b', /bad value/],
    ['sparse=0', /bad value of sparse=/], ['sparse=0+', /bad value/], ['sparse=0+1,', /bad value/], ['sparse=-1+1', /bad value/], ['sparse=00+1', /bad value/], ['sparse=0+1;1+1', /bad value/],
    ['xattr.user.a=A', /bad base64/], ['xattr.user.a=AAA', /bad base64/], ['xattr.user.a====', /bad base64/], ['xattr.user.a=AA=A', /bad base64/], ['xattr.user.a=AB==', /bad base64/],
    ['xattr.user.a=AAB=', /bad base64/], ['xattr.user.a=A_==', /bad base64/], ['xattr.user.a=@', /bad base64/], [`xattr.user.a=@${id}0`, /bad base64/], [`xattr.user.a=${'A'.repeat(40_004)}`, /bad base64/],
  ])('%j', async (comment, why) => {
    expect(await refusal(() => parseComment(`#bk ./a ${comment}`))).toMatch(why)
  })

  test.each(['#bk', '#bk ', '#bk  a=b', '#bk a a=b', '#bk /a a=b', '#bk ./a/../b a=b', '#bk ./\\141 a=b', '# ./a a=b', '#BK ./a a=b', '#bk ./a  a=b', '#bk ./a  ', ' #bk ./a a=b', '#bk\t./a a=b'])(
    '%j', async (line) => {
      await refusal(() => parseComment(line))
    },
  )

  test('or prints back as it was', async () => {
    const parts = fc.constantFrom('#bk ', './a', ' ', '=', 'xattr.', 'user', '\\075', '\\141', 'AA==', 'error', 'EIO', '.', '/', 'cut', '15', '\n', 'constructor', '__proto__', 'toString')
    await law(fc.asyncProperty(fc.array(parts, {maxLength: 8}).map((all) => all.join('')), fc.boolean(), async (text, whole) => {
      const line = whole ? `#bk ./a ${text}` : text
      try {
        const {path, key, value} = parseComment(line)
        expect(formatComment(path, key, value)).toBe(line)
      } catch (error) {
        await refusal(() => {
          throw error
        })
      }
    }), 3000)
  })
})

describe('comments of a path', () => {
  test.each([
    ['xattrs sort by their whole key', ['xattr.user.a=AA==', 'xattr.user.a-=AA==', 'xattr.user.b=AA==']],
    ['chunks and cut', [`chunks=${id}`, 'cut=15']],
    ['none', []],
    ['an error beside the line', ['error=EIO', 'xattr.user.a=AA==']],
    ['a hard link to what comes before', ['hardlink=.']],
  ])('are taken: %s', (_, comments) => {
    expect(() => checkComments(group(...comments))).not.toThrow()
  })

  test.each([
    ['twice the same key', ['note=changed', 'note=changed'], /not sorted by key, or one is there twice/],
    ['more than 10,000', Array.from({length: 10_001}, (_, at) => `k${String(at).padStart(5, '0')}=`), /more than 10,000 comments/],
    ['unsorted', ['note=changed', 'error=EIO'], /not sorted/],
    ['unsorted as lines, since = sorts behind -', ['xattr.user.a-=AA==', 'xattr.user.a=AA=='], /not sorted/],
    ['a class without chunks', ['cut=15'], /cut= without chunks=/],
    ['a hard link to itself', ['hardlink=./a'], /^hardlink= is not a path before: \.\/a$/],
    ['a hard link to what comes later', ['hardlink=./b'], /^hardlink= is not a path before: \.\/a$/],
  ])('are refused: %s', async (_, comments, why) => {
    expect(await refusal(() => checkComments(group(...comments)))).toMatch(why)
  })

  test('without a line say why', async () => {
    const alone = (...comments: string[]): Group => ({...group(...comments), line: ''})
    expect(() => checkComments(alone('error=EIO'))).not.toThrow()
    expect(() => checkComments(alone('left-out=socket', 'zz=1'))).not.toThrow()
    expect(await refusal(() => checkComments(alone('note=changed')))).toMatch(/comment without its entry: \.\/a/)
    expect(await refusal(() => checkComments(alone('stale=EIO')))).toMatch(/comment without its entry/)
  })
})

describe('a group', () => {
  test('finds its comments by their whole key', () => {
    const it = group('error=EIO', 'xattr.user.a=AA==', 'xattr.user.a\\075b=AQ==')
    expect(commentValue(it, 'error')).toBe('EIO')
    expect(commentValue(it, 'xattr.user.a')).toBe('AA==')
    expect(commentValue(it, 'xattr.user')).toBeUndefined()
    expect(commentValue({...it, comments: NO_COMMENTS}, 'error')).toBeUndefined()
  })

  test('gets, changes and loses comments, and keeps the others in order', () => {
    const it = group(`chunks=${id}`, 'constructor=x', 'note=changed', 'zz=1')
    expect(withComments(it, {note: undefined, stale: 'EIO', chunks: undefined})).toEqual(group('constructor=x', 'stale=EIO', 'zz=1'))
    expect(withComments(it, {zz: '2', cut: '15'})).toEqual(group(`chunks=${id}`, 'constructor=x', 'cut=15', 'note=changed', 'zz=2'))
    expect(it).toEqual(group(`chunks=${id}`, 'constructor=x', 'note=changed', 'zz=1'))
  })

  test('is the same only when all of its text is', () => {
    expect(sameGroup(group('note=changed'), group('note=changed'))).toBe(true)
    expect(sameGroup(group('note=changed'), group())).toBe(false)
    expect(sameGroup(group('note=changed'), group('stale=EIO'))).toBe(false)
    expect(sameGroup(group(), {...group(), line: `${file} md5=`})).toBe(false)
  })

  test('is unread with an error or stale, and has an entry where it has a line', () => {
    expect([group(), group('error=EIO'), group('stale=EIO'), group('note=changed')].map(isUnread)).toEqual([false, true, true, false])
    expect(entryOf(group())?.size).toBe(6)
    expect(entryOf({...group('error=EIO'), line: ''})).toBeUndefined()
  })

  test('is a directory by its line', () => {
    expect(isDirectoryLine('./a type=dir', './a')).toBe(true)
    expect(isDirectoryLine('./a type=dir mode=0755', './a')).toBe(true)
    expect(isDirectoryLine('./a type=file', './a')).toBe(false)
  })

  test('of any tree is taken, and the same after its comments were taken away and given back', async () => {
    await law(fc.property(tree, (it) => {
      for (const one of groupsOf(it)) {
        if (one.comments.length > 0) checkComments(one)
        const values = Object.fromEntries(one.comments.map((comment) => parseComment(comment)).map(({key, value}) => [key, value]))
        const none = withComments(one, Object.fromEntries(Object.keys(values).map((key) => [key, undefined])))
        expect(none.comments).toEqual([])
        expect(withComments(none, values)).toEqual(one)
      }
    }), 200)
  })
})

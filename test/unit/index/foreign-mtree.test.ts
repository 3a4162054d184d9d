// mtree lists, flavour by flavour: what each program writes (foreign-programs.test.ts asks the programs themselves), what people write,
// and what is refused because it cannot be what it says.

import {describe, expect, test} from 'vitest'
import {linesOf, normalised, refusal} from './foreign-lists.ts'

const md5 = 'd41d8cd98f00b204e9800998ecf8427e'
const sha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

describe('a list of whole paths', () => {
  test('as bsdtar writes it', async () => {
    expect(await linesOf([
      '#mtree',
      '. gname=root uname=root time=1795346916.892062080 mode=755 gid=0 uid=0 type=dir',
      './b nlink=2 gname=a\\040b uname=root time=-2.500000000 mode=4755 gid=0 uid=0 type=file size=12 sha256digest=' + sha256,
      './a\\040\\043 time=1763800000.5 mode=0 gid=4294967295 uid=1 type=file size=0 md5digest=' + md5 + ' sha1digest=0123',
      './l time=0.0 mode=777 type=link link=a\\040b\\043\\075*?[]\\134\\012\\377',
      './null mode=666 type=char device=native,1,3',
      './loop type=block device=native,0x7,0454 resdevice=native,254,0 inode=12',
      './pipe mode=640 type=fifo',
      './socket time=1.0 mode=755 gid=0 uid=0 type=socket',
      './d flags=uappnd,schg,arch time=5 type=dir size=4096',
      '',
    ].join('\n'))).toEqual([
      '. type=dir mode=0755 uid=0 gid=0 uname=root gname=root time=1795346916.892062080',
      './a\\040\\043 type=file mode=0000 uid=1 gid=4294967295 size=0 time=1763800000.000000005 md5=' + md5,
      './b type=file mode=04755 uid=0 gid=0 uname=root size=12 time=-2.500000000 sha256=' + sha256,
      '#bk ./b gname=a\\040b',
      './d type=dir time=5.000000000',
      '#bk ./d flags=immutable,append',
      './l type=link mode=0777 time=0.000000000 link=a\\040b\\043\\075\\052\\077\\133\\135\\134\\012\\377',
      './loop type=block device=native,7,300',
      './null type=char mode=0666 device=native,1,3',
      './pipe type=fifo mode=0640',
      '#bk ./socket left-out=socket',
    ])
  })

  test('with /set, continued lines and comments', async () => {
    expect(await linesOf('#mtree\n/set type=file uid=5 mode=644 gname=wheel\n./a \\\n  size=1 \\\n\tuid=6 # why\n/unset gname nlink\n./b size=2\n/unset all\n./c type=dir\n/set mode=0600 optional\n./d type=file\n')).toEqual([
      '. type=dir',
      './a type=file mode=0644 uid=6 gname=wheel size=1',
      './b type=file mode=0644 uid=5 size=2',
      './c type=dir',
      './d type=file mode=0600',
    ])
  })

  test('where an owner of its own has no name, or no number', async () => {
    expect(await linesOf('/set type=file uid=0 uname=root gname=wheel\n./a uid=5\n./b uid=0\n./c uname=x\n./d gid=7\n./e uid=5 uname=x\n./f\n')).toEqual([
      '. type=dir',
      './a type=file uid=5 gname=wheel',
      './b type=file uid=0 uname=root gname=wheel',
      './c type=file uname=x gname=wheel',
      './d type=file uid=0 gid=7 uname=root',
      './e type=file uid=5 uname=x gname=wheel',
      './f type=file uid=0 uname=root gname=wheel',
    ])
  })

  test.each([
    ['1763800000.123456789', '1763800000.123456789'],
    ['1763800000.000000005', '1763800000.000000005'],
    ['1763800000.5', '1763800000.000000005'],
    ['1763800000.0', '1763800000.000000000'],
    ['1763800000.', '1763800000.000000000'],
    ['1763800000', '1763800000.000000000'],
    ['1763800000.1234567890', '1763800000.123456789'],
    ['-1.500000000', '-1.500000000'],
    ['-0.5', '0.000000005'],
    ['007', '7.000000000'],
  ])('time=%s', async (time, meaning) => {
    expect((await linesOf(`./a type=file time=${time}\n`)).at(-1)).toBe(`./a type=file time=${meaning}`)
  })

  test.each([
    ['0x801', '8,1'],
    ['2049', '8,1'],
    ['0x10072c', '7,300'],
    ['0x120006783459a', '74565,424090'],
    ['linux,8,1', '8,1'],
    ['native,4294967295,4294967295', '4294967295,4294967295'],
    ['native,010,0x10', '8,16'],
  ])('device=%s', async (device, meaning) => {
    expect((await linesOf(`./a type=char device=${device}\n`)).at(-1)).toBe(`./a type=char device=native,${meaning}`)
  })

  test.each([
    ['0', '0000'], ['00', '0000'], ['7', '0007'], ['644', '0644'], ['0644', '0644'], ['00644', '0644'], ['1777', '01777'], ['07777', '07777'],
  ])('mode=%s', async (mode, meaning) => {
    expect((await linesOf(`./a type=file mode=${mode}\n`)).at(-1)).toBe(`./a type=file mode=${meaning}`)
  })

  test.each([
    ['no type but a size', './a size=1\n', './a type=file size=1'],
    ['no type but a digest', `./a md5=${md5.toUpperCase()}\n`, `./a type=file md5=${md5}`],
    ['no type but a target', './a link=b\n', './a type=link link=b'],
    ['no type but something below', './a/b size=1\n./a mode=700\n', './a type=dir mode=0700'],
    ['a digest with 0x', `./a sha256=0x${sha256}\n`, `./a type=file sha256=${sha256}`],
    ['unknown keywords', './a type=file optional nochange tags=,x, xattr.user.a=b contents=/etc/passwd md5x=1\n', './a type=file'],
    ['a keyword twice, the same', `./a type=file sha256=${sha256} sha256digest=${sha256}\n`, `./a type=file sha256=${sha256}`],
    ['equal lines', './a type=file size=1\n./a type=file size=1\n', './a type=file size=1'],
    ['lines that add to each other', './a type=file time=1.0\n./a/ type=file size=1\n./a mode=600\n', './a type=file mode=0600 size=1 time=1.000000000'],
    ['names that add to each other', './a type=file uname=b\n./a gname=a\\040b flags=nodump\n', '#bk ./a gname=a\\040b'],
    ['CR before LF', './a type=file size=1\r\n', './a type=file size=1'],
    ['tabs', './a\ttype=file\t\tsize=1\n', './a type=file size=1'],
    ['an equals sign in a value', './a type=link link=b=c\n', './a type=link link=b\\075c'],
    ['a slash that is escaped', './a\\057b type=file\n', './a/b type=file'],
    ['a hash in an escape', './\\M-C\\M-# type=file\n', './\\303\\243 type=file'],
    ['a backslash at the end of a value', './a type=link link=\\M-C\\M^\\\n', './a type=link link=\\303\\234'],
    ['a keyword that does not go with the type', './a type=dir size=1 link=b device=native,1,1 cksum=1\n', './a type=dir'],
    ['a top that comes late', './a type=file\n. type=dir mode=700\n', './a type=file'],
    ['flags that are none', './a type=file flags=none\n', './a type=file'],
    ['absolute paths', '/set type=file\n/a/b size=1\n/set size=1\n', './a/b type=file size=1'],
    ['the root', '/ type=dir\n/a type=dir\n', './a type=dir'],
  ])('with %s', async (_, list, line) => {
    expect(await linesOf(list)).toContain(line)
  })

  test('of absolute paths is relative to /', async () => {
    expect(await normalised('#mtree\n/etc/hosts type=file\n/ type=dir mode=755\n')).toMatch(/ root=\/\n\. type=dir mode=0755\n\.\/etc type=dir\n\.\/etc\/hosts type=file\n/)
    expect(await normalised('#mtree\n. type=dir\n')).toMatch(/ root=\.\n\. type=dir\n#bk end entries=1 complete /)
  })
})

describe('a list of nested names', () => {
  test('as NetBSD writes it', async () => {
    expect(await linesOf([
      '#\t   user: (null)', '#\tmachine: vm', '#\t   tree: /srv', '#\t   date: Sun Nov 22 11:28:37 2026', '', '# .',
      '/set type=file uid=0 gid=0 mode=0755 nlink=1 flags=none',
      '.               type=dir nlink=10 time=1795346916.892062080',
      '    a\\sb        mode=0644 size=1 time=1.5',
      '', '# ./d', '/set type=file uid=0 gid=0 mode=0644 nlink=1 flags=none',
      'd               type=dir mode=0755 nlink=2 time=1795346916.892062080',
      '    latin1\\s\\M-it\\M-i \\', '                size=3 time=1763800000.1 \\', '                md5=' + md5,
      '# ./d/e', 'e               type=dir', '# ./d/e', '..', '', '# ./d', '..', '', '',
      'f               type=link link=a\\sb', '',
    ].join('\n'))).toEqual([
      '. type=dir mode=0755 uid=0 gid=0 time=1795346916.892062080',
      './a\\040b type=file mode=0644 uid=0 gid=0 size=1 time=1.000000005',
      './d type=dir mode=0755 uid=0 gid=0 time=1795346916.892062080',
      './d/e type=dir mode=0644 uid=0 gid=0',
      `./d/latin1\\040\\351t\\351 type=file mode=0644 uid=0 gid=0 size=3 time=1763800000.000000001 md5=${md5}`,
      './f type=link mode=0644 uid=0 gid=0 link=a\\040b',
    ])
  })

  test('as FreeBSD keeps it, with a default type and the top closed', async () => {
    expect(await linesOf('/set type=dir uname=root gname=wheel mode=0755\n.\n    bin\n    ..\n    usr\n        local\n        ..\n    ..\n..\n')).toEqual(
      ['.', './bin', './usr', './usr/local'].map((path) => `${path} type=dir mode=0755 uname=root gname=wheel`),
    )
  })

  // The comments hold the names as they are, so a name can look like lines of the list.
  test.each([
    ['a newline inside', 'new\nline inside'],
    ['newlines at the ends', '\n\nx\n\n'],
    ['an entry', 'x\nx type=dir'],
    ['a whole path', 'x\ny type=file mode=0777 size=5'],
    ['an end', 'x\n..\n..'],
    ['its own name', 'x\nx\\nx type=dir'],
    ['a comment', 'x\n# .\n# x'],
    ['a line that goes on', 'x\ny \\'],
  ])('with a name that holds %s', async (_, name) => {
    const encoded = name.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll(' ', '\\s').replaceAll('#', '\\#')
    for (const set of ['', '/set type=file uid=0\n', '/unset flags\n/set type=file uid=0\n']) {
      const below = `\n# ./${name}\n${set}${encoded} type=dir mode=0700\n    a type=file size=1\n# ./${name}/e\ne type=dir\n# ./${name}/e\n..\n\n# ./${name}\n..\n\n`
      const path = './' + [...name].map((char) => (/[\n \\#=]/.test(char) ? '\\' + char.charCodeAt(0).toString(8).padStart(3, '0') : char)).join('')
      const lines = await linesOf(`\n# .\n/set type=file\n. type=dir\n${below}b type=file size=2\n`)
      expect(lines.map((line) => line.replace(' uid=0', ''))).toEqual(['. type=dir', `${path} type=dir mode=0700`, `${path}/a type=file size=1`, `${path}/e type=dir`, './b type=file size=2'].sort())
    }
  })

  test('with a directory whose comment holds a directive', async () => {
    expect(await linesOf('# .\n. type=dir\n# ./x\n\nx\\n type=dir\n# ./x\n/set mode=0777\nset\\smode=0777 type=dir\n    a type=file\n# ./x\n/set mode=0777\n..\n# ./x\n\n..\n')).toEqual([
      '. type=dir', './x\\012 type=dir', './x\\012/set\\040mode\\0750777 type=dir', './x\\012/set\\040mode\\0750777/a type=file',
    ])
  })

  test('with comments that are nobody\'s path', async () => {
    expect(await linesOf('. type=dir\n# ./a is mine\na type=dir\n# ./a\n# ./b/c\n..\n# ./\n')).toEqual(['. type=dir', './a type=dir'])
  })
})

describe('an mtree list is refused for', () => {
  test.each([
    ['other content', './a type=file size=1\n./b type=dir\n./a type=file size=2\n', 'line 3: duplicate path with other content: ./a'],
    ['another type', './a type=file\n./a type=dir\n', 'line 2: duplicate path with other content: ./a'],
    ['another name', './a type=file uname=a\n./a uname=a\\040b\n', 'line 2: duplicate path with other content: ./a'],
    ['a socket that is a file too', './a type=socket\n./a type=file\n', 'line 2: duplicate path with other content: ./a'],
    ['something below a link', './a type=link link=b\n./a/b type=file\n', 'line 2: something lies below what is no directory: ./a'],
    ['a path that leaves', '. type=dir\n./a type=file\n../x type=file\n', 'line 3: path leaves the tree: ../x'],
    ['.. inside', './a/../../x type=file\n', 'line 1: path leaves the tree: ./a/../../x'],
    ['.. in escapes', './a/\\056\\056 type=file\n', 'line 1: path leaves the tree: ./a/..'],
    ['a name .. in escapes', '. type=dir\n\\056. type=dir\n', 'line 2: path leaves the tree: ./..'],
    ['too many ..', '. type=dir\n..\n..\n', 'line 3: path leaves the tree: ..'],
    ['words behind ..', '. type=dir\n.. type=dir\n', 'line 2: something stands behind ..'],
    ['a NUL', './a\\000b type=file\n', 'line 1: path has a NUL byte: ./a\\000b'],
    ['a NUL in a target', './a type=link link=b\\0\n', 'line 1: bad link: b\\1340'],
    ['absolute and relative', '. type=dir\n/a type=file\n', 'line 2: absolute and relative paths are mixed: /a'],
    ['a top that is a file', '. type=file\n', 'line 1: the top is no directory: .'],
    ['no type', './a mode=644\n', 'line 1: no type: ./a'],
    ['a name without a type', '. type=dir\na mode=644\n', 'line 2: no type: a'],
    ['a link without a target', './a type=link\n', 'line 1: link without its target: ./a'],
    ['a device without a number', './a type=block\n', 'line 1: device without its number: ./a'],
    ['an unknown type', './a type=fiel\n', 'line 1: unknown type: fiel'],
    ['a symbolic mode', './a type=file mode=u=rw\n', 'line 1: mode is not octal, of twelve bits: u=rw'],
    ['a mode of many bits', './a type=file mode=100644\n', 'line 1: mode is not octal, of twelve bits: 100644'],
    ['an empty mode', './a type=file mode=\n', 'line 1: mode is not octal, of twelve bits: '],
    ['a negative uid', './a type=file uid=-1\n', 'line 1: bad uid: -1'],
    ['a big uid', './a type=file uid=4294967296\n', 'line 1: bad uid: 4294967296'],
    ['a big size', './a type=file size=9007199254740993\n', 'line 1: bad size: 9007199254740993'],
    ['a size in hex', './a type=file size=0x10\n', 'line 1: bad size: 0x10'],
    ['a bad time', './a type=file time=1.2.3\n', 'line 1: bad time: 1.2.3'],
    ['a time with an exponent', './a type=file time=1e9\n', 'line 1: bad time: 1e9'],
    ['a bad digest', './a type=file md5=d41d8\n', 'line 1: bad md5: d41d8'],
    ['a digest of letters', `./a type=file md5=${md5.replace('d', 'g')}\n`, `line 1: bad md5: ${md5.replace('d', 'g')}`],
    ['a bad device', './a type=char device=native,1\n', 'line 1: bad device: native,1'],
    ['a bad octal device', './a type=char device=native,1,09\n', 'line 1: bad device: native,1,09'],
    ['a big device', './a type=char device=native,1,4294967296\n', 'line 1: bad device: native,1,4294967296'],
    ['a long target', `./a type=link link=${'x'.repeat(4097)}\n`, `line 1: bad link: ${'x'.repeat(120)}`],
    ['an empty target', './a type=link link=\n', 'line 1: bad link: '],
    ['bad flags', './a type=file flags=<\n', 'line 1: bad flags: <'],
    ['a keyword without a value', './a type\n', 'not an index, not an mtree list and not the output of md5sum or sha256sum'],
    ['a keyword without a value further down', '. type=dir\n./a type\n', 'line 2: keyword without a value: type'],
    ['no keyword', '. type=dir\n./a -e=5\n', 'line 2: not a keyword: -e=5'],
    ['a keyword twice', './a type=file mode=644 mode=600\n', 'line 1: keyword is there twice: mode=600'],
    ['a value behind /unset', '. type=dir\n/unset mode=1\n', 'line 2: not a keyword: mode=1'],
    ['a bad value behind /set', '. type=dir\n\n/set mode=rw\n', 'line 3: mode is not octal, of twelve bits: rw'],
    ['an unknown escape', './a\\q type=file\n', 'line 1: unknown escape: \\q'],
    ['a name behind whole paths', './a type=dir\nb type=file\n', 'line 2: name without a path behind whole paths: b'],
    ['.. behind whole paths', './a type=dir\n..\n', 'line 2: .. behind a whole path'],
    ['an entry behind the end', '. type=dir\n..\na type=file\n', 'line 3: entry behind the end of the list: a'],
    ['a directory that is not closed', '. type=dir\na type=dir\nb type=file\n', 'the list is cut off: no .. closes ./a'],
    ['a line that goes on at the end', '. type=dir\n./a \\\n', 'line 2: the last line is cut off'],
    ['a last line without LF', '. type=dir\n./a type=file size=12', 'line 2: the last line is cut off'],
    ['no entries', '#mtree\n', 'the list has no entries'],
    ['a target that NetBSD cut', `. type=dir\na type=link link=${'x'.repeat(1018)}\n`, 'line 2: the target may be cut off: a'],
    ['a long line', `. type=dir\n./a type=file x=${'y'.repeat(70_000)}\n`, 'line 2: line is longer than 65,000 bytes'],
    ['a long line of many', '. type=dir\n./a \\\n' + `x=${'y'.repeat(1000)} \\\n`.repeat(70), 'line 2: line is longer than 65,000 bytes'],
    ['a long name', `./${'n'.repeat(256)} type=file\n`, `line 1: name is longer than 255 bytes: ./${'n'.repeat(198)}`],
    ['a deep path', '. type=dir\n' + 'd type=dir\n'.repeat(1001), `line 1001: path has more than 1,000 components: .${'/d'.repeat(99)}/`],
    ['an endless line', '#mtree\n' + 'x'.repeat(200_000), 'line 2: line is longer than 65,000 bytes'],
    ['a NUL byte', '. type=dir\n'.repeat(1000) + './a\0 type=file\n', 'line 1001: binary data where text belongs'],
  ])('%s', async (_, list, message) => {
    expect(await refusal(list)).toBe(`65: ${message}`)
  })

  test('more entries than allowed, those that are added included', async () => {
    const list = './a/b type=file\n./a/c type=file\n'
    expect(await linesOf(list, {limits: {entries: 4}})).toHaveLength(4)
    expect(await refusal(list, {limits: {entries: 3}})).toBe('65: line 2: more than 3 entries')
    expect(await refusal(`./${'d/'.repeat(900)}a type=file\n`, {limits: {bytes: 100_000}})).toBe('65: line 1: more than 100,000 bytes of entries')
  })
})

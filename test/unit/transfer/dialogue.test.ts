// The dialogue's grammar: what one side writes the other reads, and what does not fit is refused by either, however it is made.

import {describe, expect, it} from 'vitest'
import {
  formatGreeting, formatHaveAnswer, formatRecordAnswer, formatTreeAnswer, MAX_IDS, parseRecordAnswer, parseRequest, parseTreeAnswer, readGreeting,
  readHaveAnswer, type Greeting,
} from '../../../src/lib/transfer/dialogue.ts'
import {Peer, type Wire} from '../../../src/lib/transfer/peer.ts'
import {BkError} from '../../../src/lib/cli/errors.ts'

const a = 'a'.repeat(64)
const b = 'b'.repeat(64)
const greeting: Greeting = {store: '0'.repeat(32), kind: 'plain', set: 'web1', head: {seq: 17, sum: a}, newest: b, session: 3, damaged: 0}
const linesOf = (text: string): (() => Promise<string>) => {
  const lines = text.split('\n')
  return async () => lines.shift() ?? Promise.reject(new Error('cut off'))
}

describe('the greeting', () => {
  it.for([greeting, {...greeting, newest: undefined}, {...greeting, damaged: 1_000_000}, {...greeting, kind: 'sealed', head: {seq: 0, sum: '0'.repeat(64)}, session: 0}] as const)('%o', async (given) => {
    expect(await readGreeting(linesOf(formatGreeting(given)))).toEqual(given)
  })

  it('of a later version of the same dialogue may say more', async () => {
    expect(await readGreeting(linesOf(formatGreeting(greeting).replace('end\n', 'more of it\nend\n')))).toEqual(greeting)
  })

  it.for([
    ['another program', 'SSH-2.0-x\n', 65, /does not speak/],
    ['another version', formatGreeting(greeting).replace('bk 1', 'bk 2'), 65, /from version 2/],
    ['no end', formatGreeting(greeting).replace('end\n', 'more\n'.repeat(200)), 65, /no end/],
    ['a set that is a path', formatGreeting(greeting).replace('set web1', 'set ../x'), 65, /whose name is none/],
    ['a store that is a path', formatGreeting(greeting).replace(/^store .*$/m, 'store ../../etc plain'), 65, /not in the format/],
    ['more that is lost than can be told', formatGreeting({...greeting, damaged: 1_000_001}), 65, /lost more than it may say/],
    ['a head of too many digits', formatGreeting(greeting).replace('head 17', 'head 12345678901'), 65, /not in the format/],
    ['a refusal', 'bk 1\nrefused per-day: 48 snapshots today\n', 77, /^refused per-day: 48 snapshots today$/],
  ] as const)('is refused: %s', async ([, text, status, message]) => {
    await expect(readGreeting(linesOf(text))).rejects.toMatchObject({status, message: expect.stringMatching(message)})
  })
})

describe('questions', () => {
  it('are taken as they are written', () => {
    expect(parseRequest('member')).toEqual({ask: 'member'})
    expect(parseRequest('damaged')).toEqual({ask: 'damaged'})
    expect(parseRequest(`have ${MAX_IDS}`)).toEqual({ask: 'have', count: MAX_IDS})
    expect(parseRequest(`tree ${a}`)).toEqual({ask: 'tree', digest: a})
    expect(parseRequest('record 17')).toEqual({ask: 'record', seq: 17})
  })

  it.for(['', 'have 0', `have ${MAX_IDS + 1}`, 'have 1e3', 'have -1', 'have 01', 'tree', `tree ${a}x`, `tree ${a.toUpperCase()}`, 'record 0', 'record 1 2', 'member ', ' member', 'damaged 1', 'rm -rf /', 'record 99999999999'])(
    'are refused: "%s"', (line) => {
      expect(() => parseRequest(line)).toThrow(expect.objectContaining({status: 65}))
    },
  )
})

describe('answers', () => {
  it('come back as they were', async () => {
    expect(parseRecordAnswer(formatRecordAnswer(a).trimEnd())).toBe(a)
    expect(parseRecordAnswer(formatRecordAnswer(undefined).trimEnd())).toBeUndefined()
    const known = {seq: 4, index: {id: b, level: 'near'}} as const
    expect(parseTreeAnswer(formatTreeAnswer(known).trimEnd())).toEqual(known)
    expect(parseTreeAnswer('tree none')).toBeUndefined()
    const byPack = new Map([[a, [0, 1, 2, 5]], [b, [3, 7, 8]]])
    expect(await readHaveAnswer(9, linesOf(formatHaveAnswer(byPack)))).toEqual(byPack)
    expect(formatHaveAnswer(byPack)).toBe(`pack ${a} 0-2 5\npack ${b} 3 7-8\nend\n`)
    expect(await readHaveAnswer(9, linesOf('end\n'))).toEqual(new Map())
  })

  it.for([
    ['a position beyond the question', `pack ${a} 9\nend\n`],
    ['a range beyond it', `pack ${a} 0-4095\nend\n`],
    ['a range that runs backwards', `pack ${a} 5-2\nend\n`],
    ['an id in two packs', `pack ${a} 1\npack ${b} 0-2\nend\n`],
    ['a pack twice', `pack ${a} 1\npack ${a} 2\nend\n`],
    ['no pack', 'pack x 1\nend\n'],
    ['something else', 'committed 1\n'],
    ['a range of nothing', `pack ${a} \nend\n`],
  ])('are refused: %s', async ([, text]) => {
    await expect(readHaveAnswer(9, linesOf(text!))).rejects.toMatchObject({status: 65})
  })
})

describe('the client', () => {
  const wire = (answers: string, over: Partial<Wire> = {}): Wire => ({
    write: async () => {},
    end: async () => {},
    pieces: (async function* () {
      yield Buffer.from(answers)
    })(),
    failure: async () => new BkError('the connection is lost', {status: 75}),
    ...over,
  })

  it('hears why, where nobody takes what it writes any more', async () => {
    let writes = 0
    const write = async (): Promise<void> => {
      if (++writes > 1) throw Object.assign(new Error('write EPIPE'), {code: 'EPIPE'})
    }
    const peer = await Peer.meet(wire(`${formatGreeting(greeting)}refused quota: full\n`, {write}))
    await expect(peer.send([Buffer.from('x')])).rejects.toMatchObject({status: 77, message: 'refused quota: full'})
  })

  it('says what ssh says where the other side has gone without a word', async () => {
    await expect(Peer.meet(wire('bk 1\nstore '))).rejects.toMatchObject({status: 75, message: 'the connection is lost'})
    const peer = await Peer.meet(wire(formatGreeting(greeting)))
    await expect(peer.finish()).rejects.toMatchObject({status: 75})
  })

  it('asks for as many lost objects as it was told of, and takes nothing else for them', async () => {
    const told = formatGreeting({...greeting, damaged: 2})
    expect(await (await Peer.meet(wire(`${told}${a}\n${b}\n${a}\n`))).damaged()).toEqual(new Set([a, b]))
    await expect((await Peer.meet(wire(`${told}${a}\nend\n`))).damaged()).rejects.toMatchObject({status: 65})
    await expect((await Peer.meet(wire(`${told}${a}\nrefused questions: no\n`))).damaged()).rejects.toMatchObject({status: 77})
    await expect((await Peer.meet(wire(`${told}${a}\n`))).damaged()).rejects.toMatchObject({status: 75})
  })

  it('does not read for ever', async () => {
    await expect(Peer.meet(wire('x'.repeat(100_000)))).rejects.toMatchObject({status: 65, message: 'the other side sends a line without end'})
  })

  it('takes no other end for a commit', async () => {
    for (const [line, status] of [['committed 0 x', 65], [`committed 18 ${a}x`, 65], ['refused quota: full', 77], ['\u001b[2J', 65]] as const) {
      const peer = await Peer.meet(wire(`${formatGreeting(greeting)}${line}\n`))
      await expect(peer.finish()).rejects.toMatchObject({status})
    }
    const peer = await Peer.meet(wire(`${formatGreeting(greeting)}committed 18 ${a}\n`))
    expect(await peer.finish()).toEqual({line: `committed 18 ${a}`, seq: 18, sum: a})
  })

  it('lets one question end before the next thing goes out', async () => {
    const sent: string[] = []
    const answers: ((text: string) => void)[] = []
    const pieces = (async function* () {
      yield Buffer.from(formatGreeting(greeting))
      for (;;) yield Buffer.from(await new Promise<string>((resolve) => answers.push(resolve)))
    })()
    const peer = await Peer.meet(wire('', {pieces, write: async (parts) => void sent.push(Buffer.concat([...parts]).toString())}))
    const asked = peer.have([a])
    const packed = peer.send([Buffer.from('pack')])
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(sent).toEqual(['bk 1\n', `have 1\n${a}\n`])
    answers.shift()!(`pack ${b} 0\nend\n`)
    expect(await asked).toEqual(new Map([[b, [a]]]))
    await packed
    expect(sent.at(-1)).toBe('pack')
  })
})

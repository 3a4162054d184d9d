// Questions of docs/format.md, 7.1, as a thief would ask them: to learn what others have, or to make the answers cost more than he pays.

import {forged, nowhere, two} from '../e2e/thief.ts'
import {digestOf, forgePack, member, packMembers} from '../harness/forge-stream.ts'
import {sha256} from '../harness/read-store.ts'
import {secret, secretIndex, secretPack} from './range.ts'
import {rows} from './row.ts'
import type {Row, Shot} from './row.ts'

const answerer = 'src/lib/transfer/answerer.ts'
const dialogue = 'src/lib/transfer/dialogue.ts'
const say = (...lines: readonly string[]): Buffer => Buffer.from(['bk 1', ...lines, ''].join('\n'), 'latin1')
const told = ({stdout}: Shot): boolean => stdout.includes(secretPack.name) || /^tree \d/m.test(stdout)
const everything = (stdout: string): number => stdout.split('\n').length

const learning = rows({group: 'questions about others', defence: {rule: 'a writer is told of his own set', at: `${answerer}: Answerer`}, harm: told}, [
  {
    name: 'for content of another set', attack: say('have 1', sha256(secret)),
    without: {
      file: answerer, find: 'if (newest !== undefined) {\n      for await (const pack of log.eachPack(newest)) {',
      replace: 'for (const each of await log.snapshots()) {\n      for await (const pack of log.eachPack(each)) {',
    },
  },
  {name: 'for the index of another set', attack: say('have 1', sha256(Buffer.from(secretIndex)))},
  {
    name: 'for a tree of another set', attack: say(`tree ${digestOf(secretIndex)}`),
    without: {file: 'src/lib/store/log.ts', find: 'record.set === set && fits(record)', replace: 'fits(record)'},
  },
  {name: 'for another set', attack: say('set web2', 'have 1', sha256(secret))},
  {name: 'for another set in the greeting', attack: say('set web2', `tree ${digestOf(secretIndex)}`)},
])

const grammar = rows({group: 'questions that are none', defence: {rule: 'a line of the dialogue has one of five forms', at: `${dialogue}: parseRequest`}, harm: ({stdout, status}) => status === 0 || !/^end\n$/m.test(stdout) || everything(stdout) > 8}, [
  {name: 'a count of 4,097', attack: say('have 4097', ...Array.from({length: 4097}, () => nowhere))},
  {name: 'a count of 0', attack: say('have 0')},
  {name: 'a count below 0', attack: say('have -1', nowhere)},
  {name: 'a count of 10^12', attack: say('have 1000000000000')},
  {name: 'an id in capitals', attack: say('have 1', nowhere.toUpperCase())},
  {name: 'a path for an id', attack: say('have 1', '../../log/000001'.padEnd(64, 'x'))},
  {name: 'record 0', attack: say('record 0')},
  {name: 'a record by its path', attack: say('record ../bk-store')},
  {name: 'a record of 2^53', attack: say('record 9007199254740993')},
  {name: 'an unknown question', attack: say('list')},
  {name: 'a question in CR LF', attack: say('record 1\r')},
  {name: 'a NUL byte', attack: say('record 1\0')},
  {name: 'a line without end', attack: say('x'.repeat(5_000_000)), watched: true, defence: {rule: 'a line has at most 24 KiB', at: `${dialogue}: MAX_LINE`}},
  {name: 'a record in place of a member', attack: Buffer.concat([say('member'), member('log/000003', two)])},
])

const committed = ({stdout}: Shot): boolean => /^committed/m.test(stdout)
const packed = forgePack([[two]])
const floods = rows({group: 'dialogues', defence: {rule: 'so many questions, and no more', at: `${answerer}: MAX_QUESTIONS`}}, [
  {
    name: 'a thousand and one questions', attack: say(...Array.from({length: 1001}, () => 'record 1')), ends: [77], harm: ({stdout}) => !/^refused questions/m.test(stdout),
    without: {file: answerer, find: 'if (++this.#questions > MAX_QUESTIONS) throw', replace: 'if (false) throw'},
  },
  {
    name: 'what is lost, twice', attack: say('damaged', 'damaged'), ends: [77], harm: ({stdout}) => !/^refused questions/m.test(stdout),
    defence: {rule: 'what is lost is told once', at: `${answerer}: Answerer`},
    without: {file: answerer, find: 'if (this.#hasToldLost) throw', replace: 'if (false) throw'},
  },
  {
    name: 'a dialogue of version 2', attack: Buffer.from('bk 2\n'), ends: [65],
    defence: {rule: 'a dialogue begins with its version', at: 'src/lib/transfer/receive.ts: receiveStream'},
  },
  {
    name: 'a snapshot without the word before it', attack: Buffer.concat([say(), forged()]), harm: committed, ends: [65],
    defence: {rule: 'member stands before a member', at: `${answerer}: untilMember`},
  },
  {
    name: 'a pack that is not what its name says', attack: Buffer.concat([say('member'), packMembers({...packed, name: nowhere})]),
    harm: ({grown}) => grown.some((name) => name.includes(nowhere)), ends: [65],
    defence: {rule: 'a pack has the name of its bytes', at: 'src/lib/transfer/check-pack.ts: checkPack'},
    without: {file: 'src/lib/transfer/check-pack.ts', find: 'if (objectId(bytes) !== name) throw', replace: 'if (false) throw'},
  },
])

export const dialogueRows: readonly Row[] = [...learning, ...grammar, ...floods]

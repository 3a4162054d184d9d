// The words that the client sends, which sshd hands over as SSH_ORIGINAL_COMMAND, each with an honest stream on stdin. Whether they are
// passed over or refused, they choose nothing.

import {existsSync} from 'node:fs'
import {firstStream} from '../e2e/thief.ts'
import {readStore} from '../harness/read-store.ts'
import {rows} from './row.ts'
import type {Row, Shot, Thief} from './row.ts'

const defence = {rule: 'the line names all words, and none of the client\'s is ever added', at: 'authorized_keys: command='}

/** An honest stream, sent with these words; they stand in double quotes. */
const say = (words: string) => async ({send}: Thief) => await send(firstStream, `-- "${words}"`)

/** Whether the words ran something, or brought a snapshot into another set. */
const obeyed = ({loot, store}: Shot): boolean => existsSync(loot) || readStore(store).snapshots.filter(({set}) => set !== 'web1').length > 1
const shouted = ({stdout}: Shot): boolean => stdout.startsWith('#bk record')

const added = {line: (command: string, key: string) => `restrict,command="${command.replace('forced --receive', 'receive').replace(' --set web1', '')} $SSH_ORIGINAL_COMMAND" ${key}`}
const evaluated = {line: (_: string, key: string) => `restrict,command="eval \\"$SSH_ORIGINAL_COMMAND\\"" ${key}`}

export const wordRows: readonly Row[] = rows({group: 'words', defence, harm: obeyed, ends: [0, 77], forced: true}, [
  {name: 'another set', attack: say('--set web2'), without: added},
  {name: 'another set with an equals sign', attack: say('--set=web2'), without: added},
  {name: 'bk receive with another set', attack: say("bk receive --set 'web2'")},
  {
    name: 'bk receive with the set and the path of an account without forced command', attack: say("bk receive --set 'web2' -- '$STORE'"),
    without: {line: (command, key) => `restrict,command="eval \\"\${SSH_ORIGINAL_COMMAND/bk/${command.split(' ')[0]}}\\"" ${key}`},
  },
  {name: 'another store', attack: say('bk receive /tmp')},
  {name: 'a larger quota', attack: say('--quota 999T')},
  {name: 'no quota', attack: say('--quota 0')},
  {name: 'more a day', attack: say('bk receive --per-day 1000000')},
  {name: 'help instead', attack: say('--help'), harm: ({stdout}) => /USAGE/i.test(stdout), without: added},
  {name: 'a semicolon', attack: say('bk receive; touch $LOOT'), without: evaluated},
  {name: 'an and', attack: say('true && touch $LOOT'), without: evaluated},
  {name: 'a pipe', attack: say('bk receive | tee $LOOT'), without: evaluated},
  {name: 'a substitution', attack: say('bk receive \\$(touch $LOOT)'), without: evaluated},
  {name: 'backquotes', attack: say('bk receive \\`touch $LOOT\\`'), without: evaluated},
  {name: 'a redirection over a record', attack: say('cat $STORE/log/000001 > $LOOT'), without: evaluated},
  {name: 'the text of a record', attack: say('cat $STORE/log/000001'), harm: shouted, without: evaluated},
  {name: 'a newline', attack: say('bk receive\ntouch $LOOT'), without: evaluated},
  {name: 'quotes that do not close', attack: say(`bk receive '\\" touch $LOOT`)},
  {name: 'a glob', attack: say('bk receive * ? [a-z]')},
  {name: 'a tilde', attack: say('bk receive ~root ~/store')},
  {name: 'braces and variables', attack: say('{touch,$LOOT} \\${IFS}\\$LOOT')},
  {name: 'two dashes and a path', attack: say('-- $STORE/../other')},
  {name: 'control characters', attack: say("$(printf 'bk receive\\r\\033[2J\\007')")},
  {name: 'bytes that are no text', attack: say("$(printf '\\377\\376 bk receive')")},
  {name: 'unicode that looks like it', attack: say('bk\u00a0receive \u2014set web2 \u202eteser')},
  {name: 'a variable for node', attack: say('NODE_OPTIONS=--import=/tmp/x bk receive')},
  {name: '100 kB', attack: say('$(head -c 100000 /dev/zero | tr \'\\0\' x)')},
  {name: 'nothing but blanks', attack: say('   ')},
])

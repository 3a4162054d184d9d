// A key that may read its store as well, and what else it would like to read, or write: `bk browse` behind the forced command.

import {existsSync} from 'node:fs'
import {rows} from './row.ts'
import type {Row, Shot} from './row.ts'

const serve = 'src/lib/browse/serve.ts'
const tree = 'src/lib/browse/tree.ts'

/** What sftp(1) is told to do; `$STORE` and `$LOOT` are those of the host. */
const sftp = (...commands: readonly string[]): string => `sftp -q -b - -D 'ssh vault bk browse' <<END\n${commands.join('\n')}\nEND\ncat got* 2>/dev/null`
const got = (words: RegExp) => ({stdout}: Shot): boolean => words.test(stdout)
const changed = ({grown, harmed, loot}: Shot): boolean => grown.length > 0 || harmed.length > 0 || existsSync(loot)

const writing = rows({group: 'browse, to write', defence: {rule: 'a file is opened to be read, and nothing else is done', at: `${serve}: OPEN_READ`}, browse: true, harm: changed, ends: [0, 1]}, [
  {name: 'a new record', attack: sftp('put /etc/hostname /store/log/000003')},
  {name: 'over a record', attack: sftp('put /etc/hostname /store/log/000001')},
  {name: 'a record gone', attack: sftp('rm /store/log/000001')},
  {name: 'a record renamed', attack: sftp('rename /store/log/000001 /store/log/000009')},
  {name: 'a link', attack: sftp('ln -s /etc/passwd /store/log/000003')},
  {name: 'a directory', attack: sftp('mkdir /store/new')},
  {name: 'other modes', attack: sftp('chmod 777 /store/log')},
])

const reading = rows({group: 'browse, to read', defence: {rule: 'a name is one that a store has', at: `${tree}: canBe`}, browse: true, ends: [0, 1]}, [
  {name: 'a file of the host', attack: sftp('get /etc/passwd got'), harm: got(/^root:/m)},
  {
    name: 'a file of the host by ..', attack: sftp('get /store/../../../../../../etc/passwd got', 'get /store/log/../../../etc/passwd got2'),
    harm: got(/^root:/m),
  },
  {
    name: 'who is writing', attack: async ({sh}) => await sh(`mkdir -p $STORE/sessions; echo "#bk session" >$STORE/sessions/web2; ${sftp('get /store/sessions/web2 got')}; rm $STORE/sessions/web2`), harm: got(/^#bk session$/m),
    without: {file: tree, find: 'catalogs: 1, packs: 2}', replace: 'catalogs: 1, packs: 2, sessions: 1}'},
  },
  {
    name: 'through a link that was planted', attack: async ({sh}) => await sh(`ln -s /etc/passwd $STORE/catalogs/x; ${sftp('get /store/catalogs/x got')}; rm $STORE/catalogs/x`), harm: got(/^root:/m),
    defence: {rule: 'no link is followed beneath the store', at: `${tree}: openBeneath`},
  },
])

const asking = rows({group: 'browse, for what is not granted', defence: {rule: 'what is asked for is compared with what is granted', at: 'src/lib/keys/grants.ts: chooseCommand'}, ends: [1, 77, 255], forced: true, harm: got(/000001|^#bk record/m)}, [
  {
    name: 'without the right to', attack: sftp('ls /store/log', 'get /store/log/000001 got'),
    without: {line: (command, key) => `restrict,command="${command} --browse ${command.split(' ')[3]}" ${key}`},
  },
  {name: 'by its path', attack: sftp('ls /store/log').replace('bk browse', 'bk browse -- $STORE').replaceAll("'ssh", '"ssh').replace("' <<", '" <<')},
  {name: 'another store', attack: sftp('ls /store').replace('bk browse', 'bk browse /'), browse: true},
])

export const browseRows: readonly Row[] = [...writing, ...reading, ...asking]

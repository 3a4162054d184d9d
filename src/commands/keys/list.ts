/*
 * bk keys list: the keys that bk has restricted.
 */
import {BkCommand} from '../../lib/cli/command.ts'
import {prose} from '../../lib/cli/prose.ts'
import {jsonFlag, operand} from '../../lib/cli/flags.ts'
import {openInput} from '../../lib/cli/input.ts'
import {ownAuthorizedKeys} from '../../lib/cli/login.ts'
import {writeOut} from '../../lib/cli/output.ts'
import {writeTable} from '../../lib/cli/table.ts'
import {stdoutIsTerminal} from '../../lib/cli/terminal.ts'
import {keyLines} from '../../lib/keys/authorized-keys.ts'
import {KEY_COLUMNS, keyAsJson, keyRow} from '../../lib/keys/listing.ts'
import {LARGEST_AUTHORIZED_KEYS, readText} from '../../lib/keys/reading.ts'

export default class KeysList extends BkCommand {
  static override summary = 'list the keys that bk has restricted'
  static override description = prose(`writes a line for each key in FILE that 'bk keys restrict' has restricted: its fingerprint (as ssh-keygen -l shows it), its comment,
what is granted, the set, the limits, from where it may be used, and until when. What is not limited is '-'. In a pipe fields are separated by a TAB and sizes are exact.
Other lines of the file are not shown.`)
  static override examples = [
    {description: 'the keys of this user', command: 'bk keys list'},
    {description: 'those that may read a store', command: "bk keys list ~backup/.ssh/authorized_keys | grep browse="},
  ]
  static override args = {file: operand('file to look at; ~/.ssh/authorized_keys if not given, - for standard input')}
  static override flags = {json: jsonFlag}
  static override files = [['~/.ssh/authorized_keys', 'what is listed when no FILE is given: in the home that the user database says.']] as const
  static override seeAlso = ['bk-keys-restrict(1)', 'bk-keys-revoke(1)']

  async run(): Promise<void> {
    const {args, flags} = await this.parse(KeysList)
    const text = await readText(openInput(args.file ?? ownAuthorizedKeys(), 'authorized_keys'), LARGEST_AUTHORIZED_KEYS)
    const keys = keyLines(text).flatMap(({number, restricted}) => (restricted === undefined ? [] : [{number, restricted}]))
    if (flags.json) await writeOut(keys.map(({number, restricted}) => keyAsJson(restricted, number)))
    else await writeTable(KEY_COLUMNS, keys.map(({restricted}) => keyRow(restricted, stdoutIsTerminal() ? 'readable' : 'exact')))
  }
}

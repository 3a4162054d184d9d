// Attacks on the line in authorized_keys, on what sshd hands over, and on `bk browse`.

import {attackTable} from './table.ts'
import {browseRows} from './browse-rows.ts'
import {sshRows} from './ssh-rows.ts'
import {wordRows} from './word-rows.ts'

attackTable([...sshRows, ...wordRows, ...browseRows])

// Attacks by the stream: its members and its packs.

import {attackTable} from './table.ts'
import {memberRows} from './member-rows.ts'
import {packRows} from './pack-rows.ts'

attackTable([...memberRows, ...packRows])

// Attacks by the snapshot: what it says and what its index says.

import {attackTable} from './table.ts'
import {indexRows} from './index-rows.ts'
import {snapshotRows} from './snapshot-rows.ts'

attackTable([...snapshotRows, ...indexRows])

// Attacks on room, time and numbers, and by the dialogue.

import {attackTable} from './table.ts'
import {dialogueRows} from './dialogue-rows.ts'
import {limitRows} from './limit-rows.ts'

attackTable([...limitRows, ...dialogueRows])

/*
 * What a restore would bring back, as records: a path each.
 */
import {parseEntryLine} from '../index/entry.ts'
import {toBytes, unescapeText} from '../index/escape.ts'
import {jsonPath} from '../index/report.ts'
import type {Plan} from './plan.ts'

const BATCH = 1000

/** The paths of a plan: escaped, a line each; raw and ended by NUL; or as JSON. In batches. */
export function* listPlan({entries, onTheWay}: Plan, form: {readonly null: boolean; readonly json: boolean}): Generator<string | Uint8Array> {
  let text = ''
  for (let number = 0; number < entries.count; number++) {
    if (onTheWay.has(number)) continue
    if (form.json) {
      const {path, type, size} = parseEntryLine(entries.text(number).split('\n', 1)[0]!)
      text += `${JSON.stringify({type: 'entry', ...jsonPath('path', path), entry_type: type, size})}\n`
    } else if (form.null) yield toBytes(`${unescapeText(entries.path(number))}\0`)
    else text += `${entries.path(number)}\n`
    if (number % BATCH === 0 && text !== '') {
      yield text
      text = ''
    }
  }
  yield text
}

/*
 * Findings as lines: of those that may be very many the first hundred, and how many more there are.
 */
import {oneLine} from '../cli/escape.ts'
import {findingRow, type Finding} from './finding.ts'

const MOST = 100

/**
 * The lines of findings.
 * @param note says how many more there are
 */
export async function* findingLines(findings: AsyncIterable<Finding>, note: (text: string) => void): AsyncGenerator<string> {
  const counts = new Map<Finding['kind'], number>()
  for await (const finding of findings) {
    const {kind} = finding
    const count = (counts.get(kind) ?? 0) + 1
    counts.set(kind, count)
    if (count > MOST && (kind === 'object' || kind === 'lost')) continue
    yield `${findingRow(finding).map(oneLine).join('\t')}\n`
  }
  for (const [kind, what] of [['object', 'objects'], ['lost', 'files']] as const) {
    const more = (counts.get(kind) ?? 0) - MOST
    if (more > 0) note(`${more} more ${what} are lost; --json names all`)
  }
}

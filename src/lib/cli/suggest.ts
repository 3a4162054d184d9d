/**
 * What the user may have meant by a command that does not exist.
 */
import {readdirSync} from 'node:fs'

/** The names of bk's own commands, `keys add`, from what tools/build made. */
export function ownCommands(root: string): string[] {
  return readdirSync(`${root}/dist/hot`)
    .filter((file) => /^[a-z.-]+\.js$/.test(file))
    .map((file) => file.slice(0, -'.js'.length).replaceAll('.', ' '))
    .sort()
}

/** The known name nearest to `name`, if it is near enough to be a slip of the finger: a third of its letters at most. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1
  for (const candidate of known) {
    const distance = editDistance(name, candidate)
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance]
  }
  return best
}

/* Insertions, removals, replacements and swaps of neighbours. */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({length: b.length + 1}, (_, j) => j)]
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    rows.push(row)
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let distance = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) distance = Math.min(distance, at(i - 2, j - 2) + 1)
      row.push(distance)
    }
  }
  return at(a.length, b.length)
}

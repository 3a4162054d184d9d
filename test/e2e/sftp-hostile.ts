// Sources that are hostile to `bk pull sftp://`: what they answer, and what is to come of it. Run as a program, this is the server of
// one of them, by its name.

import {noise} from '../harness/days.ts'
import {directory, file, link, serve, type Behaviour, type Node} from '../harness/sftp-server.ts'

export type Row = {
  readonly name: string
  /** Made anew for each process: it may remember what it was asked. */
  readonly server: () => Behaviour
  readonly flags?: string
  /** Path of the source; /srv if not given. */
  readonly path?: string
  /** Or several, where it is a matter of time which comes first. */
  readonly status: number | readonly number[]
  /** All of stderr, without `bk pull: ` at the beginning and LF at the end; nothing if not given. */
  readonly says?: RegExp | string
  /** For a snapshot that is taken all the same: what its index has, and what it has not. */
  readonly has?: RegExp
  readonly hasNot?: RegExp
  /** What the memory of the puller stays below; 300 if not given. */
  readonly mebibytes?: number
}

const one = file('one\n')

/** What the set's first snapshot has. */
export const honestNames: Readonly<Record<string, Node>> = {
  empty: directory({}),
  large: file(noise(1, 700_000)),
  link: link('one'),
  one,
  sub: directory({two: file(noise(2, 2000))}),
}
export const honestTree = directory({srv: directory(honestNames)})

/** The honest tree with other names in it. */
export const treeWith = (names: Readonly<Record<string, Node>>): Node => directory({srv: directory({...honestNames, ...names})})

/** The honest tree, and a list that lies in it. */
export const listed = (list: string | Buffer, names: Readonly<Record<string, Node>> = {}): Behaviour => ({tree: treeWith({...names, list: file(list)})})

/** Rows for `test.each`, by groups. */
export async function allRows(): Promise<readonly Row[]> {
  const groups = await Promise.all([import('./sftp-hostile-trees.ts'), import('./sftp-hostile-answers.ts'), import('./sftp-hostile-lists.ts')])
  return groups.flatMap(({rows}) => rows)
}

async function main(name: string | undefined): Promise<void> {
  serve(name === undefined ? {tree: honestTree} : (await allRows()).find((row) => row.name === name)!.server())
}

// Not awaited here: the rows need this module whole.
if (process.argv[1] === import.meta.filename) void main(process.argv[2])

// The txtar form of a test script: commands first, then the files they work on, each behind a line `-- NAME --`. It has no syntax
// errors. Names and commands are UTF-8, contents are bytes; each file but an empty one ends in a newline.

export type TextFile = {readonly name: string; readonly data: Buffer}

export type Archive = {
  /** the commands: everything above the first file */
  readonly script: string
  readonly files: readonly TextFile[]
}

const marker = /^-- (.+) --$/

export function parseArchive(bytes: Uint8Array): Archive {
  // latin1 maps each byte to one character and back, so that lines of any bytes can be handled as text.
  const text = Buffer.from(bytes).toString('latin1')
  const parts: {name: string; lines: string}[] = [{name: '', lines: ''}]
  for (const line of text.match(/[^\n]*\n|[^\n]+$/g) ?? []) {
    const name = marker.exec(line.trimEnd())?.[1]
    const last = parts.at(-1)
    if (name !== undefined) parts.push({name: utf8(name), lines: ''})
    else if (last !== undefined) last.lines += line.endsWith('\n') ? line : `${line}\n`
  }
  const [script, ...files] = parts
  return {
    script: utf8(script?.lines ?? ''),
    files: files.map(({name, lines}) => ({name, data: Buffer.from(lines, 'latin1')})),
  }
}

/** The bytes that `parseArchive` reads as this archive. Throws for contents that the form cannot hold. */
export function printArchive(archive: Archive): Buffer {
  const parts: Buffer[] = [Buffer.from(archive.script)]
  for (const {name, data} of archive.files) {
    const lines = data.toString('latin1')
    if (lines !== '' && !lines.endsWith('\n')) throw new Error(`${name} does not end in a newline: txtar cannot hold it`)
    const isMarker = (line: string): boolean => marker.test(line.trimEnd())
    if (lines.split('\n').some(isMarker)) throw new Error(`${name} has a line like "-- x --": txtar cannot hold it`)
    parts.push(Buffer.from(`-- ${name} --\n`), data)
  }
  return Buffer.concat(parts)
}

function utf8(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8')
}

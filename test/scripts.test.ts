// Every script of test/scripts is a test, named by its file: `npm test -- scripts -t diff` runs those with "diff" in the name.

import {readdirSync} from 'node:fs'
import {basename, join} from 'node:path'
import {inject, test} from 'vitest'
import {runScript} from './harness/script.ts'

const dir = join(import.meta.dirname, 'scripts')

for (const file of readdirSync(dir).filter((name) => name.endsWith('.txt'))) {
  test.concurrent(basename(file, '.txt'), async ({skip}) => {
    await runScript(join(dir, file), {update: inject('update'), skip})
  })
}

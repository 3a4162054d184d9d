// README is the first thing that anybody types: every command in it is run here, in its order, by a user with an empty home, some
// documents and a real sshd for `vault`. Nothing is replaced but what stands for the reader's own places and key.

import {randomBytes} from 'node:crypto'
import {existsSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs'
import {dirname, join} from 'node:path'
import {beforeAll, describe, expect, test} from 'vitest'
import {bk, pinnedEnvironment, root, sh} from '../harness/bk.ts'
import {sameTree} from '../harness/same-tree.ts'
import {startSshd} from '../harness/sshd.ts'
import {newHome, tempDir} from '../harness/temp.ts'
import {makeTree} from '../harness/tree.ts'

const readme = readFileSync(join(root, 'README.md'), 'utf8')
const dir = newHome(tempDir('readme'))
const home = join(dir, 'home')
const documents = join(home, 'Documents')
const restored = (place: string): string => join(home, place, documents)

/** Content of the fenced blocks of one language, with the reader's places put in. */
function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))].map(([, text = '']) => text.replaceAll('/srv/backup', join(dir, 'vault')))
}

/** The lines of the one sh block with these words: each is a command. */
function commandsWith(word: string): string[] {
  const found = blocks('sh').filter((block) => block.includes(word))
  expect(found, `blocks of README with ${word}`).toHaveLength(1)
  return found[0]!.trim().split('\n')
}

let env: Record<string, string>
// That of the test's sshd; `--install` by itself would change the real one.
let authorizedKeys: string

/** Runs one line as it stands in the README and answers what it printed. */
async function type(line: string, cwd = home): Promise<string> {
  const {status, stdout, stderr} = await sh(line, {cwd, env})
  expect({line, status, stderr: status === 0 ? '' : stderr}).toEqual({line, status: 0, stderr: ''})
  return stdout.toString()
}

async function typeAll(lines: readonly string[], cwd = home): Promise<string> {
  let printed = ''
  for (const line of lines) printed += await type(line, cwd)
  return printed
}

beforeAll(async () => {
  makeTree(home, [
    {path: 'Documents', type: 'dir', mode: 0o750},
    {path: 'Documents/letter.txt', type: 'file', content: 'Dear reader\n', time: '1700000000.123456789'},
    {path: 'Documents/photos', type: 'dir'},
    {path: 'Documents/photos/large', type: 'file', content: randomBytes(1_000_000)},
    {path: 'Documents/photos/a b', type: 'link', target: '../letter.txt'},
  ])
  mkdirSync(join(dir, 'vault'))
  const sshd = await startSshd()
  authorizedKeys = join(dirname(sshd.config), 'authorized_keys')
  writeFileSync(join(home, 'web1.pub'), `${sshd.publicKeys['vault']}\n`)
  // bk is what the reader installed; npm is wherever this machine has it.
  const path = [join(home, '.local/bin'), sshd.env['PATH'], process.env['PATH']].join(':').replaceAll(`${join(root, 'bin')}:`, '')
  env = {...pinnedEnvironment(dir), PATH: path, npm_config_update_notifier: 'false'}
})

test('the way to install', async () => {
  await typeAll(commandsWith('npm run build'), root)
  expect(await type('command -v bk; bk --version')).toMatch(new RegExp(`^${join(home, '.local/bin/bk')}\nbk/\\d`))
})

describe('a store on this machine', () => {
  test('three lines back up and get back', async () => {
    const lines = commandsWith('bk init ~/store')
    expect(lines).toHaveLength(3)
    expect(await typeAll(lines)).toMatch(/^committed 1 [0-9a-f]{64}\n$/)
    expect(sameTree(documents, restored('restored'))).toEqual([])
  })

  test('the second line again stores what is new', async () => {
    writeFileSync(join(documents, 'new'), 'one more\n')
    expect(await type(commandsWith('bk init ~/store')[1]!)).toMatch(/^committed 2 /)
    const [first, second] = (await type('bk log ~/store')).trim().split('\n').map((line) => Number(line.split('\t')[7]))
    expect(second).toBeGreaterThan(0)
    expect(second).toBeLessThan(first! / 100)
  })

  test('what there is, and how it was', async () => {
    const printed = await typeAll(commandsWith('bk log ~/store\n'))
    expect(printed).toContain('letter.txt')
    expect(printed).toMatch(/^1 new, /m)
    expect(readFileSync(join(restored('look'), 'letter.txt'), 'utf8')).toBe('Dear reader\n')
  })

  test('the same as a pipe', async () => {
    writeFileSync(join(documents, 'newest'), 'by a pipe\n')
    expect(await typeAll(commandsWith('bk index ~/store@latest'))).toMatch(/^committed 3 /)
    expect(readFileSync(join(home, 'remote.idx'), 'utf8')).toContain('/Documents/newest type=file')
  })

  test('everything comes back without bk', async () => {
    await typeAll(commandsWith('recover.sh'))
    expect(sameTree(restored('restored'), restored('recovered'))).toEqual([])
  })
})

describe('a store on another machine', () => {
  test('a key that may add and read', async () => {
    const lines = commandsWith('bk keys restrict').map((line) => line.replace('--install', `--install --file ${authorizedKeys}`))
    await typeAll(lines)
    expect(readFileSync(authorizedKeys, 'utf8')).toMatch(/^restrict,command="/)
  })

  test('backs up and gets back', async () => {
    const lines = commandsWith('bk push ~/Documents vault:')
    expect(await type(lines[0]!)).toMatch(/^committed 1 /)
    writeFileSync(join(documents, 'newer'), 'and one more\n')
    expect(await typeAll(lines)).toMatch(/^committed 2 /)
    expect(sameTree(documents, restored('from-vault'))).toEqual([])
  })

  test('is healthy', async () => {
    expect(await typeAll(commandsWith('bk status'))).toMatch(/^web1\t/)
  })

  test('and once more, one way', async () => {
    const [, way = ''] = /`… \| (bk send [^`]*)`/.exec(readme.replaceAll('\n', ' ')) ?? []
    expect(await type(`bk index ~/Documents | bk diff vault.idx | ${way}`)).toMatch(/^committed 3 /)
  })

  test('the key does nothing else', async () => {
    const {status, stdout} = await sh('ssh vault cat /etc/passwd', {cwd: home, env})
    expect({status, stdout: stdout.toString()}).toEqual({status: 77, stdout: ''})
  })
})

test('commands that the text names exist', async () => {
  const today = /^## What there is today$([^]*?)^## /m.exec(readme)?.[1] ?? ''
  const named = [...today.matchAll(/`([a-z]+)`/g)].map(([, name = '']) => name)
  expect(named.length).toBeGreaterThan(5)
  for (const name of named) expect((await bk([name, '--help'])).status, name).toBe(0)
})

test('files that the text links to exist', () => {
  const links = [...readme.matchAll(/\]\(([^)#]+)\)/g)].map(([, path = '']) => path)
  expect(links.length).toBeGreaterThan(5)
  for (const path of links) expect(existsSync(join(root, path)), path).toBe(true)
})

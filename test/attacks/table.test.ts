// The table as a whole: how large it is, and that each row says what stops it and where that stands.

import {existsSync, readFileSync} from 'node:fs'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {root} from '../harness/bk.ts'
import {browseRows} from './browse-rows.ts'
import {dialogueRows} from './dialogue-rows.ts'
import {indexRows} from './index-rows.ts'
import {limitRows} from './limit-rows.ts'
import {memberRows} from './member-rows.ts'
import {packRows} from './pack-rows.ts'
import {snapshotRows} from './snapshot-rows.ts'
import {sshRows} from './ssh-rows.ts'
import {wordRows} from './word-rows.ts'

const table = [...sshRows, ...wordRows, ...browseRows, ...memberRows, ...packRows, ...snapshotRows, ...indexRows, ...limitRows, ...dialogueRows]

test('at least 120 attacks, and 30 of them also with their defence taken out', () => {
  expect(table.length).toBeGreaterThanOrEqual(120)
  expect(table.filter(({without}) => without !== undefined).length).toBeGreaterThanOrEqual(30)
})

test('no attack is there twice', () => {
  const names = table.map(({group, name}) => `${group}: ${name}`)
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([])
})

test('each names a defence that stands where it says', () => {
  const wrong = table.filter(({defence: {rule, at}}) => {
    const [file = '', word = ''] = at.split(': ')
    if (/^(?:sshd|sshd_config|authorized_keys)$/.test(file)) return rule === ''
    return rule === '' || !existsSync(join(root, file)) || !readFileSync(join(root, file), 'utf8').includes(word)
  })
  expect(wrong.map(({name, defence}) => `${name}: ${defence.at}`)).toEqual([])
})

test('docs/threat-model.md names every group, and no test that is not there', () => {
  const page = readFileSync(join(root, 'docs/threat-model.md'), 'utf8').replaceAll(/\s+/g, ' ')
  expect([...new Set(table.map(({group}) => group))].filter((group) => !page.includes(`\`${group}\``))).toEqual([])
  const named = [...page.matchAll(/`(test\/[\w./-]+\.(?:ts|txt))`(?:: '([^']+)')?/g)]
  expect(named.length).toBeGreaterThan(10)
  const missing = named.filter(([, file = '', name = '']) => !existsSync(join(root, file)) || !readFileSync(join(root, file), 'utf8').includes(name))
  expect(missing.map(([words]) => words)).toEqual([])
})

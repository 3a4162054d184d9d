// Letters of a time, as date(1) of this machine has them.

import {execFileSync} from 'node:child_process'
import {expect, it} from 'vitest'
import {strftime} from '../../../src/lib/archive/strftime.ts'

const LETTERS = '%Y %C %y %m %b %h %B %d %j %a %A %u %w %G %g %V %H %I %p %M %S %s %z %% %F %R %T'
const seconds = [0, 1_763_800_005, 1_767_225_599, 1_767_225_600, 1_704_067_199, 1_709_208_000, 1_735_689_600, 1_609_459_200, 4_102_444_800, 1_774_747_800]

it.each(seconds.flatMap((second) => ['UTC', 'Europe/Berlin', 'America/St_Johns', 'Pacific/Kiritimati'].map((zone) => [second, zone] as const)))('of %d in %s', (second, zone) => {
  const wanted = execFileSync('date', ['-d', `@${second}`, `+${LETTERS}`], {env: {...process.env, TZ: zone, LC_ALL: 'C'}, encoding: 'utf8'})
  expect(strftime(LETTERS, second * 1000, zone)).toBe(wanted.trimEnd())
})

it('leaves all else as it is, and what a letter gave', () => {
  expect(strftime('/a b/\xe9%%F.tar', 0, 'UTC')).toBe('/a b/\xe9%F.tar')
})

it.each(['%Q', '%', 'x%', '%-d', '%D', '%n'])('refuses %s', (format) => {
  expect(() => strftime(format, 0, 'UTC')).toThrow(expect.objectContaining({status: 64, message: expect.stringContaining('no such letter of a time')}))
})

// What a pull over plain SFTP costs, beside `sftp -r` of the same tree from the same sshd in the same run: the first time by a walk and by a
// list, and when nothing has changed.

import {mkdirSync, rmSync} from 'node:fs'
import {join} from 'node:path'
import {measure} from './measure.ts'
import {spread} from './report.ts'
import {pinnedEnvironment} from '../test/harness/bk.ts'
import {cleanUp} from '../test/harness/cleanup.ts'
import {startSshd} from '../test/harness/sshd.ts'
import {newHome, tempDir} from '../test/harness/temp.ts'
import type {SshPlan} from './ssh.ts'

/** Measures, lap by lap, and answers a table; throws when a command fails. `tree` is on this machine, and only read. */
export async function measureSftp({tree, laps, bk, limit}: SshPlan, signal: AbortSignal): Promise<string> {
  try {
    const sshd = await startSshd({hosts: ['source']})
    sshd.authorize([sshd.publicKeys['source']!])
    const dir = tempDir('bench-sftp')
    // A directory that the list can lie in, with the tree below it.
    const top = join(dir, 'top')
    mkdirSync(top)
    const env = {...pinnedEnvironment(newHome(join(dir, 'client'))), ...sshd.env, BK: bk, TREE: tree, TOP: top, DIR: dir}
    const run = async (command: string): Promise<number> => {
      const {wall, status, stderr} = await measure({command, env, limit}, signal)
      if (status !== '0') throw new Error(`${command}: ended with ${status}: ${stderr.trim()}`)
      return wall
    }
    await run('cd "$TREE" && find . -type f -print0 | xargs -0 md5sum >"$TOP/index.md5"')
    const pull = (store: string, flags = ''): string => `"$BK" pull -q ${flags} "sftp://source$TREE" "$DIR/${store}"`
    const listed = '--index "$TOP/index.md5"'
    const commands: readonly (readonly [name: string, before: string, command: string])[] = [
      ['`sftp -r`', 'rm -rf "$DIR/copy" && sync', 'sftp -q -r "source:$TREE" "$DIR/copy" >/dev/null'],
      ['first, by a walk', 'rm -rf "$DIR/walk" && "$BK" init -q "$DIR/walk" && sync', pull('walk')],
      ['first, by a list of md5sum', 'rm -rf "$DIR/list" && "$BK" init -q "$DIR/list" && sync', pull('list', listed)],
      ['nothing changed, by a walk', 'true', pull('walk')],
      ['nothing changed, by a list', 'true', pull('list', listed)],
    ]
    const walls = commands.map(([name, before, command]) => ({name, before, command, seconds: [] as number[]}))
    for (let lap = 0; lap < laps; lap++) {
      for (const {before, command, seconds} of walls) {
        await run(before)
        seconds.push(await run(command))
      }
    }
    rmSync(dir, {recursive: true})
    return table(walls)
  } finally {
    await cleanUp()
  }
}

function table(walls: readonly {readonly name: string; readonly seconds: readonly number[]}[]): string {
  const found = walls.map(({name, seconds}) => ({name, ...spread(seconds)!}))
  const sftp = found[0]!.median
  const rows = found.map(({name, median, least, greatest}) => `| ${name} | ${median.toFixed(2)} | ${least.toFixed(2)}–${greatest.toFixed(2)} | ${(sftp / median).toFixed(2)} |`)
  return ['| | median seconds | least–greatest | times as fast as `sftp -r` |', '|---|---:|---:|---:|', ...rows, ''].join('\n')
}

// What a backup costs over ssh when nothing has changed: `bk push`, and the whole pipe, to a restricted key on a sshd of this run's own, beside what
// cannot be avoided: `ssh vault true`, and starting bk once on each side.

import {mkdirSync, readFileSync} from 'node:fs'
import {join} from 'node:path'
import {measure} from './measure.ts'
import {spread} from './report.ts'
import {pinnedEnvironment} from '../test/harness/bk.ts'
import {cleanUp} from '../test/harness/cleanup.ts'
import {startSshd} from '../test/harness/sshd.ts'
import {newHome, tempDir} from '../test/harness/temp.ts'

export interface SshPlan {
  /** the tree to back up */
  readonly tree: string
  readonly laps: number
  readonly bk: string
  /** seconds any one command may take */
  readonly limit: number
}

const NODE = '`node -e 0`'
const BK = '`bk --version`'
const SSH = '`ssh vault true`'
const PIPE = 'the pipe to `vault:`'
const PUSH = '`bk push` to `vault:`'

/** Measures, lap by lap, and answers a table; throws when a command fails. */
export async function measureSsh({tree, laps, bk, limit}: SshPlan, signal: AbortSignal): Promise<string> {
  try {
    const sshd = await startSshd({hosts: ['vault', 'plain']})
    const dir = tempDir('bench-ssh')
    const env = {...pinnedEnvironment(newHome(join(dir, 'client'))), ...sshd.env, BK: bk, TREE: tree, NODE: process.execPath, DIR: dir}
    const run = async (command: string): Promise<number> => {
      const {wall, status, stderr} = await measure({command, env, limit}, signal)
      if (status !== '0') throw new Error(`${command}: ended with ${status}: ${stderr.trim()}`)
      return wall
    }
    mkdirSync(join(dir, 'work'))
    await run('"$BK" init -q "$DIR/store"')
    await run('ssh-keygen -q -t ed25519 -N "" -f "$DIR/key" && "$BK" keys restrict --receive "$DIR/store" --set home "$DIR/key.pub" >"$DIR/line"')
    const [grant = ''] = readFileSync(join(dir, 'line'), 'utf8').split(' ssh-ed25519 ')
    sshd.authorize([`${grant} ${sshd.publicKeys['vault']}`, sshd.publicKeys['plain']!])
    const local = '"$BK" index -C "$TREE" . >/dev/null'
    const pipe = 'cd "$DIR/work" && "$BK" index -C "$TREE" . | "$BK" diff -q remote.idx | "$BK" send -q --to vault: --index-out remote.idx'
    const push = '"$BK" push -q -C "$TREE" . vault:'
    await run(pipe)
    await run(push)
    const commands = {
      [NODE]: '"$NODE" -e 0', [BK]: '"$BK" --version', [SSH]: 'ssh plain true',
      // Who is a program of node on both sides, and does nothing.
      'node that runs `ssh vault node -e 0`': `"$NODE" -e 'require("node:child_process").spawnSync("ssh", ["plain", process.execPath + " -e 0"], {stdio: "inherit"})'`,
      '`bk index`': local, [PIPE]: pipe, [PUSH]: push,
    }
    const walls = Object.entries(commands).map(([name, command]) => ({name, command, seconds: [] as number[]}))
    for (let lap = 0; lap < laps; lap++) for (const {command, seconds} of walls) seconds.push(await run(command))
    return table(walls)
  } finally {
    await cleanUp()
  }
}

function table(walls: readonly {readonly name: string; readonly seconds: readonly number[]}[]): string {
  const found = walls.map(({name, seconds}) => ({name, ...spread(seconds)!}))
  const medianOf = (wanted: string): number => found.find(({name}) => name === wanted)!.median
  const startUps = (name: string, of: string): string => ((medianOf(name) - medianOf(SSH)) / medianOf(of)).toFixed(1)
  const rows = found.map(({name, median, least, greatest}) => `| ${name} | ${median.toFixed(3)} | ${least.toFixed(3)}–${greatest.toFixed(3)} |`)
  return [
    '| | median seconds | least–greatest |', '|---|---:|---:|', ...rows, '',
    `Longer than \`ssh vault true\`, in start-ups of bk and of bare node (medians of ${found[0]!.count}): \`bk push\` ${startUps(PUSH, BK)} and ${startUps(PUSH, NODE)}, the pipe ${startUps(PIPE, BK)} and ${startUps(PIPE, NODE)}.`, '',
  ].join('\n')
}

// `npm run bench`: bk beside its peers, on the same trees in one run. This is the command line; docs/performance.md has the method.
// Exit status: 0 done, 2 nothing measured, 3 some runs failed (each is listed), 64 usage, 130 interrupted.

import {spawnSync} from 'node:child_process'
import {readFileSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join, resolve} from 'node:path'
import {parseArgs} from 'node:util'
import {makeHome, makeLarge, makeQuick} from './corpora.ts'
import {mutate} from './mutate.ts'
import {placeInto, report} from './report.ts'
import {parseResults, succeeded} from './rows.ts'
import {run} from './run.ts'
import {measureSftp} from './sftp.ts'
import {measureSsh} from './ssh.ts'

const usage = `usage: npm run bench -- [options]               measure, then print the report
       npm run bench -- report FILE [--into PAGE]  the report of a TSV; --into replaces the figures in a page
       npm run bench -- ssh                        nothing changed, over ssh, beside 'ssh vault true' (-n, -c NAME)
       npm run bench -- sftp                       a pull over SFTP, beside 'sftp -r' (-n, -c NAME)
       npm run bench -- corpus [small] [home] [large]
       npm run bench -- mutate DIR [SEED]          one day's change, in place, on a copy of a corpus
  -n, --laps N        runs of each kind (default 5)
  -c, --corpora LIST  default 'small home'
  -p, --peers LIST    default: all that are installed
  -r, --restore       restore too, and compare with the source
  -o, --output FILE   the raw rows, a TSV (default in WORK)
      --image SIZE    stores on an ext4 image of SIZE (24G), made anew for each cycle, as root
      --quick         one lap on a small made-up tree, to see that the harness works
      --install       install missing peers with apt-get, as root
      --limit N       seconds one command may take (default 300)
      --deadline N    seconds after which no cycle is begun (default 10800)
CORPORA is where the corpora are, WORK where stores and results go (both below \${TMPDIR:-/tmp}/bk-bench by default), BK the bk to measure.
`
const say = (line: string): void => void process.stderr.write(`bench: ${line}\n`)
const root = resolve(import.meta.dirname, '..')
const base = join(tmpdir(), 'bk-bench')
const corporaDir = resolve(process.env['CORPORA'] || join(base, 'corpora'))
const work = resolve(process.env['WORK'] || join(base, 'work'))

class UsageError extends Error {}

function options() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        laps: {type: 'string', short: 'n'},
        corpora: {type: 'string', short: 'c', default: 'small home'},
        peers: {type: 'string', short: 'p', default: ''},
        restore: {type: 'boolean', short: 'r', default: false},
        output: {type: 'string', short: 'o'},
        into: {type: 'string'},
        image: {type: 'string'},
        quick: {type: 'boolean', default: false},
        install: {type: 'boolean', default: false},
        limit: {type: 'string', default: '300'},
        deadline: {type: 'string', default: '10800'},
        help: {type: 'boolean', short: 'h', default: false},
      },
    })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

type Values = ReturnType<typeof options>['values']

async function main(): Promise<number> {
  const {values, positionals} = options()
  const [verb, ...operands] = positionals
  if (values.help) process.stdout.write(usage)
  if (values.help) return 0
  if (verb === undefined) return measureAll(values)
  if (verb === 'report' && operands.length === 1) return printReport(operands[0]!, values.into)
  if (verb === 'ssh' && operands.length === 0) return overSsh(values, measureSsh)
  if (verb === 'sftp' && operands.length === 0) return overSsh(values, measureSftp)
  if (verb === 'corpus') return buildCorpora(operands)
  if (verb === 'mutate' && (operands.length === 1 || operands.length === 2)) {
    process.stdout.write(`${mutate(operands[0]!, operands[1] ?? '1')}\n`)
    return 0
  }
  if (verb === 'make' && operands.length === 2) return make(operands[0]!, operands[1]!)
  throw new UsageError(`cannot make sense of: ${positionals.join(' ')}`)
}

async function measureAll(values: Values): Promise<number> {
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort())
  const stamp = new Date().toISOString().replace(/[-:]/g, '').slice(0, 15)
  const output = resolve(values.output ?? join(work, `results-${stamp}.tsv`))
  const plan = {
    corpora: values.quick ? undefined : corporaDir,
    names: values.quick ? ['quick'] : list(values.corpora),
    peers: list(values.peers),
    laps: whole('--laps', values.laps ?? (values.quick ? '1' : '5')),
    restore: values.restore,
    install: values.install,
    image: values.image,
    limit: whole('--limit', values.limit),
    deadline: whole('--deadline', values.deadline),
    work,
    output,
    bk: resolve(process.env['BK'] || join(root, 'bin/bk')),
    root,
  }
  const {facts, rows, problems} = await run(plan, say, stop.signal)
  process.stdout.write(report(facts, rows))
  for (const problem of problems) say(problem)
  say(`raw rows: ${output}`)
  if (stop.signal.aborted) return 130
  if (rows.length === 0) return 2
  return problems.length > 0 || !rows.every(succeeded) ? 3 : 0
}

async function overSsh(values: Values, measured: typeof measureSsh): Promise<number> {
  const [name = 'home'] = list(values.corpora === 'small home' ? 'home' : values.corpora)
  const tree = resolve(corporaDir, name)
  const bk = resolve(process.env['BK'] || join(root, 'bin/bk'))
  process.stdout.write(await measured({tree, laps: whole('--laps', values.laps ?? '9'), bk, limit: whole('--limit', values.limit)}, new AbortController().signal))
  return 0
}

function printReport(file: string, page: string | undefined): number {
  const {facts, rows} = parseResults(readFileSync(file, 'utf8'))
  const made = report(facts, rows)
  if (page === undefined) process.stdout.write(made)
  else writeFileSync(page, placeInto(readFileSync(page, 'utf8'), made))
  return 0
}

function buildCorpora(names: readonly string[]): number {
  const {status} = spawnSync('bash', [join(import.meta.dirname, 'corpus.sh'), corporaDir, ...names], {
    env: {...process.env, NODE: process.execPath},
    stdio: 'inherit',
  })
  return status ?? 2
}

/** The parts of a corpus that corpus.sh does not copy but has made. */
async function make(name: string, dir: string): Promise<number> {
  if (name === 'home') await makeHome(dir)
  else if (name === 'large') makeLarge(dir)
  else if (name === 'quick') makeQuick(dir)
  else throw new UsageError(`no corpus ${name} to make`)
  return 0
}

const list = (words: string): string[] => words.split(/[\s,]+/).filter(Boolean)

function whole(flag: string, value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new UsageError(`${flag} wants a whole number above 0, not ${value}`)
  return Number(value)
}

try {
  process.exitCode = await main()
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  if (error instanceof UsageError) process.stderr.write(usage)
  process.exitCode = error instanceof UsageError ? 64 : 2
}

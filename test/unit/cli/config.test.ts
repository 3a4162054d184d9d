// Files, variables and a command line become one: which are read, which are refused, and what counts.

import {spawnSync} from 'node:child_process'
import {chmodSync, chownSync, globSync, mkdirSync, symlinkSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeEach, describe, expect, it} from 'vitest'
import {commandLineOnly, configFiles, ownVariables, readSettings, variableOf, type Environment, type Setting} from '../../../src/lib/cli/config.ts'
import {mergeSettings, valueOf, type MergedFlag} from '../../../src/lib/cli/config-merge.ts'
import {root} from '../../harness/bk.ts'
import {tempDir} from '../../harness/temp.ts'

const flags: Readonly<Record<string, MergedFlag>> = {
  base: {type: 'option'},
  bwlimit: {type: 'option', dependsOn: ['set']},
  exclude: {type: 'option', multiple: true},
  'exclude-caches': {type: 'boolean'},
  json: {type: 'boolean'},
  jobs: {type: 'option'},
  level: {type: 'option', dependsOn: ['bwlimit']},
  set: {type: 'option'},
  stat: {type: 'boolean', exclusive: ['jobs', 'names']},
  names: {type: 'boolean'},
}

let dir: string
let system: string
let own: string

beforeEach(() => {
  dir = tempDir('config')
  system = join(dir, 'system')
  own = join(dir, 'own')
})

function write(path: string, text: string): void {
  writeFileSync(path, text, {mode: 0o644})
}

function read(env: Environment = {}): Promise<Setting[]> {
  return readSettings('send', flags, env, [system, own].map((path) => ({path, named: false})))
}

/* What `--flag=value` would be, with where it stands. */
async function settled(env: Environment, ...given: string[]): Promise<string[]> {
  return mergeSettings(await read(env), new Set(given), flags).map(({flag, from, value}) => `${from.replace(`${dir}/`, '')} ${flag}=${value}`)
}

describe('the files that are read', () => {
  it.for<[env: Environment, files: string[]]>([
    [{HOME: '/home/x'}, ['/etc/bk/config', '/home/x/.config/bk/config']],
    [{HOME: '/home/x', XDG_CONFIG_HOME: '/c'}, ['/etc/bk/config', '/c/bk/config']],
    [{HOME: '/home/x', XDG_CONFIG_HOME: 'c'}, ['/etc/bk/config', '/home/x/.config/bk/config']],
    [{HOME: '/home/x', XDG_CONFIG_HOME: ''}, ['/etc/bk/config', '/home/x/.config/bk/config']],
    [{HOME: 'x'}, ['/etc/bk/config']],
    [{HOME: '/home/x', BK_CONFIG: ''}, []],
    [{HOME: '/home/x', BK_CONFIG: '/dev/null'}, []],
    [{HOME: '/home/x', BK_CONFIG: 'here'}, ['here']],
  ])('%j: %j', ([env, files]) => {
    expect(configFiles(env).map(({path}) => path)).toEqual(files)
  })

  it('without HOME: that of the user database, and none for a user who is not in it', () => {
    expect(configFiles({}).map(({path}) => path)).toEqual(['/etc/bk/config', expect.stringMatching(/^\/.*\/\.config\/bk\/config$/)])
    const script = `const {configFiles} = await import('${root}/src/lib/cli/config.ts'); process.setuid(54321); console.log(JSON.stringify(configFiles({})))`
    const {stdout} = spawnSync(process.execPath, ['--input-type=module', '-e', `delete process.env.HOME; ${script}`], {encoding: 'utf8', env: {PATH: '/bin'}})
    expect(JSON.parse(stdout)).toEqual([{path: '/etc/bk/config', named: false}])
  })

  it('are none when none is there, in whatever way', async () => {
    write(join(dir, 'plain'), '')
    own = join(dir, 'plain/bk/config')
    expect(await read()).toEqual([])
  })

  it('need not be where HOME is that of another user, and cannot be hidden where it is not', () => {
    mkdirSync(join(dir, 'closed'), {mode: 0o700})
    write(join(dir, 'closed/config'), '--set=x')
    mkdirSync(join(dir, 'mine'), {mode: 0o755})
    write(join(dir, 'mine/config'), '--set=x')
    chmodSync(join(dir, 'mine/config'), 0)
    for (let above = dir; above !== '/tmp' && above !== '/'; above = join(above, '..')) chmodSync(above, 0o755)
    const script = `const {readSettings} = await import('${root}/src/lib/cli/config.ts'); process.setuid(54321)
      for (const path of ['closed', 'mine']) console.log(JSON.stringify(await readSettings('send', {}, {}, [{path: '${dir}/' + path + '/config', named: false}]).catch((error) => error.message)))`
    const {stdout, stderr} = spawnSync(process.execPath, ['--input-type=module', '-e', script], {encoding: 'utf8'})
    expect(stderr).toBe('')
    expect(stdout.trim().split('\n').map((line) => JSON.parse(line))).toEqual([[], `cannot read ${dir}/mine/config: permission denied`])
  })
})

describe('a file that is refused', () => {
  it.for<[what: string, make: (path: string) => void, message: RegExp, status: number]>([
    ['of another user', (path) => chownSync(path, 54321, 0), /is not used: it belongs to user 54321/, 77],
    ['that the group can write', (path) => chmodSync(path, 0o664), /is not used: others can write it/, 77],
    ['that all can write', (path) => chmodSync(path, 0o602), /is not used: others can write it/, 77],
    ['of more than 1 MiB', (path) => writeFileSync(path, '#'.repeat(2 ** 20 + 1)), /has more than 1 MiB/, 2],
  ])('%s', async ([, make, message, status]) => {
    write(system, '--set=x\n')
    make(system)
    await expect(read()).rejects.toMatchObject({message: expect.stringMatching(message), status})
  })

  it.for<[what: string, command: string[]]>([
    ['a directory', ['mkdir']],
    ['a fifo, without waiting for it', ['mkfifo', '-m', '600']],
  ])('%s', async ([, [program, ...args]]) => {
    spawnSync(program!, [...args, system])
    await expect(read()).rejects.toMatchObject({message: `${system} is not a file`, status: 2})
  })

  it('and not one that a link leads to, if that one is right', async () => {
    write(join(dir, 'real'), '--set=x\n')
    symlinkSync('real', system)
    expect(await settled({})).toEqual(['system:1 set=x'])
    chmodSync(join(dir, 'real'), 0o666)
    await expect(read()).rejects.toMatchObject({status: 77})
  })
})

describe('what is set', () => {
  it('is taken from the highest place that has it, where there is one value', async () => {
    write(system, '--base=a\n--jobs=1\n--set=s\n')
    write(own, '--base=b\n--jobs=2\n')
    expect(await settled({BK_BASE: 'c'}, 'set')).toEqual(['own:2 jobs=2', 'BK_BASE base=c'])
  })

  it('is added up where there are many, the lowest first, in the order of the lines', async () => {
    write(system, 'send --exclude=1\n--exclude=2\nsend --exclude=3\nindex --exclude=no\n')
    write(own, '--exclude=4')
    const all = ['system:1 exclude=1', 'system:2 exclude=2', 'system:3 exclude=3', 'own:1 exclude=4', 'BK_EXCLUDE exclude=5']
    expect(await settled({BK_EXCLUDE: '5'})).toEqual(all)
    expect(await settled({BK_EXCLUDE: '5'}, 'exclude')).toEqual(all)
  })

  it('in one file: the line for the command before that for all, wherever it stands; else the last', async () => {
    write(system, 'send --set=b\n--set=a\n--base=1\n--base=2\n')
    expect(await settled({})).toEqual(['system:1 set=b', 'system:4 base=2'])
    write(own, '--set=c')
    expect(await settled({})).toContain('own:1 set=c')
  })

  it('a switch can be turned off again', async () => {
    write(system, '--exclude-caches')
    expect(await settled({})).toEqual(['system:1 exclude-caches=true'])
    expect(await settled({BK_EXCLUDE_CACHES: '0'})).toEqual(['BK_EXCLUDE_CACHES exclude-caches=false'])
    write(own, '--exclude-caches=0')
    expect(await settled({})).toEqual(['own:1 exclude-caches=false'])
    expect(await settled({BK_EXCLUDE_CACHES: '1'})).toEqual(['BK_EXCLUDE_CACHES exclude-caches=true'])
  })

  it('an empty variable sets nothing, and one that bk does not know is not looked at', async () => {
    write(system, '--set=s')
    expect(await settled({BK_SET: '', BK_EXCLUDE_CACHES: '', BK_FROBNICATE: '1', BK_QUOTA: 'x'})).toEqual(['system:1 set=s'])
  })

  it.for<[env: Environment, message: string]>([
    [{BK_EXCLUDE_CACHES: 'yes'}, 'BK_EXCLUDE_CACHES: --exclude-caches is a switch: 1 or 0, not yes'],
    [{BK_JSON: '1'}, 'BK_JSON is set: --json is taken from the command line alone'],
    [{BK_EXCLUDE: 'a\ufffd'}, 'BK_EXCLUDE: not UTF-8'],
  ])('%j is an error', async ([env, message]) => {
    await expect(read(env)).rejects.toMatchObject({message, status: 64})
  })
})

describe('flags that exclude each other', () => {
  it('what was typed wins, without a word', async () => {
    write(system, '--stat')
    expect(await settled({}, 'names')).toEqual([])
    expect(await settled({}, 'jobs')).toEqual([])
    write(system, '--names\n--jobs=4\n')
    expect(await settled({}, 'stat')).toEqual([])
  })

  it('the higher place wins over the lower, and what is left out leaves nothing out', async () => {
    write(system, '--jobs=4')
    write(own, '--stat')
    expect(await settled({})).toEqual(['own:1 stat=true'])
    expect(await settled({BK_NAMES: '1'})).toEqual(['system:1 jobs=4', 'BK_NAMES names=true'])
    expect(await settled({}, 'names')).toEqual(['system:1 jobs=4'])
    expect(await settled({BK_STAT: '0'})).toEqual(['system:1 jobs=4', 'BK_STAT stat=false'])
  })

  it('two of one file are an error, unless the command line decides', async () => {
    write(system, '--stat\n--jobs=4\n')
    await expect(settled({})).rejects.toMatchObject({message: `${system}:2: --jobs does not go with --stat of ${system}:1`, status: 64})
    expect(await settled({}, 'names')).toEqual(['system:2 jobs=4'])
  })

  it('two that were typed are an error', async () => {
    await expect(settled({}, 'jobs', 'stat')).rejects.toMatchObject({message: '--jobs does not go with --stat', status: 64})
  })
})

describe('a flag that needs another', () => {
  it('is left out where that one is not there, and what needs it too', async () => {
    write(system, '--level=1\n--bwlimit=2M\n')
    expect(await settled({})).toEqual([])
    expect(await settled({}, 'set')).toEqual(['system:1 level=1', 'system:2 bwlimit=2M'])
    expect(await settled({BK_SET: 's'})).toHaveLength(3)
  })

  it('may be typed where the other is set, and is an error where it is not', async () => {
    expect(await settled({BK_SET: 's'}, 'bwlimit')).toEqual(['BK_SET set=s'])
    await expect(settled({}, 'bwlimit')).rejects.toMatchObject({message: '--bwlimit goes with --set', status: 64})
  })

  // oclif takes the answer to its first such question for the answer to all.
  it('is asked for on its own, whatever else there is', async () => {
    await expect(settled({}, 'jobs', 'set', 'bwlimit', 'level', 'stat')).rejects.toThrow('--jobs does not go with --stat')
    await expect(settled({}, 'bwlimit', 'set', 'names')).resolves.toEqual([])
    await expect(settled({}, 'stat', 'set', 'bwlimit')).resolves.toEqual([])
  })
})

it('a flag that is needed may be set, and is an error where it is not', () => {
  const needed = {to: {type: 'option', required: true}} as const
  const setting = {flag: 'to', value: 'x', from: 'f:1', layer: 0, scoped: false}
  expect(mergeSettings([setting], new Set(), needed)).toEqual([setting])
  expect(() => mergeSettings([], new Set(), needed)).toThrow('missing option: --to')
})

it('a value that is wrong is shown with its place', async () => {
  const setting = {flag: 'format', value: 'x', from: 'f:3', layer: 0, scoped: false}
  await expect(valueOf(setting, {type: 'option', options: ['a', 'b']})).rejects.toMatchObject({message: 'f:3: --format: x is not one of: a, b', status: 64})
})

it('no flag of any command becomes one of the variables that are something else', async () => {
  const names = new Set<string>()
  for (const file of globSync('src/commands/**/*.ts', {cwd: root})) {
    const {default: command}: {default: {flags?: object}} = await import(join(root, file))
    for (const name of Object.keys(command.flags ?? {})) names.add(variableOf(name))
  }
  expect(names.size).toBeGreaterThan(20)
  expect(ownVariables.filter((variable) => names.has(variable))).toEqual([])
})

it('what says yes to danger, or chooses what is written, is never set', async () => {
  for (const flag of commandLineOnly) {
    write(system, `# x\n${flag === 'to' ? 'send ' : ''}--${flag}=x`)
    await expect(read()).rejects.toMatchObject({message: `${system}:2: --${flag} is taken from the command line alone`, status: 64})
  }
  expect(commandLineOnly).toEqual(expect.arrayContaining(['apply', 'force', 'overwrite', 'to', 'json']))
})

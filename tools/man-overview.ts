/**
 * What bk(1) says beyond the list of commands.
 */
import {ownVariables} from '../src/lib/cli/config.ts'

export const overview = {
  summary: 'back up Unix machines with small commands that compose',
  description: `bk is a set of small commands. Each does one thing, reads and writes plain text or a standard format, and works in a pipe,
in a cron script, or as the forced command of a restricted ssh key.

An index says what a tree looks like, as mtree(5) text. Changes say what turns one index into another. A store keeps
snapshots in packs that tar and zstd open without bk.

Records go to standard output, words to standard error, one line each. The operand \`-\` is standard input. Sizes are
numbers of bytes, or numbers with K, M, G or T: \`200G\` is 200 * 2^30. Ages are numbers with one of the letters s, m, h, D,
W, M and Y, as in \`3D\` or \`1D12h\`: m, or min, is minutes, M is months of 30 days.

A program \`bk-foo\` on \`PATH\` is the command \`bk foo\`.`,
  examples: [
    {
      command: 'bk init /srv/store\nbk index -C / etc srv | bk diff remote.idx | bk send --to /srv/store --index-out remote.idx',
      description: 'Make a store and back up /etc and /srv; run the second line again, and only what changed is moved:',
    },
    {command: 'bk log /srv/store\nbk restore /srv/store@3D etc/hosts --to /tmp/back', description: 'See what is there, and get a file back as it was three days ago:'},
  ],
  seeAlso: ['mtree(5)', 'tar(1)', 'zstd(1)', 'ssh(1)'],
} as const

/** The files that options come from, for every page. */
export const configFiles: ReadonlyArray<readonly [string, string]> = [
  ['/etc/bk/config', 'options for everybody on this machine, one a line; see CONFIGURATION in bk(1).'],
  ['$XDG_CONFIG_HOME/bk/config', 'the same for one user, over those; `~/.config/bk/config` without the variable.'],
]

/** The variables that options come from, for every page. */
export const configVariables: ReadonlyArray<readonly [string, string]> = [
  ['BK_OPTION', 'Stands for any option, in capitals and with _ for -: `BK_JOBS=4` is `--jobs 4`, `BK_ONE_FILE_SYSTEM=1` a switch. See CONFIGURATION in bk(1).'],
  ['BK_CONFIG', 'A file of options that is read instead of /etc/bk/config and the own one. Set to nothing, or to /dev/null, none is.'],
]

/** How options are set. `only` are those that cannot be. */
export const configuration = (only: readonly string[]): string => `Options that hold for every run can be written into /etc/bk/config and $XDG_CONFIG_HOME/bk/config, or into a file that BK_CONFIG names, which is then read instead
of both and has to be there. A line is an option:

    # what no machine of ours keeps
    --exclude-caches
    --exclude=*.tmp
    send --bwlimit=2M
    keys restrict --quota=200G

It counts for every command that has the option, or, behind the name of a command, for that one. Options are written in full, and their values behind \`=\`. Blanks at both ends of a line do
not count, those at the end of a value neither. There are no quotes, and a comment is a line of its own. An option, or a command, that bk does not have is an error, whatever command is run.

Variables stand over the files: \`BK_BWLIMIT=2M\` is \`--bwlimit=2M\`, \`BK_EXCLUDE_CACHES=1\` is \`--exclude-caches\`. An empty one sets nothing, and one that is not the name of an option is not looked at. Over all stands the command line.

An option with one value is taken from the highest that has it: command line, environment, own file, /etc/bk/config; in one file from the line for the command, then from the last. Options that may be
given more than once add up, the lowest first. \`BK_EXCLUDE_CACHES=0\`, or \`--exclude-caches=0\` in the own file, turns off a switch that is set below. Of options that exclude each other the one in the higher place counts, and one that
needs another is left out where that is not there: only on the command line is that an error.

With \`-v\` a command says each option that was set this way, and where.

A file can name programs to run. One that belongs to somebody else than root or the user who runs bk, or that others can write, is refused.

On the command line alone: ${only.map((name) => `\`--${name}\``).join(', ')}. Nothing at all is taken from files and variables by the commands that sshd starts for a client: bk-receive(1), bk-browse(1), bk-offer(1), bk-forced(1). ${ownVariables.slice(1).join(', ')} are no options.`

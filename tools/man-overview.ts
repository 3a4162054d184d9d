/**
 * What bk(1) says beyond the list of commands.
 */

export const overview = {
  summary: 'back up Unix machines with small commands that compose',
  description: `bk is a set of small commands. Each does one thing, reads and writes plain text or a standard format, and works in a pipe,
in a cron script, or as the forced command of a restricted ssh key.

An index says what a tree looks like, as mtree(5) text. Changes say what turns one index into another. A store keeps
snapshots in packs that tar and zstd open without bk.

Records go to standard output, words to standard error, one line each. The operand \`-\` is standard input. Sizes are
numbers of bytes, or numbers with K, M, G or T: \`200G\` is 200 * 2^30. Ages are numbers with one of the letters s, m, h, D,
W, M and Y, as in \`3D\` or \`1D12h\`: m is minutes, M is months of 30 days.

A program \`bk-foo\` on \`PATH\` is the command \`bk foo\`.`,
  examples: [
    {
      command: 'bk init /srv/store\nbk index -C / etc srv | bk diff remote.idx | bk send --to /srv/store --index-out remote.idx',
      description: 'Make a store and back up /etc and /srv; run the second line again, and only what changed is moved:',
    },
    {command: 'bk log /srv/store\nbk restore /srv/store@3D etc/hosts --to /tmp/back', description: 'See what is there, and get a file back as it was three days ago:'},
  ],
  files: [] as ReadonlyArray<readonly [string, string]>,
  seeAlso: ['mtree(5)', 'tar(1)', 'zstd(1)', 'ssh(1)'],
} as const

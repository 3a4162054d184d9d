// Who is measured, and the exact command lines: the one place to change when a flag changes or a peer joins.
// A command is shell text for `bash -o pipefail -c` and sees only these variables:
//   SRC    the tree                       STORE  where to, empty before the first backup
//   OUT    where a restore goes, absent   STATE  what the client keeps between runs; HOME is $STATE/home
//   BK     the bk under test              OP     first, again, mutated or restore: an archive's name where one is needed

export type Op = 'first' | 'again' | 'mutated' | 'restore'

export interface Peer {
  readonly name: string
  /** what it is, for the report */
  readonly about: string
  /** a command that succeeds where the peer can run; its first line of output is the version */
  readonly version: string
  /** the Debian package that brings it */
  readonly package?: string
  /** untimed, once per cycle, before the first backup; $STORE and $STATE exist and are empty */
  readonly init?: string
  /** untimed, before each run */
  readonly before?: string
  readonly first: string
  readonly again: string
  readonly mutated: string
  readonly restore: string
  readonly env?: Readonly<Record<string, string>>
}

const backup = (command: string) => ({first: command, again: command, mutated: command})

const borg = (encryption: string, compression: string) => ({
  version: 'borg --version',
  package: 'borgbackup',
  init: `borg init -e ${encryption} "$STORE"`,
  ...backup(`cd "$SRC" && borg create --compression ${compression} "$STORE::$OP" .`),
  restore: 'mkdir "$OUT" && cd "$OUT" && borg extract "$STORE::mutated"',
  env: {
    BORG_PASSPHRASE: 'bench',
    BORG_DISPLAY_PASSPHRASE: 'no',
    BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: 'yes',
    BORG_RELOCATED_REPO_ACCESS_IS_OK: 'yes',
  },
})

const pipe = (index: string) =>
  backup(
    `"$BK" ${index} -C "$SRC" . | "$BK" diff "$STATE/remote.idx" | ` +
      '"$BK" send --to "$STORE" --index-out "$STATE/remote.idx" -C "$SRC"',
  )

const bk = {
  version: '"$BK" --version',
  init: '"$BK" init "$STORE"',
  restore: '"$BK" restore "$STORE" --to "$OUT"',
}

export const peers: readonly Peer[] = [
  {
    name: 'rsync',
    about: 'a mirror, rsync -aH --delete',
    version: 'rsync --version',
    package: 'rsync',
    ...backup('rsync -aH --delete "$SRC/" "$STORE/"'),
    restore: 'rsync -aH "$STORE/" "$OUT/"',
  },
  {
    name: 'restic',
    about: 'default compression, always encrypted',
    version: 'restic version',
    package: 'restic',
    init: 'restic -q -r "$STORE" init',
    ...backup('cd "$SRC" && restic -q -r "$STORE" backup .'),
    restore: 'restic -q -r "$STORE" restore latest --target "$OUT"',
    env: {RESTIC_PASSWORD: 'bench', RESTIC_PROGRESS_FPS: '0.1'},
  },
  {name: 'borg-none-lz4', about: 'borg, not encrypted, lz4', ...borg('none', 'lz4')},
  {name: 'borg-key-zstd', about: 'borg, repokey, zstd level 3', ...borg('repokey', 'zstd')},
  {
    name: 'rdiff-backup',
    about: 'a mirror with reverse increments',
    version: 'rdiff-backup --version',
    package: 'rdiff-backup',
    before: 'sleep 1.2', // it refuses two sessions within one second
    ...backup('rdiff-backup backup "$SRC" "$STORE"'),
    restore: 'rdiff-backup restore "$STORE" "$OUT"',
  },
  {
    name: 'bup',
    about: 'bup index and bup save',
    version: 'bup version',
    package: 'bup',
    init: 'bup -d "$STORE" init',
    ...backup('bup -d "$STORE" index "$SRC" && bup -d "$STORE" save -q -n main "$SRC"'),
    restore: 'bup -d "$STORE" restore -q -C "$OUT" "main/latest$SRC/."',
  },
  {
    name: 'tar-zstd',
    about: 'a full tar every time, tar -cf - . | zstd -1 -T2',
    version: 'tar --version | sed -n "1s/.*) /tar /p" | tr "\\n" " " && zstd --version | sed "s/.* v/zstd v/; s/,.*//"',
    package: 'zstd',
    first: 'tar -C "$SRC" -cf - . | zstd -q -1 -T2 -o "$STORE/1.tar.zst"',
    again: 'tar -C "$SRC" -cf - . | zstd -q -f -1 -T2 -o "$STORE/1.tar.zst"',
    mutated: 'tar -C "$SRC" -cf - . | zstd -q -1 -T2 -o "$STORE/2.tar.zst"',
    restore: 'mkdir "$OUT" && zstd -q -dc "$STORE/2.tar.zst" | tar -C "$OUT" -xpf -',
  },
  {...bk, name: 'bk-pipe', about: 'bk index . | bk diff remote.idx | bk send --to STORE --index-out remote.idx', ...pipe('index')},
  {...bk, name: 'bk-pipe-nodigest', about: 'the same with bk index --no-digest', ...pipe('index --no-digest')},
  {
    ...bk,
    name: 'bk-push',
    about: 'bk push, one process',
    version: '"$BK" push --help > /dev/null && "$BK" --version',
    ...backup('cd "$SRC" && "$BK" push . "$STORE"'),
  },
]

/** Whom the forms of bk are compared with, one column each. */
export const yardsticks: readonly string[] = ['rsync', 'restic', 'borg-none-lz4', 'borg-key-zstd', 'tar-zstd']

/** A promise about medians of wall time: `peer` needs at most `limit` times what `than` needs. */
export interface Bound {
  readonly op: Op
  readonly peer: string
  readonly than: string
  readonly limit: number
}

export const bounds: readonly Bound[] = [
  {op: 'first', peer: 'bk-pipe', than: 'restic', limit: 1},
  {op: 'first', peer: 'bk-pipe', than: 'borg-none-lz4', limit: 1},
  {op: 'first', peer: 'bk-pipe', than: 'borg-key-zstd', limit: 1},
  {op: 'first', peer: 'bk-pipe-nodigest', than: 'restic', limit: 1},
  {op: 'first', peer: 'bk-pipe-nodigest', than: 'borg-none-lz4', limit: 1},
  {op: 'first', peer: 'bk-pipe-nodigest', than: 'borg-key-zstd', limit: 1},
  {op: 'first', peer: 'bk-push', than: 'restic', limit: 1},
  {op: 'first', peer: 'bk-push', than: 'borg-none-lz4', limit: 1},
  {op: 'first', peer: 'bk-push', than: 'borg-key-zstd', limit: 1},
  {op: 'first', peer: 'bk-push', than: 'bk-pipe', limit: 1.1},
  {op: 'again', peer: 'bk-push', than: 'restic', limit: 1},
  {op: 'again', peer: 'bk-push', than: 'borg-none-lz4', limit: 1},
  {op: 'again', peer: 'bk-push', than: 'bk-pipe', limit: 1.1},
  {op: 'mutated', peer: 'bk-push', than: 'bk-pipe', limit: 1.1},
  {op: 'again', peer: 'bk-pipe', than: 'rsync', limit: 1.5},
  {op: 'again', peer: 'bk-pipe-nodigest', than: 'rsync', limit: 1.5},
]

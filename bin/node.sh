# Finds the Node that bk runs on: $1 is the directory of bk's package, the path is left in $node, empty when there is none.
# Sourced by bin/bk and by everything in tools/, so that a command, a test and a build run on the same Node.
# No process is started where the package's own Node is there: every command pays for what happens here.

# The one that npm installed for this kind of machine: inside bk's package, or beside it where npm put it further up.
# npm before 11.19 loses the link in .bin, hence by path.
find_package_node() {
  for _dir in "$1/node_modules" "$1/.." "$1/../.."; do
    for _kind in x64 arm64; do
      node=$_dir/node-linux-$_kind/bin/node
      if [ -x "$node" ] && runs_here "$node" "$_kind"; then return 0; fi
    done
  done
  node=
  return 1
}

# Both kinds may be installed, and neither runs on a musl system. The loader of the C library that it needs says both at
# once; only where a musl loader is there too (gcompat has both), or both loaders are, has the binary to be tried.
runs_here() {
  case $2 in
    x64) _loader=/lib64/ld-linux-x86-64.so.2 _other=/lib/ld-linux-aarch64.so.1 ;;
    arm64) _loader=/lib/ld-linux-aarch64.so.1 _other=/lib64/ld-linux-x86-64.so.2 ;;
  esac
  [ -e "$_loader" ] || return 1
  for _doubt in "$_other" /lib/ld-musl-*; do
    if [ -e "$_doubt" ]; then "$1" -e 0 >/dev/null 2>&1; return; fi
  done
}

# One on PATH, if it has the zstd that came with 22.15.
find_path_node() {
  node=$(command -v node 2>/dev/null) || node=
  [ -n "$node" ] && "$node" -e 'process.exit(require("zlib").zstdCompressSync ? 0 : 1)' >/dev/null 2>&1 && return 0
  node=
  return 1
}

find_node() {
  find_package_node "$1" || find_path_node || :
}

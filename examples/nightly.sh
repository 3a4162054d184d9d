#!/bin/sh
# nightly.sh STORE DIRECTORY...
#
# What `bk push` does, put together from its parts, for whoever wants something of his own between them: a filter, a copy of the index, a
# look at what changed. It runs in any sh, says nothing when all is well, and ends with
#   0   stored
#   3   stored, but some files could not be read
#   75  the store cannot be reached, or another run is at work: try again later
# and anything else when nothing was stored. What went wrong is printed, for cron to mail; all that was said is in the log.
#
# STATE (/var/lib/bk-nightly) is where the index of the store, the lock and the log are.

set -u
umask 077

[ $# -ge 2 ] || { echo "usage: ${0##*/} STORE DIRECTORY..." >&2; exit 64; }
store=$1
shift

state=${STATE:-/var/lib/bk-nightly}
remote=$state/remote.idx
log=$state/log
mkdir -p "$state" || exit 2

# One at a time. The lock goes when the last process that has descriptor 9 ends, however that comes about.
exec 9>"$state/lock"
flock -n 9 || { echo "${0##*/}: another run is at work" >&2; exit 75; }

said=$state/said
ended=$state/ended
: >"$ended"

# Each part writes its status here when it ends.
part() {
  "$@" 3>&-
  echo "$2 $?" >&3
}

# sh knows the status of the last command alone. That cannot harm the store: each text ends with a line that counts it, and whoever reads a
# text without one ends with 65 and commits nothing. So if `bk index` is killed, `bk diff` and then `bk send` take its half list for cut off,
# and not for a machine on which half of the files are gone.
{
  part bk index "$@" | part bk diff -q "$remote" | part bk send -q --to "$store" --index-out "$remote"
} 3>"$ended" 2>"$said" >>"$said"

# Whoever ended first without success is the cause; 65 behind it, or 141 before it, is what came of it. This is the order in which they
# ended: a part has written its line before the other end of its pipe can notice.
status=0
while read -r name code; do
  case $code in
    0) ;;
    3) [ "$status" != 0 ] || status=3 ;;
    141) ;;
    *)
      status=$code
      echo "${0##*/}: bk $name ended with $code" >>"$said"
      break
      ;;
  esac
done <"$ended"

# Three lines, or something ended the parts themselves.
[ "$(wc -l <"$ended")" -eq 3 ] || [ "$status" != 0 ] || status=2

{ date '+--- %Y-%m-%d %H:%M:%S'; cat "$said"; } >>"$log"
[ "$status" = 0 ] || cat "$said" >&2
exit "$status"

#!/bin/sh
# Gets a snapshot back out of this store, without bk: sh recover.sh [NUMBER] DIRECTORY
# Without arguments it lists the snapshots. README, beside this file, says what all of it is.
#
# Needs a POSIX sh, awk, sort, zstd, tar and sha256sum. Everything is checked against its sha256; what does not match is named and left out.
# The directory must be empty, or not be there yet. It needs room for the snapshot and, for a while, for its large files a second time.
# As root, owners and devices come back too; with setfattr, extended attributes and ACLs. Ends with 0, or with 3 when something was lost.
set -u
LC_ALL=C
export LC_ALL
umask 077

say() { printf 'recover: %s\n' "$*" >&2; }
die() { say "$*"; exit 2; }

case $0 in */*) store=${0%/*} ;; *) store=. ;; esac
store=$(cd "$store" && pwd -P) || exit 2
[ -f "$store/bk-store" ] || die "$store is not a store: it has no bk-store"
grep '^kind plain$' "$store/bk-store" >/dev/null || die "this store is not a plain one: a newer recover.sh is needed"
for program in awk sort zstd tar sha256sum; do
  command -v "$program" >/dev/null || die "this needs $program"
done

# --- records ---------------------------------------------------------------------------------------------------------------------

# Those that are whole, in files of their own: the last line of each is the sha256 of all above it. Of one that is not, or is not there, the
# next one may have a copy, in lines that begin with "copy".
log=$(mktemp -d) || exit 2
trap 'rm -rf "$log"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
is_whole() { [ "$(tail -n 1 "$1")" = "sum $(sed '$d' "$1" | sha256sum | cut -c1-64)" ]; }
for record in "$store"/log/[0-9]*; do
  if [ -f "$record" ] && is_whole "$record"; then cp "$record" "$log/$(printf '%06d' "$(awk '$1 == "seq" { print $2; exit }' "$record")")"; fi
done
for record in "$log"/*; do
  [ -f "$record" ] || continue
  number=$(awk '$1 == "copy" && $2 == "seq" { print $3; exit }' "$record")
  [ -n "$number" ] || continue
  copy=$log/$(printf '%06d' "$number")
  [ -f "$copy" ] || { sed -n 's/^copy //p' "$record" >"$copy"; say "record $number is damaged: taken from the copy in the next one"; }
done

is_record() { [ -f "$1" ] && [ "$(head -n 1 "$1")" = "#bk record 1 $2" ]; }

# What edits say, in their order; a number that needs more digits comes after all that need fewer.
edits=$(cd "$log" && ls | sort -n | xargs grep -lx '#bk record 1 edit' 2>/dev/null | while read -r edit; do
  if is_record "$edit" edit; then cat "$edit"; fi
done)
lines_of() { printf '%s\n' "$edits" | awk -v verb="$1" '$1 == verb'; }

# Snapshots that were dropped, a number a line: their files may be gone.
dropped=$(lines_of drop | awk '{ n = split($2, range, ","); for (i = 1; i <= n; i++) { m = split(range[i], end, "-"); for (k = end[1] + 0; k <= end[m] + 0; k++) print k } }')

# Packs that were about to be deleted then, a name a line: what is needed of them is in others.
doomed=$(lines_of doom | awk '{ for (i = 2; i <= NF; i++) print $i }')

is_dropped() { printf '%s\n' "$dropped" | grep -x "$(field "$1" seq)" >/dev/null; }
is_snapshot() { is_record "$1" snapshot && ! is_dropped "$1"; }

field() { awk -v key="$2" -v n="${3:-2}" '$1 == key { print $n; exit }' "$1"; }

list_snapshots() {
  for record in "$log"/*; do
    is_snapshot "$record" || continue
    awk '$1 == "seq" { seq = $2 } $1 == "set" { set = $2 } $1 == "received" { at = $2 } $1 == "state" { state = $2 " " $3 }
      $1 == "entries" { print seq "\t" at "\t" set "\t" $2 " entries\t" $4 " bytes\t" state }' "$record"
  done
}

case $# in
  0) list_snapshots; say "usage: sh recover.sh [NUMBER] DIRECTORY"; exit 0 ;;
  1) record= dir=$1 ;;
  2) record=$log/$(printf '%06d' "$1" 2>/dev/null) dir=$2; is_snapshot "$record" || die "there is no whole snapshot $1, or it was dropped" ;;
  *) die "usage: sh recover.sh [NUMBER] DIRECTORY" ;;
esac
if [ -z "$record" ]; then
  for candidate in $(ls "$log" | sort -rn); do
    is_snapshot "$log/$candidate" || continue
    record=$log/$candidate
    break
  done
  [ -n "$record" ] || die "there is no whole snapshot in $store/log"
fi
say "snapshot $(field "$record" seq) of set $(field "$record" set), received $(field "$record" received)"

# --- a place to work -------------------------------------------------------------------------------------------------------------

case $dir in /*) ;; *) dir=./$dir ;; esac
mkdir -p "$dir" || exit 2
[ -z "$(ls -A "$dir")" ] || die "$dir is not empty"
dir=$(cd "$dir" && pwd -P) || exit 2
work=$dir/.recover.$$
mkdir "$work" "$work/objects" || exit 2
trap 'rm -rf "$log" "$work"' EXIT
: >"$work/lost"

# --- objects ---------------------------------------------------------------------------------------------------------------------

# Catalogs say in which packs an object is. A line each: ID PACK.
for catalog in "$store"/catalogs/*; do
  [ -f "$catalog" ] || continue
  if [ "$(sha256sum <"$catalog" | cut -c1-64)" != "${catalog##*/}" ]; then say "damaged: $catalog"; continue; fi
  printf '%s\n' "$doomed" | awk 'NR == FNR { doomed[$1]; next } /^#/ { next } $1 == "pack" { pack = $2; next } !(pack in doomed) { print $1, pack }' - "$catalog"
done >"$work/where"

# Takes what is wanted (ids in the file $2) out of the pack $1.
unpack() {
  pack=$store/packs/$(printf '%.2s' "$1")/$1.tar.zst
  [ -f "$pack" ] || { say "missing: $pack"; return; }
  mkdir "$work/new"
  zstd -dcq "$pack" 2>"$work/errors" | (cd "$work/new" && tar -xf - 2>/dev/null) || :
  [ ! -s "$work/errors" ] || say "damaged: $pack"
  # What is whole: its sha256 is its name.
  (cd "$work/new" && xargs sha256sum <"$2" 2>/dev/null) | awk '$1 == $2 { print $2 }' >"$work/good"
  if [ -s "$work/good" ]; then (cd "$work/new" && xargs sh -c 'mv "$@" "$0"' ../objects <"$work/good"); fi
  rm -rf "$work/new"
}

# Goes through the packs in $work/from (PACK ID, sorted by pack).
unpack_all() {
  last=
  : >"$work/ids"
  while read -r next object; do
    if [ "$next" != "$last" ] && [ -n "$last" ]; then unpack "$last" "$work/ids" </dev/null; : >"$work/ids"; fi
    printf '%s\n' "$object" >>"$work/ids"
    last=$next
  done <"$work/from"
  [ -z "$last" ] || unpack "$last" "$work/ids" </dev/null
}

# What of the ids in $work/want is not there yet, to $work/missing.
find_missing() { ls "$work/objects" | awk 'FILENAME == "-" { have[$1]; next } !($1 in have)' - "$work/want" >"$work/missing"; }

# Brings the objects whose ids are in the file $1 to $work/objects: each out of the first pack that lists it, and what is missing
# or damaged there out of any other.
fetch() {
  sort -u "$1" >"$work/want"
  find_missing
  [ -s "$work/missing" ] || return 0
  awk 'NR == FNR { want[$1]; next } ($1 in want) && !($1 in seen) { seen[$1]; print $2, $1 }' "$work/missing" "$work/where" | sort >"$work/from"
  unpack_all
  find_missing
  [ -s "$work/missing" ] || return 0
  awk 'NR == FNR { want[$1]; next } ($1 in want) { print $2, $1 }' "$work/missing" "$work/where" | sort >"$work/from"
  unpack_all
}

fetch_one() { printf '%s\n' "$1" >"$work/one"; fetch "$work/one"; [ -f "$work/objects/$1" ] || die "lost: the index of the snapshot (object $1)"; }

# --- the index -------------------------------------------------------------------------------------------------------------------

# It is whole, or changes against another one, which is whole or changes again.
# Where something was purged, the last edit that says so has another one than the record.
amended=$(lines_of index | awk -v seq="$(field "$record" seq)" '$2 == seq { line = $3 " " $5 } END { print line }')
link=${amended% *}
tree=${amended#* }
[ -n "$link" ] || { link=$(field "$record" index); tree=$(field "$record" tree); }
chain=
root=
while :; do
  fetch_one "$link"
  head=$(head -n 1 "$work/objects/$link")
  case $head in
    '#mtree')
      [ -n "$root" ] || root=$(sed -n '2s/^#bk index 1 root=//p' "$work/objects/$link")
      break
      ;;
    '#bk changes 1 root='*' object='*)
      [ -n "$root" ] || { root=${head#*root=}; root=${root%% *}; }
      chain="$link $chain"
      link=${head##*object=}
      ;;
    *) die "object $link is not an index" ;;
  esac
done

# The lines of the whole index, without head and end.
sed -e '1,2d' -e '/^#bk end /d' "$work/objects/$link" >"$work/index"
for link in $chain; do
  # A line: its path, its number, itself. Changed paths are taken from the changes, all others from the list so far.
  awk '
    function path_of(line, words) { split(line, words, " "); return words[1] == "#bk" ? words[2] : words[1] }
    FNR == 1 { file++ }
    file == 1 && (FNR == 1 || /^#bk end /) { next }
    file == 1 {
      line = substr($0, 3)
      path = path_of(line)
      changed[path]
      if (substr($0, 1, 1) != "-") printf "%s\t%d\t%s\n", path, FNR, line
      next
    }
    { path = path_of($0) }
    !(path in changed) { printf "%s\t%d\t%s\n", path, FNR, $0 }
  ' "$work/objects/$link" "$work/index" >"$work/unsorted"
  sort -t "$(printf '\t')" -k1,1 -k2,2n "$work/unsorted" | cut -f3- >"$work/index"
done
digest=$({ printf '#mtree\n#bk index 1 root=%s\n' "$root"; cat "$work/index"; } | sha256sum | cut -c1-64)
[ "$digest" = "$tree" ] || die "the index is not the one that $record names"

# One line for each entry: TYPE MODE UID GID UNAME GNAME TIME DEVICE SHA256 SIZE CHUNKS HARDLINK LINK PATH, a dash for what is not known.
# A percent sign is doubled, because shells print paths with the escapes of printf. Names that nobody may have are refused.
awk -v xattrs="$work/xattrs" '
  function flush() {
    if (type != "") print type, mode, uid, gid, uname, gname, time, device, sha256, size, chunks, hardlink, link, path
    type = ""
  }
  function start(name) {
    flush()
    path = name
    mode = uid = gid = uname = gname = time = device = sha256 = size = chunks = hardlink = link = "-"
  }
  function legal(name) { return name == "." || (name ~ /^\.\// && name !~ /\/\// && name !~ /\/$/ && name !~ /\/\.\.?\// && name !~ /\/\.\.?$/) }
  { gsub(/%/, "%%") }
  $1 == "#bk" {
    if ($2 != path) start($2)
    value = $3
    sub(/^[^=]*=/, "", value)
    if ($3 ~ /^chunks=/) chunks = value
    else if ($3 ~ /^hardlink=/ && legal(value)) hardlink = value
    else if ($3 ~ /^uname=/) uname = value
    else if ($3 ~ /^gname=/) gname = value
    else if ($3 ~ /^xattr\./ && type != "") { name = $3; sub(/^xattr\./, "", name); sub(/=.*/, "", name); print name, "=" value, path >xattrs }
    next
  }
  !legal($1) { print "recover: refused: " $1 >"/dev/stderr"; bad = 1; exit }
  {
    start($1)
    for (i = 2; i <= NF; i++) {
      key = value = $i
      sub(/=.*/, "", key)
      sub(/^[^=]*=/, "", value)
      if (key == "type") type = value
      else if (key == "mode") mode = value
      else if (key == "uid") uid = value
      else if (key == "gid") gid = value
      else if (key == "uname") uname = value
      else if (key == "gname") gname = value
      else if (key == "time") time = value
      else if (key == "device") device = value
      else if (key == "sha256") sha256 = value
      else if (key == "size") size = value
      else if (key == "link") link = value
    }
  }
  END { flush(); exit bad }
' "$work/index" >"$work/entries" || die "the index is refused"
[ -f "$work/xattrs" ] || : >"$work/xattrs"

# --- making things ---------------------------------------------------------------------------------------------------------------

# The bytes of an escaped text, in $name; x keeps newlines at the end.
decode() {
  case $1 in
    *[\\%]*) name=$(printf "x$1"; printf x); name=${name#x}; name=${name%x} ;;
    *) name=$1 ;;
  esac
}

lost() { printf '%s\n' "$1" >>"$work/lost"; say "lost: $1"; }

cd "$dir" || exit 2
columns='type mode uid gid uname gname time device sha256 size chunks hardlink link path'

awk '$1 == "dir" && $14 != "." { print $14 }' "$work/entries" >"$work/dirs"
while read -r path; do
  decode "$path"
  mkdir "$name" || exit 2
done <"$work/dirs" || die "cannot make directories"

# Files of one object; the last of several with the same content gets the object itself.
awk '$1 == "file" && $12 == "-" && $10 != "0" && $11 == "-" { print $9, $14 }' "$work/entries" | sort >"$work/whole"
cut -d ' ' -f 1 "$work/whole" | uniq >"$work/wanted"
fetch "$work/wanted"
awk '{ if (NR > 1) print (id == $1 ? "cp" : "mv"), id, path; id = $1; path = $2 } END { if (NR > 0) print "mv", id, path }' "$work/whole" >"$work/moves"
while read -r how id path; do
  decode "$path"
  { [ -f "$work/objects/$id" ] && "$how" "$work/objects/$id" "$name"; } || lost "$path"
done <"$work/moves"

# Files of many objects: lists of chunks, or lists of lists.
awk '$1 == "file" && $12 == "-" && $11 != "-" { print $11, $9, $14 }' "$work/entries" >"$work/large"
cut -d ' ' -f 1 "$work/large" | sort -u >"$work/lists"
: >"$work/known"
while [ -s "$work/lists" ]; do
  fetch "$work/lists"
  cat "$work/lists" >>"$work/known"
  while read -r id; do
    [ ! -f "$work/objects/$id" ] || cat "$work/objects/$id"
  done <"$work/lists" >"$work/lines"
  awk '$1 == "chunk" { print $2 }' "$work/lines" >>"$work/chunks"
  awk 'NR == FNR { known[$1]; next } $1 == "list" && !($2 in known) { print $2 }' "$work/known" "$work/lines" | sort -u >"$work/lists"
done
# The ids of the chunks under a list, in order.
expand() {
  while read -r kind id size; do
    case $kind in chunk) printf '%s\n' "$id" ;; list) (expand "$id") ;; esac
  done <"$work/objects/$1"
}
if [ -s "$work/large" ]; then
  fetch "$work/chunks"
  while read -r list sha256 path; do
    decode "$path"
    if [ -f "$work/objects/$list" ]; then expand "$list"; fi >"$work/order" 2>/dev/null
    (cd "$work/objects" && xargs cat <"$work/order") >"$name" 2>/dev/null
    [ "$(sha256sum <"$name" | cut -c1-64)" = "$sha256" ] || { rm -f "$name"; lost "$path"; }
  done <"$work/large"
fi

awk '$1 == "file" && $12 == "-" && $10 == "0" { print $14 }' "$work/entries" >"$work/empty"
while read -r path; do decode "$path"; : >"$name"; done <"$work/empty"

awk '($1 == "fifo" || $1 == "char" || $1 == "block") && $12 == "-" { print $1, $8, $14 }' "$work/entries" >"$work/special"
while read -r type device path; do
  decode "$path"
  numbers=${device#native,}
  case $type in
    fifo) mkfifo "$name" ;;
    char) mknod "$name" c "${numbers%,*}" "${numbers#*,}" ;;
    block) mknod "$name" b "${numbers%,*}" "${numbers#*,}" ;;
  esac 2>/dev/null || lost "$path"
done <"$work/special"

awk '$12 != "-" && $1 != "link" { print $12, $14 }' "$work/entries" >"$work/links"
while read -r first path; do
  decode "$first"
  existing=$name
  decode "$path"
  ln "$existing" "$name" 2>/dev/null || lost "$path"
done <"$work/links"

# Links come last: while files were written there was none that could have led elsewhere.
awk '$1 == "link" { print $13, $12, $14 }' "$work/entries" >"$work/symlinks"
while read -r target first path; do
  decode "$target"; to=$name
  decode "$first"; existing=$name
  decode "$path"
  # A second name of a link, where ln can make one.
  { [ "$first" != - ] && ln -P -- "$existing" "$name" 2>/dev/null; } || ln -s -- "$to" "$name" || lost "$path"
done <"$work/symlinks"

# --- metadata --------------------------------------------------------------------------------------------------------------------

# Not every touch knows fractions of a second.
: >"$work/probe"
if touch -d @1.5 "$work/probe" 2>/dev/null; then fraction=yes
elif touch -d @1 "$work/probe" 2>/dev/null; then fraction=no; say "times come back to the second only: this touch knows no fractions"
else fraction=none; say "times do not come back: this touch does not take them"
fi
am_root=no
[ "$(id -u)" != 0 ] || am_root=yes

set_owner() {
  [ "$am_root" = yes ] && [ "$uid" != - ] && [ "$gid" != - ] || return 0
  [ "$uid:$gid:$uname:$gname" != 0:0:root:root ] || return 0
  decode "$path"; to=$name
  decode "$uname"; user=$name
  decode "$gname"; group=$name
  [ "$user" != - ] && chown -h "$user" "$to" 2>/dev/null || chown -h "$uid" "$to"
  [ "$group" != - ] && chgrp -h "$group" "$to" 2>/dev/null || chgrp -h "$gid" "$to"
}
set_mode() {
  [ "$type" != link ] && [ "$mode" != - ] || return 0
  chmod "$mode" "$name"
}
set_time() {
  [ "$time" != - ] && [ "$fraction" != none ] || return 0
  [ "$fraction" = yes ] || time=${time%.*}
  # A second before 1970 and a part of one is less than no seconds to touch.
  case $time in -*.*[1-9]*) time=$(awk -v t="$time" 'BEGIN { split(t, p, "."); s = p[1] + 1; f = sprintf("%09d", 1000000000 - p[2]); print (s == 0 ? "-0" : s) "." f }') ;; esac
  touch -h -d "@$time" "$name" 2>/dev/null || touch -d "@$time" "$name"
}
metadata() {
  while read -r $columns; do
    set_owner
    decode "$path"
    [ -e "$name" ] || [ -h "$name" ] || continue
    set_mode
    set_time
  done
}
if [ -s "$work/xattrs" ]; then
  if command -v setfattr >/dev/null; then
    awk 'substr($2, 1, 2) == "=@" { print substr($2, 3) }' "$work/xattrs" >"$work/wanted"
    fetch "$work/wanted"
    while read -r attribute value path; do
      decode "$attribute"; key=$name
      decode "$path"
      case $value in =@*) value=$(base64 <"$work/objects/${value#=@}" | tr -d '\n') ;; *) value=${value#=} ;; esac
      [ -e "$name" ] || [ -h "$name" ] || continue
      # Objects come out of packs for reading only; the mode is set later.
      [ -h "$name" ] || chmod u+w "$name"
      # An empty value is one that is not given.
      [ -z "$value" ] || value=-v0s$value
      setfattr -h -n "$key" ${value:+"$value"} -- "$name" 2>/dev/null || say "attribute $key could not be set: $path"
    done <"$work/xattrs"
  else
    say "extended attributes and ACLs do not come back: there is no setfattr"
  fi
fi
grep -v '^dir ' "$work/entries" | metadata
# Directories from the last to the first: the deepest come before those that they are in. The top, and what is in the way, goes first.
awk '{ line[NR] = $0 } END { for (i = NR; i > 0; i--) if (line[i] ~ /^dir /) print line[i] }' "$work/entries" >"$work/closing"
count=$(awk '$1 != "dir"' "$work/entries" | wc -l)
missing=$(wc -l <"$work/lost")
closing=$(cat "$work/closing")
rm -rf "$work"
metadata <<EOF
$closing
EOF

say "$((count - missing)) files are in $dir"
[ "$missing" -eq 0 ] || { say "$((missing)) are lost"; exit 3; }

#!/bin/bash
# corpus.sh DIR [small] [home] [large] - builds corpora of real data under DIR: what is on this machine, Debian packages, npm applications.
#   small  about 100,000 small files, 1 GB    (/usr/share, headers, python, npm applications in two versions, a duplicate)
#   home   about 26,000 files, 600 MB         (documents, photos, music, a web root, git repositories, mail, a database)
#   large  3 files, about 3 GB                (a raw ext4 image, an SQL dump, an append-only log)
# The same machine gives the same corpus; another one gives one like it. MANIFEST.NAME beside each says what came out: counts, bytes and a
# sha256 over the sorted list of sha256. Run by `npm run bench -- corpus`, which passes NODE.
# Needs npm and, for home, apt-get and git; for large, mke2fs. What is fetched is kept in $CORPUS_CACHE (default beside DIR).
set -euo pipefail
export LC_ALL=C
DIR=${1:?usage: corpus.sh DIR [small] [home] [large]}
shift
HERE=$(cd "$(dirname "$0")" && pwd)
NODE=${NODE:-node}
mkdir -p "$DIR"
DIR=$(cd "$DIR" && pwd)
CACHE=${CORPUS_CACHE:-$DIR/../corpus-cache}
mkdir -p "$CACHE"
CACHE=$(cd "$CACHE" && pwd)
FIXED='2026-01-15 12:00:00 UTC'     # what npm and this script stamp with the present time gets this one
LATEST='2026-02-01'
V1="typescript@5.4.5 @aws-sdk/client-s3@3.600.0 vite@5.4.0 eslint@8.57.0 react@18.2.0 react-dom@18.2.0
  lodash@4.17.20 date-fns@2.30.0 rxjs@7.8.0"
V2="typescript@5.6.3 @aws-sdk/client-s3@3.700.0 vite@6.2.1 eslint@9.13.0 react@19.1.0 react-dom@19.1.0
  lodash@4.17.21 date-fns@4.1.0 rxjs@7.8.1"

npm_app() { # NAME PACKAGE...: one npm application, installed once into the cache
  local name=$1 dir=$CACHE/npm/$1
  shift
  [ -e "$dir/.done" ] && return 0
  rm -rf "$dir"
  mkdir -p "$dir"
  printf '{"name":"%s","version":"1.0.0","private":true}\n' "$name" > "$dir/package.json"
  (cd "$dir" && timeout 600 npm install --ignore-scripts --no-audit --no-fund --no-progress --legacy-peer-deps --loglevel=error "$@")
  settle "$dir"
  touch -d "$FIXED" "$dir/.done"
}

deb() { # NAME...: the files of Debian packages, unpacked into the cache; one that this release does not have is named and left out
  local name
  for name in "$@"; do
    [ -e "$CACHE/deb/$name/.done" ] && continue
    rm -rf "$CACHE/deb/$name"
    mkdir -p "$CACHE/deb/$name" "$CACHE/deb/.download"
    (cd "$CACHE/deb/.download" && rm -f "$name"_*.deb && timeout 600 apt-get -q download "$name" > /dev/null &&
      dpkg-deb -x "$name"_*.deb "$CACHE/deb/$name" && rm -f "$name"_*.deb) ||
      { echo "corpus.sh: no Debian package $name: left out" >&2; continue; }
    touch "$CACHE/deb/$name/.done"
  done
}

settle() { find "$1" -newermt "$LATEST" -print0 | xargs -0r touch -h -d "$FIXED"; }

copy() { # SRC... DST, as far as SRC is there
  local dst=${!#} src
  for src in "${@:1:$#-1}"; do
    [ -e "$src" ] && cp -a --no-preserve=xattr "$src" "$dst"
  done
  return 0
}

manifest() { # NAME
  (
    cd "$DIR/$1"
    echo "name=$1"
    echo "files=$(find . -type f | wc -l)"
    echo "dirs=$(find . -type d | wc -l)"
    echo "symlinks=$(find . -type l | wc -l)"
    echo "hardlinked=$(find . -type f -links +1 | wc -l)"
    echo "bytes=$(find . -type f -printf '%s\n' | awk '{s += $1} END {printf "%.0f", s}')"
    echo "disk=$(du -s --block-size=1 . | cut -f1)"
    echo "content=$(find . -type f -print0 | sort -z | xargs -0r -P2 -n 2000 sha256sum | sort -k2 | sha256sum | cut -d' ' -f1)"
  ) | tee "$DIR/MANIFEST.$1"
}

small() {
  local dir=$DIR/small path
  rm -rf "$dir"
  mkdir -p "$dir/usr/share" "$dir/usr/lib" "$dir/srv/releases"
  npm_app app-v1 $V1
  npm_app app-v2 $V2
  npm_app ui-v1 @mui/icons-material@5.15.0 @mui/material@5.15.0
  for path in /usr/share/*; do
    case ${path##*/} in man | cmake-* | file) ;; *) copy "$path" "$dir/usr/share/" ;; esac
  done
  copy /usr/lib/python3* "$dir/usr/lib/"
  copy /usr/include "$dir/usr/"
  copy "$CACHE/npm/app-v1" "$CACHE/npm/app-v2" "$CACHE/npm/ui-v1" "$dir/srv/"
  copy "$CACHE/npm/app-v2" "$dir/srv/app-v2-staging"           # a whole tree twice, as it happens
  rm -rf "$dir/srv/ui-v1/node_modules/@mui/icons-material/esm"
  cp -al "$dir/srv/app-v1/node_modules/lodash" "$dir/srv/releases/lodash-hl"    # hard links, as a deploy tool leaves them
  find "$dir" -xdev \( -type p -o -type s -o -type b -o -type c \) -delete
  find "$dir" -type f -size +24M -delete
  settle "$dir"
  manifest small
}

pictures() { # DST
  find "$CACHE/deb/plasma-workspace-wallpapers" "$CACHE/deb/mate-backgrounds" \( -name '*.jpg' -o -name '*.png' \) -type f -size +200k |
    sort | sed -n 1,90p |
    while read -r path; do
      cp --preserve=timestamps "$path" "$1/$(echo "$path" | sed 's,.*/\(wallpapers\|backgrounds\)/,,; s,/contents/images/,_,; s,/,_,g')"
    done
}

home() {
  local dir=$DIR/home name
  rm -rf "$dir"
  mkdir -p "$dir"/{Documents,Pictures,Music,Downloads,projects,www,Maildir,.config,.cache,.local/share/db,Empty}
  npm_app app-v1 $V1
  deb wordpress wesnoth-1.16-music plasma-workspace-wallpapers mate-backgrounds debian-reference-en wordpress-theme-twentytwentythree
  copy "$CACHE/deb/wordpress/usr/share/wordpress" "$dir/www/html"
  copy "$CACHE/deb/wordpress-theme-twentytwentythree/." "$dir/www/themes"
  pictures "$dir/Pictures"
  find "$CACHE/deb/wesnoth-1.16-music" -name '*.ogg' | sort | sed -n 1,60p | xargs -I{} cp --preserve=timestamps {} "$dir/Music/"
  copy "$CACHE/deb/debian-reference-en/usr/share/." "$dir/Documents/debian-reference"
  for name in git vim perl-doc python3 postgresql-common gcc-12-base openssl curl libssl-dev; do
    copy "/usr/share/doc/$name" "$dir/Documents/"
  done
  copy /usr/share/perl "$dir/Documents/perl-reference"
  copy "$CACHE/npm/app-v1" "$dir/projects/shop"
  "$NODE" "$HERE/main.ts" make home "$dir"
  (
    cd "$dir/projects/django-site"
    export GIT_AUTHOR_DATE='2026-01-10T10:00:00Z' GIT_COMMITTER_DATE='2026-01-10T10:00:00Z' HOME=$CACHE
    git -c init.defaultBranch=main init -q .
    git add -A .
    git -c user.name=a -c user.email=a@example.org commit -qm one
    git ls-files '*.py' | sed -n 1,40p | while read -r name; do echo '# reviewed' >> "$name"; done
    git -c user.name=a -c user.email=a@example.org commit -qam two
    git -c pack.threads=1 gc -q
  )
  ln -s ../www/html/index.php "$dir/Documents/site-index.php"
  ln -s /nonexistent/target "$dir/Documents/dangling"
  name=$(find "$dir/Pictures" -type f | sort | sed -n 1p)
  [ -z "$name" ] || ln "$name" "$dir/Downloads/same-picture.jpg"
  copy "$dir"/Documents/perl-reference/5.*.*/perl5db.pl "$dir/Documents/Résumé – notes (final) 日本.txt"
  chown -R --no-dereference 33:33 "$dir/www" 2> /dev/null || echo "corpus.sh: not root: www keeps its owner" >&2
  settle "$dir"
  manifest home
}

large() {
  local dir=$DIR/large root=$CACHE/image-root kib
  rm -rf "$dir" "$root"
  mkdir -p "$dir" "$root/usr/lib/binaries"
  copy /usr/lib/jvm /usr/lib/llvm-* /usr/lib/gcc "$root/usr/lib/"
  find /usr/lib/*-linux-gnu* -maxdepth 1 -type f -size +500k | sort | sed -n 1,150p |
    xargs -I{} cp --preserve=timestamps {} "$root/usr/lib/binaries/"
  kib=$(du -sk "$root" | cut -f1)
  truncate -s $(((kib + 90000) / 1024))M "$dir/image.tmp"
  mke2fs -q -t ext4 -b 4096 -O ^has_journal -E hash_seed=11111111-2222-3333-4444-555555555555,lazy_itable_init=0 \
    -U 12345678-1234-1234-1234-123456789abc -d "$root" -F "$dir/image.tmp"
  cp --sparse=never "$dir/image.tmp" "$dir/disk.raw"
  rm -rf "$dir/image.tmp" "$root"
  "$NODE" "$HERE/main.ts" make large "$dir"
  touch -d "$FIXED" "$dir"/*
  manifest large
}

for name in "${@:-small}"; do
  case $name in
    small | home | large) echo "== $name"; "$name" ;;
    *) echo "corpus.sh: no corpus $name (small, home, large)" >&2; exit 64 ;;
  esac
done

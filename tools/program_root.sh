#!/bin/sh
# program_root.sh DIRECTORY PROGRAM...: a root file system for the programs and nothing else. They
# go to its top; the dynamic loader and the shared libraries to the paths where they are here,
# where the loader looks for them.
set -eu

[ $# -ge 2 ] || { echo "usage: $0 DIRECTORY PROGRAM..." >&2; exit 2; }
root=$1
shift

mkdir -p "$root"
for program in "$@"; do
  cp "$program" "$root/"
  # ldd's lines are `name => path (address)`, or `path (address)` for the loader.
  libraries=$(ldd "$program" 2>&1) || case $libraries in
    *'not a dynamic executable'*) libraries= ;;
    *) echo "program_root.sh: ldd $program: $libraries" >&2; exit 1 ;;
  esac
  case $libraries in
    *'not found'*) echo "program_root.sh: $program lacks libraries: $libraries" >&2; exit 1 ;;
  esac
  for path in $(printf '%s\n' "$libraries" | sed -n 's|^[^/]*\(/[^ ]*\) (0x.*|\1|p'); do
    mkdir -p "$root$(dirname "$path")"
    cp --dereference "$path" "$root$path"
  done
done

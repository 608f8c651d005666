#!/bin/bash
# Makes debian:bookworm-slim for buildah from Debian's packages, unless it is there: an image
# registry may be out of reach where a package mirror is not.
. "$(dirname "$0")/env.sh"
if buildah inspect --type image debian:bookworm-slim > /dev/null 2>&1; then exit 0; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

debootstrap --variant=minbase bookworm "$work/root"
cd "$work/root"
printf 'path-exclude /usr/share/%s/*\n' doc info locale man > etc/dpkg/dpkg.cfg.d/slim
rm -rf dev/* var/cache/apt/* var/lib/apt/lists/* var/log/* usr/share/{doc,info,locale,man}/*

tar -cf "$work/root.tar" .
printf 'FROM scratch\nADD root.tar /\nCMD ["bash"]\n' |
  buildah bud --quiet --tag debian:bookworm-slim --file - "$work"

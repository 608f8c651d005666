#!/bin/bash
# Removes from buildah's storage the images of the colors that tests have built, and what it kept to
# build them again. Others stay: those of color 808080 too, whose layers make the next run faster.
. "$(dirname "$0")/env.sh"
[ -s "$CLUSTER_STATE/colors" ] || exit 0
colors=$(sort -u "$CLUSTER_STATE/colors" | grep -v '^808080$') || exit 0

# One that a failed build did not make, or that another build is using now, is no reason to stop.
remove() { buildah rmi "$1" > /dev/null 2>&1 || true; }
how_made() { buildah inspect --type image "$1"; }
# unnamed PATTERN: images without a name on which no other is based, and whose making matches.
unnamed() {
  local image
  for image in $(buildah images --quiet --filter dangling=true); do
    if [[ $(how_made "$image") =~ $1 ]]; then echo "$image"; fi
  done
}

for color in $colors; do
  for name in localhost/drainbow localhost/drainbow-demo; do
    remove "$name:$color"
  done
done
# Build stages; first those of a color, then what these were based on, if nobody else's is.
sources=()
for image in $(unnamed "COLOR=(${colors//$'\n'/|}) "); do
  [[ $(how_made "$image") =~ COPY\ dir:[0-9a-f]+ ]] && sources+=("${BASH_REMATCH[0]}")
  remove "$image"
done
for source in "${sources[@]}"; do
  for image in $(unnamed "$source"); do
    [[ $(how_made "$image") == *COLOR=* ]] || remove "$image"
  done
done
rm "$CLUSTER_STATE/colors"

#!/usr/bin/env bash
# test.sh PRESET [CMAKE OPTIONS]: builds a preset with its tests and runs them all. Says loudly what
# was skipped; in CI (CI=true), or with DRAINBOW_NO_SKIP=1, a skipped test is a failed one.
set -euo pipefail
cd "$(dirname "$0")/.."
export JOBS=${JOBS:-$(nproc)}
preset=$1
shift
if [[ ${CI:-} == true ]]; then export DRAINBOW_NO_SKIP=1; fi

cmake --preset "$preset" -DBUILD_TESTING=ON "$@" > /dev/null
cmake --build --preset "$preset" --parallel "$JOBS"

logs=build/$preset/Testing/Temporary
mkdir -p "$logs"
ctest --preset "$preset" --parallel "$JOBS" | tee "$logs/summary.log"

# ctest sees only what a whole program skips. GoogleTest and pytest (-ra) name theirs in their output.
skipped=$(
  grep -E '\*\*\*(Skipped|Not Run)' "$logs/summary.log" || true
  grep -aE -A1 ': Skipped$' "$logs/LastTest.log" || true
  grep -aE '^\[  SKIPPED \] \S+$|^SKIPPED \[|^XFAIL |YOU HAVE [0-9]+ DISABLED' "$logs/LastTest.log" || true
)
if [[ -n $skipped ]]; then
  printf '\n!!! SKIPPED in %s, so NOT TESTED:\n%s\n\n' "$preset" "$skipped" >&2
  if [[ ${DRAINBOW_NO_SKIP:-} == 1 ]]; then exit 1; fi
fi

#!/usr/bin/env bash
# Runs every fuzzer of tests/fuzz for FUZZ_SECONDS, or for FUZZ_RUNS inputs. Inputs that reach new code
# are kept in build/fuzz/corpus; one that breaks a fuzzer is kept in build/fuzz/crashes.
set -euo pipefail
cd "$(dirname "$0")/.."
export JOBS=${JOBS:-$(nproc)}
export BUILD=build/fuzz

cmake --preset fuzz -DBUILD_TESTING=ON > /dev/null
cmake --build --preset fuzz --parallel "$JOBS" --target tests/fuzz/all

if [[ -n ${FUZZ_RUNS:-} ]]; then
  export LIMIT="-runs=$FUZZ_RUNS -seed=1"
else
  export LIMIT="-max_total_time=$FUZZ_SECONDS"
fi
export ASAN_SYMBOLIZER_PATH=/usr/lib/llvm-19/bin/llvm-symbolizer UBSAN_OPTIONS=print_stacktrace=1

fuzz() {
  local name corpora log=$BUILD/$1.log
  name=$1
  corpora=("$BUILD/corpus/$name")
  mkdir -p "${corpora[0]}" "$BUILD/crashes"
  if [[ -d tests/fuzz/corpus/$name ]]; then corpora+=("tests/fuzz/corpus/$name"); fi
  # shellcheck disable=SC2086 # LIMIT is a list of flags
  if "$BUILD/bin/$name" $LIMIT -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$BUILD/crashes/$name-" "${corpora[@]}" > "$log" 2>&1; then
    printf '%-24s %s inputs, %s paths\n' "$name" \
      "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
      "$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)"
  else
    tail -n 60 "$log" >&2
    echo "$name FAILED; the input is in $BUILD/crashes, all it said in $log" >&2
    return 1
  fi
}
export -f fuzz

names=$(find "$BUILD/bin" -name '*_fuzz' -printf '%f\n' | sort)
if [[ -z $names ]]; then
  echo "no fuzzer in $BUILD/bin" >&2
  exit 1
fi
xargs --max-args=1 --max-procs="$JOBS" bash -c 'fuzz "$1"' fuzz <<< "$names"

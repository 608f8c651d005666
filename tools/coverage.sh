#!/usr/bin/env bash
# Branch coverage of drain/, where everything that can destroy something is decided, by its own tests.
set -euo pipefail
cd "$(dirname "$0")/.."
export JOBS=${JOBS:-$(nproc)}
least=95
build=build/coverage

cmake --preset coverage -DBUILD_TESTING=ON > /dev/null
cmake --build --preset coverage --parallel "$JOBS" --target tests/drain/all
find "$build" -name '*.gcda' -delete
# Unoptimized and instrumented, a seed takes long; what the decisions do is tested beside it anyway.
export DRAINBOW_SIMULATION_SEEDS=20
ctest --test-dir "$build/tests/drain" --parallel "$JOBS" --no-tests=error --output-on-failure

# Branches that only an exception takes are left out: nothing in drain/ throws but an allocation.
gcovr --root . --filter 'drain/' "$build" --exclude-throw-branches --exclude-unreachable-branches \
  --branches --fail-under-branch "$least"
echo "At least $least % of drain's branches are covered."

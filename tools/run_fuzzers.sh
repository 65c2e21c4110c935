#!/usr/bin/env bash
# Runs every fuzzer of a build for some seconds each; fails at the end if one has found something.
#   tools/run_fuzzers.sh BUILD_DIR SECONDS
set -euo pipefail
build=$(realpath "$1") seconds=$2
status=0
for fuzzer in "$build"/tests/fuzz/*_fuzz; do
  name=$(basename "$fuzzer")
  corpus="$build/corpus/$name"
  mkdir -p "$corpus"
  echo "== $name ($seconds s)"
  (cd "$build/corpus" && "$fuzzer" -max_total_time="$seconds" -max_len=8192 -print_final_stats=1 \
    -artifact_prefix="$name-" "$name") 2>&1 | tail -8 || status=1
done
exit $status

#!/usr/bin/env bash
# Every benchmark, by question. Needs an idle machine with two CPUs.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build/release}
echo "== What does a request cost beside nginx, HAProxy, Varnish and Traffic Server?"
python3 bench/peers.py --binary "$build/homeostat" "$@"
echo
echo "== What does refusing a request cost?"
python3 bench/rejections.py --binary "$build/homeostat"
echo
echo "== What does the tier shared in Redis cost and save?"
python3 bench/shared_tier.py --binary "$build/homeostat"
if [ -x "$build/tests/e2e_tests" ]; then
  echo
  echo "== What does trouble in Redis cost clients?"
  python3 bench/redis_trouble.py --tests "$build/tests/e2e_tests"
fi
for question in "$build"/bench/*_bench; do
  [ -x "$question" ] || continue
  echo
  echo "== $(basename "$question")"
  "$question" --benchmark_min_time=0.2
done

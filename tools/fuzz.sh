#!/usr/bin/env bash
# Fuzzes each input format for SECONDS_EACH (default 600) seconds with libFuzzer; a crash file and exit 1 on a finding.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v clang++ >/dev/null || { echo "fuzz: clang++ is missing: apt-get install clang libclang-rt-dev" >&2; exit 1; }
seconds="${SECONDS_EACH:-600}"
cmake --preset fuzz
cmake --build --preset fuzz --target fuzzers
# A results file to start from, where a release binary is there to write one.
if [[ -x build/release/cli/tokenfab && ! -e build/fuzz/seeds/results/run.db ]]; then
  mkdir -p build/fuzz/seeds/results
  build/release/cli/tokenfab run scenarios/small-8b-l40s.json --set /workload/max_requests=20 --no-bands \
    -o build/fuzz/seeds/results/run.db >/dev/null
fi
status=0
for target in build/fuzz/tests/fuzz/fuzz_*; do
  [[ -x $target && ! -d $target ]] || continue
  name=$(basename "$target")
  corpus="build/fuzz/corpus/$name"
  mkdir -p "$corpus"
  seeds="tests/fuzz/seeds/${name#fuzz_}"
  [[ $name == fuzz_scenario ]] && seeds=scenarios
  [[ $name == fuzz_results ]] && seeds=build/fuzz/seeds/results
  [[ -d $seeds ]] || seeds=
  echo "fuzz: $name for $seconds s"
  "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/$name-" "$corpus" ${seeds:+"$seeds"} 2>"build/fuzz/$name.log" || { status=1; tail -30 "build/fuzz/$name.log"; }
  grep -E 'stat::number_of_executed_units|Done' "build/fuzz/$name.log" || true
done
exit $status

#!/usr/bin/env bash
# On a machine with a GPU: facts, correctness, then the benches by value, inside a budget of seconds. Everything is
# written as it comes, so a cut-off loses nothing; running it again continues. Usage: h200.sh SECONDS [OUTPUT_FOLDER]
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
budget=${1:-540}
out=${2:-${OUT:-$here/results}}
begin=$SECONDS
mkdir -p "$out"
left() { echo $((budget - (SECONDS - begin))); }

bench=$here/kernel-bench
if [[ ! -x $bench ]] || ! "$bench" --help >/dev/null 2>&1; then
  echo "h200: rebuilding from source"
  cmake -S "$here/source/kernels/bench/standalone" -B "$here/build" -DTOKENFAB_CUDA=ON -DCMAKE_CUDA_ARCHITECTURES=90a-real &&
    cmake --build "$here/build" -j "$(nproc)" --target kernel-bench || exit 1
  bench=$here/build/kernels/bench/kernel-bench
fi

query=name,driver_version,clocks.max.sm,clocks.max.mem,clocks.sm,clocks.mem,power.limit,memory.total
nvidia-smi --query-gpu=$query --format=csv | tee "$out/device.csv"
note=$(tail -1 "$out/device.csv")
# cuBLASLt, where a Python package brings it.
if [[ -z ${TOKENFAB_CUBLASLT:-} ]]; then
  found=$(find / -xdev -name 'libcublasLt.so.1*' -not -path '*/proc/*' 2>/dev/null | head -1)
  [[ -n $found ]] && export TOKENFAB_CUBLASLT=$found
fi
echo "cuBLASLt: ${TOKENFAB_CUBLASLT:-none found, its rows are skipped}"

for mode in "" --fast; do
  "$bench" --backend cuda --test $mode 2>&1 | tee "$out/test$mode.txt" | grep -v '^ok' || true
done
bench_with() { # FILE SECONDS OPTIONS...
  local file=$1 seconds=$2
  shift 2
  ((seconds > 5)) && timeout $((seconds + 30)) "$bench" --backend cuda --out "$out/$file" --seconds "$seconds" --note "$note" "$@"
}
bench_with kernels-fast.jsonl $(($(left) * 6 / 10)) --fast
bench_with kernels-deterministic.jsonl $(($(left) * 7 / 10))
if command -v compute-sanitizer >/dev/null && (($(left) > 60)); then
  for tool in memcheck racecheck; do
    timeout $(($(left) / 2)) compute-sanitizer --tool $tool "$bench" --backend cuda --test >"$out/sanitizer-$tool.txt" 2>&1
    tail -2 "$out/sanitizer-$tool.txt"
  done
fi
nvidia-smi --query-gpu=clocks.sm,clocks.mem,temperature.gpu,power.draw --format=csv | tee "$out/device-after.csv"

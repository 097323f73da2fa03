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
if ! "$bench" --help >/dev/null 2>&1; then
  echo "h200: rebuilding from source"
  cmake -S "$here/source/kernels/bench/standalone" -B "$here/build" -DTOKENFAB_CUDA=ON \
    -DCMAKE_CUDA_ARCHITECTURES=90a-real &&
    cmake --build "$here/build" -j "$(nproc)" --target kernel-bench || exit 1
  bench=$here/build/kernels/bench/kernel-bench
fi

facts=name,driver_version,clocks.max.sm,clocks.max.mem,power.limit,memory.total
nvidia-smi --query-gpu=$facts --format=csv | tee "$out/device.csv"
note=$(tail -1 "$out/device.csv")
# Clocks and power while the benches run: throttling shows here.
nvidia-smi --query-gpu=timestamp,clocks.sm,clocks.mem,power.draw,temperature.gpu \
  --format=csv -l 2 >"$out/clocks.csv" 2>/dev/null &
watch=$!
trap 'kill $watch 2>/dev/null' EXIT

# cuBLASLt, where a Python package or a toolkit brings it.
if [[ -z ${TOKENFAB_CUBLASLT:-} ]]; then
  found=$(timeout 20 find /usr /opt /root /home -xdev -name 'libcublasLt.so.1*' -print -quit 2>/dev/null)
  [[ -n $found ]] && export TOKENFAB_CUBLASLT=$found
fi
echo "cuBLASLt: ${TOKENFAB_CUBLASLT:-none found, baseline_us stays null}"

# A kernel that hangs costs no more than this.
limit() { local most=$1; (($(left) < most)) && most=$(left); echo $((most > 1 ? most : 1)); }
for mode in "" --fast; do
  timeout "$(limit 90)" "$bench" --backend cuda --test $mode >"$out/test$mode.txt" 2>&1
  status=$?
  grep -v '^ok' "$out/test$mode.txt" | head -20
  echo "test $mode: $(grep -c '^ok' "$out/test$mode.txt") ok, exit $status"
done

# A case that ends the process (a fault, a hang) stays marked as begun; after two such marks it is passed over.
bench_with() { # FILE SECONDS OPTIONS...
  local file=$1 until=$((SECONDS + $2)) status=1
  shift 2
  for attempt in {1..12}; do
    local seconds=$((until - SECONDS))
    ((seconds > 10)) || return
    timeout $((seconds + 20)) "$bench" --backend cuda --out "$out/$file" --seconds "$seconds" --note "$note" "$@"
    status=$?
    ((status <= 2)) && return  # 2: no usable device
    echo "h200: $file: exit $status on attempt $attempt"
  done
}
bench_with kernels-fast.jsonl $(($(left) * 5 / 10)) --fast

# Whole steps of the Llama-3-8B shape, where the engine came along.
for weights in bf16 int4 fp8; do
  (($(left) > 60)) && [[ -x $here/tokenfab ]] || break
  timeout "$(left)" "$here/tokenfab" engine measure --backend cuda --fast --model llama-3-8b --weights $weights \
    --seconds $(($(left) / 4)) --most-batch 64 --most-context 4096 --most-prefill 4096 -o "$out/llama-3-8b-$weights.jsonl"
done
bench_with kernels-deterministic.jsonl $(($(left) * 7 / 10))

if command -v compute-sanitizer >/dev/null; then
  for tool in memcheck racecheck; do
    (($(left) > 30)) || break
    timeout $(($(left) - 10)) compute-sanitizer --tool $tool "$bench" --backend cuda --test \
      >"$out/sanitizer-$tool.txt" 2>&1
    echo "$tool: exit $?"
    tail -2 "$out/sanitizer-$tool.txt"
  done
fi
for file in "$out"/*.jsonl; do
  [[ -e $file ]] && echo "$file: $(grep -c '"correct":true' "$file") timed, $(grep -c '"correct":false' "$file") wrong," \
    "$(grep -c '"failure"' "$file") refused"
done

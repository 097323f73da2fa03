#!/usr/bin/env bash
# Measures the reference engine on this machine, calibrates the simulator on it, then predicts and runs the same requests
# (closed loops), by value, inside a budget of seconds. Results are files of their own: running it again continues, and
# a cut-off loses at most the point under way. Usage: calibrate.sh SECONDS [OUTPUT_FOLDER]
#
# BACKEND=cuda MODEL=llama-3-8b CHIP=h200-sxm WEIGHTS="bf16 int4 fp8" LOADS="0.6 0.8 0.3 0.95"; TRACE: a trace file
# instead of the built-in conversation workload; MEASURE_SECONDS, MOST_BATCH, MOST_CONTEXT, MOST_PREFILL: of the sweep; ROUNDS,
# LOOP_SECONDS (of measuring in each round), REQUESTS, MAX_INPUT, MAX_OUTPUT, TOKEN_BUDGET: of closed loops.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
budget=${1:-540}
out=${2:-${OUT:-$here/calibration}}
begin=$SECONDS
mkdir -p "$out" || exit 1
left() { echo $((budget - (SECONDS - begin))); }
at_most() { local most=$1; (($(left) < most)) && most=$(left); echo $((most > 1 ? most : 1)); }
say() { echo "calibrate: $* ($(left) s left)"; }

backend=${BACKEND:-cuda}
model=${MODEL:-llama-3-8b}
if [[ $backend == cuda ]]; then chip=${CHIP-h200-sxm}; else chip=${CHIP-}; fi
read -ra weights <<<"${WEIGHTS:-bf16 int4 fp8}"
read -ra loads <<<"${LOADS:-0.6 0.8 0.3 0.95}"
measure_seconds=${MEASURE_SECONDS:-$((budget / 8 > 0 ? budget / 8 : 1))}
if [[ $backend == cuda ]]; then
  batch=64 context=4096 prefill=4096 input=2048 output=256 requests=100 tokens=2048
else
  batch=8 context=512 prefill=128 input=128 output=24 requests=24 tokens=64
fi
sizes=(--most-batch "${MOST_BATCH:-$batch}" --most-context "${MOST_CONTEXT:-$context}"
  --most-prefill "${MOST_PREFILL:-$prefill}")
# Room for every sequence at its longest, so that memory decides nothing.
kv_pages() { echo $(((${MOST_BATCH:-$batch} + 1) * ((${MAX_INPUT:-$input} + ${MAX_OUTPUT:-$output}) / 16 + 2))); }
loop_sizes=(--requests "${REQUESTS:-$requests}" --rounds "${ROUNDS:-2}" --seconds "${LOOP_SECONDS:-8}"
  --max-input "${MAX_INPUT:-$input}" --max-output "${MAX_OUTPUT:-$output}" --max-sequences "${MOST_BATCH:-$batch}"
  --token-budget "${TOKEN_BUDGET:-$tokens}" --kv-blocks "$(kv_pages)")

# The package has tokenfab and its data beside this script; a source tree has them in its build.
find_tokenfab() {
  local candidate
  for candidate in "${TOKENFAB:-}" "$here/tokenfab" "$here"/../../build/{cuda,release}/cli/tokenfab; do
    [[ -n $candidate && -x $candidate ]] && echo "$candidate" && return
  done
  return 1
}
tokenfab=$(find_tokenfab) || { echo "calibrate: no tokenfab beside this script or in build/; set TOKENFAB" >&2; exit 1; }
[[ -n ${TOKENFAB_CUBLASLT:-} || $backend != cuda ]] || {
  found=$(timeout 20 find /usr /opt /root /home -xdev -name 'libcublasLt.so.1*' -print -quit 2>/dev/null)
  [[ -n $found ]] && export TOKENFAB_CUBLASLT=$found
}
engine=(--backend "$backend" --model "$model")
[[ $backend == cuda ]] && engine+=(--fast)
on_chip=()
[[ -n $chip ]] && on_chip=(--chip "$chip")
trace=()
[[ -n ${TRACE:-} ]] && trace=(--trace "$TRACE")

text() { printf '"%s"' "$(tr -d '\n' <<<"$1" | sed 's/["\\]/\\&/g')"; }
gpu() { command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu="$1" --format=csv,noheader 2>/dev/null | head -1; }
write_header() {
  local cpu
  cpu=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo 2>/dev/null | head -1)
  printf '{"date": %s, "tokenfab": %s, "backend": %s, "model": %s, "cpu": %s, "cores": %s, "gpu": %s, "driver": %s,
 "clocks_now_and_max": %s, "power_limit": %s, "memory": %s, "cublaslt": %s}\n' \
    "$(text "$(date -u +%Y-%m-%dT%H:%MZ)")" "$(text "$("$tokenfab" --version)")" "$(text "$backend")" "$(text "$model")" \
    "$(text "$cpu")" "$(nproc)" "$(text "$(gpu name)")" "$(text "$(gpu driver_version)")" \
    "$(text "$(gpu clocks.sm,clocks.max.sm,clocks.mem,clocks.max.mem)")" "$(text "$(gpu power.limit)")" \
    "$(text "$(gpu memory.total)")" "$(text "${TOKENFAB_CUBLASLT:-}")"
}
[[ -s $out/header.json ]] || write_header >"$out/header.json"
if command -v nvidia-smi >/dev/null; then  # throttling shows here
  nvidia-smi --query-gpu=timestamp,clocks.sm,clocks.mem,power.draw,temperature.gpu --format=csv -l 2 \
    >>"$out/clocks.csv" 2>/dev/null &
  watch=$!
  trap 'kill "$watch" 2>/dev/null' EXIT
fi

# keep FILE COMMAND...: writes the command's output to FILE, which is there only when the command succeeded.
keep() {
  local file=$1 status
  shift
  timeout "$(at_most 100000)" "$@" >"$file.part" 2>>"$out/log.txt" && mv "$file.part" "$file" && return
  status=$?
  say "$(basename "$file"): exit $status: $(tail -1 "$out/log.txt" 2>/dev/null)"
  rm -f "$file.part"
  return 1
}

# The sweep of operators and whole steps, in as many calls as it takes; then the fit to what there is.
measure() {
  local w=$1 points="$out/measured-$1.jsonl"
  (($(left) > 5)) || return 1
  if ! grep -qs '"left":0' "$out/measured-$w.done"; then
    say "measuring $model, $w weights"
    keep "$out/measured-$w.done" "$tokenfab" engine measure "${engine[@]}" --weights "$w" "${sizes[@]}" \
      --seconds "$(at_most "$measure_seconds")" --json -o "$points"
  fi
  [[ -s $points ]] || return 1
  [[ -s $out/errors-$w.json && $out/errors-$w.json -nt $points ]] ||
    keep "$out/errors-$w.json" "$tokenfab" calibrate "$points" "${on_chip[@]}" --json -o "$out/calibration-$w.json"
}

# Predicts and runs requests at one load.
closed_loop() {
  local w=$1 load=$2 file="$out/loop-$1-$2.json"
  [[ -s $file ]] && return
  (($(left) > 5)) || return 1
  say "closed loop, $w weights, load $load"
  keep "$file" "$tokenfab" validate --set closed-loop "${engine[@]}" --weights "$w" "${on_chip[@]}" "${trace[@]}" \
    "${loop_sizes[@]}" --load "$load" --json
}

for w in "${weights[@]}"; do
  measure "$w" && closed_loop "$w" "${loads[0]}"
done
for load in "${loads[@]:1}"; do
  for w in "${weights[@]}"; do closed_loop "$w" "$load"; done
done
# What the budget leaves goes to points that are still missing.
for w in "${weights[@]}"; do measure "$w"; done

cat "$out/header.json"
"$tokenfab" validate --table "$out" | tee "$out/errors.txt"
"$tokenfab" validate --table "$out" --json >"$out/table.json.part" && mv "$out/table.json.part" "$out/table.json"
for w in "${weights[@]}"; do
  for load in "${loads[@]}"; do
    [[ -s $out/loop-$w-$load.json ]] || echo "not done yet: closed loop, $w weights, load $load"
  done
done

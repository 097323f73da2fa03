#!/usr/bin/env bash
# Registers and spills of every kernel, per architecture, as ptxas reports them; exit 1 where one spills more than 64 bytes
# a thread (the generic attention kernel, for shapes that no fast one takes, may).
# Usage: kernels/cuda/spills.sh [FILE.cu ...]
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v nvcc >/dev/null || export PATH="$PATH:/usr/local/cuda/bin"
command -v nvcc >/dev/null || { echo "spills: nvcc is missing" >&2; exit 1; }
files=("$@")
((${#files[@]})) || files=(kernels/cuda/*.cu)
one() { # FILE ARCH
  nvcc -std=c++20 -O3 -I. -gencode "arch=compute_$2,code=sm_$2" -Xptxas -v -cubin -o /dev/null "$1" 2>&1 | c++filt |
    awk -v arch="sm_$2" '
      /Compiling entry function/ { full = $0; sub(/^[^\x27]*\x27/, "", full); sub(/\x27.*/, "", full)
        gsub(/tokenfab::kernels::(cuda::)?(device::)?/, "", full); gsub(/\(anonymous namespace\)::/, "", full); sub(/^void /, "", full)
        if (full ~ />\(/) sub(/>\(.*$/, ">", full); else sub(/\(.*$/, "", full)
        name = full }
      /spill stores/ { for (i = 1; i <= NF; ++i) if ($i == "spill") { spill = $(i - 2); break } }
      /Used [0-9]+ registers/ { for (i = 1; i <= NF; ++i) if ($i == "Used") printf "%s\t%s\t%s\t%s\n", arch, $(i + 1), spill, name }'
}
export -f one
printf '%s\n' "${files[@]}" | while read -r f; do for a in 80 90a 100; do echo "$f $a"; done; done |
  xargs -P "$(nproc)" -L 1 bash -c 'one "$0" "$1"' | sort -k4 -k1 | {
  printf 'arch\tregisters\tspilled bytes\tkernel\n'
  awk -F'\t' '{ print; bad += $3 > 64 && $4 !~ /^generic/ } END { exit bad > 0 }'
}

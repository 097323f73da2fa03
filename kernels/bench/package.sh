#!/usr/bin/env bash
# Builds a folder that runs on a machine with only an NVIDIA driver: the bench with everything static, the script, and
# the sources with which it can be rebuilt there by cmake, g++ and nvcc alone. Usage: kernels/bench/package.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")/../.."
to=$(realpath -m "${1:-build/gpu-package}")
command -v nvcc >/dev/null || export PATH="$PATH:/usr/local/cuda/bin"
command -v nvcc >/dev/null || { echo "package: nvcc is missing" >&2; exit 1; }

build=${TOKENFAB_GPU_BUILD:-build/gpu}
cmake -S kernels/bench/standalone -B "$build" -DTOKENFAB_CUDA=ON -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_EXE_LINKER_FLAGS="-static-libgcc -static-libstdc++"
cmake --build "$build" -j "${TOKENFAB_JOBS:-$(nproc)}" --target kernel-bench

rm -rf "$to"
mkdir -p "$to/source"
cp "$build/kernels/bench/kernel-bench" kernels/bench/h200.sh "$to/"
# From the folder itself, so that what is not committed yet is there too.
tar -cf - --exclude=kernels/emulator kernels | tar -xf - -C "$to/source"
if ldd "$to/kernel-bench" | grep -E 'cuda|cublas|gomp|stdc'; then
  echo "package: the bench needs libraries that a bare machine lacks (above)" >&2
  exit 1
fi
size=$(du -sm "$to" | cut -f1)
echo "package: $to, $size MB"
((size < 60)) || { echo "package: over 60 MB" >&2; exit 1; }

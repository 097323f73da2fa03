#!/usr/bin/env bash
# Builds a folder that runs on a machine with only an NVIDIA driver: the bench with everything static, the engine with its
# libraries beside it, the scripts, and the sources with which the bench can be rebuilt there by cmake, g++ and nvcc alone.
# Usage: kernels/bench/package.sh [FOLDER]
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
cp "$build/kernels/bench/kernel-bench" kernels/bench/{h200,calibrate}.sh "$to/"
# From the folder itself, so that what is not committed yet is there too.
tar -cf - --exclude=kernels/emulator kernels | tar -xf - -C "$to/source"
# The engine itself, for whole steps and replays, with the libraries that only the build machine has.
cmake --preset cuda
cmake --build --preset cuda --target tokenfab
mkdir -p "$to/lib" "$to/hwmodels"
cp -r hwmodels/{calibrations,chips,engines,llms,measured,money} "$to/hwmodels/"
cp build/cuda/cli/tokenfab "$to/lib/tokenfab"
ldd build/cuda/cli/tokenfab | awk '/=> \// { print $3 }' | grep -Ev '/(libc|libm|libdl|librt|libpthread)\.so' |
  xargs -I{} cp -L {} "$to/lib/"
cat >"$to/tokenfab" <<'RUN'
#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
export TOKENFAB_HOME="${TOKENFAB_HOME:-$here}" LD_LIBRARY_PATH="$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
exec "$here/lib/tokenfab" "$@"
RUN
chmod +x "$to/tokenfab"
if ldd "$to/kernel-bench" | grep -E 'cuda|cublas|gomp|stdc'; then
  echo "package: the bench needs libraries that a bare machine lacks (above)" >&2
  exit 1
fi
size=$(du -sm "$to" | cut -f1)
echo "package: $to, $size MB"
((size < 60)) || { echo "package: over 60 MB" >&2; exit 1; }

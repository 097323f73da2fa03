#!/usr/bin/env bash
# clang-tidy over our sources with the short allow-list in .clang-tidy; any warning fails.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v clang-tidy >/dev/null || { echo "tidy: clang-tidy is missing: apt-get install clang-tidy" >&2; exit 1; }
cmake --preset tidy -DCMAKE_CXX_CLANG_TIDY= >/dev/null
git ls-files 'base/*.cpp' 'hwmodels/*.cpp' 'sim/*.cpp' 'scenarios/*.cpp' 'audit/*.cpp' 'reports/*.cpp' 'engine/*.cpp' 'calibration/*.cpp' 'kernels/cpu/*.cpp' \
  'kernels/cases/*.cpp' 'kernels/reference/*.cpp' 'kernels/bench/*.cpp' 'kernels/emulator/*.cpp' 'cli/*.cpp' |
  grep -v cuda_baseline |
  xargs -P "$(nproc)" -n 4 clang-tidy -p build/tidy --quiet

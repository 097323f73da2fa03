#!/usr/bin/env bash
# Installs what is missing on Debian 12: usage tools/setup.sh [build|test]. Does nothing where all is there.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
  build-essential ca-certificates cmake ninja-build ccache
  catch2 libbenchmark-dev libboost-graph-dev libboost-context-dev libboost-iostreams-dev libcli11-dev libeigen3-dev libfmt-dev
  libmuparser-dev librapidcheck-dev libsqlite3-dev libtbb-dev libvalijson-dev libzstd-dev nlohmann-json3-dev zlib1g-dev
)
command -v npm >/dev/null || packages+=(nodejs npm)
if [[ "${1:-build}" == test ]]; then
  command -v chromium >/dev/null || packages+=(chromium)
  command -v sqlite3 >/dev/null || packages+=(sqlite3)
  command -v python3 >/dev/null || packages+=(python3)
fi

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if ((${#missing[@]})); then
  if ! command -v apt-get >/dev/null; then
    echo "setup: this script knows Debian's apt-get only; please install: ${missing[*]}" >&2
    exit 1
  fi
  as_root=()
  if [[ $EUID -ne 0 ]]; then
    command -v sudo >/dev/null || { echo "setup: not root and no sudo; as root run: apt-get install ${missing[*]}" >&2; exit 1; }
    as_root=(sudo)
  fi
  echo "setup: installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}"
fi

stamp=reports/web/node_modules/.installed
if [[ ! -e $stamp || reports/web/package-lock.json -nt $stamp ]]; then
  echo "setup: installing the chart library from npm"
  npm ci --prefix reports/web --no-audit --no-fund --ignore-scripts
  touch "$stamp"
fi

#!/usr/bin/env bash
# Rewrites the error tables of docs/calibration.md from tokenfab validate --markdown.
# Usage: tools/calibration_tables.sh [TOKENFAB]
set -euo pipefail
cd "$(dirname "$0")/.."
tokenfab=${1:-build/release/cli/tokenfab}
page=docs/calibration.md
tables=$(mktemp)
trap 'rm -f "$tables" "$tables.page"' EXIT
TOKENFAB_HOME=$PWD "$tokenfab" validate --markdown >"$tables"
if ! grep -q '^<!-- tables: begin -->$' "$page" || ! grep -q '^<!-- tables: end -->$' "$page"; then
  echo "calibration_tables: $page has no marker comments" >&2
  exit 1
fi
awk -v tables="$tables" '
  /^<!-- tables: end -->$/ { inside = 0 }
  !inside { print }
  /^<!-- tables: begin -->$/ { inside = 1; while ((getline line < tables) > 0) print line }
' "$page" >"$tables.page"
cat "$tables.page" >"$page"

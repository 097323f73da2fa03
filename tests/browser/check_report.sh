#!/usr/bin/env bash
# Opens a report in headless Chromium: every chart is drawn, the console has no error, hostile names stay text.
# Usage: check_report.sh MAKE_REPORT. Exit 77: no Chromium here.
set -euo pipefail
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [[ -z $browser ]]; then
  echo "browser test skipped: no chromium on this machine"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$1" "$work/report.html"
timeout 120 "$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
  --disable-background-networking --disable-component-update --disable-sync --disable-dev-shm-usage \
  --user-data-dir="$work/profile" --virtual-time-budget=20000 --enable-logging=stderr --v=0 \
  --dump-dom "file://$work/report.html" >"$work/dom.html" 2>"$work/log.txt"

fail() { echo "browser test: $1"; exit 1; }
if grep -a 'CONSOLE' "$work/log.txt"; then fail "the console is not empty"; fi
grep -aq 'data-drawn="yes"' "$work/dom.html" || fail "the charts were not all drawn"
for chart in ttft tpot e2e throughput queue operators bounds ledger split tradeoff; do
  # From this chart's div to the next: an SVG with at least one drawn mark.
  part=$(tr '\n' ' ' <"$work/dom.html" | sed "s/.*<div id=\"chart-$chart\"/<div /; s/<div id=\"chart-.*//")
  [[ $part == *"<svg"* ]] || fail "chart-$chart has no SVG"
  grep -aqE 'role="graphics-(symbol|object)"[^>]*aria-roledescription="(line mark|bar|point|symbol mark|rule mark|line mark container|rect mark container|symbol mark container)' <<<"$part" ||
    fail "chart-$chart has no marks"
done
sed 's/<script.*<\/script>//g' "$work/dom.html" >"$work/visible.html"
if grep -aq '<img' "$work/visible.html"; then fail "a name became an element"; fi
grep -aq '&lt;img src=x onerror' "$work/visible.html" || fail "the hostile name is not shown as text"
echo "browser test: all charts drawn, console clean, names escaped"

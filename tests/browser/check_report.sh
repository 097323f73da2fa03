#!/usr/bin/env bash
# Opens reports in headless Chromium: every chart is drawn, the console has no error, hostile names stay text.
# Usage: check_report.sh MAKE_REPORT. Exit 77: no Chromium here.
set -euo pipefail
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [[ -z $browser ]]; then
  echo "browser test skipped: no chromium on this machine"
  exit 77
fi
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "browser test: $1"; exit 1; }

# Opens the report of the given kind; its page after drawing is in $dom, the probe's findings in $seen.
open_report() {
  "$make_report" "$1" "$work/$1.html"
  { cat "$work/$1.html"; echo "<script>"; cat "$here/probe.js"; echo "</script>"; } >"$work/$1-probed.html"
  timeout 60 "$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync --disable-dev-shm-usage \
    --user-data-dir="$work/profile-$1" --virtual-time-budget=20000 --enable-logging=stderr --v=0 \
    --dump-dom "file://$work/$1-probed.html" >"$work/$1.dom" 2>"$work/$1.log" || fail "$1: chromium failed"
  dom=$work/$1.dom
  seen=$work/$1.seen
  if grep -a 'CONSOLE' "$work/$1.log"; then fail "$1: the console is not empty"; fi
  grep -aq 'data-drawn="yes"' "$dom" || fail "$1: the charts were not all drawn"
  grep -a '^probe ' "$dom" >"$seen" || fail "$1: the probe did not run"
  grep -q '^probe injected=0$' "$seen" || fail "$1: a name became an element"
}
make_report=$1
charts="ttft tpot e2e throughput queue operators bounds ledger split tradeoff"

open_report hostile
for chart in $charts; do
  grep -qE "^probe chart-$chart marks=[1-9][0-9]* empty=0$" "$seen" || fail "hostile: chart-$chart has no marks"
done
grep -qF 'probe title=&lt;/script&gt;&lt;img src=x onerror' "$seen" || fail "hostile: the name is not shown as text"
for section in infeasible stack; do
  grep -q "^probe section-$section rows=0$" "$seen" || fail "hostile: section $section is shown without data"
done
grep -q '^probe tooltip=.*operator: .*seconds: [0-9]' "$seen" || fail "hostile: a bar has no tooltip"

open_report nothing-served
for chart in $charts; do
  grep -q "^probe chart-$chart marks=0 empty=1$" "$seen" || fail "nothing served: chart-$chart does not say it is empty"
done

open_report stack
for chart in $charts stack; do
  grep -qE "^probe chart-$chart marks=[1-9][0-9]* empty=0$" "$seen" || fail "stack: chart-$chart has no marks"
done
# Seven alternatives with two classes, one session table and two cache levels each; base and two techniques.
for rows in infeasible=1 classes=14 sessions=7 caches=14 stack=3; do
  grep -q "^probe section-${rows%=*} rows=${rows#*=}$" "$seen" || fail "stack: section ${rows%=*} has not ${rows#*=} rows"
done
grep -qF '&lt;b&gt;it does not fit&lt;/b&gt;' "$dom" || fail "stack: a reason is not shown as text"
echo "browser test: all charts drawn, console clean, names escaped"

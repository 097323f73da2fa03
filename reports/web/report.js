"use strict";
// Words and tables. What charts.js needs besides is handed on as `report`.
const report = (() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const alternatives = data.alternatives || [];
  const ink = "currentColor";  // charts follow the page's colour: light, dark and print

  const element = (tag, text, className) => {
    const e = document.createElement(tag);
    if (text !== undefined) e.textContent = text;
    if (className) e.className = className;
    return e;
  };
  const digitsOf = (size) => size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 4;
  const fixed = (value, digits) => value.toLocaleString("en-US", {maximumFractionDigits: digits});
  const format = (value) => {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value);
    return size !== 0 && size < 0.001 ? value.toExponential(2) : fixed(value, digitsOf(size));
  };
  const dollars = (value) => "$" + value.toLocaleString("en-US",
      {minimumFractionDigits: 2, maximumFractionDigits: Math.abs(value) < 1 ? 4 : 2});
  const plain = (value, unit) => unit === "$" && value !== null ? dollars(value) : format(value);
  const withUnit = (value, unit) => plain(value, unit) + (value === null || !unit || unit === "$" ? "" : " " + unit);
  // A half width has the decimals of its mean: more would be noise.
  const halfWidth = (half, mean) => {
    const digits = digitsOf(Math.abs(mean)), least = Math.pow(10, -digits);
    return half > 0 && half < least ? "< " + fixed(least, digits) : fixed(half, digits);
  };
  const table = (id, head, rows, numbers = [], short = []) => {
    const t = document.getElementById(id);
    const kind = (i) => numbers.includes(i) ? "number" : short.includes(i) ? "short" : undefined;
    const add = (cells, tag) => {
      const tr = element("tr");
      cells.forEach((c, i) => tr.append(element(tag, String(c), kind(i))));
      t.append(tr);
    };
    add(head, "th");
    rows.forEach((r) => add(r, "td"));
  };

  document.title = "tokenfab: " + data.study;
  document.getElementById("title").textContent = data.study;
  const crowd = 6;  // more alternatives than this are listed, not set side by side
  const many = alternatives.length > crowd;
  document.getElementById("subtitle").textContent = "Simulated by tokenfab " + data.version + " · " +
      (many ? alternatives.length + " alternatives" : alternatives.map((a) => a.name).join(", ")) +
      (data.infeasible.length ? " · " + data.infeasible.length + " more cannot work" : "");

  const metricIndex = (label) => data.metrics.findIndex((m) => m.label === label);
  const saturated = alternatives.filter((a) => a.saturated);
  const overload = (a) => {
    const rejected = a.metrics[metricIndex("Requests rejected")].mean;
    return a.name + " is offered more than it can serve (" +
        (a.replications > 1 ? "in " + a.saturated + " of " + a.replications + " replications; " : "") + "its queue grows by " +
        format(a.backlog_slope_per_s) + " requests per second" + (rejected > 0 ? ", " + format(rejected) + " requests rejected" : "") + ")";
  };
  const finite = " latencies are those of this finite run, not of a steady state, and grow with its length.";
  const warn = (text) => {
    const box = element("div", text, "warning");
    document.getElementById("warnings").append(box);
    return box;
  };
  if (saturated.length <= 3) saturated.forEach((a) => warn("Saturated: " + overload(a) + ". Its" + finite));
  else {
    const list = element("details");
    list.append(element("summary", "which"), ...saturated.map((a) => element("div", overload(a))));
    warn("Saturated: " + saturated.length + " of " + alternatives.length +
         " alternatives are offered more than they can serve. Their" + finite).append(list);
  }

  // The ends of a band have the decimals of a number of their size, and no unit of their own.
  const range = (band, i) => band.map((v) => plain(v, data.metrics[i].unit)).join(band[0] < 0 ? " to " : "–");
  const estimate = (a, i) => {
    const e = a.metrics[i], text = withUnit(e.mean, data.metrics[i].unit);
    const mean = e.half_width === null || e.mean === null ? text : text + " ± " + halfWidth(e.half_width, e.mean);
    return mean + (e.band === null || e.mean === null ? "" : " (" + (a.replications > 1 ? "first: " : "") + range(e.band, i) + ")");
  };
  const cards = document.getElementById("cards");
  const add = (label, metric, value, notes) => {
    const card = element("div", undefined, "card"), unit = data.metrics[metric].unit;
    const shown = element("div", plain(value, unit), "value");
    if (value !== null && unit !== "$") shown.append(element("span", unit, "unit"));
    card.append(element("div", label, "label"), shown, ...notes.filter((n) => n).map((n) => element("div", n, "note")));
    cards.append(card);
  };
  // Side by side: the first alternative, the others below it.
  const compare = (label, i) => {
    const first = alternatives[0], e = first.metrics[i];
    const spread = e.band === null ? "" : "(" + (first.replications > 1 ? "first: " : "") + range(e.band, i) + ")";
    add(label, i, e.mean, alternatives.length > 1
        ? [first.name + " " + spread].concat(alternatives.slice(1).map((a) => a.name + ": " + estimate(a, i)))
        : [spread, first.replications > 1 ? estimate(first, i) : ""]);
  };
  const extremes = (label, i, better) => {
    const known = alternatives.filter((a) => a.metrics[i].mean !== null)
        .sort((a, b) => better * (b.metrics[i].mean - a.metrics[i].mean));
    if (!known.length) return;
    const worst = known[known.length - 1];
    add(label, i, known[0].metrics[i].mean, ["best of " + alternatives.length + ": " + known[0].name,
        "worst: " + withUnit(worst.metrics[i].mean, data.metrics[i].unit) + ", " + worst.name]);
  };
  // Label of the card, and which way is better (1: more); 0: neither, shown where there is no crowd.
  [["Cost per million tokens (in + out)", "Cost per M tokens", -1], ["Cost per million input tokens", "Cost per M input", -1],
   ["Cost per million output tokens", "Cost per M output", -1], ["TTFT, median", "TTFT, median", -1],
   ["TTFT, 99th percentile", "TTFT, 99th percentile", -1], ["TPOT, median", "TPOT, median", -1],
   ["TPOT, 99th percentile", "TPOT, 99th percentile", -1], ["Output tokens per second", "Output tokens/s", 1],
   ["Goodput: requests per second that met every objective", "Goodput, requests/s", 1], ["Busy share of paid time", "Busy share", 0],
   ["Energy per million tokens, at the chips", "Energy per M tokens", -1], ["Carbon per million tokens", "Carbon per M tokens", -1]]
      .forEach(([key, label, better]) => {
        if (!alternatives.length) return;
        if (!many) compare(label, metricIndex(key));
        else if (better !== 0) extremes(label, metricIndex(key), better);
      });

  const titleOf = (a) => a.name + (a.replications > 1 ? " (" + a.replications + " replications)" : "");
  if (many) table("headline", ["Alternative"].concat(data.metrics.map((m) => m.label)),
                  alternatives.map((a) => [titleOf(a)].concat(data.metrics.map((_, i) => estimate(a, i)))),
                  data.metrics.map((_, i) => i + 1));
  else table("headline", [""].concat(alternatives.map(titleOf)),
             data.metrics.map((m, i) => [m.label].concat(alternatives.map((a) => estimate(a, i)))),
             alternatives.map((_, i) => i + 1));
  if (many) document.getElementById("headline").classList.add("wide");
  if (alternatives.some((a) => a.replications > 1)) document.getElementById("interval").hidden = false;

  table("pools", ["Alternative", "Model", "Chips", "Engine", "Weights / KV", "Parallel (TP × PP × replicas)", "KV cache per replica", "Preemptions"],
        alternatives.flatMap((a) => a.pools.map((p) => [a.name, p.llm, p.chips + " × " + p.chip, p.engine,
            p.weights + " / " + p.kv, [p.tensor_parallel, p.pipeline_parallel, p.replicas].join(" × "),
            format(p.kv_tokens) + " tokens", format(p.preemptions)])), [6, 7], [2, 3, 4]);
  table("prices", ["Item", "Value", "Unit", "Source", "As of"],
        data.prices.map((p) => [p.item, format(p.value), p.unit, p.source, p.as_of]), [1], [2, 4]);
  table("assumptions", ["Setting", "Value", "Why"], data.assumptions.map((a) => [a.what, a.value, a.why]));
  const share = (value) => value === null ? "–" : format(100 * value) + " %";
  table("trust", ["Alternative", "Pool", "Grade", "Calibration", "Error", "Band", "Bias",
                  "What was compared"],
        alternatives.flatMap((a) => a.trust.map((t) => [a.name, t.pool, t.grade, t.calibration || "–",
            share(t.typical), share(t.band), share(t.bias), t.basis])), [4, 5, 6], [2, 3]);
  const flags = alternatives.flatMap((a) => a.extrapolations.map((e) => [a.name, e.pool, e.what]));
  if (flags.length) table("extrapolations", ["Alternative", "Pool", "Used outside what was calibrated"], flags);
  else document.getElementById("extrapolations").append(element("caption", "None: every run stayed within what was calibrated."));
  document.getElementById("bands").textContent = alternatives.map((a) => a.name + ": " + a.band_basis).join(". ") + ".";

  /// A section that is there only where some run has rows for it.
  const section = (id, columns, rows, numbers) => {
    if (!rows.length) return;
    document.getElementById("section-" + id).hidden = false;
    table(id, columns, rows, numbers);
  };
  const time = (s) => s === null ? "–" : s < 1 ? format(1000 * s) + " ms" : format(s) + " s";
  const pair = (t) => t.p50 === null ? "–" : time(t.p50) + " / " + time(t.p99);
  section("classes", ["Alternative", "Class (0: highest)", "Requests served", "Met every objective", "TTFT, median / 99th percentile",
                      "TPOT", "E2E", "Waited"],
          alternatives.flatMap((a) => a.classes.map((c) => [a.name, c.priority, format(c.served),
              c.served > 0 ? share(c.good / c.served) : "–", pair(c.ttft), pair(c.tpot), pair(c.e2e), pair(c.queue)])),
          [1, 2, 3, 4, 5, 6, 7]);
  section("sessions", ["Alternative", "Sessions begun", "Finished", "Requests per session", "Duration, median / 99th percentile",
                       "Cost per session"],
          alternatives.filter((a) => a.sessions).map((a) => [a.name, format(a.sessions.started), format(a.sessions.finished),
              format(a.sessions.requests_per_session), pair(a.sessions.duration),
              a.sessions.usd_per_session === null ? "–" : dollars(a.sessions.usd_per_session)]), [1, 2, 3, 4, 5]);
  section("caches", ["Alternative", "Pool", "Level", "Prompt tokens found there", "Brought to the chips", "Come down to it"],
          alternatives.flatMap((a) => a.caches.map((c) => [a.name, c.pool, c.level === "hbm" ? "chip memory" : c.level,
              share(c.hit_share), format(c.read_bytes / 1e9) + " GB", format(c.written_bytes / 1e9) + " GB"])), [3, 4, 5]);
  const gain = (g) => g === null ? "–" : "× " + fixed(g, 3);
  section("stack", ["Technique", "Gain alone", "Gain on top of those above", "Gain so far", "Cost per M tokens"],
          data.stack.map((s) => [s.name, gain(s.alone), gain(s.in_stack), gain(s.total), s.usd === null ? "–" : dollars(s.usd)]),
          [1, 2, 3, 4]);
  section("infeasible", ["Alternative", "Why it cannot work"], data.infeasible.map((r) => [r.name, r.reason]));

  return {data, alternatives, element, dollars, metricIndex};
})();

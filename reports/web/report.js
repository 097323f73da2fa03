"use strict";
(() => {
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
  document.getElementById("subtitle").textContent =
      "Simulated by tokenfab " + data.version + " · " + alternatives.map((a) => a.name).join(", ");

  const metricIndex = (label) => data.metrics.findIndex((m) => m.label === label);
  alternatives.filter((a) => a.saturated).forEach((a) => {
    const rejected = a.metrics[metricIndex("Requests rejected")].mean;
    document.getElementById("warnings").append(element("div",
        "Saturated: " + a.name + " is offered more than it can serve (" +
        (a.replications > 1 ? "in " + a.saturated + " of " + a.replications + " replications; " : "") + "its queue grows by " +
        format(a.backlog_slope_per_s) + " requests per second" + (rejected > 0 ? ", " + format(rejected) + " requests rejected" : "") +
        "). Its latencies are those of this finite run, not of a steady state, and grow with its length.", "warning"));
  });

  // The ends of a band have the decimals of a number of their size, and no unit of their own.
  const range = (band, i) => band.map((v) => plain(v, data.metrics[i].unit)).join(band[0] < 0 ? " to " : "–");
  const estimate = (a, i) => {
    const e = a.metrics[i], text = withUnit(e.mean, data.metrics[i].unit);
    const mean = e.half_width === null || e.mean === null ? text : text + " ± " + halfWidth(e.half_width, e.mean);
    return mean + (e.band === null || e.mean === null ? "" : " (" + (a.replications > 1 ? "first: " : "") + range(e.band, i) + ")");
  };
  const cards = document.getElementById("cards");
  [["Cost per million tokens (in + out)", "Cost per M tokens"], ["Cost per million input tokens", "Cost per M input"],
   ["Cost per million output tokens", "Cost per M output"], ["TTFT, median"], ["TTFT, 99th percentile"],
   ["TPOT, median"], ["TPOT, 99th percentile"], ["Output tokens per second", "Output tokens/s"],
   ["Goodput: requests per second that met every objective", "Goodput, requests/s"], ["Busy share of paid time", "Busy share"],
   ["Energy per million tokens, at the chips", "Energy per M tokens"], ["Carbon per million tokens", "Carbon per M tokens"]]
      .forEach(([key, label]) => {
        if (!alternatives.length) return;
        const i = metricIndex(key), first = alternatives[0];
        const card = element("div", undefined, "card");
        card.append(element("div", label || key, "label"));
        const value = element("div", plain(first.metrics[i].mean, data.metrics[i].unit), "value");
        if (first.metrics[i].mean !== null && data.metrics[i].unit !== "$")
          value.append(element("span", data.metrics[i].unit, "unit"));
        card.append(value);
        const band = first.metrics[i].band;
        const spread = band === null ? "" : "(" + (first.replications > 1 ? "first: " : "") + range(band, i) + ")";
        if (alternatives.length === 1 && spread) card.append(element("div", spread, "note"));
        if (alternatives.length === 1 && first.replications > 1) card.append(element("div", estimate(first, i), "note"));
        if (alternatives.length > 1) card.append(element("div", first.name + " " + spread, "note"));
        alternatives.slice(1, 4).forEach((a) => card.append(element("div", a.name + ": " + estimate(a, i), "note")));
        if (alternatives.length > 4) card.append(element("div", "and " + (alternatives.length - 4) + " more below", "note"));
        cards.append(card);
      });

  table("headline", [""].concat(alternatives.map((a) => a.name + (a.replications > 1 ? " (" + a.replications + " replications)" : ""))),
        data.metrics.map((m, i) => [m.label].concat(alternatives.map((a) => estimate(a, i)))),
        alternatives.map((_, i) => i + 1));
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

  const config = {
    background: null, font: "system-ui, DejaVu Sans, sans-serif", view: {stroke: null},
    title: {color: ink, fontSize: 14, anchor: "start"},
    axis: {labelColor: ink, labelOpacity: 0.75, titleColor: ink, titleOpacity: 0.75, gridColor: ink, gridOpacity: 0.12,
           domainColor: ink, domainOpacity: 0.25, tickColor: ink, tickOpacity: 0.25},
    legend: {labelColor: ink, titleColor: ink, symbolStrokeColor: ink, orient: "bottom", columns: 3, labelLimit: 140},
    rule: {color: ink},
    range: {category: ["#1f6feb", "#e8792b", "#2da44e", "#a550df", "#d4a72c", "#cf4b5f", "#4fb3bf", "#8c6d5a", "#7d8590", "#b5c94c", "#f29fc5", "#5b74c9"]},
  };
  const tip = element("div", undefined, "tip");
  tip.hidden = true;
  document.body.append(tip);
  const showTip = (handler, event, item, value) => {
    tip.hidden = value === null || typeof value !== "object";
    if (tip.hidden) return;
    tip.replaceChildren(...Object.entries(value).map(([name, text]) => element("div", name + ": " + text)));
    tip.style.left = Math.max(0, Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 8)) + "px";
    tip.style.top = Math.max(0, Math.min(event.clientY + 14, window.innerHeight - tip.offsetHeight - 8)) + "px";
  };
  /// Draws where `rows`, what the chart shows, is not empty; says so where it is.
  const draw = (id, rows, spec) => {
    if (!rows.length) {
      const host = document.getElementById(id);
      host.append(element("h3", spec.title), element("p", "Nothing to show: these runs have no such data.", "empty"));
      return Promise.resolve();
    }
    const full = Object.assign({$schema: "https://vega.github.io/schema/vega-lite/v5.json", width: 320, height: 230, config,
                                data: {values: rows}}, spec);
    const view = new vega.View(vega.parse(vegaLite.compile(full).spec, null, {ast: true}),
                               {renderer: "svg", container: "#" + id, hover: true, expr: vega.expressionInterpreter});
    return view.tooltip(showTip).runAsync();
  };
  const words = (name) => name.replace(/_/g, " ");
  // A line has one tooltip for all of it: invisible points on it say the value where one looks.
  const lines = (mark, encoding, fields) => [{mark: Object.assign({type: "line"}, mark), encoding}].concat(
      alternatives.length > 8 ? [] : [{mark: {type: "point", opacity: 0, size: 60, aria: false},
                                       encoding: {x: encoding.x, y: encoding.y, tooltip: fields}}]);
  const stroke = {symbolType: "stroke", symbolStrokeWidth: 2};
  const color = {field: "alternative", type: "nominal", title: null, sort: alternatives.map((a) => a.name)};
  const lineColor = Object.assign({legend: stroke}, color);
  const by = (pick) => alternatives.flatMap((a) => pick(a).map((row) => Object.assign({alternative: a.name}, row)));

  const cdf = (id, key, title, scale, unit) => {
    const values = by((a) => a[key]).map((v) => ({alternative: v.alternative, x: v.s * scale, share: v.share}));
    const slo = alternatives.length ? alternatives[0].slo[key] * scale : 0;
    const layer = lines({interpolate: "step-after", strokeWidth: 2},
                        {x: {field: "x", type: "quantitative", title: unit, scale: {type: "log", nice: false}, axis: {labelOverlap: true}},
                         y: {field: "share", type: "quantitative", title: "share of requests", axis: {format: "%"}}, color: lineColor},
                        [{field: "alternative"}, {field: "x", title: unit, format: ".4~g"}, {field: "share", title: "share of requests", format: ".1%"}]);
    if (slo > 0) layer.push({data: {values: [{x: slo, what: "objective"}]},
                             mark: {type: "rule", strokeDash: [4, 4], strokeOpacity: 0.7, tooltip: {content: "data"}},
                             encoding: {x: {field: "x", type: "quantitative"}}});
    return draw(id, values.filter((v) => v.x > 0), {title: title + (slo > 0 ? " (dashed: objective)" : ""), layer});
  };
  const time = (id, title, fields, y) => draw(id, by((a) => a.series), {
    title, width: 480, transform: [{fold: fields, as: ["what", "value"]}],
    layer: lines({strokeWidth: 1.5},
                 {x: {field: "t", type: "quantitative", title: "seconds since the start", scale: {nice: false}},
                  y: {field: "value", type: "quantitative", title: y}, color: lineColor,
                  strokeDash: {field: "what", type: "nominal", title: null, sort: fields, legend: stroke}},
                 [{field: "alternative"}, {field: "what", title: "line"}, {field: "t", title: "second", format: ".4~g"},
                  {field: "value", title: y, format: ".4~g"}])});
  const stack = (id, title, rows, field, kind, measure, axisTitle, axisFormat, offset) => draw(id, rows, {
    title, width: offset === "normalize" ? 480 : 320, height: {step: 46}, mark: {type: "bar", tooltip: {content: "encoding"}},
    encoding: {y: {field: "alternative", type: "nominal", title: null, sort: null},
               x: {field: measure, type: "quantitative", aggregate: "sum", stack: offset, title: axisTitle, axis: axisFormat ? {format: axisFormat} : {}},
               color: {field, type: "nominal", title: null},
               tooltip: [{field: "alternative"}, {field, title: kind},
                         {field: measure, aggregate: "sum", title: measure === "s" ? "seconds" : "US dollars", format: ".4~g"}]}});

  const steps = by((a) => a.steps).map((row) => Object.assign(row, {op: words(row.op)}));
  const costs = by((a) => a.ledger).filter((e) => !e.account.startsWith("revenue"));
  const split = by((a) => [{side: "input tokens", usd: a.input_usd}, {side: "output tokens", usd: a.output_usd}])
      .filter((e) => e.usd !== null);
  const metric = (a, label) => a.metrics[metricIndex(label)].mean;
  const tradeoff = alternatives.map((a) => ({alternative: a.name, cost: metric(a, "Cost per million tokens (in + out)"),
                                             ttft: metric(a, "TTFT, 99th percentile")}))
      .filter((p) => p.cost !== null && p.ttft !== null);
  Promise.all([
    cdf("chart-ttft", "ttft", "Time to first token", 1, "seconds"),
    cdf("chart-tpot", "tpot", "Time per output token", 1000, "milliseconds"),
    cdf("chart-e2e", "e2e", "End to end", 1, "seconds"),
    time("chart-throughput", "Tokens per second", ["output", "input"], "tokens/s"),
    time("chart-queue", "Requests inside", ["running", "waiting"], "requests"),
    stack("chart-operators", "By operator", steps, "op", "operator", "s", "share of busy time", "%", "normalize"),
    stack("chart-bounds", "By what bounds it", steps, "bound", "bound by", "s", "share of busy time", "%", "normalize"),
    stack("chart-ledger", "By account", costs, "account", "account", "usd", "US dollars", null, "zero"),
    stack("chart-split", "Input against output tokens", split, "side", "side", "usd", "US dollars", null, "zero"),
    draw("chart-tradeoff", tradeoff, {title: "Cost against speed",
      mark: {type: "point", filled: true, size: 120, opacity: 1, tooltip: {content: "encoding"}},
      encoding: {x: {field: "ttft", type: "quantitative", title: "TTFT, 99th percentile, s"},
                 y: {field: "cost", type: "quantitative", title: "$ per million tokens"}, color}}),
  ]).then(() => { document.body.dataset.drawn = "yes"; })
    .catch((error) => { console.error(error); document.body.dataset.drawn = "failed"; });
})();

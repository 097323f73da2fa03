"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const alternatives = data.alternatives || [];
  const dark = window.matchMedia && window.matchMedia("(prefers-color-scheme: dark)").matches;
  const ink = dark ? "#e6edf3" : "#1b2430", soft = dark ? "#9aa7b5" : "#5b6878", line = dark ? "#2d3640" : "#e3e8ee";

  const element = (tag, text, className) => {
    const e = document.createElement(tag);
    if (text !== undefined) e.textContent = text;
    if (className) e.className = className;
    return e;
  };
  const format = (value) => {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value);
    if (size !== 0 && size < 0.001) return value.toExponential(2);
    const digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 4;
    return value.toLocaleString("en-US", {maximumFractionDigits: digits});
  };
  const dollars = (value) => value === null ? "–" : "$" + value.toLocaleString("en-US",
      {minimumFractionDigits: 2, maximumFractionDigits: Math.abs(value) < 1 ? 4 : 2});
  const withUnit = (value, unit) => unit === "$" ? dollars(value) : value === null || !unit ? format(value) : format(value) + " " + unit;
  const table = (id, head, rows, numbers = []) => {
    const t = document.getElementById(id);
    const add = (cells, tag) => {
      const tr = element("tr");
      cells.forEach((c, i) => tr.append(element(tag, String(c), numbers.includes(i) ? "number" : undefined)));
      t.append(tr);
    };
    add(head, "th");
    rows.forEach((r) => add(r, "td"));
  };

  document.title = "tokenfab: " + data.study;
  document.getElementById("title").textContent = data.study;
  document.getElementById("subtitle").textContent =
      "Simulated by tokenfab " + data.version + " · " + alternatives.map((a) => a.name).join(", ");

  alternatives.filter((a) => a.saturated).forEach((a) => {
    document.getElementById("warnings").append(element("div",
        "Saturated: " + a.name + " is offered more than it can serve (its queue grows by " +
        format(a.backlog_slope_per_s) + " requests per second). Its latencies are those of this finite run, not of a " +
        "steady state, and grow with its length.", "warning"));
  });

  const metricIndex = (label) => data.metrics.findIndex((m) => m.label === label);
  const cards = document.getElementById("cards");
  [["Cost per million tokens (in + out)", "Cost per M tokens"], ["TTFT, median", "TTFT, median"],
   ["TPOT, median", "TPOT, median"], ["Output tokens per second", "Output tokens/s"],
   ["Requests that met every objective", "Met every objective"], ["Busy share of paid time", "Busy share"]]
      .forEach(([key, label]) => {
        if (!alternatives.length) return;
        const i = metricIndex(key), first = alternatives[0];
        const card = element("div", undefined, "card");
        card.append(element("div", label, "label"));
        card.append(element("div", withUnit(first.metrics[i].mean, data.metrics[i].unit), "value"));
        card.append(element("div", first.name, "note"));
        cards.append(card);
      });

  table("headline", [""].concat(alternatives.map((a) => a.name + (a.replications > 1 ? " (" + a.replications + " replications)" : ""))),
        data.metrics.map((m, i) => [m.label].concat(alternatives.map((a) => {
          const e = a.metrics[i];
          const text = withUnit(e.mean, m.unit);
          return e.half_width === null || e.mean === null ? text : text + " ± " + format(e.half_width);
        }))), alternatives.map((_, i) => i + 1));

  table("pools", ["Alternative", "Model", "Chips", "Engine", "Weights / KV", "Parallel (TP × PP × replicas)", "KV cache per replica", "Preemptions"],
        alternatives.flatMap((a) => a.pools.map((p) => [a.name, p.llm, p.chips + " × " + p.chip, p.engine,
            p.weights + " / " + p.kv, [p.tensor_parallel, p.pipeline_parallel, p.replicas].join(" × "),
            format(p.kv_tokens) + " tokens", format(p.preemptions)])), [6, 7]);
  table("prices", ["Item", "Value", "Unit", "Source", "As of"],
        data.prices.map((p) => [p.item, format(p.value), p.unit, p.source, p.as_of]), [1]);
  table("assumptions", ["Setting", "Value", "Why"], data.assumptions.map((a) => [a.what, a.value, a.why]));
  document.getElementById("trust").textContent = alternatives.map((a) => a.name + ": hardware model " + a.grade +
      (a.error_band === null ? ", error not measured" : ", step times known to " + format(100 * a.error_band) + " %")).join("; ") + ".";

  const config = {
    background: null, font: "system-ui, DejaVu Sans, sans-serif", view: {stroke: null},
    title: {color: ink, fontSize: 14, anchor: "start"},
    axis: {labelColor: soft, titleColor: soft, gridColor: line, domainColor: line, tickColor: line},
    legend: {labelColor: ink, titleColor: soft, orient: "bottom", columns: 3, labelLimit: 140},
    range: {category: ["#1f6feb", "#e8792b", "#2da44e", "#a550df", "#d4a72c", "#cf4b5f", "#4fb3bf", "#8c6d5a", "#7d8590", "#b5c94c", "#f29fc5", "#5b74c9"]},
  };
  const draw = (id, spec) => {
    const full = Object.assign({$schema: "https://vega.github.io/schema/vega-lite/v5.json", width: 320, height: 230, config}, spec);
    const view = new vega.View(vega.parse(vegaLite.compile(full).spec, null, {ast: true}),
                               {renderer: "svg", container: "#" + id, hover: true, expr: vega.expressionInterpreter});
    view.tooltip((handler, event, item, value) => {
      const host = item && item.mark && event && event.target;
      if (host && value) host.setAttribute("aria-description", JSON.stringify(value));
    });
    return view.runAsync();
  };
  const color = {field: "alternative", type: "nominal", title: null, sort: alternatives.map((a) => a.name)};
  const by = (pick) => alternatives.flatMap((a) => pick(a).map((row) => Object.assign({alternative: a.name}, row)));

  const cdf = (id, key, title, scale, unit) => {
    const values = by((a) => a[key]).map((v) => ({alternative: v.alternative, x: v.s * scale, share: v.share}));
    const slo = alternatives.length ? alternatives[0].slo[key] * scale : 0;
    const layer = [{mark: {type: "line", interpolate: "step-before", strokeWidth: 2, tooltip: true},
                    encoding: {x: {field: "x", type: "quantitative", title: unit, scale: {type: "log"}},
                               y: {field: "share", type: "quantitative", title: "share of requests", axis: {format: "%"}},
                               color}}];
    if (slo > 0) layer.push({data: {values: [{x: slo}]}, mark: {type: "rule", strokeDash: [4, 4], color: soft},
                             encoding: {x: {field: "x", type: "quantitative"}}});
    return draw(id, {title, data: {values: values.filter((v) => v.x > 0)}, layer});
  };
  const time = (id, title, fields, y) => draw(id, {
    title, width: 480, data: {values: by((a) => a.series)}, transform: [{fold: fields, as: ["what", "value"]}],
    mark: {type: "line", strokeWidth: 1.5},
    encoding: {x: {field: "t", type: "quantitative", title: "seconds"}, y: {field: "value", type: "quantitative", title: y},
               color, strokeDash: {field: "what", type: "nominal", title: null}}});
  const stack = (id, title, values, field, measure, axisTitle, axisFormat, offset) => draw(id, {
    title, width: offset === "normalize" ? 480 : 320, data: {values}, height: {step: 46}, mark: {type: "bar", tooltip: true},
    encoding: {y: {field: "alternative", type: "nominal", title: null, sort: null},
               x: {field: measure, type: "quantitative", aggregate: "sum", stack: offset, title: axisTitle, axis: axisFormat ? {format: axisFormat} : {}},
               color: {field, type: "nominal", title: null}}});

  const costs = by((a) => a.ledger).filter((e) => !e.account.startsWith("revenue"));
  const split = by((a) => [{side: "input tokens", usd: a.input_usd}, {side: "output tokens", usd: a.output_usd}]);
  const metric = (a, label) => a.metrics[metricIndex(label)].mean;
  const tradeoff = alternatives.map((a) => ({alternative: a.name, cost: metric(a, "Cost per million tokens (in + out)"),
                                             ttft: metric(a, "TTFT, 99th percentile")}));
  Promise.all([
    cdf("chart-ttft", "ttft", "Time to first token", 1, "seconds"),
    cdf("chart-tpot", "tpot", "Time per output token", 1000, "milliseconds"),
    cdf("chart-e2e", "e2e", "End to end", 1, "seconds"),
    time("chart-throughput", "Tokens per second", ["output_tok_s", "input_tok_s"], "tokens/s"),
    time("chart-queue", "Requests inside", ["waiting", "running"], "requests"),
    stack("chart-operators", "By operator", by((a) => a.steps), "op", "s", "share of busy time", "%", "normalize"),
    stack("chart-bounds", "By what bounds it", by((a) => a.steps), "bound", "s", "share of busy time", "%", "normalize"),
    stack("chart-ledger", "By account", costs, "account", "usd", "US dollars", null, "zero"),
    stack("chart-split", "Input against output tokens", split, "side", "usd", "US dollars", null, "zero"),
    draw("chart-tradeoff", {title: "Cost against speed", data: {values: tradeoff},
      mark: {type: "point", filled: true, size: 120, tooltip: true},
      encoding: {x: {field: "ttft", type: "quantitative", title: "TTFT, 99th percentile, s"},
                 y: {field: "cost", type: "quantitative", title: "$ per million tokens"}, color}}),
  ]).then(() => { document.body.dataset.drawn = "yes"; })
    .catch((error) => { console.error(error); document.body.dataset.drawn = "failed"; });
})();

"use strict";
// Every chart is drawn here, in one file of Vega-Lite specifications.
(() => {
  const {data, alternatives, element, dollars, metricIndex} = report;
  const ink = "currentColor";  // charts follow the page's colour: light, dark and print
  const metric = (a, label) => a.metrics[metricIndex(label)].mean;
  const costOf = (a) => metric(a, "Cost per million tokens (in + out)");

  // Lines of dozens of alternatives cannot be told apart: a stack's own, or the cheapest.
  const most = 10;
  const stacked = data.stack.length ? alternatives.filter((a) => a.name === "base" || a.name.startsWith("stack: ")) : [];
  const cheapest = alternatives.filter((a) => costOf(a) !== null).sort((a, b) => costOf(a) - costOf(b)).slice(0, most);
  const shown = alternatives.length <= most ? alternatives
      : stacked.length ? stacked.slice(0, most) : alternatives.filter((a) => cheapest.includes(a));
  if (shown.length < alternatives.length)
    document.querySelectorAll(".which").forEach((note) => {
      note.textContent = "Lines: " + (stacked.length ? "the stack, technique by technique" : "the " + shown.length + " cheapest per token") +
          ", of " + alternatives.length + " alternatives.";
    });

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
      shown.length > 8 ? [] : [{mark: {type: "point", opacity: 0, size: 60, aria: false},
                                       encoding: {x: encoding.x, y: encoding.y, tooltip: fields}}]);
  const stroke = {symbolType: "stroke", symbolStrokeWidth: 2};
  const color = {field: "alternative", type: "nominal", title: null, sort: shown.map((a) => a.name)};
  const lineColor = Object.assign({legend: stroke}, color);
  const by = (pick, of = alternatives) => of.flatMap((a) => pick(a).map((row) => Object.assign({alternative: a.name}, row)));

  const cdf = (id, key, title, scale, unit) => {
    const values = by((a) => a[key], shown).map((v) => ({alternative: v.alternative, x: v.s * scale, share: v.share}));
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
  const time = (id, title, fields, y) => draw(id, by((a) => a.series, shown), {
    title, width: 480, transform: [{fold: fields, as: ["what", "value"]}],
    layer: lines({strokeWidth: 1.5},
                 {x: {field: "t", type: "quantitative", title: "seconds since the start", scale: {nice: false}},
                  y: {field: "value", type: "quantitative", title: y}, color: lineColor,
                  strokeDash: {field: "what", type: "nominal", title: null, sort: fields, legend: stroke}},
                 [{field: "alternative"}, {field: "what", title: "line"}, {field: "t", title: "second", format: ".4~g"},
                  {field: "value", title: y, format: ".4~g"}])});
  const stack = (id, title, rows, field, kind, measure, axisTitle, axisFormat, offset) => draw(id, rows, {
    title, width: offset === "normalize" ? 480 : 320, height: {step: alternatives.length > most ? 20 : 46}, mark: {type: "bar", tooltip: {content: "encoding"}},
    encoding: {y: {field: "alternative", type: "nominal", title: null, sort: null},
               x: {field: measure, type: "quantitative", aggregate: "sum", stack: offset, title: axisTitle, axis: axisFormat ? {format: axisFormat} : {}},
               color: {field, type: "nominal", title: null},
               tooltip: [{field: "alternative"}, {field, title: kind},
                         {field: measure, aggregate: "sum", title: measure === "s" ? "seconds" : "US dollars", format: ".4~g"}]}});

  const steps = by((a) => a.steps).map((row) => Object.assign(row, {op: words(row.op)}));
  const costs = by((a) => a.ledger).filter((e) => !e.account.startsWith("revenue"));
  const split = by((a) => [{side: "input tokens", usd: a.input_usd}, {side: "output tokens", usd: a.output_usd}])
      .filter((e) => e.usd !== null);
  const tradeoff = alternatives.map((a) => ({alternative: a.name, cost: costOf(a), label: shown.includes(a) ? a.name : "",
                                             ttft: metric(a, "TTFT, 99th percentile")}))
      .filter((p) => p.cost !== null && p.ttft !== null);
  const drawTradeoff = () => {
    const x = {field: "ttft", type: "quantitative", title: "TTFT, 99th percentile, s"};
    const y = {field: "cost", type: "quantitative", title: "$ per million tokens"};
    const mark = {type: "point", filled: true, size: 120, opacity: 1, tooltip: {content: "encoding"}};
    const spec = {title: "Cost against speed", mark, encoding: {x, y, color}};
    if (shown.length === alternatives.length) return draw("chart-tradeoff", tradeoff, spec);
    // Too many to colour: all of them as points, those that the lines show in the accent colour.
    x.scale = y.scale = {type: "log"};
    const tooltip = [{field: "alternative"}, x, y].map(({field, title}) => ({field, title}));
    return draw("chart-tradeoff", tradeoff.filter((p) => p.ttft > 0 && p.cost > 0), {
      title: "Cost against speed (coloured: those of the lines)", mark: Object.assign({}, mark, {size: 60}),
      encoding: {x, y, tooltip, color: {condition: {test: "datum.label !== ''", value: "#e8792b"}, value: "#7d8590"}}});
  };
  /// What each technique takes off the cost of a token: bars that begin where the one above ends.
  const drawStack = () => {
    if (!data.stack.length) return Promise.resolve();
    const usd = data.stack.map((s) => s.usd), last = usd[usd.length - 1];
    const rows = data.stack.map((s, i) => i === 0 ? {what: s.name, from: 0, to: s.usd, kind: "cost"}
        : {what: s.name, from: usd[i - 1], to: s.usd, kind: s.usd <= usd[i - 1] ? "saves" : "adds"});
    rows.push({what: "all together", from: 0, to: last, kind: "cost"});
    rows.forEach((r) => { r.text = r.kind === "cost" ? dollars(r.to) : (r.kind === "saves" ? "−" : "+") + dollars(Math.abs(r.to - r.from)); });
    const y = {field: "what", type: "nominal", title: null, sort: null};
    return draw("chart-stack", rows, {
      title: "Cost per million tokens, technique by technique", width: 620, height: {step: 34},
      layer: [
        {mark: {type: "bar", tooltip: {content: "encoding"}},
         encoding: {y, x: {field: "from", type: "quantitative", title: "$ per million tokens"}, x2: {field: "to"},
                    color: {field: "kind", type: "nominal", title: null,
                            scale: {domain: ["cost", "saves", "adds"], range: ["#1f6feb", "#2da44e", "#cf4b5f"]}},
                    tooltip: [{field: "what", title: "technique"}, {field: "from", title: "from, $", format: ".4~g"},
                              {field: "to", title: "to, $", format: ".4~g"}]}},
        {transform: [{calculate: "max(datum.from, datum.to)", as: "end"}],
         mark: {type: "text", align: "left", dx: 4, color: ink},
         encoding: {y, x: {field: "end", type: "quantitative"}, text: {field: "text"}}}]});
  };
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
    drawTradeoff(),
    drawStack(),
  ]).then(() => { document.body.dataset.drawn = "yes"; })
    .catch((error) => { console.error(error); document.body.dataset.drawn = "failed"; });
})();

// Added to a copy of a report by check_report.sh: once it is drawn, says in the page what a user would see.
"use strict";
(() => {
  const visible = (mark) => {
    const box = mark.getBBox();
    return Number(getComputedStyle(mark).opacity) > 0 && Number.isFinite(box.width + box.height) && box.width + box.height > 0;
  };
  const marks = (chart) => [...chart.querySelectorAll("svg .role-mark path, svg .role-mark line")].filter(visible);
  const hover = (mark) => {
    const box = mark.getBoundingClientRect();
    mark.dispatchEvent(new PointerEvent("pointermove", {bubbles: true, clientX: box.x + 1, clientY: box.y + 1}));
    const tip = document.querySelector(".tip");
    return tip.hidden ? "" : tip.textContent;
  };
  const look = () => {
    const charts = [...document.querySelectorAll("[id^=chart-]")];
    const bar = marks(document.getElementById("chart-operators"))[0];
    const findings = charts.map((c) => "probe " + c.id + " marks=" + marks(c).length + " empty=" + c.querySelectorAll(".empty").length)
        .concat("probe injected=" + document.querySelectorAll("img, body > main script").length,
                ...[...document.querySelectorAll("[id^=section-]")].map(
                    (s) => "probe " + s.id + " rows=" + (s.hidden ? 0 : s.querySelectorAll("td:first-child").length)),
                "probe title=" + document.getElementById("title").textContent,
                "probe tooltip=" + (bar ? hover(bar) : "none"));
    const out = document.createElement("pre");
    out.id = "probe";
    out.textContent = "\n" + findings.join("\n") + "\n";
    document.body.append(out);
  };
  const wait = setInterval(() => {
    if (!document.body.dataset.drawn) return;
    clearInterval(wait);
    look();
  }, 50);
})();

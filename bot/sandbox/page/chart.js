// data_visualization blocks: the numbers of a chart as labelled bars, which every reader can follow.

import { h } from "./dom.js";
import { textObject } from "./mrkdwn.js";

export function chart(block) {
  const series = seriesOf(block);
  const most = Math.max(1, ...series.flatMap((one) => one.points.map((point) => Math.abs(point.value))));
  return h(
    "figure.chart",
    null,
    block.title && h("figcaption", null, typeof block.title === "string" ? block.title : textObject(block.title)),
    series.length ? series.map((one) => bars(one, most)) : h("pre.unknown-block", null, JSON.stringify(block, null, 2)),
  );
}

function seriesOf(block) {
  const data =
    block.series ??
    block.chart?.series ??
    block.data?.series ??
    (block.chart?.segments ? [{ data: block.chart.segments }] : []);
  return data.map((one) => ({
    name: one.name ?? one.label ?? "",
    points: (one.data ?? one.points ?? []).map((point, at) => ({
      label: String(point.label ?? point.x ?? at + 1),
      value: Number(point.value ?? point.y ?? point) || 0,
    })),
  }));
}

function bars({ name, points }, most) {
  return h(
    "div.chart-series",
    null,
    name && h("div.chart-name", null, name),
    points.map((point) =>
      h(
        "div.chart-row",
        null,
        h("span.chart-label", null, point.label),
        h("span.chart-bar", { style: { "--part": Math.abs(point.value) / most } }),
        h("span.chart-value", null, String(point.value)),
      ),
    ),
  );
}

// Charts: uPlot for what has an axis of time, a path for what is as small as a word.
import uPlot from "uplot";
import { useEffect, useRef } from "preact/hooks";
import { shortTime } from "./format";
import { useStore } from "./store";
import { language, t } from "./text";
import { theme } from "./theme";

export interface Line {
  name: string;
  values: (number | null)[];
  color: "a" | "b" | "c" | "bad";
  bars?: boolean;
}

/// Of what is counted there are no halves: on an axis from 0 to 1 they would be shown as 1.
const kSteps = Array.from({ length: 12 }, (_, i) => [1, 2, 5].map((n) => n * 10 ** i)).flat();

const colorOf = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(`--chart-${name}`).trim() || "#888";

/// Where values stand that have no neighbour.
const alone = (values: ArrayLike<number | null | undefined>): number[] => {
  const at: number[] = [];
  for (let i = 0; i < values.length; ++i) if (values[i] != null && values[i - 1] == null && values[i + 1] == null) at.push(i);
  return at;
};

/// `times` in seconds since 1970, ascending. `pick`: somebody clicked a time.
export function Chart({ times, lines, show, height = 120, label, pick }: { times: number[]; lines: Line[]; show: (n: number) => string; height?: number; label: string; pick?: (at: number) => void }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const looks = useStore(theme);
  const speaks = useStore(language);
  const shape = lines.map((line) => line.name + line.color).join();
  const picked = useRef(pick);
  picked.current = pick;
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const ink = colorOf("ink");
    const grid = { stroke: colorOf("grid"), width: 1 };
    const axis = { stroke: ink, grid, ticks: { show: false }, font: "11px system-ui, sans-serif" };
    const made = new uPlot(
      {
        width: Math.max(120, element.clientWidth),
        height,
        legend: { show: lines.length > 1 || lines[0]?.name !== "", live: true },
        cursor: { y: false, points: { size: 5 } },
        scales: { x: { time: true }, y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 1] } },
        axes: [
          { ...axis, size: 24, space: 70, values: (_, at) => at.map((each) => shortTime(each * 1000).replace(/:\d\d$/, "")) },
          { ...axis, size: 58, space: 28, incrs: kSteps, values: (_, at) => at.map(show) },
        ],
        series: [
          { label: t("col_when"), value: (_, at) => (at === null ? "" : shortTime(at * 1000)) },
          ...lines.map((line) => ({
            label: line.name,
            stroke: colorOf(line.color),
            fill: colorOf(line.color) + (line.bars ? "99" : "26"),
            width: 1.5,
            paths: line.bars ? uPlot.paths.bars!({ size: [0.8, 40] }) : undefined,
            // A line through one minute alone is nothing: that one is a point.
            points: line.bars ? { show: false } : { show: true, size: 4, filter: (u: uPlot, i: number) => alone(u.data[i]!) },
            value: (_: uPlot, n: number | null) => (n === null ? "–" : show(n)),
          })),
        ],
      },
      [times, ...lines.map((line) => line.values)] as uPlot.AlignedData,
      element,
    );
    plot.current = made;
    const click = () => {
      const index = made.cursor.idx;
      if (picked.current && index !== null && index !== undefined) picked.current(made.data[0]![index]! * 1000);
    };
    made.over.addEventListener("click", click);
    const sizes = new ResizeObserver(() => made.setSize({ width: Math.max(120, element.clientWidth), height }));
    sizes.observe(element);
    return () => {
      sizes.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape, looks, speaks, height]);
  useEffect(() => {
    plot.current?.setData([times, ...lines.map((line) => line.values)] as uPlot.AlignedData);
  }, [times, lines]);
  return <div class={"chart" + (pick ? " picks" : "")} ref={box} role="img" aria-label={label} />;
}

/// The last values, the newest at the right.
export function Spark({ values, label }: { values: (number | null)[]; label: string }) {
  const known = values.filter((value): value is number => value !== null);
  if (known.length < 2) return <svg class="spark" aria-hidden="true" />;
  const most = Math.max(...known, 1e-9);
  const step = 100 / (values.length - 1);
  let path = "";
  values.forEach((value, i) => {
    if (value === null) return;
    path += `${path === "" || values[i - 1] === null ? "M" : "L"}${(i * step).toFixed(1)} ${(23 - (22 * value) / most).toFixed(1)}`;
  });
  return (
    <svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" role="img" aria-label={label}>
      <path d={path} />
    </svg>
  );
}

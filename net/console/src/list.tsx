// A windowed list: rows of one height, of which those are drawn that are seen, and a few beside them. j, k and the arrows move, Enter opens.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { count } from "./format";
import { go } from "./route";
import { t } from "./text";

export interface Column<T> {
  name: string;
  width: string; // of a grid's column
  cell: (row: T) => ComponentChildren;
  right?: boolean;
  main?: boolean; // stays at 360 px in the first line
  hide?: boolean; // goes at 360 px
}

const kAround = 12;

function useNarrow(): boolean {
  const query = "(max-width: 720px)";
  const [narrow, setNarrow] = useState(matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const watch = () => setNarrow(media.matches);
    media.addEventListener("change", watch);
    return () => media.removeEventListener("change", watch);
  }, []);
  return narrow;
}

/// `more`: loads the next page; null: all are there. `to`: where a row leads.
export function List<T>({ label, rows, columns, keyOf, to, more, empty, tall = 36 }: {
  label: string;
  rows: T[];
  columns: Column<T>[];
  keyOf: (row: T) => string;
  to?: (row: T) => string;
  more?: (() => void) | null;
  empty?: ComponentChildren;
  tall?: number;
}) {
  const narrow = useNarrow();
  const height = narrow ? 66 : tall;
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const [at, setAt] = useState(-1);
  const template = columns.map((column) => column.width).join(" ");

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const look = () => setView({ top: element.scrollTop, height: element.clientHeight });
    look();
    element.addEventListener("scroll", look, { passive: true });
    const sizes = new ResizeObserver(look);
    sizes.observe(element);
    return () => {
      element.removeEventListener("scroll", look);
      sizes.disconnect();
    };
  }, [rows.length === 0]);

  const first = Math.max(0, Math.floor(view.top / height) - kAround);
  const last = Math.min(rows.length, Math.ceil((view.top + view.height) / height) + kAround);
  useEffect(() => {
    if (more && last >= rows.length) more();
  }, [last, rows.length, more]);

  const move = (by: number) => {
    const next = Math.max(0, Math.min(rows.length - 1, at + by));
    setAt(next);
    const element = box.current;
    if (!element) return;
    if (next * height < element.scrollTop) element.scrollTop = next * height;
    if ((next + 2) * height > element.scrollTop + element.clientHeight) element.scrollTop = (next + 2) * height - element.clientHeight;
    requestAnimationFrame(() => element.querySelector<HTMLElement>(`[data-row="${next}"]`)?.focus());
  };

  if (rows.length === 0) return <>{empty}</>;
  return (
    <div class={"list" + (narrow ? " narrow" : "")}>
      <div
        class="rows"
        ref={box}
        role="table"
        aria-label={label}
        aria-rowcount={more ? -1 : rows.length + 1}
        tabIndex={at < 0 ? 0 : -1}
        data-list
        onKeyDown={(event) => {
          const by = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
          if (by === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
          event.preventDefault();
          event.stopPropagation();
          move(by);
        }}
      >
        <div class="head" role="row" style={{ gridTemplateColumns: template }}>
          {columns.map((column) => (
            <div key={column.name} role="columnheader" class={column.right ? "right" : ""}>
              {column.name}
            </div>
          ))}
        </div>
        <div role="rowgroup" class="body" style={{ height: `${rows.length * height}px` }}>
          {rows.slice(first, last).map((row, i) => {
            const index = first + i;
            const link = to?.(row);
            return (
              <div
                key={keyOf(row)}
                class={"row" + (link ? " leads" : "")}
                role="row"
                data-row={index}
                aria-rowindex={index + 2}
                tabIndex={index === at ? 0 : -1}
                style={{ gridTemplateColumns: narrow ? undefined : template, height: `${height}px`, top: `${index * height}px` }}
                onFocus={() => setAt(index)}
                onClick={(event) => {
                  if (!link || (event.target as HTMLElement).closest("a,button,input") || String(getSelection()) !== "") return;
                  go(link);
                }}
                onKeyDown={(event) => {
                  if (event.key === "Enter" && link && event.target === event.currentTarget) go(link);
                }}
              >
                {columns.map((column) => (
                  <div key={column.name} role="cell" class={[column.right ? "right" : "", column.main ? "main" : "", column.hide ? "hide" : ""].join(" ").trim()}>
                    {column.cell(row)}
                  </div>
                ))}
              </div>
            );
          })}
        </div>
      </div>
      <p class="faint count">{more ? t("some_shown", { n: count(rows.length) }) : t("all_shown", { n: count(rows.length) })}</p>
    </div>
  );
}

// A windowed list: rows of one height, of which those are drawn that are seen, and a few beside them. j, k and the arrows move, Enter opens.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { count } from "./format";
import type { Pages } from "./pages";
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

type Props<T> = {
  label: string;
  columns: Column<T>[];
  keyOf: (row: T) => string;
  to?: (row: T) => string;
  empty?: ComponentChildren;
  tall?: number;
} & ({ pages: Pages<T>; rows?: T[] } | { pages?: undefined; rows: T[] });

/// `rows`: those of `pages` in another order, or all there are. `to`: where a row leads. `empty`: what there is in place of rows; of pages only once
/// it was answered that there is none.
export function List<T>({ label, pages, columns, keyOf, to, empty, tall = 36, rows = pages?.rows ?? [] }: Props<T>) {
  const more = pages?.more;
  const narrow = useNarrow();
  const height = narrow ? 66 : tall;
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const [active, setActive] = useState<string | null>(null); // the row that the keys move from
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
    if (more && rows.length > 0 && last >= rows.length) more();
  }, [last, rows.length, more]);

  // Of what stands in rows Tab reaches that of the active one alone: behind it is what comes after the list.
  useLayoutEffect(() => {
    for (const row of box.current?.querySelectorAll<HTMLElement>("[data-row]") ?? [])
      for (const each of row.querySelectorAll<HTMLElement>("a,button,input,select")) each.tabIndex = row.tabIndex;
  });

  const move = (by: number) => {
    const element = box.current;
    if (!element) return;
    // Rows come and go meanwhile: it is where the row is now that counts.
    const focused = document.activeElement?.closest<HTMLElement>("[data-row]");
    const from = focused && element.contains(focused) ? Number(focused.dataset.row) : rows.findIndex((row) => keyOf(row) === active);
    const next = Math.max(0, Math.min(rows.length - 1, from + by));
    setActive(keyOf(rows[next]!));
    if (next * height < element.scrollTop) element.scrollTop = next * height;
    if ((next + 2) * height > element.scrollTop + element.clientHeight) element.scrollTop = (next + 2) * height - element.clientHeight;
    requestAnimationFrame(() => element.querySelector<HTMLElement>(`[data-row][tabindex="0"]`)?.focus());
  };

  if (rows.length === 0) {
    if (pages?.error) return null;
    if (pages?.loading || pages?.looking) return <p class="faint">{t("loading")}</p>;
    if (!more) return <>{empty}</>;
    return (
      <p>
        {t("none_so_far")} <button type="button" onClick={more}>{t("look_on")}</button>
      </p>
    );
  }
  const drawn = rows.slice(first, last);
  return (
    <div class={"list" + (narrow ? " narrow" : "")}>
      <div
        class="rows"
        ref={box}
        role="table"
        aria-label={label}
        aria-rowcount={more || pages?.whole === false ? -1 : rows.length + 1}
        tabIndex={drawn.some((row) => keyOf(row) === active) ? -1 : 0}
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
          {drawn.map((row, i) => {
            const index = first + i;
            const key = keyOf(row);
            const link = to?.(row);
            return (
              <div
                key={key}
                class={"row" + (link ? " leads" : "")}
                role="row"
                data-row={index}
                aria-rowindex={index + 2}
                tabIndex={key === active ? 0 : -1}
                style={{ gridTemplateColumns: narrow ? undefined : template, height: `${height}px`, top: `${index * height}px` }}
                onFocusIn={() => setActive(key)}
                onClick={(event) => {
                  if (!link || (event.target as HTMLElement).closest("a,button,input") || String(getSelection()) !== "") return;
                  go(link);
                }}
                onKeyDown={(event) => {
                  if (event.key === "Enter" && link && event.target === event.currentTarget) go(link);
                }}
              >
                {columns.map((column) => {
                  const cell = column.cell(row);
                  return (
                    <div key={column.name} role="cell" class={[column.right ? "right" : "", column.main ? "main" : "", column.hide ? "hide" : ""].join(" ").trim()}>
                      {narrow && column.right && !column.hide && typeof cell !== "object" ? <span class="faint">{column.name} </span> : null}
                      {cell}
                    </div>
                  );
                })}
              </div>
            );
          })}
        </div>
      </div>
      <p class="faint count">{more || pages?.whole === false ? t("some_shown", { n: count(rows.length) }) : t("all_shown", { n: count(rows.length) })}</p>
    </div>
  );
}

// Lists that the API gives a page at a time: the first one is asked again, the others come as they are scrolled to.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Problem, get } from "./api";
import { usePoll } from "./poll";
import type { Page } from "./types";

export interface Pages<T> {
  rows: T[];
  more: (() => void) | null; // null: all are there
  error: Problem | null;
  loading: boolean;
  missing?: string[]; // members of a cluster that did not answer the first page
  looking: boolean; // nothing was found yet, and it goes on
  again: () => void;
}

const kEmptyPages = 40; // so many without a row are looked at before somebody is asked whether to go on

/// `path`: with its query, without a cursor.
export function usePages<T>(path: string, keyOf: (row: T) => string, ms = 0, cursorName = "cursor"): Pages<T> {
  const first = usePoll<Page<T>>(path, (signal) => get<Page<T>>(path, signal), ms);
  const [rest, setRest] = useState<{ path: string; rows: T[]; next: string | null; pages: number } | null>(null);
  const [error, setError] = useState<Problem | null>(null);
  const busy = useRef("");
  const mine = rest?.path === path ? rest : null;
  const next = mine ? mine.next : (first.data?.next ?? null);
  const more = useCallback(() => {
    if (next === null || busy.current === path + next) return;
    busy.current = path + next;
    const join = path.includes("?") ? "&" : "?";
    get<Page<T>>(`${path}${join}${cursorName}=${encodeURIComponent(next)}`)
      .then((page) =>
        setRest((before) => {
          const old = before?.path === path ? before : { rows: [], pages: 0 };
          return { path, rows: [...old.rows, ...page.items], next: page.next, pages: page.items.length > 0 ? 0 : old.pages + 1 };
        }),
      )
      .catch((fault) => {
        busy.current = "";
        setError(fault as Problem);
      });
  }, [path, next]);
  const head = first.data?.items ?? [];
  const seen = new Set(head.map(keyOf));
  const rows = [...head, ...(mine?.rows ?? []).filter((row) => !seen.has(keyOf(row)))];
  const looking = rows.length === 0 && next !== null && (mine?.pages ?? 0) < kEmptyPages;
  useEffect(() => {
    if (looking) more();
  }, [looking, more]);
  const again = useCallback(() => {
    busy.current = "";
    setRest(null);
    setError(null);
    first.again();
  }, [first.again]);
  return { rows, more: next === null ? null : more, error: first.error ?? error, missing: first.data?.missing, loading: first.data === null && first.error === null, looking, again };
}

// Lists that the API gives a page at a time: the first one is asked again, the others come as they are scrolled to. What comes in between is put there.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Problem, get } from "./api";
import { filled, gapOf, renewed, rowsOf, type Part } from "./joined";
import { usePoll } from "./poll";
import type { Page } from "./types";

export interface Pages<T> {
  rows: T[];
  more: (() => void) | null; // null: all are there
  whole: boolean; // nothing is known to be missing in the middle
  error: Problem | null;
  loading: boolean;
  missing?: string[]; // members of a cluster that did not answer the first page
  looking: boolean; // nothing was found yet, and it goes on
  again: () => void;
}

const kEmptyPages = 40; // so many without a row are looked at before somebody is asked whether to go on
const kGapPages = 3; // so many are asked for at once to close a gap; what is left of it is closed the next time
const kMostRows = 20_000; // that a list grows to by itself; the last ones are let go of, and come again as they are scrolled to

function emptyAtEnd<T>(parts: Part<T>[]): number {
  const found = [...parts].reverse().findIndex((part) => part.rows.length > 0);
  return found < 0 ? parts.length : found;
}

const rowsIn = <T>(parts: Part<T>[]): number => parts.reduce((sum, part) => sum + part.rows.length, 0);

function bounded<T>(parts: Part<T>[], most: number): Part<T>[] {
  let rows = 0;
  const end = parts.findIndex((part) => (rows += part.rows.length) > most);
  return end <= 0 ? parts : parts.slice(0, end);
}

/// `path`: with its query, without a cursor.
export function usePages<T>(path: string, keyOf: (row: T) => string, ms = 0): Pages<T> {
  const first = usePoll<Page<T>>(path, (signal) => get<Page<T>>(path, signal), ms);
  const [kept, setKept] = useState<{ path: string; parts: Part<T>[] }>({ path, parts: [] });
  const [error, setError] = useState<Problem | null>(null);
  const busy = useRef("");
  const now = useRef<{ path: string; parts: Part<T>[]; turn: number; mends: boolean }>({ path: "", parts: [], turn: 0, mends: false });
  if (now.current.path !== path) now.current = { path, parts: [], turn: 0, mends: false };
  const parts = kept.path === path ? kept.parts : [];
  const head = first.data?.items ?? [];
  const headNext = first.data?.next ?? null;
  const next = parts.length > 0 && (headNext !== null || !first.data) ? parts[parts.length - 1]!.next : headNext;

  const page = async (from: string): Promise<Part<T>> => {
    const { items, next: end } = await get<Page<T>>(`${path}${path.includes("?") ? "&" : "?"}cursor=${encodeURIComponent(from)}`);
    return { from, rows: items, next: end };
  };
  const put = (of: { path: string }, next: Part<T>[]): void => {
    if (now.current !== of) return; // it is another list by now
    now.current.parts = next;
    setKept({ path, parts: now.current.parts });
  };

  const more = useCallback(() => {
    if (next === null || busy.current === path + next) return;
    busy.current = path + next;
    const of = now.current;
    page(next)
      .then((part) => {
        busy.current = "";
        put(of, [...of.parts, part]);
      })
      .catch((fault) => {
        busy.current = "";
        setError(fault as Problem);
      });
  }, [path, next]);

  // With each first page: what is between it and the others, and one of the others anew.
  useEffect(() => {
    const of = now.current;
    if (!first.data || of.parts.length === 0 || of.mends) return;
    if (headNext === null) return put(of, []);
    const most = Math.max(kMostRows, rowsIn(of.parts));
    const mend = async () => {
      for (let i = 0; i < kGapPages; ++i) {
        const gap = head.length > 0 ? gapOf(head, headNext, of.parts, keyOf) : null;
        if (!gap) break;
        const part = await page(gap.from);
        if (gapOf(head, headNext, of.parts, keyOf)?.from === gap.from) put(of, bounded(filled(of.parts, gap.at, part, keyOf), most));
      }
      if (of.parts.length === 0) return;
      const at = of.turn++ % of.parts.length;
      const { from } = of.parts[at]!;
      const part = await page(from);
      if (of.parts[at]?.from === from) put(of, renewed(of.parts, at, part, keyOf));
    };
    of.mends = true;
    void mend()
      .catch(() => undefined) // the first page says what is wrong; it is tried again with the next one
      .finally(() => (of.mends = false));
  }, [first.data]);

  const rows = rowsOf(head, parts, keyOf);
  const looking = rows.length === 0 && next !== null && emptyAtEnd(parts) < kEmptyPages;
  useEffect(() => {
    if (looking) more();
  }, [looking, more]);
  const again = useCallback(() => {
    busy.current = "";
    now.current = { path, parts: [], turn: 0, mends: false };
    setKept({ path, parts: [] });
    setError(null);
    first.again();
  }, [first.again]);
  const whole = first.data !== null && gapOf(head, headNext, parts, keyOf) === null;
  return { rows, more: next === null ? null : more, whole, error: first.error ?? error, missing: first.data?.missing, loading: first.data === null && first.error === null, looking, again };
}

// Pages of a list that were loaded one after the other, while rows come and go between them: which of them hang together, and how they are made to. Pure.
export interface Part<T> {
  from: string; // the cursor that it was asked with
  rows: T[];
  next: string | null;
}
type KeyOf<T> = (row: T) => string;

const kMergedRows = 100; // what is put into a gap is no part of its own where it is less than this

const keysOf = <T>(parts: Part<T>[], keyOf: KeyOf<T>): Set<string> => new Set(parts.flatMap((part) => part.rows.map(keyOf)));

/// Each row once, where it comes first.
export function rowsOf<T>(head: T[], rest: Part<T>[], keyOf: KeyOf<T>): T[] {
  const seen = new Set<string>();
  return [head, ...rest.map((part) => part.rows)].flat().filter((row) => !seen.has(keyOf(row)) && seen.add(keyOf(row)));
}

/// Where something may lie between two parts that is in neither: before which part, and the cursor from which to look. Null: they hang together. One hangs
/// together with those behind it that ends where they begin, or that has a row of theirs.
export function gapOf<T>(head: T[], next: string | null, rest: Part<T>[], keyOf: KeyOf<T>): { at: number; from: string } | null {
  let rows = head;
  for (let at = 0; at < rest.length && next !== null; ++at) {
    const behind = keysOf(rest.slice(at), keyOf);
    if (next !== rest[at]!.from && !rows.some((row) => behind.has(keyOf(row)))) return { at, from: next };
    ({ rows, next } = rest[at]!);
  }
  return null;
}

/// With a page that was asked for where the gap is.
export function filled<T>(rest: Part<T>[], at: number, page: Part<T>, keyOf: KeyOf<T>): Part<T>[] {
  const before = rest.slice(0, at);
  const behind = rest.slice(at);
  if (page.next === null) return [...before, page];
  const known = keysOf(behind, keyOf);
  const meets = page.rows.findIndex((row) => known.has(keyOf(row)));
  const part = meets < 0 ? page : { ...page, rows: page.rows.slice(0, meets), next: behind[0]!.from };
  const last = before[before.length - 1];
  if (meets >= 0 && part.rows.length + behind[0]!.rows.length <= 2 * kMergedRows) return [...before, { ...behind[0]!, from: part.from, rows: [...part.rows, ...behind[0]!.rows] }, ...behind.slice(1)];
  if (last && part.rows.length === 0) return [...before.slice(0, -1), { ...last, next: part.next }, ...behind];
  return [...before, part, ...behind];
}

/// With a part as it is by now. What it reached to before, and does not any more, stays as a part of its own, or is a gap.
export function renewed<T>(rest: Part<T>[], at: number, page: Part<T>, keyOf: KeyOf<T>): Part<T>[] {
  const old = rest[at]!;
  const behind = rest.slice(at + 1);
  if (page.next === null) return [...rest.slice(0, at), page];
  const known = keysOf(behind, keyOf);
  const meets = page.rows.findIndex((row) => known.has(keyOf(row)));
  if (meets >= 0) return [...rest.slice(0, at), { ...page, rows: page.rows.slice(0, meets), next: behind[0]!.from }, ...behind];
  const last = page.rows[page.rows.length - 1];
  const cut = last === undefined ? -1 : old.rows.findIndex((row) => keyOf(row) === keyOf(last));
  const left = cut < 0 ? [] : old.rows.slice(cut + 1);
  return [...rest.slice(0, at), page, ...(left.length > 0 ? [{ from: page.next, rows: left, next: old.next }] : []), ...behind];
}

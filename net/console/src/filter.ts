// A filter of notifies: as it stands in the page's URL, in a list's query and in a bulk action.
import type { Query } from "./route";
import type { Word } from "./text";
import { kStates } from "./types";

export const kFilters = ["state", "host", "error", "lane", "caller", "url_prefix", "fkey", "fkey_prefix", "label", "mode", "service", "topic", "subscription", "event", "schedule", "group_id", "created_after", "created_before", "settled_after", "settled_before"] as const;
export type FilterName = (typeof kFilters)[number];
export const kTimes: readonly FilterName[] = ["created_after", "created_before", "settled_after", "settled_before"];
export const labelOf = (name: FilterName): Word => `filter_${name}`;

export type Filter = Partial<Record<FilterName, string[]>>;

export function filterOf(query: URLSearchParams): Filter {
  const filter: Filter = {};
  for (const name of kFilters) {
    const values = query.getAll(name).filter((value) => value !== "");
    if (values.length > 0) filter[name] = name === "state" ? values.flatMap((value) => value.split(",")) : values;
  }
  return filter;
}

export function queryOf(filter: Filter): Query {
  const query: Query = {};
  for (const name of kFilters) query[name] = name === "state" ? (filter.state?.join(",") ?? null) : (filter[name] ?? null);
  return query;
}

export function listQuery(filter: Filter): string {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(queryOf(filter)))
    for (const each of value === null || value === undefined ? [] : Array.isArray(value) ? value : [value]) parts.append(name, each);
  return parts.toString();
}

export function bulkFilter(filter: Filter): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  for (const name of kFilters) {
    const values = filter[name];
    if (values) body[name] = name === "state" || name === "label" ? values : values[0];
  }
  return body;
}

type Understood = { filter: Filter } | { strange: string };

// A value goes on to its closing quote, or up to the next "name=".
const kPair = /\s*([a-z_]+)=(?:"((?:[^"\\]|\\.)*)"(?=\s|$)|(\S*(?:\s+(?![a-z_]+=)\S+)*))/y;

/// "key=value" pairs, all of them or what is strange. Null: it is nothing of the kind.
function pairsOf(text: string, timeOf: (text: string) => number | null): Understood | null {
  if (!kFilters.some((name) => new RegExp(`(^|\\s)${name}=`).test(text))) return null;
  const filter: Filter = {};
  for (kPair.lastIndex = 0; kPair.lastIndex < text.length; ) {
    const from = kPair.lastIndex;
    const pair = kPair.exec(text);
    if (!pair) return { strange: text.slice(from).split(/\s+(?=[a-z_]+=)/)[0]!.trim() };
    const name = pair[1] as FilterName;
    const value = pair[2]?.replace(/\\(.)/g, "$1") ?? pair[3]!;
    const values = name === "state" ? value.split(/[\s,]+/) : [value];
    const at = kTimes.includes(name) ? timeOf(value) : 0;
    if (!kFilters.includes(name) || value === "" || at === null || (name === "state" && !values.every((state) => (kStates as string[]).includes(state)))) return { strange: pair[0].trim() };
    filter[name] = [...(filter[name] ?? []), ...(kTimes.includes(name) ? [new Date(at).toISOString()] : values)];
  }
  return { filter };
}

/// What somebody typed to search: an id, pairs, or else what it looks like.
export function understand(text: string, timeOf: (text: string) => number | null): { id: string } | Understood | null {
  const trimmed = text.trim();
  if (trimmed === "") return null;
  if (/^n[0-9a-f]{16}$/.test(trimmed)) return { id: trimmed };
  const pairs = pairsOf(trimmed, timeOf);
  if (pairs) return pairs;
  if (/^https?:\/\//.test(trimmed) || /^(service|command):/.test(trimmed)) return { filter: { url_prefix: [trimmed] } };
  if ((kStates as string[]).includes(trimmed)) return { filter: { state: [trimmed] } };
  if (/^([\w.-]+|\[[0-9a-f:.]+\]):\d+$/i.test(trimmed)) return { filter: { host: [trimmed] } };
  if (/^[^:\s]+:\S/.test(trimmed)) return { filter: { label: [trimmed] } };
  if (/^(connect_failed|timeout|tls|dns|connection_lost|destination_refused|not_signed|unexpected_answer|not_ready|response_too_large|too_many_redirects|command_not_started)$/.test(trimmed)) return { filter: { error: [trimmed] } };
  return { filter: { fkey_prefix: [trimmed] } };
}

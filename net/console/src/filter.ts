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

/// What somebody typed to search: an id, "key=value" pairs, or else what it looks like.
export function understand(text: string): { id: string } | { filter: Filter } | null {
  const trimmed = text.trim();
  if (trimmed === "") return null;
  if (/^n[0-9a-f]{16}$/.test(trimmed)) return { id: trimmed };
  const filter: Filter = {};
  let pairs = 0;
  for (const word of trimmed.split(/\s+/)) {
    const at = word.indexOf("=");
    const name = word.slice(0, at) as FilterName;
    if (at > 0 && kFilters.includes(name)) {
      filter[name] = name === "state" ? word.slice(at + 1).split(",") : [...(filter[name] ?? []), word.slice(at + 1)];
      pairs += 1;
    }
  }
  if (pairs > 0) return { filter };
  if (/^https?:\/\//.test(trimmed) || /^(service|command):/.test(trimmed)) return { filter: { url_prefix: [trimmed] } };
  if ((kStates as string[]).includes(trimmed)) return { filter: { state: [trimmed] } };
  if (/^[\w.-]+:\d+$/.test(trimmed)) return { filter: { host: [trimmed] } };
  if (/^[^:\s]+:\S/.test(trimmed)) return { filter: { label: [trimmed] } };
  if (/^(connect_failed|timeout|tls|dns|connection_lost|destination_refused|not_signed|unexpected_answer|not_ready|response_too_large|too_many_redirects|command_not_started)$/.test(trimmed)) return { filter: { error: [trimmed] } };
  return { filter: { fkey_prefix: [trimmed] } };
}

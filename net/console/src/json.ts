// JSON as clients wrote it. Pure. In JavaScript a number that no double holds is another one, and keys that look like whole numbers come first in an
// object: numbers are kept by their digits, and such keys under a name that is none, as long as they are not written again.
const kMark = "\ue000";

const isRaw = (value: object): value is { rawJSON: string } => (JSON as unknown as { isRawJSON?: (value: object) => boolean }).isRawJSON?.(value) ?? false;

/// A key as it was written.
export const keyOf = (key: string): string => (/^\ue000+\d+$/.test(key) ? key.slice(1) : key);

/// Members of answers that hold what clients wrote: a notify's and an event's data, a schedule's template, a subscription's filter.
const kWritten = ['"data"', '"notify"', '"publish"', '"filter"'];

/// Keys inside of those, or of all.
function marked(text: string, all: boolean): string {
  let depth = 0;
  let inside = all;
  return text.replace(/"(?:[^"\\]|\\.)*"(?=(\s*:)?)|[{}[\]]/g, (token: string, colon?: string) => {
    if (token === "{" || token === "[") depth += 1;
    else if (token === "}" || token === "]") depth -= 1;
    else if (colon !== undefined) {
      if (!all && depth === 1) inside = kWritten.includes(token);
      else if (inside && /\d"$/.test(token)) {
        const key = JSON.parse(token) as string;
        if (/^\ue000*\d+$/.test(key)) return JSON.stringify(kMark + key);
      }
    }
    return token;
  });
}

function parse(text: string, all: boolean): unknown {
  const raw = (JSON as unknown as { rawJSON?: (text: string) => unknown }).rawJSON;
  if (!raw) return JSON.parse(marked(text, all));
  const keep = (_key: string, value: unknown, context?: { source?: string }) => (typeof value === "number" && context?.source !== undefined && String(value) !== context.source ? raw(context.source) : value);
  return JSON.parse(marked(text, all), keep as (key: string, value: unknown) => unknown);
}

/// An answer of the broker's, in which what clients wrote is as they wrote it. Its numbers are not reckoned with.
export const parseExactly = (text: string): unknown => parse(text, false);
/// What is typed for `data`.
export const parseData = (text: string): unknown => parse(text, true);

/// The text of what these gave, or of anything else, as JSON.stringify makes it.
export function jsonOf(value: unknown, replacer?: (key: string, value: unknown) => unknown, indent?: number): string {
  return JSON.stringify(value, replacer, indent).replace(/"\ue000(\ue000*\d+)"(?=\s*:)/g, '"$1"');
}

/// The digits of a number that is kept by them; null: it is none.
export const digitsOf = (value: object): string | null => (isRaw(value) ? value.rawJSON : null);

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value) && !isRaw(value);

/// Is there a null in it that is taken for a key that goes? In an array none is: arrays are replaced.
const hasNull = (value: unknown): boolean => value === null || (isObject(value) && Object.values(value).some(hasNull));

/// A merge patch (RFC 7396) that makes `to` of `from`, both of which may have been parsed here. Undefined: they are the same, but for the order of keys.
/// `unsayable`: a path to a null that is to be there, for which such a patch has no word.
export function patchOf(from: unknown, to: unknown, path = ""): { patch: unknown; unsayable: string | null } | undefined {
  if (!isObject(from) || !isObject(to)) {
    if (from !== undefined && jsonOf(from) === jsonOf(to)) return undefined;
    return { patch: to, unsayable: hasNull(to) ? path : null };
  }
  const members: [string, unknown][] = Object.keys(from).filter((key) => !Object.hasOwn(to, key)).map((key) => [key, null]);
  let unsayable: string | null = null;
  for (const [key, value] of Object.entries(to)) {
    const part = patchOf(Object.hasOwn(from, key) ? from[key] : undefined, value, `${path}/${keyOf(key)}`);
    if (!part) continue;
    members.push([key, part.patch]);
    unsayable ??= part.unsayable;
  }
  return members.length === 0 ? undefined : { patch: Object.fromEntries(members), unsayable };
}

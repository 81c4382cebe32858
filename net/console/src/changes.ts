// What somebody changed of settings that a dialog shows: what was not touched is not sent, so that it stays as others make it meanwhile. Pure.
export type Texts = Record<string, string>;

/// As they stand in the fields; nothing where it is not set.
export const textsOf = (values: Record<string, string | number | null | undefined>): Texts => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value === null || value === undefined ? "" : String(value)]));

const kWords = ["on_retry", "on_failure"];
const valueOf = (name: string, text: string): string | number | null => (text.trim() === "" ? null : kWords.includes(name) ? text : Number(text));

/// The merge patch of what is other than when the dialog was opened. `meanwhile`: one of those that somebody else has changed since, by what it is `now`.
export function touched(opened: Texts, typed: Texts, now: Texts): { body: Record<string, string | number | null>; meanwhile: boolean } {
  const names = Object.keys(typed).filter((name) => typed[name]!.trim() !== opened[name]);
  return { body: Object.fromEntries(names.map((name) => [name, valueOf(name, typed[name]!)])), meanwhile: names.some((name) => now[name] !== opened[name]) };
}

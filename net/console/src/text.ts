// What the pages say, in the reader's language. The words are in words.ts, words_pages.ts and words_terms.ts: one row each, English and Chinese.
import { Store, keep, kept } from "./store";
import { words } from "./words";
import { pageWords } from "./words_pages";
import { termWords } from "./words_terms";

export const table = { ...words, ...pageWords, ...termWords };
export type Word = keyof typeof table;
export type Language = "en" | "zh";

function first(): Language {
  const chosen = kept("localStorage", "notifyd.language");
  if (chosen === "en" || chosen === "zh") return chosen;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export const language = new Store<Language>(first());
const mark = () => (document.documentElement.lang = language.get() === "zh" ? "zh-CN" : "en");
mark();
language.watch(mark);

export function speak(next: Language): void {
  keep("localStorage", "notifyd.language", next);
  language.set(next);
}

export function t(word: Word, args: Record<string, string | number> = {}): string {
  const row = table[word];
  const text: string = row[language.get() === "zh" ? 1 : 0];
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in args ? String(args[name]) : whole));
}

/// Of a stable word of the API ("lane_paused"): as the API says it where the table does not know it.
export function term(prefix: string, word: string): string {
  const key = `${prefix}_${word}`;
  return key in table ? t(key as Word) : word;
}

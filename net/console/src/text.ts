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

// What turns the direction of the text around it: marks, embeddings and isolates, and letters that are written from the right.
const kTurns = /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc]|[\ud802\ud803\ud83a\ud83b]/;

/// A name that somebody gave, for a text that is no markup: it turns nothing around it (as <bdi> does it, Unicode TR 9).
export function isolated(text: string): string {
  if (!kTurns.test(text)) return text;
  let depth = 0;
  // One that ends more than it began would end this one, too.
  const inner = text.replace(/[\u2066-\u2069]/g, (mark) => {
    if (mark !== "\u2069") depth += 1;
    else if (depth === 0) return "";
    else depth -= 1;
    return mark;
  });
  return "\u2068" + inner + "\u2069".repeat(depth + 1);
}

export function t(word: Word, args: Record<string, string | number> = {}): string {
  const row = table[word];
  const text: string = row[language.get() === "zh" ? 1 : 0];
  return text.replace(/\{(\w+)\}/g, (whole, name) => (Object.hasOwn(args, name) ? isolated(String(args[name])) : whole));
}

/// Of a stable word of the API ("lane_paused"): as the API says it where the table does not know it.
export function term(prefix: string, word: string): string {
  const key = `${prefix}_${word}`;
  return Object.hasOwn(table, key) ? t(key as Word) : word;
}

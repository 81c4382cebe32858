// JSON whose integers keep their digits: what a double would round is a BigInt.

import { randomUUID } from "node:crypto";

// Stands before the digits of an integer inside of a string; of this process alone, so that no text from elsewhere has it.
const MARK = `${randomUUID()}:`;
const MARKED = new RegExp(`"${MARK}(-?[0-9]+)"`, "g");
// Of what JSON.stringify escapes by numbers only these begin with a d. A backslash of the text's own stands there twice.
const HALF = /[^\\](?:\\\\)*\\ud/;
const NUMBER = /-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;

/**
 * Writes a value as JSON.stringify does, and a BigInt as its digits. Throws a RangeError for NaN and the infinities, of which that would make null,
 * and for half of a surrogate pair, which is no text; and a TypeError for what is no JSON.
 * @param {unknown} value
 * @returns {string}
 */
export function stringify(value) {
  // `this` has the value as it was before any toJSON.
  const text = JSON.stringify(value, function (key, each) {
    if (typeof each === "number" && !Number.isFinite(each)) throw new RangeError(`JSON has no number ${each}${key === "" ? "" : ` (at ${key})`}`);
    return typeof this[key] === "bigint" ? MARK + this[key] : each;
  });
  if (text === undefined) throw new TypeError("this is no JSON");
  if (HALF.test(text)) throw new RangeError("half of a surrogate pair is no text");
  return text.replace(MARKED, "$1");
}

/**
 * Reads JSON; an integer beyond Number.MAX_SAFE_INTEGER becomes a BigInt. Throws a SyntaxError where it is not JSON.
 * @param {string} text
 * @returns {any}
 */
export function parse(text) {
  const value = JSON.parse(text);
  if (!/[0-9]{16}/.test(text)) return value;
  return JSON.parse(marked(text), (_, each) => (typeof each === "string" && each.startsWith(MARK) ? BigInt(each.slice(MARK.length)) : each));
}

/** Puts integers that a double would round into marked strings. The text is JSON. */
function marked(text) {
  const pieces = [];
  let taken = 0;
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      at = endOfString(text, at + 1);
    } else if (code === 0x2d || (code >= 0x30 && code <= 0x39)) {
      NUMBER.lastIndex = at;
      const [digits, fraction, exponent] = NUMBER.exec(text);
      if (fraction === undefined && exponent === undefined && !Number.isSafeInteger(Number(digits))) {
        pieces.push(text.slice(taken, at), `"${MARK}${digits}"`);
        taken = at + digits.length;
      }
      at += digits.length;
    } else {
      at += 1;
    }
  }
  return pieces.join("") + text.slice(taken);
}

/** The place behind the quote that ends the string in which `at` stands. */
function endOfString(text, at) {
  while (text.charCodeAt(at) !== 0x22) at += text.charCodeAt(at) === 0x5c ? 2 : 1;
  return at + 1;
}

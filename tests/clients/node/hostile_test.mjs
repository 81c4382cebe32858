// What is no common case (clients/cases.md): answers that are none, and what errors must not tell: node hostile_test.mjs
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { gzipSync } from "node:zlib";
import { BadAnswerError, Client, ConnectionError, NotFoundError, stringifyJson } from "../../../clients/node/notifyd.js";

let passed = 0;
let failed = 0;

async function test(name, body) {
  try {
    await body();
    passed += 1;
  } catch (error) {
    failed += 1;
    console.error(`FAILED ${name}: ${error.stack}`);
  }
}

/** Makes a call of a client whose server gives each request this answer, and ends the connection. */
async function answered(answer, call, options = {}) {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(answer));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    return await call(new Client({ url: `http://127.0.0.1:${server.address().port}`, sleep: async () => {}, ...options }));
  } finally {
    server.close();
  }
}

const get = (client) => client.get("n1");
const head = (status, more) => `HTTP/1.1 ${status} X\r\n${more}\r\n\r\n`;

await test("an answer without an end is not read to it", async () => {
  const long = `Content-Length: 1000000000`;
  const options = { mostAnswerLength: 50000 };
  await assert.rejects(answered(head(200, long) + "x".repeat(100000), get, options), BadAnswerError);
  await assert.rejects(answered(head(404, long) + "x".repeat(100000), get, options), NotFoundError);
  const bomb = gzipSync(Buffer.alloc(10000000));
  const packed = Buffer.concat([Buffer.from(head(200, `Content-Encoding: gzip\r\nContent-Length: ${bomb.length}`)), bomb]);
  await assert.rejects(answered(packed, get, options), BadAnswerError);
});

await test("what fetch itself does not take is no wrong argument", async () => {
  for (const answer of ["HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n", head(200, "Content-Encoding: gzip\r\nContent-Length: 8") + "notagzip"]) {
    await assert.rejects(answered(answer, get), (error) => error instanceof ConnectionError || error.kind === "refused");
  }
});

await test("lines before a wrong one are given", async () => {
  const body = '{"index":0,"id":"n1"}\noh\n';
  await answered(head(200, `Content-Length: ${body.length}`) + body, async (client) => {
    const lines = client.submitStream([{ url: "http://a" }, { url: "http://b" }]);
    assert.deepEqual((await lines.next()).value, { index: 0, id: "n1" });
    await assert.rejects(lines.next(), BadAnswerError);
  });
});

await test("what a header cannot hold is refused and not told", () => {
  for (const token of ["secret\r\nX-Other: 1", "secret\n", "s\u00e9cret", "a secret", ""]) {
    assert.throws(() => new Client({ token }), (error) => error instanceof RangeError && !error.message.includes("cret"), token);
  }
});

await test("a password in the URL is refused and not told", () => {
  for (const url of ["http://user:secret@127.0.0.1:1", "ftp://user:secret@x", "http://user:sec@secret@["]) {
    assert.throws(() => new Client({ url }), (error) => error instanceof RangeError && !error.message.includes("secret"), url);
  }
});

await test("an option that there is not is told, and a lost broker's address", async () => {
  assert.throws(() => new Client({ timeout: 5 }), /there is no option timeout/);
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${server.address().port}`;
  await new Promise((done) => server.close(done));
  const lost = (error) => error instanceof ConnectionError && error.message.startsWith(`no answer from ${url}: `);
  await assert.rejects(new Client({ url, attempts: 1 }).get("n1"), lost);
});

await test("an option that is null is not stated", async () => {
  const body = '{"id":"n1"}';
  const answer = head(200, `Content-Length: ${body.length}`) + body;
  const options = { token: null, namespace: null, attempts: null, timeoutMs: null };
  assert.equal((await answered(answer, get, options)).id, "n1");
});

await test("a timeout that no timer holds is long, not over at once", async () => {
  const body = '{"id":"n1"}';
  const answer = head(200, `Content-Length: ${body.length}`) + body;
  for (const timeoutMs of [Infinity, 2 ** 31]) assert.equal((await answered(answer, get, { timeoutMs, attempts: 1 })).id, "n1");
});

await test("half of a surrogate pair is a wrong argument, wherever it stands", async () => {
  const client = new Client({ url: "http://127.0.0.1:1", attempts: 1 });
  const bad = "a\udc00\ud800b";
  const wrong = [{ idempotency_key: bad }, { body: bad }, { headers: { X: bad } }, { labels: { [bad]: "x" } }, { data: [{ x: bad }] }, { data: bad[2] }];
  for (const fields of wrong) {
    await assert.rejects(client.submit({ url: "http://a", ...fields }), RangeError);
    await assert.rejects(client.submitStream([{ url: "http://a", ...fields }]).next(), RangeError);
  }
  for (const call of [client.get(bad), client.trigger(bad), client.list({ caller: bad }).next()]) await assert.rejects(call, RangeError);
  // What only looks like one, and a pair.
  for (const text of ["\\ud800", "\\\\ud800", "\ud83d\ude00", "\u0000ud800"]) assert.equal(JSON.parse(stringifyJson(text)), text);
});

await test("a number that JSON has not is a wrong argument, not null", async () => {
  const client = new Client({ url: "http://127.0.0.1:1", attempts: 1 });
  for (const data of [NaN, { a: [Infinity] }, { a: { valueOf: null, toJSON: () => -Infinity } }]) {
    await assert.rejects(client.submit({ url: "http://a", data }), RangeError);
    await assert.rejects(client.submitStream([{ url: "http://a", data }]).next(), RangeError);
  }
});

console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

// What is no common case (clients/cases.md): answers that are none, and what errors must not tell: node hostile_test.mjs
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { BadAnswerError, Client, ConnectionError, NotFoundError, TooLargeError, stringifyJson } from "../../../clients/node/notifyd.js";

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
    const url = `http://127.0.0.1:${server.address().port}`;
    return await call(new Client({ url, sleep: async () => {}, ...options }), url);
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

await test("what no broker answers is no wrong argument", async () => {
  await assert.rejects(answered(head(999, "Content-Length: 0"), get), (error) => error.kind === "refused" && error.status === 999);
  await assert.rejects(answered(head(200, "Content-Encoding: gzip\r\nContent-Length: 8") + "notagzip", get), BadAnswerError);
  await assert.rejects(answered(head(101, "Upgrade: x\r\nConnection: Upgrade"), get), ConnectionError);
});

/** A server of http, or with a certificate https, that answers before the end of a request and goes. */
async function refusing(status, body, call, certificate) {
  const sent = head(status, `Content-Length: ${body.length}\r\nConnection: close`) + body;
  const server = (certificate ? createTlsServer(certificate) : createServer()).listen(0, "127.0.0.1");
  server.on(certificate ? "secureConnection" : "connection", (socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.pause().write(sent, () => setTimeout(() => socket.destroy(), 50)));
  });
  await once(server, "listening");
  const waits = [];
  const url = `http${certificate ? "s" : ""}://127.0.0.1:${server.address().port}`;
  try {
    await call(new Client({ url, sleep: async (ms) => void waits.push(ms) }));
  } finally {
    server.close();
  }
  return waits;
}

await test("an answer before the end of the request counts", async () => {
  const folder = mkdtempSync(join(tmpdir(), "notifyd-tls-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const openssl = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=broker -addext subjectAltName=IP:127.0.0.1";
  execFileSync("openssl", [...openssl.split(" "), "-keyout", key, "-out", cert], { stdio: "ignore" });
  const body = "x".repeat(50000000);
  const problem = '{"type":"urn:notifyd:problem:too-large","detail":"too long"}';
  const refused = (client) => assert.rejects(client.submit({ url: "http://a", body }), TooLargeError);
  assert.deepEqual(await refusing(413, problem, refused), []);
  const tls = { key: readFileSync(key), cert: readFileSync(cert) };
  rmSync(folder, { recursive: true });
  const distrusts = (client) => assert.rejects(client.get("n1"), { name: "ConnectionError", message: /self-signed/ });
  assert.equal((await refusing(413, problem, distrusts, tls)).length, 3);
  // In the middle of a process Node 18 can be told of no authority.
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
  try {
    assert.deepEqual(await refusing(413, problem, refused, tls), []);
  } finally {
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  }
});

await test("a proxy that a process has for all is not asked, be it by its environment", async () => {
  const asked = [];
  const proxy = createServer((socket) => socket.once("data", (data) => socket.end(void asked.push(String(data)) ?? "")).on("error", () => {}));
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const address = `http://127.0.0.1:${proxy.address().port}`;
  const source = `
    import http from "node:http";
    import { Client } from ${JSON.stringify(new URL("../../../clients/node/notifyd.js", import.meta.url).href)};
    // As the package undici and others put theirs.
    globalThis[Symbol.for("undici.globalDispatcher.1")] = { dispatch: () => { throw new Error("the dispatcher of all was asked"); } };
    http.globalAgent = Object.assign(new http.Agent(), { addRequest: () => { throw new Error("the agent of all was asked"); } });
    console.log((await new Client({ url: process.argv[1], token: "secret", attempts: 1 }).get("n1")).id);`;
  const names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"].map((name) => [name, address]);
  const env = { ...process.env, ...Object.fromEntries(names), NO_PROXY: "", no_proxy: "", NODE_USE_ENV_PROXY: "1" };
  const body = '{"id":"n1"}';
  const run = async (_, url) => (await promisify(execFile)(process.execPath, ["--input-type=module", "-e", source, url], { env })).stdout.trim();
  try {
    assert.equal(await answered(head(200, `Content-Length: ${body.length}`) + body, run), "n1");
    assert.deepEqual(asked, []);
  } finally {
    proxy.close();
  }
});

await test("no port is forbidden", async () => {
  // Of a browser's list; nobody is there.
  await assert.rejects(new Client({ url: "http://127.0.0.1:1", attempts: 1 }).get("n1"), /ECONNREFUSED/);
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
  const inside = [{ headers: { X: bad } }, { labels: { [bad]: "x" } }, { data: [{ x: bad }] }, { data: bad[2] }];
  const wrong = [{ idempotency_key: bad }, { body: bad }, ...inside];
  for (const fields of wrong) {
    await assert.rejects(client.submit({ url: "http://a", ...fields }), RangeError);
    await assert.rejects(client.submitStream([{ url: "http://a", ...fields }]).next(), RangeError);
  }
  for (const call of [client.get(bad), client.trigger(bad), client.list({ caller: bad }).next()]) await assert.rejects(call, RangeError);
  // What only looks like one, and a pair.
  for (const text of ["\\ud800", "\\\\ud800", "\ud83d\ude00", "\u0000ud800"]) assert.equal(JSON.parse(stringifyJson(text)), text);
});

await test("lines that are answered while others are still sent are all sent, once", async () => {
  let requests = 0;
  let lines = 0;
  const server = createHttpServer((request, response) => {
    requests += 1;
    let index = 0;
    response.writeHead(200, { "Content-Type": "application/x-ndjson" });
    response.flushHeaders();
    request.on("data", (piece) => {
      for (const byte of piece) if (byte === 10) response.write(`{"index":${index++},"id":"n${lines++}"}\n`);
    });
    request.on("end", () => response.end());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const client = new Client({ url: `http://127.0.0.1:${server.address().port}`, attempts: 1, timeoutMs: 10000 });
    const ids = [];
    for await (const line of client.submitStream(Array.from({ length: 900 }, () => ({ url: "http://a", body: "x".repeat(900) })))) ids.push(line.id);
    assert.deepEqual(ids, Array.from({ length: 900 }, (_, index) => `n${index}`));
    assert.equal(requests, 1);
  } finally {
    server.close();
  }
});

await test("what a source gave before it failed is sent", async () => {
  const last = [
    () => {
      throw new Error("the source failed");
    },
    () => ({ url: "http://c", data: NaN }),
  ];
  for (const give of last) {
    const source = async function* () {
      yield { url: "http://a" };
      yield { url: "http://b" };
      yield give();
    };
    const text = '{"index":0,"id":"n1"}\n{"index":1,"id":"n2"}\n';
    const seen = [];
    const all = async (client) => {
      for await (const line of client.submitStream(source())) seen.push(line.id);
    };
    await assert.rejects(answered(`${head(200, `Content-Length: ${text.length}`)}${text}`, all), /the source failed|NaN|JSON/);
    assert.deepEqual(seen, ["n1", "n2"]);
  }
});

await test("a URL with an empty query or fragment is refused", () => {
  for (const url of ["http://127.0.0.1:1/u/?", "http://127.0.0.1:1/u#"]) assert.throws(() => new Client({ url }), RangeError);
});

await test("a broker is reached over a Unix socket", async () => {
  const folder = mkdtempSync(join(tmpdir(), "notifyd-socket-"));
  const path = join(folder, "socket");
  const server = createServer((socket) => socket.once("data", () => socket.end(`${head(200, "Content-Length: 11")}{"id":"n1"}`))).listen(path);
  await once(server, "listening");
  try {
    assert.equal((await new Client({ url: `unix:${path}` }).get("n1")).id, "n1");
  } finally {
    server.close();
    await once(server, "close");
  }
  try {
    const lost = new Client({ url: `unix:${path}`, attempts: 1 });
    await assert.rejects(lost.get("n1"), (error) => error instanceof ConnectionError && error.message.startsWith(`no answer from unix:${path}: `));
  } finally {
    rmSync(folder, { recursive: true });
  }
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

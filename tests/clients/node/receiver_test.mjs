// What receivers use: the vectors (clients/cases.md), and both middlewares: node receiver_test.mjs VECTORS
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { gzipSync } from "node:zlib";
import { Dedup, VerifyError, expressReceiver, fetchReceiver, verify } from "../../../clients/node/receiver.js";

const vectors = JSON.parse(readFileSync(process.argv[2], "utf8"));
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

for (const { name, keys, headers, body, body_base64, now_s, tolerance_s, result, error } of vectors.verify) {
  await test(`verify: ${name}`, () => {
    const raw = body_base64 === undefined ? body : Buffer.from(body_base64, "base64");
    const judged = () => verify(headers, raw, keys, { toleranceS: tolerance_s, now: () => now_s * 1000 + 999 });
    if (error === "bad_key") assert.throws(judged, RangeError);
    else if (error !== undefined) assert.throws(judged, (thrown) => thrown instanceof VerifyError && thrown.reason === error);
    else assert.deepEqual(judged(), { id: result.id, timestampS: result.timestamp_s });
  });
}

for (const { name, capacity, ttl_ms, answer_bytes, steps } of vectors.dedup) {
  await test(`dedup: ${name}`, () => {
    let at = 0;
    const dedup = new Dedup({ capacity, ttlMs: ttl_ms, now: () => at, answerBytes: answer_bytes });
    for (const step of steps) {
      at = step.at_ms;
      const seen = dedup[step.do](step.id, step.answer === undefined ? undefined : Buffer.from(step.answer));
      assert.equal(Buffer.isBuffer(seen) ? seen.toString() : seen, step.result, `at ${at}`);
    }
  });
}

const KEY = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;

function signed(id, body, more = {}) {
  const at = Math.floor(Date.now() / 1000);
  const mac = createHmac("sha256", Buffer.alloc(32, 7)).update(`${id}.${at}.${body}`).digest("base64");
  return { "Content-Type": "application/json", "webhook-id": id, "webhook-timestamp": String(at), "webhook-signature": `v1,${mac}`, ...more };
}

await test("verify: a header that comes twice is none, and Headers and req.headers are taken", () => {
  const headers = signed("n1", "");
  assert.equal(verify(new Headers(headers), "", [KEY]).id, "n1");
  assert.throws(() => verify({ ...headers, "Webhook-Id": "n2" }, "", [KEY]), { reason: "missing_header" });
  assert.equal(verify({ ...headers, "webhook-id": ["n1"] }, "", [KEY]).id, "n1");
});

/** Lets others go on until there() holds, for as long as a busy machine may take. */
async function until(there) {
  for (const end = Date.now() + 60000; !there(); await new Promise(setImmediate)) assert(Date.now() < end, "not in 60 s");
}

/** Posts to a server of node:http, and gives the status. */
async function post(server, headers, body) {
  const sent = request({ port: server.address().port, host: "127.0.0.1", method: "POST", path: "/", headers, agent: false });
  sent.end(body);
  const [answer] = await once(sent, "response");
  answer.text = "";
  for await (const piece of answer.setEncoding("utf8")) answer.text += piece;
  return answer;
}

/** A server whose one route has the middleware before it, as Express calls them. */
async function serving(middleware, route) {
  const server = createServer((req, res) => middleware(req, res, (error) => (error ? res.writeHead(500).end(error.message) : route(req, res))));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

/** Runs a vector of receivers; `calling(answers, options)` gives what makes a call of which the route takes its next answer from `answers`. */
async function comeAgain({ calls, times = 1, done_contains }, calling) {
  const answers = [];
  const options = { dedup: new Dedup(), ...(done_contains !== undefined && { done: (status, body) => body.includes(done_contains) }) };
  const callOf = new Map();
  for (const { scope } of calls) if (!callOf.has(scope)) callOf.set(scope, await calling(answers, { ...options, scope }));
  for (const [i, { app, answer, cut_bytes, scope }] of calls.entries()) {
    const call = callOf.get(scope);
    if (app !== undefined) answers.push([app[0], app[1].repeat(times)]);
    assert.deepEqual(await call(), [answer[0], answer[1].repeat(times).slice(0, cut_bytes)], `call ${i}`);
    assert.equal(answers.length, 0, `call ${i}: the route was not asked`);
  }
}

for (const vector of vectors.receive) {
  // Each in pieces, in both ways in which node:http takes them.
  for (const written of [(text) => text, (text) => Buffer.from(text)]) {
    await test(`express: ${vector.name}`, async () => {
      const servers = [];
      await comeAgain(vector, async (answers, options) => {
        const server = await serving(expressReceiver({ keys: [KEY], ...options }), (req, res) => {
          const [status, body] = answers.shift();
          res.writeHead(status);
          res.write(written(body.slice(0, 1)), () => {});
          res.end(written(body.slice(1)));
        });
        servers.push(server);
        return async () => {
          const { statusCode, text } = await post(server, signed("n1", ""), "");
          return [statusCode, text];
        };
      });
      for (const server of servers) server.close();
    });
  }
  await test(`fetch: ${vector.name}`, () =>
    comeAgain(vector, (answers, options) => {
      const handler = () => {
        const [status, body] = answers.shift();
        return new Response(body === "" ? null : new Blob([body.slice(0, 1), body.slice(1)]).stream(), { status });
      };
      const receive = fetchReceiver(handler, { keys: [KEY], ...options });
      return async () => {
        const answer = await receive(new Request("http://localhost/", { method: "POST", headers: signed("n1", ""), body: "" }));
        return [answer.status, await answer.text()];
      };
    }),
  );
}

await test("fetch: what is done cannot be told: it comes again", async () => {
  const dedup = new Dedup();
  const done = () => {
    throw new Error("unknown");
  };
  const receive = fetchReceiver(() => new Response("taken"), { keys: [KEY], dedup, done });
  await assert.rejects(receive(new Request("http://localhost/", { method: "POST", headers: signed("n1", ""), body: "" })), /unknown/);
  assert.equal(dedup.claim("n1"), "new");
});

await test("express: a signed call reaches the route once, with its parsed body; its repeat is answered", async () => {
  const seen = [];
  const server = await serving(expressReceiver({ keys: [KEY] }), (req, res) => {
    seen.push([req.notify.id, req.notify.attempt, req.body, req.rawBody.toString()]);
    res.writeHead(204).end();
  });
  const body = '{"order":9007199254740993}';
  assert.equal((await post(server, signed("n1", body, { "Notify-Attempt": "3" }), body)).statusCode, 204);
  const repeat = await post(server, signed("n1", body, { "Notify-Id": "another" }), body);
  assert.equal(repeat.statusCode, 204);
  assert.deepEqual(seen, [["n1", 3, { order: 9007199254740993n }, body]]);
  server.close();
});

await test("express: a compressed body is verified as it came, and parsed; not beyond the limit", async () => {
  const seen = [];
  const server = await serving(expressReceiver({ keys: [KEY], maxBytes: 1000 }), (req, res) => {
    seen.push([req.body, req.rawBody]);
    res.end();
  });
  const packed = (text) => {
    const body = gzipSync(text);
    const at = Math.floor(Date.now() / 1000);
    const mac = createHmac("sha256", Buffer.alloc(32, 7)).update(`n1.${at}.`).update(body).digest("base64");
    const headers = { "Content-Type": "application/json", "Content-Encoding": "gzip", "webhook-id": "n1", "webhook-timestamp": String(at) };
    return [{ ...headers, "webhook-signature": `v1,${mac}` }, body];
  };
  assert.equal((await post(server, ...packed(`"${"x".repeat(2000)}"`))).statusCode, 400);
  assert.equal((await post(server, ...packed('{"order":17}'))).statusCode, 200);
  assert.deepEqual(seen, [[{ order: 17 }, packed('{"order":17}')[1]]]);
  server.close();
});

await test("express: what is not signed, not JSON or too long does not reach it", async () => {
  const server = await serving(expressReceiver({ keys: [KEY], maxBytes: 100 }), () => assert.fail("reached"));
  const wrong = await post(server, signed("n1", "{}"), "{ }");
  assert.deepEqual([wrong.statusCode, wrong.text], [401, "notifyd: the call does not verify: no_match\n"]);
  assert.equal((await post(server, signed("n1", "{"), "{")).statusCode, 400);
  const long = JSON.stringify("x".repeat(200));
  assert.equal((await post(server, signed("n2", long), long)).statusCode, 413);
  server.close();
});

await test("express: a route that fails is called again; one that is at work answers 503 to a repeat", async () => {
  const dedup = new Dedup();
  const answers = [];
  const server = await serving(expressReceiver({ keys: [KEY], dedup }), (req, res) => answers.push(res));
  const first = post(server, signed("n1", ""), "");
  await until(() => answers.length === 1);
  const busy = await post(server, signed("n1", ""), "");
  assert.deepEqual([busy.statusCode, busy.headers["retry-after"]], [503, "1"]);
  answers[0].writeHead(500).end();
  assert.equal((await first).statusCode, 500);
  const again = post(server, signed("n1", ""), "");
  await until(() => answers.length === 2);
  answers[1].end("done");
  assert.equal((await again).statusCode, 200);
  server.close();
});

await test("express: what fails behind the answer is a warning of the process", async () => {
  const dedup = { claim: async () => "new", finish: async () => Promise.reject(new Error("no store")), release: async () => {}, answer: async () => null };
  const server = await serving(expressReceiver({ keys: [KEY], dedup }), (req, res) => res.end("done"));
  const warned = once(process, "warning");
  assert.equal((await post(server, signed("n1", ""), "")).statusCode, 200);
  assert.equal((await warned)[0].message, "no store");
  server.close();
});

await test("express: work goes on where the caller went away: its repeat finds it under way, and then done", async () => {
  const answers = [];
  const server = await serving(expressReceiver({ keys: [KEY] }), (req, res) => answers.push(res));
  const gone = request({ port: server.address().port, host: "127.0.0.1", method: "POST", path: "/", headers: signed("n1", ""), agent: false });
  gone.on("error", () => {});
  gone.end();
  await until(() => answers.length === 1);
  gone.destroy();
  await once(answers[0], "close");
  assert.equal((await post(server, signed("n1", ""), "")).statusCode, 503);
  answers[0].end("done");
  assert.equal((await post(server, signed("n1", ""), "")).statusCode, 200);
  assert.equal(answers.length, 1);
  server.close();
});

await test("express: a body that somebody read before is a mistake that is told", async () => {
  const server = await serving(
    async (req, res, next) => {
      for await (const _ of req);
      req.body = {};
      expressReceiver({ keys: [KEY] })(req, res, next);
    },
    () => assert.fail("reached"),
  );
  assert.equal((await post(server, signed("n1", "{}"), "{}")).statusCode, 500);
  server.close();
});

await test("fetch: once, with a request that can be read; a failure releases it", async () => {
  let status = 500;
  const seen = [];
  const receive = fetchReceiver(
    async (request, notify) => {
      seen.push([notify.id, await request.json()]);
      if (status === 0) throw new Error("broken");
      return new Response(null, { status });
    },
    { keys: [KEY] },
  );
  const call = (id, sent = "{}") => receive(new Request("http://localhost/", { method: "POST", headers: signed(id, "{}"), body: sent }));
  assert.equal((await call("n1")).status, 500);
  status = 0;
  await assert.rejects(call("n1"), /broken/);
  status = 201;
  assert.equal((await call("n1")).status, 201);
  assert.equal((await call("n1")).status, 201);
  const wrong = await call("n2", "{ }");
  assert.deepEqual([wrong.status, await wrong.text()], [401, "notifyd: the call does not verify: no_match\n"]);
  assert.deepEqual(seen, [["n1", {}], ["n1", {}], ["n1", {}]]);
});

await test("fetch: a store of one's own", async () => {
  const asked = [];
  let kept;
  const dedup = {
    claim: async (id) => (asked.push(["claim", id]), kept === undefined ? "new" : "done"),
    finish: async (id, answer) => void asked.push(["finish", id], (kept = answer)),
    release: async () => {},
    answer: async () => kept,
  };
  const receive = fetchReceiver(() => new Response("done", { status: 201 }), { keys: [KEY], dedup });
  const call = () => receive(new Request("http://localhost/", { method: "POST", headers: signed("n1", "1"), body: "1" }));
  await call();
  assert.deepEqual(asked.slice(0, 2), [["claim", "n1"], ["finish", "n1"]]);
  // As bytes or as text, as the store has it; and as nothing.
  for (kept of [kept, kept.toString()]) assert.equal(await (await call()).text(), "done");
  kept = null;
  assert.equal((await call()).status, 200);
});

await test("a receiver without keys is none", () => {
  assert.throws(() => expressReceiver({}), RangeError);
  assert.throws(() => fetchReceiver(() => new Response(), { keys: [] }), RangeError);
});

console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

// The Node client against a real broker, whose place and keys broker.py says in the environment: node e2e_test.mjs
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { Client, ConflictError, ConnectionError, NotFoundError } from "../../../clients/node/notifyd.js";
import { PreconditionFailedError, UnacceptableError, UnauthorizedError } from "../../../clients/node/notifyd.js";
import { Dedup, expressReceiver, verify } from "../../../clients/node/receiver.js";

const { WEBHOOK_KEY, WEBHOOK_PUBLIC_KEY } = process.env;
const client = new Client();

const seen = [];
const middleware = expressReceiver({ keys: [WEBHOOK_PUBLIC_KEY], dedup: new Dedup() });
const server = createServer((req, res) =>
  middleware(req, res, () => {
    verify(req.headers, req.rawBody, [WEBHOOK_KEY]);
    assert.equal(req.notify.id, req.headers["notify-id"]);
    seen.push({ path: req.url, body: req.body });
    res.writeHead(req.url === "/fails" ? 500 : 200, { "Content-Type": "text/plain" }).end("taken");
  }),
);
server.listen(0, "127.0.0.1");
await once(server, "listening");
const base = `http://127.0.0.1:${server.address().port}`;
const url = `${base}/hook`;
const at = (path) => seen.filter((one) => one.path === path).map((one) => one.body);

// One, waited for, with its result.
const accepted = await client.submit({ url: `${base}/one`, data: { order: 9007199254740993n }, keep_response_bytes: 100 });
const settled = await client.wait(accepted.id);
assert.deepEqual([settled.state, settled.data], ["succeeded", { order: 9007199254740993n }]);
assert.deepEqual(at("/one"), [{ order: 9007199254740993n }]);
assert.equal((await client.response(accepted.id)).body, "taken");
const waited = await client.submitAndWait({ url: `${base}/waited` }, 60000);
assert.deepEqual([waited.state, waited.response.status], ["succeeded", 200]);

// Held, looked at, changed, triggered; a second one under the key is told who holds it.
const fkey = "order/17 ?#%&世";
const held = await client.submit({ url: `${base}/held`, data: { order: 17 }, fkey });
await assert.rejects(client.submit({ url, fkey }), (error) => error instanceof ConflictError && error.id === held.id);
const { etag } = await client.getFkey(fkey);
const changed = await client.change(held.id, { labels: null }, { ifMatch: etag }).catch((error) => error);
assert(changed instanceof UnacceptableError && changed.field === "/labels");
assert.equal((await client.change(held.id, { priority: 9 }, { ifMatch: etag })).priority, 9);
await assert.rejects(client.change(held.id, { priority: 1 }, { ifMatch: etag }), PreconditionFailedError);
await client.trigger(fkey, { data: { paid: true } });
assert.equal((await client.wait(held.id)).state, "succeeded");
assert.deepEqual(at("/held"), [{ order: 17, paid: true }]);
await assert.rejects(client.trigger("never"), NotFoundError);

// Many: a batch, and a stream of several requests with a line that is refused.
assert.equal((await client.submitBatch([{ url }, { url }])).length, 2);
const streamed = [];
function* many() {
  for (let i = 0; i < 2500; ++i) yield i === 1234 ? { url: "ftp://x" } : { url: `${base}/stream`, data: { i }, delay_ms: 86400000, lane: "stream" };
}
for await (const line of client.submitStream(many())) streamed.push(line);
assert.deepEqual(streamed.map(({ index }) => index), Array.from({ length: 2500 }, (_, i) => i));
assert.deepEqual(streamed.filter(({ error }) => error).map(({ index, error }) => [index, error.field]), [[1234, "/url"]]);
let listed = 0;
for await (const one of client.list({ lane: "stream", state: ["scheduled"], limit: 1000 })) listed += one.lane === "stream";
assert.equal(listed, 2499);
assert.deepEqual(await client.cancelMatching({ state: "scheduled", lane: "stream" }, { limit: 1000 }), { count: 2499 });

// Later, cancelled; failed, found and sent again.
const later = await client.submit({ url, delay_ms: 86400000 });
assert.equal((await client.explain(later.id)).reasons[0].code, "not_due");
assert.equal((await client.cancel(later.id)).state, "cancelled");
await assert.rejects(client.cancel(later.id), ConflictError);
const failing = await client.submit({ url: `${base}/fails`, retry: { max_attempts: 1 } });
assert.equal((await client.wait(failing.id)).state, "failed");
assert.equal((await client.retry(failing.id)).id, failing.id);
assert.equal((await client.wait(failing.id)).attempts_made, 2);
assert.deepEqual(await client.retryMatching({ state: "failed" }, { dry_run: true }), { count: 1 });
assert.deepEqual(await client.purgeMatching({ state: "failed" }), { count: 1 });

// Lanes with a name that must be encoded.
const lane = "https://example.com/a?b#c d";
assert.equal((await client.pauseLane("fifo", lane)).paused, true);
assert.equal((await client.lane("fifo", lane)).paused, true);
const names = [];
for await (const one of client.lanes({ prefix: "https://example" })) names.push(one.name);
assert.deepEqual(names, [lane]);
assert.equal((await client.resumeLane("fifo", lane)).paused, false);

// Topics, groups, and what has no call of its own.
await client.request("PUT", "/v1/subscriptions/all", { json: { topic: "order.#", url: `${base}/event` } });
assert.equal((await client.publish("order.created", { data: { id: 1 } })).matched, 1);
assert.deepEqual((await client.publishBatch([{ topic: "order.paid", data: 2 }, { topic: "mail", data: 3 }])).map(({ matched }) => matched), [1, 0]);
const group = await client.makeGroup({ notifies: [{ url }, { url }], sequential: true }, { wait_ms: 60000 });
assert.deepEqual([group.state, group.counts.succeeded], ["settled", 2]);
assert.equal((await client.group(group.id, { wait_ms: 1000 })).state, "settled");
const groups = [];
for await (const one of client.groups()) groups.push(one.id);
assert.deepEqual(groups, [group.id]);
assert.equal(typeof (await client.request("GET", "/v1/stats")).totals.accepted, "number");

// Whom it does not know, and where nobody is.
await assert.rejects(new Client({ token: "ntf_wrong_wrong" }).get(held.id), UnauthorizedError);
server.close();
server.closeAllConnections?.();
await assert.rejects(new Client({ url: base, attempts: 1 }).get(held.id), ConnectionError);
console.log("1 passed, 0 failed");

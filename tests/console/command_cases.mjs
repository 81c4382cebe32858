// What is copied as a command makes the same call and the same submit, whatever somebody wrote into it; what is offered helps; an order that is told is
// the broker's.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { check, isClean, pure, same, sources, until } from "./harness.mjs";
import { open, ready } from "./seed.mjs";

/// What a shell makes of it, without holding up the receiver, which is in this process.
async function shell(world, text, env = {}) {
  const dir = mkdtempSync(join(tmpdir(), "console-shell-"));
  try {
    const ran = spawn("sh", [], { cwd: dir, env: { ...process.env, PATH: `${dirname(world.options.notifyd)}:${process.env.PATH}`, ...env } });
    let said = "";
    for (const from of [ran.stdout, ran.stderr]) from.on("data", (bytes) => (said += bytes));
    ran.stdin.end(text + "\n");
    const code = await new Promise((done) => ran.on("close", done));
    check(code === 0, `${text.slice(0, 500)}\nended with ${code}: ${said}`);
    check(!existsSync(join(dir, "hurt")), `a part of it was run: ${text.slice(0, 500)}`);
    return said;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const kHurt = `'; touch hurt; '"; touch hurt; "$(touch hurt)\`touch hurt\` \\' !!`;

/// Each with what it is sent to behind the receiver's URL.
const kCalls = [
  { path: "/plain", data: { order: 1, text: kHurt } },
  { path: "/form", content_type: "application/x-www-form-urlencoded", data: { a: { b: [1, true, false, null, "x y&=~*'()!ü"] }, "": "", n: 1.5 } },
  { path: "/query?a=[1]&b={2}", method: "GET", data: { c: [1, "2 3"] } },
  { path: "/mark?", method: "DELETE", data: { c: 1 } },
  { path: "/head", method: "HEAD" },
  { path: "/nothing" },
  { path: "/put", method: "PUT" },
  { path: "/empty", body: "" },
  { path: "/a/../b/./c", body: "@/etc/hostname", content_type: "text/plain" },
  { path: "/raw", body: kHurt + "\n\ttwo lines\n", headers: { "X-Hurt": kHurt, "X-Empty": "", "x-type": "ü", "Content-Type": "text/x-own" } },
  { path: "/control", body: "a\0b\x1b[201~\rtouch hurt\r\x7f", content_type: "text/plain" },
  { path: "/bytes", method: "PATCH", body_base64: Buffer.from([0, 255, 10, 39, 128]).toString("base64"), content_type: "application/octet-stream" },
  { path: "/packed", body: "the same again, the same again", compress: "gzip" },
  { path: "/turned", body: "a\u202etxt.\u2066b\u2069", headers: { "X-Turned": "\u202eb" }, content_type: "text/plain" },
  { path: "/large", body: "'x\n".repeat(70_000) },
];

/// Each with fields that make another notify of it.
const kSubmits = [
  { data: -1, lane: "-x", caller: "=ls", labels: { team: kHurt, "-a": "b" } },
  { data: 1, retry: { max_attempts: 10 }, timeout_ms: 30_000 }, // in the namespace that has other defaults
  { data: "text", mode: "fifo", lane: "--help", group: "g", method: "PUT" },
  { data: { customer: 7 }, order_by: "/customer", partitions: 3, order_by_missing: "spread" },
  { data: { customer: 7 }, order_by: "/customer", lane: "by~customer", mode: "fifo" },
  { body: kHurt, group: "side by side", priority: 9, timeout_ms: 1234, connect_timeout_ms: 567, keep_response_bytes: 99 },
  { body_base64: "AP8=", content_type: "application/octet-stream", headers: { "-x": kHurt, "X-Empty": "" } },
  { body: "a\0b", lane: "a\x1bb\nc", fkey: "f\x01", on_held: "keep" },
  { body: "x".repeat(150_000), reply: "none", compress: "gzip" },
  { delay_ms: 3_600_000, ttl_ms: 7_200_000, retry: { max_attempts: 3, initial_ms: 5, factor: 1.5, max_ms: 500, jitter: 0 } },
  { due_at: "2035-01-02T03:04:05.678Z", expires_at: "2036-01-01T00:00:00.000Z", fkey: kHurt, on_held: "replace" },
  { delay_ms: 3_600_000, ttl_ms: 7_200_000, retry: { schedule_ms: [1, 2, 3], fatal_on: { status: [410] }, later_on: { status: ["2xx"], json: { "/done": false } }, only_on: { contains: kHurt } } },
  { expect: { status: [200, "4xx"], contains: "ok", json: { "/a/b": { c: [1, null] } } }, follow_redirects: false, callback_url: "http://127.0.0.1:9/told?a=[b]" },
];

/// Of a notify what its submitter said of it.
function said(notify) {
  const { id, state, reason, created_at, settled_at, next_attempt_at, attempts, attempts_made, due_at, expires_at, ...rest } = notify;
  return { ...rest, due_at: rest.delay_ms === null && Date.parse(due_at) > Date.now() ? due_at : null, expires_at: rest.ttl_ms === null ? expires_at : null };
}

/// What a receiver sees of a call, but for what the broker adds by itself. What is packed may be so in other words.
function sent({ method, path, bytes, headers: { "user-agent": agent, "notify-via": via, connection, ...headers } }) {
  const packed = headers["content-encoding"] === "gzip";
  if (packed) delete headers["content-length"];
  return { method, path, body: (packed ? gunzipSync(bytes) : bytes).toString("base64"), headers: Object.fromEntries(Object.entries(headers).sort()) };
}

/// The first of those that are due in a lane, and who comes behind each, as the console tells it.
async function told(order, broker, lane) {
  const { items } = await broker.call("GET", `/v1/notifies?lane=${lane.name}&mode=${lane.mode}&state=${order.kDue}`);
  return { head: order.headOf(await broker.call("GET", `/v1/lanes/${lane.mode}/${lane.name}`), items)?.id, behind: (id) => order.nextBehind(id, items)?.id ?? null };
}

export const commandCases = [
  [
    "commands: curl makes the call that the broker made",
    async (world) => {
      const broker = await world.broker();
      const receiver = await world.receiver();
      const { curlOf } = await pure(world.options.packages, "commands");
      for (const { path, ...fields } of kCalls) {
        const { id } = await broker.submit({ url: receiver.url + path, ...fields });
        const notify = await broker.settled(id);
        await shell(world, curlOf(notify).text + " >answer");
        const calls = receiver.calls.filter((call) => call.id === id);
        same(calls.length, 2, path);
        same(sent(calls[1]), sent(calls[0]), path);
      }
    },
  ],
  [
    "commands: notifyctl submits it as it was, in its namespace",
    async (world) => {
      const broker = await world.broker();
      const receiver = await world.receiver();
      await broker.call("PUT", "/v1/namespaces/billing", { retry: { max_attempts: 2 }, timeout_ms: 9999 });
      const { submitAgain } = await pure(world.options.packages, "commands");
      for (const [i, fields] of [...kSubmits, ...kCalls].entries()) {
        const { path = "/submit?a=b#c", ...rest } = fields;
        const space = i % 2 === 0 ? "default" : "billing";
        const at = `/v1/namespaces/${space}/notifies`;
        const { id } = await broker.call("POST", at, { url: receiver.url + path, ...rest });
        const was = await broker.call("GET", `${at}/${id}`);
        const { text, notes } = submitAgain(was, space, Date.now());
        same(notes, [], "notes");
        // Its fkey is free for the second.
        if (was.fkey) await broker.call("DELETE", `${at}/${id}`);
        await shell(world, text, { NOTIFYD_URL: broker.url });
        const [newest] = (await broker.call("GET", `${at}?limit=10`)).items.filter((row) => row.url === was.url);
        check(newest.id > id, `nothing was submitted: ${text.slice(0, 500)}`);
        same(said(await broker.call("GET", `${at}/${newest.id}`)), said(was), text.slice(0, 500));
      }
    },
  ],
  [
    "commands: keys that look like numbers stay where they are, in what is copied and in what is typed",
    async (world) => {
      const broker = await world.broker();
      const receiver = await world.receiver();
      const { submitAgain, curlOf } = await pure(world.options.packages, "commands");
      const { jsonOf, parseData, parseExactly } = await pure(world.options.packages, "json");
      const data = `{"b":{"10":1,"9":[{"x":"\\"1\\":","2":{}}],"":0},"7":"3","a":null,"\ue0001":2,"01":3,"data":{"y":1,"0":2},"5":"{"}`;
      same(jsonOf(parseData(data)), data, "what is typed");
      same(JSON.parse(jsonOf(parseData(data), undefined, 2)), JSON.parse(data), "what is shown");
      for (const [path, type] of [["/json", "application/json"], ["/form", "application/x-www-form-urlencoded"]]) {
        const body = `{"labels":{"1":"x"},"data":${data},"content_type":"${type}","url":"${receiver.url}${path}"}`;
        const made = await fetch(broker.url + "/v1/notifies", { method: "POST", headers: { "Content-Type": "application/json" }, body });
        const { id } = await made.json();
        await broker.settled(id);
        const was = parseExactly(await (await fetch(`${broker.url}/v1/notifies/${id}`)).text());
        same(was.labels, { 1: "x" }, "what else there is");
        await shell(world, curlOf(was).text + " >answer");
        await shell(world, submitAgain(was, "default", Date.now()).text, { NOTIFYD_URL: broker.url });
        const calls = () => receiver.calls.filter((call) => call.path === path).map((call) => call.bytes.toString());
        await until(() => calls().length === 3, "all calls");
        same(calls().slice(1), [calls()[0], calls()[0]], path);
      }
    },
  ],
  [
    "commands: what cannot be said in one is said under it",
    async (world) => {
      const broker = await world.broker();
      const { submitAgain, curlOf } = await pure(world.options.packages, "commands");
      await broker.call("PUT", "/v1/services/stock", {});
      const of = async (fields) => broker.call("GET", "/v1/notifies/" + (await broker.submit({ url: "http://127.0.0.1:9/x", delay_ms: 3_600_000, ...fields })).id);
      const notes = async (fields, change = {}) => submitAgain({ ...(await of(fields)), ...change }, "default", Date.now()).notes;
      same(await notes({ headers: { Authorization: "Bearer x" } }), ["command_hidden"], "a header that is not shown");
      same(await notes({ idempotency_key: "k" }), ["command_once"], "a key");
      same(await notes({}, { schedule: "nightly" }), ["command_alone"], "where it came from");
      same(await notes({}, { data: undefined, body: undefined, body_base64: undefined }), ["no_bodies"], "a body that is not shown");
      same(await notes({}, { expires_at: "2020-01-01T00:00:00.000Z" }), ["command_over"], "a time that is over");
      same(curlOf(await of({ url: "service://stock/orders" })), { text: null, notes: ["curl_service"] }, "a service");
    },
  ],
  [
    "commands: a filter's is one command, whatever its values are",
    async (world) => {
      const { commandOf, notifyctl, positional } = await pure(world.options.packages, "commands");
      same(commandOf("retry", { state: ["failed", "expired"], host: ["a:80"] }, "default"), "notifyctl retry --state failed,expired --host a:80", "a plain one");
      const values = [kHurt, "-x", "=ls", "", "~", "a\x1b[201~\rtouch hurt\rb\n", "%s\\n"];
      const text = commandOf("cancel", { label: values }, "--server=http://elsewhere");
      const out = await shell(world, `notifyctl() { for word in "$@"; do printf '%s' "$word" | base64 | tr -d '\\n'; echo; done; }\n${text}`);
      const words = out.trimEnd().split("\n").map((word) => Buffer.from(word, "base64").toString());
      const options = values.flatMap((value) => (value.startsWith("-") ? ["--label=" + value] : ["--label", value]));
      same(words, ["--namespace=--server=http://elsewhere", "cancel", ...options], text);
      same([notifyctl("default"), notifyctl("billing"), positional("a.b"), positional("-a;b")], ["notifyctl", "notifyctl --namespace billing", "a.b", "-- '-a;b'"], "parts");
    },
  ],
  [
    "order: the head of a lane and who is next in it are those that the broker sends, not those that were created so",
    async (world) => {
      const broker = await world.broker();
      const receiver = await world.receiver();
      const order = await pure(world.options.packages, "order");
      for (const lane of [{ mode: "fifo", name: "ledger" }, { mode: "concurrent", name: "side" }]) {
        const at = `/v1/lanes/${lane.mode}/${lane.name}`;
        await broker.call("PATCH", at, { paused: true, ...(lane.mode === "concurrent" ? { concurrency: 1 } : {}) });
        const put = async (more) => (await broker.submit({ url: `${receiver.url}/${lane.name}`, lane: lane.name, mode: lane.mode, ...more })).id;
        // The first is due last, since it is sent by hand after the others.
        const last = await put({ delay_ms: 3_600_000 });
        const ids = [await put({}), await put({}), last];
        if (lane.mode === "concurrent") ids.unshift(await put({ priority: 9 }));
        await broker.call("POST", `/v1/notifies/${last}/retry`);
        const { head, behind } = await told(order, broker, lane);
        same([head, ...ids.map(behind)], [ids[0], ...ids.slice(1), null], "as it is told");
        const before = receiver.calls.length;
        await broker.call("PATCH", at, { paused: false });
        for (const id of ids) await broker.settled(id);
        same(receiver.calls.slice(before).map((call) => call.id), ids, "as it is sent");
      }
    },
  ],
  [
    "order: what is in flight or waits for a retry is the head; what the list does not tell is not told",
    async (world) => {
      const order = await pure(world.options.packages, "order");
      const at = (second) => `2026-01-01T00:00:0${second}.000Z`;
      const one = (id, second, more = {}) => ({ id, state: "ready", mode: "fifo", priority: null, due_at: at(second), attempts_made: 0, ...more });
      const lane = { mode: "fifo", oldest_due_at: at(5) };
      for (const state of ["sending", "retrying"]) {
        const due = [one("n3", 6), one("n2", 1), one("n1", 5, { state, attempts_made: 1 })];
        same([order.headOf(lane, due)?.id, order.nextBehind("n1", due)?.id, order.nextBehind("n2", due)?.id, order.nextBehind("n3", due)], ["n1", "n2", "n3", null], state);
      }
      // One that was attempted and is ready again: it stays the head, or somebody sent it again, and it went to the tail.
      const either = [one("n2", 1), one("n1", 5, { attempts_made: 1 })];
      same([order.nextBehind("n2", either), order.nextBehind("n1", either), order.nextBehind("n9", either)].map((next) => next === undefined), [true, true, true], "it is not known");
      same(order.headOf(lane, either)?.id, "n1", "the lane says when its head was due");
    },
  ],
  [
    "actions: sending is offered where it helps: of a lane that its subscription paused, too, and not behind others",
    async (world) => {
      const broker = await world.broker();
      const receiver = await world.receiver();
      const { sendingOf } = await pure(world.options.packages, "actions");
      const offered = async (id) => sendingOf(await broker.call("GET", "/v1/notifies/" + id), (await broker.call("GET", `/v1/notifies/${id}/explain`)).reasons.map((reason) => reason.code));
      await broker.call("PUT", "/v1/topics/order.paid", {});
      await broker.call("PUT", "/v1/subscriptions/mailer", { topic: "order.*", url: receiver.url + "/mail", paused: true });
      await broker.call("POST", "/v1/topics/order.paid/publish", { data: { order: 1 } });
      const [event] = await until(async () => (await broker.call("GET", "/v1/notifies?subscription=mailer&state=ready")).items, "it is fanned out");
      same(await offered(event.id), { now: false, thoughPaused: true }, "of a paused subscription");
      await broker.call("POST", `/v1/notifies/${event.id}/retry?paused=true`);
      same((await broker.settled(event.id)).state, "succeeded", "it is sent, though its subscription is paused");
      same(await offered(event.id), { now: true, thoughPaused: false }, "of one that is settled");
      await broker.call("PATCH", "/v1/hosts/" + encodeURIComponent(receiver.host), { paused: true });
      same(await offered((await broker.submit({ url: receiver.url + "/host" })).id), { now: false, thoughPaused: false }, "of a paused host");
      same(await offered((await broker.submit({ url: receiver.url + "/later", delay_ms: 3_600_000 })).id), { now: true, thoughPaused: false }, "of one that is due later");
      same(sendingOf({ state: "ready" }, ["breaker_open"]), { now: true, thoughPaused: false }, "of one whose host is probed so");
      const group = await broker.call("POST", "/v1/groups", { sequential: true, notifies: [{ url: receiver.url + "/g/1" }, { url: receiver.url + "/g/2" }] });
      const member = (await broker.call("GET", "/v1/groups/" + group.id)).notifies[1].id;
      same(await offered(member), { now: false, thoughPaused: false }, "of one that waits for its turn in its group");
    },
  ],
  [
    "commands: pages show them, digit for digit, in the namespace that they are about; a number that is none is refused",
    async (world) => {
      const broker = await world.broker();
      const receiver = await world.receiver();
      const page = await world.browser.page(await world.context());
      const form = await fetch(broker.url + "/v1/notifies", { method: "POST", headers: { "Content-Type": "application/json" }, body: `{"url":"${receiver.url}/exact","content_type":"application/x-www-form-urlencoded","headers":{"Authorization":"Bearer x"},"data":{"id":12345678901234567890,"total":9.90}}` }).then((response) => response.json());
      await broker.settled(form.id);
      await open(page, broker, "notify/" + form.id);
      check((await page.textContent("pre[aria-label=curl]")).includes("--data-raw 'id=12345678901234567890&total=9.90'"), "the form");
      check((await page.textContent("pre[aria-label=notifyctl]")).includes(`--data '{"id":12345678901234567890,"total":9.90}'`), "the data");
      await page.waitForSelector(".panel:has(pre[aria-label=curl]):has-text('put what is not shown here')");
      await broker.call("PUT", "/v1/namespaces/billing", {});
      await open(page, broker, "lanes?ns=billing");
      await page.waitForSelector(".empty:has-text('notifyctl --namespace billing submit')");
      // What is sent is what the command says: the same digits, and no time that was not given.
      await open(page, broker, "submit");
      await page.fill("form.panel input >> nth=0", receiver.url + "/typed");
      await page.fill("form.panel textarea", '{"id":12345678901234567890}');
      await page.fill("form.panel input >> nth=2", "10 min");
      await page.click("form.panel button.main");
      await page.waitForSelector(".fault:has-text('/delay_ms')");
      await page.fill("form.panel input >> nth=2", "");
      check((await page.textContent(".panel pre")).includes(`--data '{"id":12345678901234567890}'`), "the command");
      await page.click("form.panel button.main");
      await page.waitForSelector("#waterfall");
      await until(() => receiver.calls.some((call) => call.path === "/typed" && call.body === '{"id":12345678901234567890}'), "it arrives");
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "actions: what is triggered already is not offered to be triggered or cancelled by its fkey",
    async (world) => {
      const broker = await world.broker();
      const receiver = await world.receiver();
      const page = await world.browser.page(await world.context());
      const { id } = await broker.submit({ url: receiver.url + "/ship", fkey: "order-1" });
      await open(page, broker, "fkeys?fkey=order-1");
      for (const button of ["Trigger", "Cancel it"]) await page.waitForSelector(`button:has-text('${button}')`);
      await broker.call("POST", "/v1/fkeys/order-1/trigger", {});
      await broker.settled(id);
      await page.waitForSelector(".facts .s-succeeded");
      await ready(page);
      same(await page.$$eval("button", (all) => all.filter((at) => /Trigger|Cancel it/.test(at.textContent)).length), 0, "buttons");
    },
  ],
  [
    "actions: a subscription leads to its lane, or to those over which its events are spread",
    async (world) => {
      const broker = await world.broker();
      const page = await world.browser.page(await world.context());
      const lanes = { plain: "lane/concurrent/subscription%2Fplain", fifo: "lane/fifo/own", spread: "lanes?prefix=subscription%2Fspread" };
      await broker.call("PUT", "/v1/subscriptions/plain", { topic: "#", url: "http://127.0.0.1:9/x" });
      await broker.call("PUT", "/v1/subscriptions/fifo", { topic: "#", url: "http://127.0.0.1:9/x", lane: "own", mode: "fifo" });
      await broker.call("PUT", "/v1/subscriptions/spread", { topic: "#", url: "http://127.0.0.1:9/x", order_by: "key" });
      for (const [name, where] of Object.entries(lanes)) {
        await open(page, broker, "topics?subscription=" + name);
        await page.waitForSelector("#subscription .facts");
        same(await page.getAttribute("#subscription a:has-text('Look at the lane')", "href"), "#/" + where, name);
      }
    },
  ],
  [
    "commands: those by which pages say how they are filled run, as they stand",
    async (world) => {
      const broker = await world.broker();
      const page = await world.browser.page(await world.context());
      await broker.call("PUT", "/v1/namespaces/billing", { destinations: { allow: ["127.0.0.0/8", "10.0.0.0/8"] } });
      for (const space of ["default", "billing"]) await broker.call("PUT", `/v1/namespaces/${space}/services/bare`, {});
      const ran = [];
      for (const space of ["default", "billing"])
        for (const where of ["overview", "notifies", "destinations", "lanes", "fkeys", "groups", "topics", "topic/order.new", "schedules", "callers", "tokens", "service/bare"]) {
          await open(page, broker, `${where}?ns=${space}`);
          const commands = await until(async () => {
            const found = await page.$$eval("main .empty pre", (all) => all.map((at) => at.textContent));
            return found.length > 0 && found;
          }, `an empty state at ${where}`);
          ran.push(...commands);
        }
      for (const text of ran) await shell(world, `set -e\n${text}`, { NOTIFYD_URL: broker.url });
      check(new Set(ran).size >= 20, `${new Set(ran).size} commands`);
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "commands: notifyctl takes each that stands in the sources; what the login tells an administrator to run makes a token",
    async (world) => {
      const files = readdirSync(sources, { recursive: true }).filter((name) => name.endsWith(".tsx"));
      const places = /`([^`\n]*\$\{ctl\(\)\} [^`\n]*)`|"(notifyctl [^"\n]*)"|>(notifyctl [^<\n]*)</g;
      const texts = files.flatMap((name) => [...readFileSync(join(sources, name), "utf8").matchAll(places)].map((match) => match[1] ?? match[2] ?? match[3]));
      const commands = texts.flatMap((text) => text.replace(/\$\{ctl\(\)\}/g, "notifyctl").replace(/\$\{positional\(name\)\}/g, "stock").split("\\n"));
      check(commands.length >= 15, `${commands}`);
      // 2 is wrong usage; there is no broker at that address.
      for (const text of commands) await shell(world, `${text}\ncode=$?\n[ $code = 3 ]`, { NOTIFYD_URL: "http://127.0.0.1:9" });
      const broker = await world.broker(`[auth]\nmode = "token"\n`);
      const made = spawnSync(world.options.notifyd, ["token", "create", "--config", join(broker.dir, "notifyd.toml"), "--scopes", "read,read_bodies,operate,admin"], { encoding: "utf8", cwd: broker.dir });
      const page = await world.browser.page(await world.context());
      await page.goto(broker.url + "/console/");
      await page.click("summary");
      const said = await shell(world, await page.textContent("form pre"), { NOTIFYD_URL: broker.url, NOTIFYD_TOKEN: made.stdout.trim().split(/\s+/).find((word) => word.startsWith("ntf_")) });
      check(/^ntf_/m.test(said), said);
    },
  ],
  [
    "commands: nothing in one turns around what stands beside it",
    async (world) => {
      const { shellQuoted } = await pure(world.options.packages, "commands");
      const turned = "a\u202eb\u2066c\u2069'd\u2028\u0007";
      check(!/[\u202a-\u202e\u2066-\u2069]/.test(shellQuoted(turned)), shellQuoted(turned));
      same(await shell(world, `printf %s ${shellQuoted(turned)}`), turned, "what a shell makes of it");
    },
  ],
];

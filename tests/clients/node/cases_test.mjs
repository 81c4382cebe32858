// The common cases (clients/cases.md) through the Node client: node cases_test.mjs PYTHON SCRIPTED_SERVER CASES [NAME]
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Client, NotifydError, parseJson, stringifyJson } from "../../../clients/node/notifyd.js";

const [python, server, file, only] = process.argv.slice(2);
const { cases } = parseJson(readFileSync(file, "utf8"));

/** How each call of the cases is written in this language. */
const calls = {
  submit: (client, { notify }) => client.submit(notify),
  submit_and_wait: (client, { notify, wait_ms }) => client.submitAndWait(notify, wait_ms),
  submit_batch: (client, { notifies }) => client.submitBatch(notifies),
  submit_stream: (client, { notifies }) => client.submitStream(notifies),
  trigger: (client, { fkey, ...rest }) => client.trigger(fkey, rest),
  get_fkey: (client, { fkey }) => client.getFkey(fkey),
  cancel_fkey: (client, { fkey }) => client.cancelFkey(fkey),
  get: (client, { id }) => client.get(id),
  wait: (client, { id, wait_ms }) => client.wait(id, wait_ms),
  response: (client, { id }) => client.response(id),
  explain: (client, { id }) => client.explain(id),
  list: (client, { filters }) => client.list(filters),
  change: (client, { id, patch, if_match }) => client.change(id, patch, { ifMatch: if_match }),
  cancel: (client, { id, if_match }) => client.cancel(id, { ifMatch: if_match }),
  retry: (client, { id, paused, if_match }) => client.retry(id, { paused, ifMatch: if_match }),
  retry_matching: (client, { filter, ...rest }) => client.retryMatching(filter, rest),
  cancel_matching: (client, { filter, ...rest }) => client.cancelMatching(filter, rest),
  purge_matching: (client, { filter, ...rest }) => client.purgeMatching(filter, rest),
  lanes: (client, options) => client.lanes(options),
  lane: (client, { mode, name }) => client.lane(mode, name),
  change_lane: (client, { mode, name, patch }) => client.changeLane(mode, name, patch),
  pause_lane: (client, { mode, name }) => client.pauseLane(mode, name),
  resume_lane: (client, { mode, name }) => client.resumeLane(mode, name),
  publish: (client, { topic, event }) => client.publish(topic, event),
  publish_batch: (client, { events }) => client.publishBatch(events),
  make_group: (client, { group, wait_ms }) => client.makeGroup(group, { wait_ms }),
  group: (client, { id, wait_ms }) => client.group(id, { wait_ms }),
  groups: (client, options) => client.groups(options),
  cancel_group: (client, { id }) => client.cancelGroup(id),
  request: (client, { method, path, ...rest }) => client.request(method, path, rest),
};

const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());

/** Makes one call, and takes all that it iterates over, or so many as `take` says. */
async function outcome(client, { call, arguments: given, take = Infinity }) {
  const made = calls[call](client, given);
  if (made[Symbol.asyncIterator] === undefined) return made;
  const taken = [];
  for await (const one of made) {
    taken.push(one);
    if (taken.length === take) break;
  }
  return taken;
}

function checkError(error, wanted) {
  if (wanted.kind === "argument") return assert(error instanceof RangeError, `a RangeError, not ${error}`);
  assert(error instanceof NotifydError, `not an error of the client: ${error?.stack}`);
  const { kind, status, problem, retryAfterMs } = error;
  const seen = { kind, status, problem, retry_after_ms: retryAfterMs };
  for (const name of Object.keys(wanted)) assert.deepEqual(seen[name], wanted[name], name);
}

async function check(step, client) {
  let result;
  try {
    result = await outcome(client, step);
  } catch (error) {
    if (step.error === undefined) throw error;
    return checkError(error, step.error);
  }
  assert.equal(step.error, undefined, `no error, but ${stringifyJson(result)}`);
  if (step.etag !== undefined) assert.equal(result.etag, step.etag);
  if (result !== null && !Array.isArray(result)) delete result.etag;
  return assert.deepEqual(result, step.result);
}

async function run(one, ports) {
  const waits = [];
  const options = Object.fromEntries(Object.entries(one.options ?? {}).map(([name, value]) => [camel(name), value]));
  const url = one.server === "closed" ? `http://127.0.0.1:${ports.closed_port}` : `http://127.0.0.1:${ports.port}/case/${one.name}`;
  const client = new Client({ url, timeoutMs: 10000, ...options, sleep: async (ms) => void waits.push(ms) });
  for (const step of one.steps ?? [one]) await check(step, client);
  if (one.waits_ms !== undefined) {
    assert.equal(waits.length, one.waits_ms.length, `waits: ${waits}`);
    one.waits_ms.forEach(([least, most], i) => assert(waits[i] >= least && waits[i] <= most, `wait ${i}: ${waits[i]}`));
  }
  const verdict = await (await fetch(`http://127.0.0.1:${ports.port}/verdict/${one.name}`)).json();
  assert(verdict.ok, verdict.why);
}

for (const name of ["NOTIFYD_URL", "NOTIFYD_TOKEN", "NOTIFYD_NAMESPACE"]) delete process.env[name];
const child = spawn(python, [server, file], { stdio: ["pipe", "pipe", "inherit"] });
const first = await new Promise((resolve) => createInterface({ input: child.stdout }).once("line", resolve));
let failed = 0;
const wanted = cases.filter(({ name }) => only === undefined || name.startsWith(only));
for (const one of wanted) {
  try {
    await run(one, JSON.parse(first));
  } catch (error) {
    failed += 1;
    console.error(`FAILED ${one.name}: ${error.message}`);
  }
}
child.stdin.end();
console.log(`${wanted.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 && wanted.length > 0 ? 0 : 1);

// A broker that has some of everything, for pages to show.
import { until } from "./harness.mjs";

export const kHostile = '<img src=x onerror="alert(1)">"\'&\u202Egnp.exe\u2066\u200B</script>';

/// Returns ids and names by what they are of.
export async function seed(broker, receiver) {
  const at = receiver.url;
  const out = { dead: "127.0.0.1:9" };
  out.good = (await broker.submit({ url: `${at}/orders`, data: { order: 1 }, caller: "shop", labels: { team: "a" } })).id;
  for (let i = 0; i < 5; ++i) await broker.submit({ url: `${at}/orders`, data: { order: i }, caller: "shop" });
  out.bad = (await broker.submit({ url: `${at}/bad/1`, data: { order: 2 }, caller: "shop", retry: { max_attempts: 3, schedule_ms: [50, 100] } })).id;
  out.unreached = (await broker.submit({ url: `http://${out.dead}/x`, caller: "ledger", retry: { max_attempts: 1 } })).id;
  out.retrying = (await broker.submit({ url: `${at}/bad/2`, caller: "ledger", retry: { max_attempts: 9, schedule_ms: [3_600_000] } })).id;
  out.later = (await broker.submit({ url: `${at}/later`, delay_ms: 1_800_000, caller: "batch" })).id;
  await broker.call("PATCH", "/v1/lanes/fifo/ledger", { paused: true });
  out.paused = (await broker.submit({ url: `${at}/ledger`, lane: "ledger", mode: "fifo", data: { entry: 1 } })).id;
  out.behind = (await broker.submit({ url: `${at}/ledger`, lane: "ledger", mode: "fifo", data: { entry: 2 } })).id;
  out.held = (await broker.submit({ url: `${at}/ship`, fkey: "order-1", data: { order: 1 } })).id;
  out.group = (await broker.call("POST", "/v1/groups", { notifies: [{ url: `${at}/g/1` }, { url: `${at}/g/2`, delay_ms: 3_600_000 }], labels: { order: "17" } })).id;
  await broker.call("PUT", "/v1/topics/order.paid", {});
  await broker.call("PUT", "/v1/subscriptions/mailer", { topic: "order.*", url: `${at}/mail` });
  out.event = (await broker.call("POST", "/v1/topics/order.paid/publish", { data: { order: 1 }, key: "o1" })).id;
  await broker.call("PUT", "/v1/schedules/nightly", { cron: "0 3 * * *", timezone: "Europe/Berlin", notify: { url: `${at}/nightly` } });
  await broker.call("PUT", "/v1/services/stock", { balance: "round_robin" });
  await broker.call("PUT", "/v1/services/stock/instances/a", { url: at });
  await broker.call("PUT", "/v1/namespaces/billing", {});
  for (const id of [out.good, out.bad, out.unreached]) await broker.settled(id);
  await until(async () => (await broker.call("GET", "/v1/notifies/" + out.retrying)).state === "retrying", "one waits for its next attempt");
  return out;
}

/// Every page, by where it is.
export const pagesOf = (made) => [
  "overview",
  "destinations",
  `destination/${encodeURIComponent(made.dead)}`,
  "service/stock",
  "lanes",
  "lane/fifo/ledger",
  "notifies",
  "notifies?state=failed",
  `notify/${made.good}`,
  `notify/${made.bad}`,
  `notify/${made.paused}`,
  "submit",
  "fkeys?fkey=order-1",
  "groups",
  `group/${made.group}`,
  "topics?subscription=mailer",
  "topic/order.paid",
  `event/${made.event}`,
  "schedules",
  "schedule/nightly",
  "callers",
  "namespaces",
  "tokens",
  "audit",
  "alerts",
];

/// Opens a page of the console, and waits until what it asks for is there.
export async function open(page, broker, where) {
  await page.goto(`${broker.url}/console/#/${where}`);
  await ready(page);
}
export async function ready(page) {
  await page.waitForSelector("main h1");
  await page.waitForFunction((words) => !words.some((word) => [...document.querySelectorAll("main .faint")].some((at) => at.textContent === word)), ["Loading …", "加载中…"]);
}

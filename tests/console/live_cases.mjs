// How often is asked: once a second at most, not at all where nobody looks, once for all tabs; and what a broker's end does.
import { check, isAccessible, isClean, same, sleep, slowness, until } from "./harness.mjs";
import { open, seed } from "./seed.mjs";

const isFigures = (request) => /\/(live|stats)$/.test(request.path);

function hide(page, hidden) {
  return page.evaluate((on) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => on });
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => (on ? "hidden" : "visible") });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
}

export const liveCases = [
  [
    "live: what the stream tells is on the overview: what fails since when and with what, what is late, which alerts fire",
    async (world) => {
      const broker = await world.broker();
      const stats = await broker.call("GET", "/v1/stats");
      const page = await world.browser.page(await world.context());
      const figures = { attempts: 40, failed: 30, p50_ms: 12, p99_ms: 900, failing_since: new Date(Date.now() - 180_000).toISOString(), last_error: "timeout" };
      const live = {
        at: new Date().toISOString(),
        stats,
        rates: { accepted: 12.5, attempts: 11, attempts_failed: 3, succeeded: 8, failed: 1 },
        lag_ms: 300_000,
        lateness_p99_ms: 42,
        commit_p99_ms: 3.5,
        failing_hosts: [
          { host: "dead.example:443", in_flight: 2, paused: false, breaker: "open", open_since: figures.failing_since, figures },
          { host: "was.example:80", in_flight: 0, paused: false, breaker: "closed", open_since: null, figures: { ...figures, failing_since: null } },
        ],
        alerts: { firing: 2, undelivered: 1 },
      };
      const body = `: there\n\nevent: figures\ndata: ${JSON.stringify(live)}\n\n`;
      await page.route("**/v1/namespaces/*/live", (route) => route.fulfill({ contentType: "text/event-stream", body }));
      await open(page, broker, "overview");
      const verdict = await page.textContent(".verdict");
      for (const part of ["One destination fails", "5 min", "2 alerts fire"]) check(verdict.includes(part), verdict);
      const row = await page.textContent(".row:has-text('dead.example')");
      for (const part of ["breaker open", "3 min", "timeout", "30 / 40"]) check(row.includes(part), row);
      check((await page.textContent(".tiles")).includes("42 ms"), "lateness");
      check((await page.textContent(".banner.warn")).includes("1 messages"), "what is not delivered");
      await isAccessible(page, world.axe, "an overview of a bad night");
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "live: nothing is asked more often than once a second",
    async (world) => {
      const broker = await world.broker();
      const receiver = await world.receiver();
      const made = await seed(broker, receiver);
      const page = await world.browser.page(await world.context());
      const load = setInterval(() => broker.submit({ url: receiver.url + "/load" }).catch(() => undefined), 40);
      try {
        for (const where of ["overview", "notify/" + made.paused, "notifies"]) {
          await open(page, broker, where);
          await sleep(1500);
          const began = Date.now();
          page.asked.length = 0;
          await sleep(4000);
          const seconds = (Date.now() - began) / 1000;
          const counts = {};
          for (const request of page.asked) counts[request.path + request.search.replace(/(from|to)=[^&]*/g, "")] = (counts[request.path + request.search.replace(/(from|to)=[^&]*/g, "")] ?? 0) + 1;
          for (const [path, n] of Object.entries(counts)) check(n <= seconds + 1.5, `${path} was asked ${n} times in ${seconds} s at ${where}`);
        }
      } finally {
        clearInterval(load);
      }
    },
  ],
  [
    "live: a hidden tab asks for nothing, and goes on when it is looked at",
    async (world) => {
      const broker = await world.broker();
      const receiver = await world.receiver();
      const page = await world.browser.page(await world.context());
      await open(page, broker, "overview");
      await page.waitForSelector(".pulse.on");
      await hide(page, true);
      await sleep(300);
      page.asked.length = 0;
      await sleep(4000);
      same(page.asked, [], "what a hidden tab asks");
      const { id } = await broker.submit({ url: receiver.url + "/meanwhile" });
      await hide(page, false);
      await page.waitForSelector(`#newest:has-text("${id}")`);
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "live: tabs of one browser read once, and another takes over from one that is closed",
    async (world) => {
      const broker = await world.broker();
      const receiver = await world.receiver();
      const context = await world.context();
      const pages = [];
      for (let i = 0; i < 4; ++i) {
        const page = await world.browser.page(context);
        await open(page, broker, "overview");
        await page.waitForSelector(".pulse.on");
        pages.push(page);
      }
      // Two may begin at once; one of them lets go.
      await sleep(2500);
      const readers = async () => {
        for (const page of pages) page.asked.length = 0;
        const open = await Promise.all(pages.map((page) => page.evaluate(() => performance.getEntriesByType("resource").filter((entry) => entry.name.endsWith("/live")).length)));
        await sleep(3200);
        return { polling: pages.map((page) => page.asked.filter(isFigures).length), open };
      };
      const now = await readers();
      check(now.polling.filter((n) => n > 0).length <= 1, `who asks: ${JSON.stringify(now)}`);
      const leader = now.polling.findIndex((n) => n > 0);
      await pages[Math.max(0, leader)].close();
      pages.splice(Math.max(0, leader), 1);
      await broker.submit({ url: receiver.url + "/after" });
      for (const page of pages)
        await until(() => page.$eval("#newest", (at) => at.textContent.includes("/after")), "the others see what comes");
    },
  ],
  [
    "live: a broker that stops is said to be gone, and what it said stays; it comes back by itself",
    async (world) => {
      const broker = await world.broker();
      const receiver = await world.receiver();
      const made = await seed(broker, receiver);
      const page = await world.browser.page(await world.context());
      await open(page, broker, "notify/" + made.good);
      await broker.stop();
      await page.waitForSelector(".banner.bad");
      check((await page.textContent("main")).includes(made.good), "what was there is gone");
      await page.goto("about:blank");
      await broker.start();
      await open(page, broker, "overview");
      await page.waitForSelector(".pulse.on");
      await broker.stop();
      await page.waitForSelector(".banner.bad");
      check(!(await page.$(".pulse.on")), "it is said to be live while nothing answers");
      await broker.start();
      await page.waitForSelector(".banner.bad", { state: "detached" });
      await page.waitForSelector(".pulse.on");
      const { id } = await broker.submit({ url: receiver.url + "/again" });
      await page.waitForSelector(`#newest:has-text("${id}")`);
      same(page.faults, [], "faults");
    },
  ],
  [
    "live: the overview does not say that all is well while notifies wait in paused lanes",
    async (world) => {
      const broker = await world.broker();
      const receiver = await world.receiver();
      const page = await world.browser.page(await world.context());
      await open(page, broker, "overview");
      await page.waitForSelector(".verdict.t-good");
      await broker.call("PATCH", "/v1/lanes/concurrent/empty", { paused: true });
      for (const lane of ["one", "two"]) await broker.call("PATCH", "/v1/lanes/fifo/" + lane, { paused: true });
      for (let i = 0; i < 3; ++i) await broker.submit({ url: receiver.url, lane: i < 2 ? "one" : "two", mode: "fifo" });
      await page.waitForSelector(".verdict.t-warn:has-text('2 lanes are paused, and 3 wait in them')", { timeout: 30_000 * slowness }); // lanes are looked at each 15 s
      for (const lane of ["one", "two"]) await broker.call("PATCH", "/v1/lanes/fifo/" + lane, { paused: false });
      await page.waitForSelector(".verdict.t-good");
      await isClean(page, new URL(broker.url).host);
    },
  ],
];

// What is not known of now is not judged: figures that are old, or refused, or never told; and what somebody may by now.
import { check, isAccessible, isClean, same, sleep, slowness, until } from "./harness.mjs";
import { guarded, tokenOf } from "./access_cases.mjs";
import { open } from "./seed.mjs";

/// Nothing on the page says that it is well.
async function judgesNothing(page) {
  await page.waitForFunction(() => !document.querySelector(".pulse.on") && !document.querySelector(".verdict.t-good") && document.querySelector(".banner.bad"), undefined, { timeout: 30_000 * slowness });
  const text = await page.textContent("main");
  for (const word of ["All is well", "nothing is lost", "Every destination is reached", "balance"]) check(!text.includes(word), `it says: ${word}`);
  check((await page.textContent("#restart")).includes("Not known"), "whether it is safe to restart");
}
const isWell = (page) => page.waitForFunction(() => document.querySelector(".pulse.on") && document.querySelector(".verdict.t-good") && !document.querySelector(".banner.bad"), undefined, { timeout: 30_000 * slowness });

const figuresOf = (stats, more = {}) => ({ at: new Date().toISOString(), stats, rates: { accepted: 0, attempts: 0, attempts_failed: 0, succeeded: 0, failed: 0 }, lag_ms: null, lateness_p99_ms: null, failing_count: 0, failing_hosts: [], alerts: { firing: 0, undelivered: 0 }, ...more });

export const staleCases = [
  [
    "stale: a broker that stands still, connections and all, is not said to be live and well; once it goes on it is",
    async (world) => {
      const broker = await world.broker();
      const page = await world.browser.page(await world.context());
      await open(page, broker, "overview");
      await isWell(page);
      broker.process.kill("SIGSTOP");
      try {
        await judgesNothing(page);
        check(/Nothing new came since|does not answer since/.test(await page.textContent(".banner.bad")), "the banner says what it is");
        await isAccessible(page, world.axe, "an overview of what was");
      } finally {
        broker.process.kill("SIGCONT");
      }
      await isWell(page);
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "stale: what is refused after it was shown, since the namespace is gone or the broker takes nothing, is said on each page, and judged by none",
    async (world) => {
      const broker = await world.broker();
      await broker.call("PUT", "/v1/namespaces/billing", {});
      const context = await world.context();
      const page = await world.browser.page(context);
      const other = await world.browser.page(await world.context());
      await open(page, broker, "overview?ns=billing");
      await open(other, broker, "overview");
      for (const each of [page, other]) await isWell(each);
      const lanes = await world.browser.page(context);
      await open(lanes, broker, "lanes?ns=billing");
      await lanes.waitForSelector(".pulse.on");
      await broker.call("DELETE", "/v1/namespaces/billing");
      await judgesNothing(page);
      check((await page.textContent(".banner.bad")).includes("tells nothing here since"), await page.textContent(".banner.bad"));
      await lanes.waitForSelector(".banner.bad");
      check(!(await lanes.$(".pulse.on")), "a page without figures says live");
      // A standby refuses all.
      await other.route(/\/(live|stats)$/, (route) => route.fulfill({ status: 503, contentType: "application/problem+json", body: JSON.stringify({ title: "x", detail: "another one serves the store" }) }));
      broker.process.kill("SIGUSR1"); // the stream ends
      await judgesNothing(other);
      await other.waitForSelector(".banner.bad:has-text('another one serves the store')", { timeout: 30_000 * slowness });
      await other.unroute(/\/(live|stats)$/);
      await isWell(other);
      same(other.faults, [], "faults");
    },
  ],
  [
    "stale: an answer that does not come ends some time, and the page says that none came",
    async (world) => {
      const broker = await world.broker();
      const { id } = await broker.submit({ url: "http://127.0.0.1:9/x", delay_ms: 3_600_000 });
      const page = await world.browser.page(await world.context());
      await page.clock.install();
      await page.route("**/v1/notifies/" + id, () => undefined); // it is never answered
      await page.goto(`${broker.url}/console/#/notify/${id}`);
      await page.waitForSelector("#search");
      await sleep(500);
      await page.clock.fastForward(31_000);
      await page.waitForSelector("main .fault:has-text('No answer came')");
    },
  ],
  [
    "stale: where there is no place to listen a lag that nobody tells is said to be unknown; a minute later it is tried again",
    async (world) => {
      const broker = await world.broker();
      const page = await world.browser.page(await world.context());
      await page.clock.install();
      await page.route("**/v1/namespaces/*/live", (route) => route.fulfill({ status: 429, contentType: "application/problem+json", body: '{"title":"x","detail":"too many listen"}' }));
      await open(page, broker, "overview");
      await page.waitForSelector(".verdict:has-text('Not known: Lag')");
      check(!(await page.$(".verdict.t-good")), "it is said to be well");
      check((await page.textContent(".tiles > *")).includes("unknown"), "the lag");
      await page.unroute("**/v1/namespaces/*/live");
      await page.clock.fastForward(61_000);
      await isWell(page);
      check(page.asked.filter((request) => request.path.endsWith("/live")).length >= 2, "the stream was not tried again");
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "stale: of lanes or destinations that nobody told of it is not said that all is well",
    async (world) => {
      const broker = await world.broker();
      const stats = await broker.call("GET", "/v1/stats");
      const page = await world.browser.page(await world.context());
      const told = figuresOf({ ...stats, states: { ...stats.states, ready: 3 } });
      await page.route("**/v1/namespaces/*/live", (route) => route.fulfill({ contentType: "text/event-stream", body: `data: ${JSON.stringify({ ...told, at: new Date().toISOString() })}\n\n` }));
      await page.route("**/v1/namespaces/*/lanes?*", (route) => route.fulfill({ status: 503, contentType: "application/problem+json", body: '{"title":"x","detail":"busy"}' }));
      await open(page, broker, "overview");
      await page.waitForSelector(".verdict.t-plain:has-text('Not known: Lanes')");
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "stale: of a store in a database no disk is shown; while that does not answer it is neither well nor safe to restart",
    async (world) => {
      const broker = await world.broker();
      const stats = await broker.call("GET", "/v1/stats");
      const page = await world.browser.page(await world.context());
      let lost = 0;
      await page.route("**/v1/namespaces/*/live", (route) => route.fulfill({ contentType: "text/event-stream", body: `data: ${JSON.stringify(figuresOf({ ...stats, store: { database_lost: lost, database_reconnects: 0, no_standby: 0, removed: 0, folded: 0 } }))}\n\n` }));
      await open(page, broker, "overview");
      await isWell(page);
      const tiles = await page.textContent(".tiles");
      check(!tiles.includes("NaN") && !tiles.includes("Disk free"), tiles);
      lost = 1;
      await page.waitForSelector(".verdict.t-bad:has-text('database does not answer')");
      await page.waitForSelector("#restart:has-text('Not now')");
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "stale: what a token may do is looked at again while a page is open",
    async (world) => {
      const broker = await guarded(world);
      const made = await tokenOf(broker, ["read", "operate"]);
      const page = await world.browser.page(await world.context(), made.token);
      await open(page, broker, "lane/fifo/x");
      await page.waitForSelector("main button:has-text('Pause …')");
      await broker.call("PATCH", "/v1/tokens/" + made.id, { scopes: ["read"] });
      // What is refused makes it look.
      await until(async () => {
        if (!(await page.$("main button:has-text('Pause …')"))) return true;
        await page.click("main button:has-text('Pause …')", { timeout: 1000 }).catch(() => undefined);
        await page.click("dialog button.main", { timeout: 1000 }).catch(() => undefined);
        await page.keyboard.press("Escape");
        return false;
      }, "the button goes", 30_000);
      await page.waitForSelector(".who:has-text('read-only')");
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "stale: a token that no header can hold is said to be none; that nobody can tell now whether one holds is no refusal",
    async (world) => {
      const broker = await guarded(world);
      const { token } = await tokenOf(broker, ["read"]);
      const page = await world.browser.page(await world.context());
      await page.goto(broker.url + "/console/");
      await page.waitForSelector("[data-why=asked]");
      for (const [typed, named] of [[token + "\u200B", "U+200B"], ["„" + token, "„ (U+201E)"], [token.slice(0, 9) + " " + token.slice(9), "U+0020"]]) {
        await page.fill("input[name=token]", typed);
        await page.keyboard.press("Enter");
        await page.waitForSelector(`[data-why=strange] ~ .faint:has-text("${named}")`);
      }
      await page.route("**/v1/whoami", (route) => route.fulfill({ status: 503, contentType: "application/problem+json", body: '{"title":"x","detail":"the store is not reached"}' }));
      await page.fill("input[name=token]", token);
      await page.keyboard.press("Enter");
      await page.waitForSelector("[data-why=unsure] ~ .faint:has-text('the store is not reached')");
      await isAccessible(page, world.axe, "login");
      await page.unroute("**/v1/whoami");
      await page.keyboard.press("Enter");
      await page.waitForSelector("h1:has-text('Overview')");
      // One that is kept is not taken away by it either.
      await page.route("**/v1/whoami", (route) => route.fulfill({ status: 503, contentType: "application/problem+json", body: '{"title":"x","detail":"the store is not reached"}' }));
      await page.reload();
      await page.waitForSelector("main .fault:has-text('the store is not reached')");
      await page.unroute("**/v1/whoami");
      await page.waitForSelector("h1:has-text('Overview')");
      await isClean(page, new URL(broker.url).host);
    },
  ],
];

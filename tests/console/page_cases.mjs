// Each page: shows what there is, in both looks, both languages, on a small screen, and to whoever does not see it.
import { check, fits, isAccessible, isClean, same, sleep, slowness, until } from "./harness.mjs";
import { kHostile, open, pagesOf, ready, seed } from "./seed.mjs";

async function seeded(world) {
  const broker = await world.broker();
  const receiver = await world.receiver();
  return { broker, receiver, made: await seed(broker, receiver), host: new URL(broker.url).host };
}

async function walk(world, how, each) {
  const { broker, made, host } = await seeded(world);
  const page = await world.browser.page(await world.context(how));
  for (const where of pagesOf(made)) {
    await open(page, broker, where);
    await each(page, where, made);
  }
  await isClean(page, host);
}

export const pageCases = [
  ["pages: each is there in light, and axe finds nothing", (world) => walk(world, {}, async (page, where) => isAccessible(page, world.axe, where))],
  ["pages: each is there in dark, and axe finds nothing", (world) => walk(world, { dark: true }, async (page, where) => {
    same(await page.evaluate(() => document.documentElement.dataset.theme), "dark", "theme");
    await isAccessible(page, world.axe, where);
  })],
  ["pages: each fits 360 px", (world) => walk(world, { width: 360, height: 740 }, async (page, where) => {
    await fits(page, where);
    await isAccessible(page, world.axe, where);
  })],
  [
    "pages: each is in Chinese for who wants that, and the choice stays",
    (world) =>
      walk(world, { language: "zh-CN" }, async (page, where) => {
        same(await page.evaluate(() => document.documentElement.lang), "zh-CN", "language");
        // Of what the page says itself; names, ids and the API's stable words are not its own.
        const english = await page.evaluate(() => {
          const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          const found = [];
          for (let node = walker.nextNode(); node; node = walker.nextNode()) {
            const at = node.parentElement;
            if (!at.checkVisibility() || at.closest("code,pre,bdi,kbd,time,.id,.method,.code,.brand,option,select,.who,[lang=en],.badge.t-plain,h3,.step-what,.subtitle")) continue;
            const text = node.textContent.trim();
            if (/[A-Za-z]{4,} [A-Za-z]{2,}/.test(text) || (/^[A-Z][a-z]{3,}$/.test(text) && !/^Fkey/.test(text))) found.push(text);
          }
          return found;
        });
        same(english, [], `English at ${where}`);
      }),
  ],
  [
    "pages: an empty broker's say how they are filled",
    async (world) => {
      const broker = await world.broker();
      const page = await world.browser.page(await world.context());
      for (const [where, command] of [["notifies", "notifyctl submit"], ["destinations", "notifyctl"], ["lanes", "notifyctl submit"], ["fkeys", "--fkey"], ["groups", "notifyctl group"], ["topics", "notifyctl subscription"], ["schedules", "notifyctl schedule"], ["callers", "--caller"]]) {
        await open(page, broker, where);
        const text = await until(async () => (await page.$$eval("main .empty", (all) => all.map((at) => at.textContent).join("\n"))) || null, `an empty state at ${where}`);
        check(text.includes(command), `${where} says: ${text}`);
      }
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "pages: a page's state is in its URL, which is opened anew as it was",
    async (world) => {
      const { broker, made } = await seeded(world);
      const context = await world.context();
      const page = await world.browser.page(context);
      await open(page, broker, "notifies");
      await page.click(".state-toggle.s-failed");
      await page.selectOption(".add-filter select", "caller");
      await page.fill(".add-filter input", "shop");
      await page.click(".add-filter button");
      await page.waitForSelector(`.row:has-text("${made.bad}")`);
      const rows = await page.$$eval("[data-row] .id a", (all) => all.map((at) => at.textContent));
      same(rows, [made.bad], "what failed of shop");
      const other = await world.browser.page(context);
      await other.goto(page.url());
      await other.waitForSelector(`.row:has-text("${made.bad}")`);
      same(await other.$$eval("[data-row] .id a", (all) => all.map((at) => at.textContent)), rows, "the same URL");
      // A search understands ids and pairs.
      await other.fill("#search", made.held);
      await other.press("#search", "Enter");
      await other.waitForSelector(`h1:has-text("${made.held}")`);
      await other.fill("#search", "state=held fkey=order-1");
      await other.press("#search", "Enter");
      await other.waitForSelector(`.row:has-text("${made.held}")`);
    },
  ],
  [
    "pages: what others wrote is shown as they wrote it, and does nothing",
    async (world) => {
      const broker = await world.broker();
      const receiver = await world.receiver();
      const long = (kHostile + "x").repeat(200).slice(0, 8000);
      const lane = kHostile.slice(0, 80);
      const made = await broker.submit({ url: `${receiver.url}/bad/%3Cimg%20src=x%3E`, lane, caller: kHostile.slice(0, 60), fkey: undefined, labels: { [kHostile.replace(/:/g, "").slice(0, 40)]: kHostile }, data: { [kHostile]: long }, retry: { max_attempts: 1 } });
      await broker.settled(made.id);
      await broker.submit({ url: receiver.url, fkey: kHostile, lane: "l" });
      await broker.call("PATCH", "/v1/lanes/concurrent/" + encodeURIComponent(lane), { paused: true, reason: kHostile.repeat(5) });
      await broker.submit({ url: receiver.url + "/x", lane });
      for (const how of [{}, { width: 360, height: 740 }]) {
        const page = await world.browser.page(await world.context(how));
        for (const where of ["overview", "notifies", "lanes", "callers", "schedules", "fkeys", "notify/" + made.id, "lane/concurrent/" + encodeURIComponent(lane), "fkeys?fkey=" + encodeURIComponent(kHostile), "notifies?label=" + encodeURIComponent(kHostile), "audit"]) {
          await open(page, broker, where);
          await sleep(150);
          same(await page.$$eval("main img, main script, main iframe", (all) => all.length), 0, `markup at ${where}`);
          await fits(page, where);
          await isAccessible(page, world.axe, where);
        }
        await open(page, broker, "notify/" + made.id);
        check((await page.textContent("main")).includes(kHostile), "it is not shown as it was written");
        await isClean(page, new URL(broker.url).host);
        await page.close();
      }
    },
  ],
  [
    "pages: an event's data and a schedule's template are shown digit for digit, in the order in which they were written",
    async (world) => {
      const broker = await world.broker();
      const data = '{"b":{"10":1.50,"9":12345678901234567890},"7":"x","3":[{"2":0,"1":0}]}';
      const send = async (method, path, body) => (await fetch(broker.url + path, { method, headers: { "Content-Type": "application/json" }, body })).json();
      await send("PUT", "/v1/topics/order.paid", "{}");
      const { id } = await send("POST", "/v1/topics/order.paid/publish", `{"data":${data}}`);
      const rest = `"cron":"0 3 * * *","timezone":"UTC"`;
      await send("PUT", "/v1/schedules/calls", `{${rest},"notify":{"url":"http://127.0.0.1:9/x","data":${data},"labels":{"10":"a","9":"b"}}}`);
      await send("PUT", "/v1/schedules/publishes", `{${rest},"publish":{"topic":"order.paid","data":${data}}}`);
      const page = await world.browser.page(await world.context());
      for (const where of ["event/" + id, "schedule/calls", "schedule/publishes"]) {
        await open(page, broker, where);
        const shown = (await page.textContent("main")).replace(/\s/g, "");
        check(shown.includes(data), `${where}: ${shown}`);
        check(!shown.includes("\ue000"), `${where} shows a mark`);
      }
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "pages: what is missing or refused says what to do",
    async (world) => {
      const { broker } = await seeded(world);
      const page = await world.browser.page(await world.context());
      for (const where of ["notify/n00000000000000ff", "notify/nonsense", "schedule/nope", "group/n00000000000000ff"]) {
        await page.goto(`${broker.url}/console/#/${where}`);
        await page.waitForSelector(".fault");
        check((await page.textContent(".fault strong")).length > 20, `${where} says nothing`);
      }
      await page.goto(`${broker.url}/console/#/nowhere`);
      await ready(page);
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "pages: a list of a million rows draws those that are seen",
    async (world) => {
      const broker = await world.broker();
      const receiver = await world.receiver();
      const { id } = await broker.submit({ url: receiver.url });
      await broker.settled(id);
      const like = await broker.call("GET", `/v1/notifies?limit=1`);
      const page = await world.browser.page(await world.context());
      let pages = 0;
      await page.route("**/notifies?*", (route) => {
        const cursor = Number(new URL(route.request().url()).searchParams.get("cursor") ?? 1_000_000);
        pages += 1;
        const items = Array.from({ length: 100 }, (_, i) => ({ ...like.items[0], id: "n" + (cursor - i).toString(16).padStart(16, "0") }));
        return route.fulfill({ json: { items, next: String(cursor - 100) } });
      });
      await open(page, broker, "notifies");
      await page.waitForSelector("[data-row]");
      await until(async () => {
        await page.evaluate(() => document.querySelector(".rows").scrollBy(0, 1_000_000));
        return pages > 10;
      }, "it asks for more than ten pages");
      const drawn = await page.$$eval("[data-row]", (all) => all.length);
      check(drawn < 80, `${drawn} rows are drawn`);
    },
  ],
  [
    "pages: the first paint is soon, of little",
    async (world) => {
      const { broker } = await seeded(world);
      const page = await world.browser.page(await world.context());
      const sizes = [];
      page.on("response", async (response) => {
        if (new URL(response.url()).pathname.startsWith("/console/")) sizes.push(Number(response.headers()["content-length"] ?? 0));
      });
      await open(page, broker, "overview");
      const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
      console.log(`        first contentful paint after ${Math.round(paint)} ms, ${sizes.reduce((sum, n) => sum + n, 0)} bytes over the wire`);
      check(sizes.length >= 3 && sizes.reduce((sum, n) => sum + n, 0) < 100_000, `bytes: ${sizes}`);
    },
  ],
  [
    "pages: that nothing is there is said once the broker said so, not where it refused or did not answer",
    async (world) => {
      const { broker, made } = await seeded(world);
      const lists = ["lanes", "groups", "schedules", "topics", "fkeys", "destinations", "namespaces", "tokens", "audit", "notifies", "callers", "topic/order.paid", "lane/fifo/ledger", "service/stock", `destination/${encodeURIComponent(made.dead)}`];
      const refuse = (route) => route.fulfill({ status: 503, contentType: "application/problem+json", json: { title: "Busy", status: 503, detail: "the store is busy" } });
      for (const how of [refuse, (route) => route.abort()]) {
        const page = await world.browser.page(await world.context());
        await page.goto(broker.url + "/console/#/submit");
        await page.waitForSelector("main h1");
        await page.route(/\/v1\/(?!whoami)/, how);
        for (const where of lists) {
          await page.goto(`${broker.url}/console/#/${where}`);
          await page.waitForSelector("main .fault");
          await sleep(100);
          same(await page.$$eval("main .empty", (all) => all.map((at) => at.textContent)), [], where);
        }
        await page.close();
      }
    },
  ],
  [
    "pages: a clock time is the last one that was, on a day of 25 hours, too; what is no time is said to be none",
    async (world) => {
      const broker = await world.broker();
      const page = await world.browser.page(await world.context({ timezoneId: "Europe/Berlin" }));
      await page.clock.setFixedTime(new Date("2026-10-25T09:00:00Z")); // 10:00 there, seven hours after the clocks went back
      await open(page, broker, "notifies");
      const add = async (value) => {
        await page.selectOption(".add-filter select", "created_after");
        await page.fill(".add-filter input", value);
        await page.click(".add-filter button");
      };
      await add("12:00");
      await page.waitForFunction(() => location.hash.includes("created_after="));
      same(new URLSearchParams(new URL(page.url()).hash.split("?")[1]).get("created_after"), "2026-10-24T10:00:00.000Z", "noon of the day before");
      const noon = page.url();
      // What a browser would make some time of is none either, nor is a day that no calendar has, nor one without its time, which would be one in UTC.
      for (const strange of ["99999999999999 d", "25:00", "12:00:75", "soon", "5", "45", "last 5", "2026", "2026-02-30 10:00", "2026-11-27", "27.11.2026", "11/27/2026", "2026-11-27 24:30"]) {
        await add(strange);
        await page.waitForSelector(".add-filter .bad-text");
        same([await page.inputValue(".add-filter input"), page.url()], [strange, noon], "what it was taken for");
        await page.fill(".add-filter input", "");
      }
      for (const [text, at] of [["2026-10-20 09:30", "2026-10-20T07:30:00.000Z"], ["2026-10-20T09:30:15+00:00", "2026-10-20T09:30:15.000Z"], ["2024-02-29T00:00:00.5Z", "2024-02-29T00:00:00.500Z"], ["2 h", "2026-10-25T07:00:00.000Z"]]) {
        await add(text);
        await page.waitForFunction((wanted) => new URLSearchParams(location.hash.split("?")[1]).get("created_after") === wanted, at);
      }
      await open(page, broker, "lane/fifo/x");
      await page.click("button:has-text('Pause …')");
      await page.fill("dialog input >> nth=1", "99999999999999 d");
      await page.waitForSelector("dialog .bad-text");
      check(await page.isDisabled("dialog button.main"), "a time that is none is taken");
      await page.fill("dialog input >> nth=1", "08:00");
      const asked = page.waitForRequest((request) => request.method() === "PATCH");
      await page.click("dialog button.main");
      same((await asked).postDataJSON().paused_until, "2026-10-26T07:00:00.000Z", "eight o'clock of the day after");
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "pages: Tab leads past a list and into its active row; j goes on from where that row is now",
    async (world) => {
      const broker = await world.broker();
      const receiver = await world.receiver();
      const ids = [];
      for (let i = 0; i < 60; ++i) ids.push((await broker.submit({ url: receiver.url + "/row" })).id);
      for (const id of ids.slice(-5)) await broker.settled(id);
      const page = await world.browser.page(await world.context());
      await open(page, broker, "notifies");
      await page.waitForSelector(`.row:has-text("${ids[59]}")`);
      await page.focus("[data-list]");
      await page.keyboard.press("Tab");
      check(await page.evaluate(() => !document.activeElement.closest("[data-list]")), "Tab stays in the list");
      const here = () => page.evaluate(() => document.activeElement.closest("[data-row]")?.querySelector(".id a").textContent);
      await page.focus("[data-list]");
      for (let i = 0; i < 3; ++i) {
        await page.keyboard.press("j");
        await until(async () => (await here()) === ids[59 - i], "the next row");
      }
      const [, newest] = [await broker.submit({ url: receiver.url + "/new" }), await broker.submit({ url: receiver.url + "/new" })];
      await page.waitForSelector(`.row:has-text("${newest.id}")`);
      same(await here(), ids[57], "the row that has the focus");
      await page.keyboard.press("j");
      await until(async () => (await here()) === ids[56], "the row behind it");
      await page.keyboard.press("k");
      await until(async () => (await here()) === ids[57], "the row before that");
      await page.keyboard.press("Tab");
      same(await page.evaluate(() => [document.activeElement.tagName, document.activeElement.textContent]), ["A", ids[57]], "into the row");
      // One that is scrolled away is not drawn: the list itself is reached in its place.
      await page.evaluate(() => document.querySelector(".rows").scrollTo(0, 1_000_000));
      await until(() => page.$eval("[data-list]", (at) => at.tabIndex === 0), "the list can be reached");
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "pages: a search takes all that was typed, or says what it does not understand",
    async (world) => {
      const broker = await world.broker();
      const page = await world.browser.page(await world.context());
      await open(page, broker, "overview");
      const search = async (text) => {
        await page.fill("#search", text);
        await page.press("#search", "Enter");
      };
      for (const [text, query] of [
        ["lane=my lane", { lane: "my lane" }],
        ["caller=a b state=failed,expired", { caller: "a b", state: "failed,expired" }],
        ['url_prefix="http://x/?a=b c=d" lane="a \\"b\\""', { url_prefix: "http://x/?a=b c=d", lane: 'a "b"' }],
        ["[::1]:80", { host: "[::1]:80" }],
        ["team:a", { label: "team:a" }],
        ["my key", { fkey_prefix: "my key" }],
      ]) {
        await open(page, broker, "overview");
        await search(text);
        await page.waitForFunction(() => location.hash.startsWith("#/notifies?"));
        same(Object.fromEntries(Object.entries(Object.fromEntries(new URLSearchParams(new URL(page.url()).hash.split("?")[1]))).sort()), Object.fromEntries(Object.entries(query).sort()), text);
      }
      await open(page, broker, "overview");
      for (const [text, strange] of [["shop state=failed", "shop"], ["state=failed lain=x", "lain=x"], ["state=lost", "state=lost"], ["created_after=soon", "created_after=soon"]]) {
        await search(text);
        await page.waitForSelector(`.toast.on:has-text('Not understood: ${strange}.')`);
        same(await page.inputValue("#search"), text, "what was typed");
        check(page.url().endsWith("#/overview"), page.url());
      }
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "pages: at 360 px a number says what it is of; of what is counted an axis shows no halves; a filter is shown digit for digit",
    async (world) => {
      const { broker, made, host } = await seeded(world);
      check(made.good, "");
      const narrow = await world.browser.page(await world.context({ width: 360, height: 740 }));
      await open(narrow, broker, "callers?span=hour");
      await narrow.waitForSelector(".row:has-text('shop')");
      const row = await narrow.textContent(".row:has-text('shop')");
      check(/Accepted \d/.test(row) && /Failed \d/.test(row), row);
      const page = await world.browser.page(await world.context());
      await page.addInitScript(() => {
        window.drawn = [];
        const before = CanvasRenderingContext2D.prototype.fillText;
        CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
          window.drawn.push(text);
          return before.call(this, text, ...rest);
        };
      });
      await page.route("**/v1/namespaces/*/due?*", (route) => route.fulfill({ json: { from: new Date().toISOString(), step_ms: 300_000, counts: Array(96).fill(0) } }));
      await page.route("**/v1/namespaces/*/history?*", (route) => route.abort());
      await open(page, broker, "overview");
      await page.waitForSelector("#due canvas");
      const numbers = await until(() => page.evaluate(() => window.drawn.filter((text) => /^\d+$/.test(text)).length > 0 && window.drawn.filter((text) => /^\d+$/.test(text))), "an axis");
      same([...new Set(numbers)].sort(), ["0", "1"], "its figures");
      same(numbers.filter((text) => text === "1").length, numbers.filter((text) => text === "0").length, "each once a drawing");
      await fetch(broker.url + "/v1/subscriptions/exact", { method: "PUT", headers: { "Content-Type": "application/json" }, body: '{"topic":"#","url":"http://127.0.0.1:9/x","filter":{"data":{"b":[12345678901234567890],"10":[1.50]}}}' });
      await open(page, broker, "topics?subscription=exact");
      await page.waitForSelector("#subscription pre");
      const shown = (await page.textContent("#subscription pre")).replace(/\s/g, "");
      const said = (await (await fetch(broker.url + "/v1/subscriptions/exact")).text()).replace(/\s/g, "");
      check(said.includes(`"filter":${shown}`) && shown.includes("12345678901234567890"), `${shown} of ${said}`);
      await isClean(page, host);
    },
  ],
];

/// Those that judge how soon something is there.
export const soonCases = [
  [
    "pages: the first notify is seen as it comes, and what became of it",
    async (world) => {
      const broker = await world.broker();
      const receiver = await world.receiver();
      await until(() => broker.log.includes(`${broker.url}/console/`), "the start says where the console is");
      const page = await world.browser.page(await world.context());
      await page.goto(broker.url + "/console");
      await page.waitForSelector("#newest .empty");
      check((await page.textContent("#newest pre")).startsWith("notifyctl submit"), "an empty overview does not say how to begin");
      const began = Date.now();
      const { id } = await broker.submit({ url: receiver.url + "/first", data: { order: 1 } });
      await page.click(`#newest a:has-text("${id}")`, { timeout: 10_000 });
      await page.waitForSelector("#waterfall .k-attempt:has-text('200')");
      check(Date.now() - began < 10_000 * slowness, "that took longer than ten seconds");
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "pages: one whose body is large is there soon: what is shown of it is its beginning, what is copied all of it",
    async (world) => {
      const broker = await world.broker();
      const receiver = await world.receiver();
      const context = await world.context();
      const page = await world.browser.page(context);
      const { id } = await broker.submit({ url: receiver.url + "/large", data: { text: "abc ".repeat(160_000) }, delay_ms: 3_600_000 });
      const began = Date.now();
      await open(page, broker, "notify/" + id);
      await page.waitForSelector(".code:has-text('characters more')");
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(done)));
      check(Date.now() - began < 6000 * slowness, `that took ${Date.now() - began} ms`);
      check((await page.$$eval("main pre", (all) => Math.max(...all.map((at) => at.textContent.length)))) <= 32_768, "more than its beginning is shown");
      await context.grantPermissions(["clipboard-read", "clipboard-write"]);
      await page.click(".code:has(pre[aria-label='Data (JSON)']) .copy");
      await page.waitForSelector(".toast.on");
      check((await page.evaluate(() => navigator.clipboard.readText())).length > 640_000, "not all of it is copied");
      await isClean(page, new URL(broker.url).host);
    },
  ],
];

// What is done while others do something, too, or while nothing answers: nobody's change is undone, nothing is done twice, and no more than was said.
import { check, isAccessible, isClean, pure, same, sleep, until } from "./harness.mjs";
import { open } from "./seed.mjs";

const kRlo = "\u202E";

/// Changes take so long there.
const slowly = (page, ms) =>
  page.route("**/v1/**", async (route) => {
    if (route.request().method() !== "GET") await sleep(ms);
    await route.continue().catch(() => undefined);
  });

/// So many that fail at once.
async function failed(broker, receiver, n, path, total) {
  for (let i = 0; i < n; ++i) await broker.submit({ url: `${receiver.url}/bad/${path}${i}`, lane: "F", retry: { max_attempts: 1 } });
  await until(async () => (await broker.call("GET", "/v1/notifies?state=failed&lane=F")).items.length === total, `${total} failed`);
}

/// Three events and who subscribed to them.
async function published(broker, receiver) {
  await broker.call("PUT", "/v1/topics/order.paid", {});
  await broker.call("PUT", "/v1/subscriptions/mailer", { topic: "order.*", url: receiver.url + "/mail" });
  for (let i = 0; i < 3; ++i) await broker.call("POST", "/v1/topics/order.paid/publish", { data: { i } });
  await until(async () => (await broker.call("GET", "/v1/notifies?subscription=mailer")).items.length === 3, "they are made");
}
const replayed = async (broker) => (await broker.call("GET", "/v1/notifies?subscription=mailer")).items.length;

export const changingCases = [
  [
    "changing: a dialog that was opened before somebody else changed the notify undoes nothing, and says so",
    async (world) => {
      const broker = await world.broker();
      const { id } = await broker.submit({ url: "http://127.0.0.1:9/x", delay_ms: 3_600_000, priority: 4, data: { a: 1, b: 2 }, retry: { max_attempts: 3 } });
      const page = await world.browser.page(await world.context());
      await open(page, broker, "notify/" + id);
      await page.click("text=Change …");
      await page.waitForSelector("dialog textarea");
      await broker.call("PATCH", "/v1/notifies/" + id, { priority: 9, data: { a: 100, b: null, c: 3 } });
      await page.waitForFunction(() => /"c": 3/.test(document.querySelector("main pre[aria-label='Data (JSON)']")?.textContent ?? "")); // the page behind it has it
      await page.fill("dialog input >> nth=0", "7200");
      await page.click("dialog button.main");
      await page.waitForSelector("dialog .fault:has-text('Somebody else changed it meanwhile')");
      const now = await broker.call("GET", "/v1/notifies/" + id);
      same([now.priority, now.data, new Date(now.due_at) - Date.now() < 3_700_000], [9, { a: 100, c: 3 }, true], "what it is");
      // Opened anew it is of what is there now.
      await page.click("dialog button[aria-label=Close]");
      await page.click("text=Change …");
      await page.fill("dialog input >> nth=0", "7200");
      const asked = page.waitForRequest((request) => request.method() === "PATCH");
      await page.click("dialog button.main");
      same((await asked).postDataJSON(), { delay_ms: 7_200_000 }, "what is sent");
      await page.waitForSelector("dialog", { state: "detached" });
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "changing: of limits in a dialog those are sent that were touched, and not over what somebody else has set meanwhile",
    async (world) => {
      const broker = await world.broker();
      const page = await world.browser.page(await world.context());
      const lane = "/v1/lanes/concurrent/F";
      const host = "/v1/hosts/127.0.0.1%3A9";
      for (const [path, where, own] of [[lane, "lane/concurrent/F", async () => (await broker.call("GET", lane)).own], [host, "destination/127.0.0.1%3A9", () => broker.call("GET", host)]]) {
        await broker.call("PATCH", path, { concurrency: 5 });
        await open(page, broker, where);
        await page.click("text=Limits …");
        await page.waitForSelector("dialog input");
        await broker.call("PATCH", path, { concurrency: 1 });
        await page.fill("dialog input >> nth=1", "10");
        await page.click("dialog button.main");
        await page.waitForSelector("dialog", { state: "detached" });
        const now = await own();
        same([now.concurrency, now.rate_per_s], [1, 10], path);
        await page.click("text=Limits …");
        await page.waitForSelector("dialog input");
        await broker.call("PATCH", path, { concurrency: 3 });
        await page.waitForFunction(() => /: 3\.|Now: 3/.test(document.querySelector("dialog")?.textContent ?? "")); // the newest is there
        await page.fill("dialog input >> nth=0", "7");
        await page.click("dialog button.main");
        await page.waitForSelector("dialog .bad-text:has-text('Somebody else changed it meanwhile')");
        same((await own()).concurrency, 3, "what somebody else has set");
        await page.click("dialog button[aria-label=Close]");
      }
      // An instance is put as a whole: as it is, not as the page saw it.
      await broker.call("PUT", "/v1/services/stock", {});
      const at = "/v1/services/stock/instances/a";
      await broker.call("PUT", at, { url: "http://127.0.0.1:9", weight: 7 });
      await open(page, broker, "service/stock");
      await page.waitForSelector("button:has-text('Drain')");
      await page.route("**/instances?*", () => undefined); // nothing newer is shown
      await broker.call("PUT", at, { url: "http://127.0.0.1:10", weight: 7 });
      await page.click("button:has-text('Drain')");
      await until(async () => (await broker.call("GET", at)).weight === 0, "it is drained");
      same((await broker.call("GET", at)).url, "http://127.0.0.1:10", "its URL");
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "changing: a form is sent once, however often Enter is pressed; a replay of which no answer came makes nothing new",
    async (world) => {
      const broker = await world.broker();
      const receiver = await world.receiver();
      await published(broker, receiver);
      const page = await world.browser.page(await world.context());
      await slowly(page, 600);
      await open(page, broker, "topics?subscription=mailer");
      await page.click("text=Replay …");
      await page.fill("dialog input >> nth=0", "1 h");
      for (let i = 0; i < 3; ++i) await page.keyboard.press("Enter");
      check(await page.isDisabled("dialog button.main"), "it can be sent again while it is sent");
      await page.waitForSelector("dialog", { state: "detached" });
      await until(async () => (await replayed(broker)) >= 6, "it is replayed");
      await open(page, broker, "submit");
      await page.fill("form.panel input >> nth=0", receiver.url + "/pay");
      for (let i = 0; i < 2; ++i) await page.keyboard.press("Enter");
      await page.waitForSelector("#waterfall");
      await open(page, broker, "tokens");
      await page.click("text=New token …");
      await page.fill("dialog input >> nth=0", "x");
      for (let i = 0; i < 2; ++i) await page.keyboard.press("Enter");
      await page.waitForSelector("dialog .code:has-text('ntf_')");
      await sleep(800);
      same([await replayed(broker), receiver.calls.filter((call) => call.path === "/pay").length, (await broker.call("GET", "/v1/tokens")).items.length], [6, 1, 1], "replayed, submitted, made");
      await page.unroute("**/v1/**");
      // It is done, and the answer is lost.
      let lost = 0;
      await page.route("**/replay", async (route) => {
        if (lost++ > 0) return route.continue();
        await route.fetch();
        await route.abort();
      });
      await page.keyboard.press("Escape");
      await open(page, broker, "topics?subscription=mailer");
      await page.click("text=Replay …");
      await page.fill("dialog input >> nth=0", "1 h");
      await page.keyboard.press("Enter");
      await page.waitForSelector("dialog .fault:has-text('it may have been done all the same')");
      await until(async () => (await replayed(broker)) === 9, "it was done");
      await page.keyboard.press("Enter");
      await page.waitForSelector(".toast.on:has-text('asked for already')");
      await sleep(500);
      same(await replayed(broker), 9, "it was done once");
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "changing: what was counted is bounded by each state's own time, and by none that is to come",
    async ({ options }) => {
      const { frozen, grows } = await pure(options.packages, "frozen");
      const now = Date.parse("2026-11-27T02:00:00Z");
      const at = ["2026-11-27T02:00:00.000Z"];
      const later = ["2030-01-01T00:00:00.000Z"];
      const before = ["2026-11-26T00:00:00Z"];
      same(frozen({ state: ["failed"], lane: ["F"] }, now), [{ state: ["failed"], lane: ["F"], settled_before: at }], "settled");
      same(frozen({ state: ["held"] }, now), [{ state: ["held"], created_before: at }], "pending");
      same(frozen({ state: ["failed", "retrying"] }, now), [{ state: ["retrying"], created_before: at }, { state: ["failed"], settled_before: at }], "both");
      same(frozen({ state: ["failed"], settled_before: later }, now), [{ state: ["failed"], settled_before: at }], "a time to come");
      same(frozen({ state: ["failed"], settled_before: before }, now), [{ state: ["failed"], settled_before: before }], "a time that was");
      same(frozen({ state: ["failed", "retrying"], created_before: later }, now), [{ state: ["retrying"], created_before: at }, { state: ["failed"], created_before: later, settled_before: at }], "created before a time to come");
      same(frozen({ state: ["failed", "retrying"], settled_after: before }, now), [{ state: ["failed"], settled_after: before, settled_before: at }], "settled ones alone");
      same(frozen({ state: ["retrying"], settled_after: before }, now).length, 1, "what matches nothing");
      same([grows(frozen({ state: ["failed"] }, now)), grows(frozen({ state: ["retrying"] }, now)), grows(frozen({ state: ["held", "scheduled", "ready", "sending", "retrying"] }, now))], [false, true, false], "what may come to it");
    },
  ],
  [
    "changing: what fails after it was counted is not touched, be the browser's clock ahead, and others pending",
    async (world) => {
      const broker = await world.broker();
      const receiver = await world.receiver();
      await failed(broker, receiver, 3, "old", 3);
      await broker.submit({ url: receiver.url + "/bad/r", lane: "F", retry: { max_attempts: 9, schedule_ms: [3_600_000] } });
      await until(async () => (await broker.call("GET", "/v1/notifies?state=retrying&lane=F")).items.length === 1, "one waits");
      const page = await world.browser.page(await world.context());
      await page.clock.install({ time: Date.now() + 3_600_000 });
      await open(page, broker, "notifies?state=failed,retrying&lane=F");
      await page.waitForSelector(".pulse.on");
      await page.click("text=Send again …");
      await page.waitForSelector("[data-phase=counted]:has-text('4 notifies match')");
      const counted = await page.textContent("[data-phase=counted]");
      await failed(broker, receiver, 4, "new", 7);
      await page.click("dialog footer button.main");
      await page.waitForSelector("[data-phase=done]:has-text('4 of 4')");
      const calls = (path) => receiver.calls.filter((call) => call.path.startsWith("/bad/" + path)).length;
      await until(() => calls("old") === 6 && calls("r") === 2, "those are sent again");
      same(calls("new"), 4, "what failed meanwhile");
      check(counted.includes("comes to one of these states meanwhile"), "what may come to it");
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "changing: an action that is under way is not left unseen, and one that nothing answers any more says how far it came",
    async (world) => {
      const broker = await world.broker();
      const page = await world.browser.page(await world.context());
      let answer = () => undefined;
      let steps = 0;
      await page.route("**/v1/namespaces/default/notifies/retry", async (route) => {
        if (route.request().postDataJSON().dry_run) return route.fulfill({ json: { count: 12, next: null } });
        if (steps++ % 2 === 0) return route.fulfill({ json: { count: 5, next: "n1" } });
        answer = () => route.abort();
      });
      const begin = async () => {
        await open(page, broker, "notifies?state=failed");
        await page.waitForSelector(".pulse.on");
        await page.click("text=Send again …");
        await page.waitForSelector("[data-phase=counted]:has-text('Nothing else is touched')");
        await page.click("dialog footer button.main");
        await page.waitForSelector("[data-phase=doing]:has-text('5 of 12')");
      };
      await begin();
      for (let i = 0; i < 3; ++i) await page.keyboard.press("Escape");
      await page.mouse.click(5, 400); // beside it
      await page.waitForSelector("dialog [data-phase=doing] [role=alert]:has-text('still under way')");
      await answer();
      const text = await page.waitForSelector("[data-phase=stopped]:has-text('Stopped after 5')").then((at) => at.textContent());
      check(text.includes("it may have been done") && !text.includes("asks again by itself"), text);
      await isAccessible(page, world.axe, "a bulk action that was cut off");
      await page.keyboard.press("Escape");
      await page.waitForSelector("dialog", { state: "detached" });
      // Who goes elsewhere is told it, too.
      await begin();
      await page.goto(`${broker.url}/console/#/lanes`);
      await page.waitForSelector(".toast.on:has-text('Stopped after 5')");
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "changing: pages of a list that rows come between hang together again, or it is known that they do not",
    async ({ options }) => {
      const { rowsOf, gapOf, filled, renewed } = await pure(options.packages, "joined");
      const key = (row) => row;
      const rows = (part) => part.rows.join("");
      const rest = [{ from: "d", rows: ["e", "f"], next: "f" }, { from: "f", rows: ["g"], next: null }];
      same(gapOf(["c", "d"], "d", rest, key), null, "as they were loaded");
      same(gapOf(["d", "e"], "e", rest, key), null, "one is gone");
      same(gapOf(["a", "b"], "b", rest, key), { at: 0, from: "b" }, "two came");
      same(gapOf(["a"], null, rest, key), null, "all that there is");
      const one = filled(rest, 0, { from: "b", rows: ["c", "d"], next: "d" }, key);
      same([one.map(rows), gapOf(["a", "b"], "b", one, key)], [["cd", "ef", "g"], null], "what lies between");
      const most = filled(rest, 0, { from: "b", rows: ["c"], next: "c" }, key);
      same([most.map(rows), gapOf(["a", "b"], "b", most, key)], [["c", "ef", "g"], { at: 1, from: "c" }], "a part of it");
      const met = filled(rest, 0, { from: "b", rows: ["c", "d", "e", "f"], next: "f" }, key);
      same([met.map(rows), gapOf(["a", "b"], "b", met, key)], [["cdef", "g"], null], "it meets them");
      same(filled(rest, 0, { from: "b", rows: ["c"], next: null }, key).map(rows), ["c"], "an end");
      same(rowsOf(["a", "e"], rest, key), ["a", "e", "f", "g"], "each once");
      const came = renewed(rest, 0, { from: "d", rows: ["e", "e1"], next: "e1" }, key);
      same([came.map(rows), gapOf(["c", "d"], "d", came, key)], [["ee1", "g"], { at: 1, from: "e1" }], "one came in the middle");
      same(renewed(rest, 0, { from: "d", rows: ["f", "g"], next: "g" }, key).map(rows), ["f", "g"], "one is gone from it");
      same(renewed([{ from: "d", rows: ["e", "f", "h"], next: "h" }, rest[1]], 0, { from: "d", rows: ["e", "f"], next: "f" }, key).map(rows), ["ef", "h", "g"], "one that had grown is two");
    },
  ],
  [
    "changing: a list that was scrolled has all of it while much comes before and in the middle of it, and does not say \"in all\" of a part",
    async (world) => {
      const broker = await world.broker();
      const page = await world.browser.page(await world.context());
      const make = (n, lane) => broker.call("POST", "/v1/notifies", Array.from({ length: n }, () => ({ url: "http://127.0.0.1:9/gap", lane, delay_ms: 3_600_000 })));
      const [{ id }] = (await make(50, "gap")).items;
      for (let i = 0; i < 2; ++i) await make(100, "gap");
      await open(page, broker, "notifies?lane=gap&state=scheduled");
      await page.waitForSelector("[data-row]");
      const shown = () => page.textContent(".count");
      await until(async () => {
        await page.evaluate(() => document.querySelector(".rows").scrollBy(0, 1e6));
        return (await shown()).includes("250 in all");
      }, "all are loaded");
      const wrong = [];
      const watch = setInterval(async () => {
        const text = await shown().catch(() => "");
        if (/in all/.test(text) && !/^(250|310|410|409) /.test(text)) wrong.push(text);
      }, 50);
      try {
        await make(60, "gap");
        await until(async () => (await shown()).startsWith("310 in all"), "60 came");
        await make(100, "gap");
        await until(async () => (await shown()).startsWith("410 in all"), "100 came, more than a page has");
        // One of the last page goes.
        await broker.call("DELETE", "/v1/notifies/" + id);
        await until(async () => (await shown()).startsWith("409 in all"), "one that was scrolled to is gone", 40_000);
      } finally {
        clearInterval(watch);
      }
      same(wrong, [], "what it said was all");
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "changing: a kept answer is that of the newest end; a second trigger says that it sent nothing; what is cancelled is what was shown",
    async (world) => {
      const broker = await world.broker();
      const receiver = await world.receiver();
      const context = await world.context();
      const page = await world.browser.page(context);
      const kept = await broker.submit({ url: receiver.url + "/bad/k", keep_response_bytes: 1000, retry: { max_attempts: 1 } });
      await broker.settled(kept.id);
      await open(page, broker, "notify/" + kept.id);
      await page.waitForSelector("#answer:has-text('503')");
      receiver.good = true;
      await page.click("text=Send again");
      await page.waitForSelector("h1 .s-succeeded");
      await page.waitForSelector("#answer:has-text('200'):not(:has-text('503'))");
      const { id } = await broker.submit({ url: receiver.url + "/ship", fkey: "K", data: { a: 0 } });
      const other = await world.browser.page(context);
      for (const each of [page, other]) {
        await open(each, broker, "fkeys?fkey=K");
        await each.click("button:has-text('Trigger')");
      }
      await other.fill("dialog textarea", '{"a":1}');
      await other.click("dialog button.main");
      await other.waitForSelector(".toast.on:has-text('Triggered.')");
      await broker.settled(id);
      await page.fill("dialog textarea", '{"a":2}');
      await page.click("dialog button.main");
      await page.waitForSelector(".toast.on.bad:has-text('nothing was sent')");
      same(receiver.calls.filter((call) => call.path === "/ship").map((call) => call.body), ['{"a":1}'], "what was sent");
      // Another one is held under the key than the page shows.
      const first = await broker.submit({ url: receiver.url + "/a", fkey: "L" });
      await open(page, broker, "fkeys?fkey=L");
      await page.waitForSelector(`.panel:has-text("${first.id}") button.danger`);
      await page.route("**/fkeys/L", (route) => (route.request().method() === "GET" ? undefined : route.continue())); // nothing newer is shown
      const second = await broker.submit({ url: receiver.url + "/b", fkey: "L", on_held: "replace" });
      await page.click(".panel button.danger");
      await page.waitForSelector(".toast.on");
      same((await broker.call("GET", "/v1/notifies/" + second.id)).state, "held", "the one that was not shown");
      for (const each of [page, other]) await isClean(each, new URL(broker.url).host);
    },
  ],
  [
    "changing: names that an address cannot hold are said to be none of its; one that no page has leads nowhere; what turns text turns no title",
    async (world) => {
      const broker = await world.broker();
      const page = await world.browser.page(await world.context());
      const host = new URL(broker.url).host;
      for (const where of ["lane/concurrent/..", "lane/fifo/%2E", "fkeys?fkey=..", "callers?ns=..", "topic/.", "schedule/..", "service/.."]) {
        page.asked.length = 0;
        await page.goto("about:blank");
        await page.goto(`${broker.url}/console/#/${where}`);
        await page.waitForSelector("main .fault:has-text('cannot be asked for from a browser')");
        const known = /^\/(console\/|v1\/(whoami|namespaces(\/default\/(live|stats|notifies|topics|subscriptions|schedules|fkeys|lanes|services|callers))?|alerts)$)/;
        same(page.asked.filter((request) => request.host === host && !known.test(request.path)).map((request) => request.path), [], where);
      }
      for (const where of ["constructor", "__proto__", "toString", "nothing/of/it"]) {
        await page.goto(`${broker.url}/console/#/${where}`);
        await page.waitForSelector("h1:has-text('There is no such page')");
        await page.keyboard.press("Escape");
      }
      await open(page, broker, "callers?span=constructor&sort=constructor");
      check(!(await page.$("main .fault")), "what is no span is asked for");
      // Isolated, and closed, whatever it has of its own.
      for (const [name, shown] of [["pay" + kRlo + "orders", "\u2068pay" + kRlo + "orders\u2069"], ["a\u2069" + kRlo + "b", "\u2068a" + kRlo + "b\u2069"], ["c\u2067d", "\u2068c\u2067d\u2069\u2069"]]) {
        await page.goto(`${broker.url}/console/#/lane/concurrent/${encodeURIComponent(name)}`);
        await page.click("button:has-text('Pause …')");
        same(await page.textContent("dialog h2"), `Pause ${shown}`, "the dialog's title");
        same(await page.getAttribute("dialog", "aria-label"), `Pause ${shown}`, "and as it is read aloud");
        await page.click("dialog button.main");
        await page.waitForSelector(".toast.on");
        same(await page.textContent(".toast"), `${shown} is paused.`, "what is said");
        check((await page.title()).startsWith(shown), "the tab's title");
      }
      await isClean(page, host);
    },
  ],
];

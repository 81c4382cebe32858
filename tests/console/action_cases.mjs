// Each action, by what it does to the broker.
import { check, isClean, same, until } from "./harness.mjs";
import { open, ready, seed } from "./seed.mjs";

async function seeded(world) {
  const broker = await world.broker();
  const receiver = await world.receiver();
  const made = await seed(broker, receiver);
  const page = await world.browser.page(await world.context());
  return { broker, receiver, made, page };
}

const stateOf = async (broker, id) => (await broker.call("GET", "/v1/notifies/" + id)).state;

export const actionCases = [
  [
    "actions: one notify is sent again, changed, cancelled; and one of a paused lane is sent although it is",
    async (world) => {
      const { broker, receiver, made, page } = await seeded(world);
      receiver.good = true;
      await open(page, broker, "notify/" + made.bad);
      await page.click("text=Send again");
      await until(async () => (await stateOf(broker, made.bad)) === "succeeded", "it is sent again");
      await page.waitForSelector("h1 .s-succeeded");
      await open(page, broker, "notify/" + made.later);
      await page.click("text=Change …");
      await page.fill("dialog input >> nth=0", "7200");
      await page.click("dialog button.main");
      await until(async () => new Date((await broker.call("GET", "/v1/notifies/" + made.later)).due_at) - Date.now() > 6_000_000, "it is due later");
      await page.waitForSelector("dialog", { state: "detached" });
      await page.click("text=Cancel it");
      await page.click("dialog button.danger");
      await until(async () => (await stateOf(broker, made.later)) === "cancelled", "it is cancelled");
      await open(page, broker, "notify/" + made.paused);
      await page.waitForSelector("#why:has-text('lane_paused')");
      same(await page.$$eval(".facts .id a", (all) => all.map((at) => at.textContent)).then((all) => all.includes(made.behind)), true, "the next in its lane");
      await page.click("text=though its lane is paused");
      // A broker without that route says so; the page says it on.
      await page.waitForSelector(".toast.on");
      const said = await page.textContent(".toast");
      if (!said.includes("did not work")) await until(async () => (await stateOf(broker, made.paused)) === "succeeded", "it is sent");
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "actions: a call is copied as curl and as notifyctl; digits and the kept answer are shown",
    async (world) => {
      const { broker, receiver, made, page } = await seeded(world);
      await open(page, broker, "notify/" + made.good);
      const text = await page.textContent("main");
      // Digit for digit, whatever a double makes of it.
      const exact = await fetch(broker.url + "/v1/notifies", { method: "POST", headers: { "Content-Type": "application/json" }, body: `{"url":"${receiver.url}/exact","keep_response_bytes":1000,"data":{"id":12345678901234567890,"total":9.90}}` }).then((response) => response.json());
      await broker.settled(exact.id);
      check(/curl -i -X POST/.test(text) && text.includes('{"order":1}') && text.includes("notifyctl submit http://"), text);
      await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
      await page.click("h1 .copy");
      await page.waitForSelector(".toast.on");
      same(await page.evaluate(() => navigator.clipboard.readText()), made.good, "the clipboard");
      await open(page, broker, "notify/" + exact.id);
      const shown = await page.textContent("main");
      check(shown.includes('"id": 12345678901234567890') && shown.includes('"total": 9.90'), shown);
      await page.waitForSelector("#answer:has-text('200'):has-text('ok')");
    },
  ],
  [
    "actions: a lane is paused, resumed and bounded; it says who paused it",
    async (world) => {
      const { broker, made, page } = await seeded(world);
      await open(page, broker, "lane/fifo/ledger");
      await page.waitForSelector("h1:has-text('by hand')");
      await page.waitForSelector(`.facts:has-text("${made.paused}")`);
      await page.click("text=Limits …");
      await page.fill("dialog input >> nth=0", "5");
      await page.selectOption("dialog select >> nth=1", "pause");
      await page.click("dialog button.main");
      await until(async () => (await broker.call("GET", "/v1/lanes/fifo/ledger")).settings.rate_per_s === 5, "the rate");
      same((await broker.call("GET", "/v1/lanes/fifo/ledger")).own.on_failure, "pause", "on_failure");
      await page.click("text=Resume");
      await until(async () => (await stateOf(broker, made.behind)) === "succeeded", "it goes on");
      // Why, and until when, stays with it for whoever looks later.
      await page.click("button:has-text('Pause …')");
      await page.waitForSelector("dialog input:focus");
      await page.keyboard.type("deployment <b>of</b> ledger");
      await page.fill("dialog input >> nth=1", "yesterday");
      check(await page.isDisabled("dialog button.main"), "a time that is none is not taken");
      await page.fill("dialog input >> nth=1", "2 h");
      await page.click("dialog button.main");
      await page.waitForSelector("dialog", { state: "detached" });
      await page.waitForSelector("h1:has-text('by hand: deployment <b>of</b> ledger')");
      for (const fact of ["Paused since", "Goes on at", "Reason"]) await page.waitForSelector(`.facts dt:has-text("${fact}")`);
      const own = (await broker.call("GET", "/v1/lanes/fifo/ledger")).own;
      same(own.paused_reason, "deployment <b>of</b> ledger", "the reason");
      check(Math.abs(new Date(own.paused_until) - new Date(own.paused_since) - 7_200_000) < 60_000, "two hours");
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "actions: lanes come by what waits in them; what falls due is listed soonest first",
    async (world) => {
      const { broker, receiver, page } = await seeded(world);
      for (const [lane, n] of [["a-few", 1], ["z-many", 3]]) {
        await broker.call("PATCH", "/v1/lanes/concurrent/" + lane, { paused: true });
        for (let i = 0; i < n; ++i) await broker.submit({ url: receiver.url + "/" + lane, lane });
      }
      await open(page, broker, "lanes");
      await page.waitForSelector(".row:has-text('z-many')");
      const lanes = await page.$$eval(".row .main .name", (all) => all.map((at) => at.textContent));
      check(lanes.indexOf("z-many") === 0 && lanes.indexOf("a-few") > 0, lanes.join(" "));
      const ids = [];
      for (const minutes of [50, 20, 40]) ids.push((await broker.submit({ url: receiver.url + "/soon", caller: "soon", delay_ms: minutes * 60_000 })).id);
      await open(page, broker, "overview");
      await page.click("#due a:has-text('List')");
      await page.waitForSelector(`.row:has-text("${ids[0]}")`);
      const shown = async () => (await page.$$eval(".row .id a", (all) => all.map((at) => at.textContent))).filter((id) => ids.includes(id));
      same(await shown(), [ids[1], ids[2], ids[0]], "soonest first");
      await page.selectOption(".order select", "newest");
      await until(async () => JSON.stringify(await shown()) === JSON.stringify([ids[2], ids[1], ids[0]]), "newest first");
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "actions: of more lanes than are loaded it is said that only a part is sorted; others are found by how their names begin",
    async (world) => {
      const { broker, receiver, page } = await seeded(world);
      for (let i = 0; i < 1100; i += 100)
        await broker.call("POST", "/v1/notifies", Array.from({ length: 100 }, (_, j) => ({ url: receiver.url + "/many", lane: `many-${String(i + j).padStart(4, "0")}`, delay_ms: 3_600_000 })));
      await broker.call("PATCH", "/v1/lanes/concurrent/zz-last", { paused: true });
      for (let i = 0; i < 3; ++i) await broker.submit({ url: receiver.url + "/zz", lane: "zz-last" });
      await open(page, broker, "lanes");
      await page.waitForSelector("[role=status]:has-text('Only the first 1,000 by name are sorted here')");
      check(!(await page.$(".row:has-text('zz-last')")), "it is not among those");
      await page.fill("form.begins input", "zz-");
      await page.keyboard.press("Enter");
      await page.waitForSelector(".row:has-text('zz-last')");
      check(new URL(page.url()).hash.includes("prefix=zz-"), "the address says so");
      check((await page.$$("form.begins ~ .hint")).length === 0, "all that begin so are there");
      await page.fill("form.begins input", "none-");
      await page.keyboard.press("Enter");
      await page.waitForSelector(".empty:has-text('No name begins so')");
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "actions: a host that is not reached is probed now, though its next probe is far off",
    async (world) => {
      const broker = await world.broker("[breaker]\nopen_ms = 600000\n");
      const page = await world.browser.page(await world.context());
      const dead = "127.0.0.1:9";
      for (let i = 0; i < 6; ++i) await broker.submit({ url: `http://${dead}/${i}`, retry: { max_attempts: 5, schedule_ms: [50] } });
      const path = "/v1/hosts/" + encodeURIComponent(dead);
      await until(async () => (await broker.call("GET", path)).breaker.state === "open", "its breaker opens");
      const before = (await broker.call("GET", path)).breaker.next_probe;
      await open(page, broker, "destination/" + encodeURIComponent(dead));
      await page.click("button:has-text('Probe now')");
      await page.waitForSelector(".toast.on:has-text('goes out now')");
      // In vain: it is open again, and waits for longer.
      await until(async () => {
        const { state, next_probe } = (await broker.call("GET", path)).breaker;
        return state === "open" && next_probe !== before;
      }, "it was probed");
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "actions: a host is paused, resumed and bounded",
    async (world) => {
      const { broker, receiver, page } = await seeded(world);
      const path = "/v1/hosts/" + encodeURIComponent(receiver.host);
      await open(page, broker, "destination/" + encodeURIComponent(receiver.host));
      await page.click("button:has-text('Pause')");
      await until(async () => (await broker.call("GET", path)).paused, "it is paused");
      await page.click("button:has-text('Resume')");
      // Without settings of its own, and with nothing in memory, it is not there any more.
      await until(async () => !(await broker.call("GET", path).catch(() => ({}))).paused, "it goes on");
      await page.click("text=Limits …");
      await page.fill("dialog input >> nth=0", "7");
      await page.click("dialog button.main");
      await until(async () => (await broker.call("GET", path)).concurrency === 7, "its limit");
      // What is refused is said where it was typed.
      await page.waitForSelector("dialog", { state: "detached" });
      await page.click("text=Limits …");
      await page.fill("dialog input >> nth=0", "0");
      await page.click("dialog button.main");
      await page.waitForSelector("dialog .fault:has-text('/concurrency')");
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "actions: a filter becomes an action: counted, done, and who did it",
    async (world) => {
      const { broker, receiver, made, page } = await seeded(world);
      const before = receiver.calls.length;
      await open(page, broker, "notifies?state=scheduled&caller=batch");
      await page.click("text=Cancel …");
      await page.waitForSelector("[data-phase=counted]:has-text('1 notifies match')");
      same(await stateOf(broker, made.later), "scheduled", "a dry run changes nothing");
      await page.click("dialog button.danger");
      await page.waitForSelector("[data-phase=done]:has-text('done by anybody')");
      same(await stateOf(broker, made.later), "cancelled", "it is cancelled");
      same(await stateOf(broker, made.held), "held", "nothing else is");
      await page.click("dialog footer button");
      await open(page, broker, "notifies?state=cancelled");
      await page.click("text=Purge …");
      await page.waitForSelector("[data-phase=counted]");
      await page.click("dialog button.danger");
      await page.waitForSelector("[data-phase=done]");
      await until(async () => (await broker.call("GET", "/v1/notifies?state=cancelled")).items.length === 0, "it is purged");
      same(receiver.calls.length, before, "nothing was sent");
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "actions: an fkey is triggered, a group cancelled, a schedule run and paused, an event replayed, a caller held back",
    async (world) => {
      const { broker, made, page } = await seeded(world);
      await open(page, broker, "fkeys?fkey=order-1");
      await page.click("button:has-text('Trigger')");
      await page.fill("dialog textarea", '{"paid":true}');
      await page.click("dialog button.main");
      same((await broker.settled(made.held)).data, { order: 1, paid: true }, "what was triggered");
      await open(page, broker, "group/" + made.group);
      await page.click("text=Cancel what waits");
      await until(async () => (await broker.call("GET", "/v1/groups/" + made.group)).state === "settled", "the group is settled");
      await open(page, broker, "schedule/nightly");
      await page.click("button:has-text('Pause')");
      await until(async () => (await broker.call("GET", "/v1/schedules/nightly")).paused, "the schedule is paused");
      await page.click("text=Run now");
      await page.waitForSelector("#waterfall");
      same((await broker.call("GET", "/v1/schedules/nightly")).runs[0].outcome, "by_hand", "the run");
      await open(page, broker, "event/" + made.event);
      await page.click("button:has-text('Replay')");
      await until(async () => (await broker.call("GET", "/v1/events/" + made.event)).notifies.length === 2, "it is replayed");
      await open(page, broker, "topics?subscription=mailer");
      await page.click("text=Replay …");
      await page.fill("dialog input >> nth=0", "1 h");
      await page.click("dialog button.main");
      await until(async () => (await broker.call("GET", "/v1/notifies?subscription=mailer")).items.length >= 3, "past events are sent");
      await open(page, broker, "callers?span=hour");
      await page.click(".row:has-text('shop') button:has-text('Pause')");
      await until(async () => (await broker.call("GET", "/v1/callers/shop")).paused, "the caller is paused");
      await page.click(".row:has-text('shop') button:has-text('Limits')");
      await page.fill("dialog input", "3");
      await page.click("dialog button.main");
      await until(async () => (await broker.call("GET", "/v1/callers/shop")).submits_per_s === 3, "the caller's rate");
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "actions: a notify is submitted by hand, and an instance drained",
    async (world) => {
      const { broker, receiver, page } = await seeded(world);
      await open(page, broker, "submit");
      await page.fill("form.panel input >> nth=0", receiver.url + "/by-hand");
      await page.fill("form.panel textarea", '{"n": 1');
      await page.click("form.panel button.main");
      await page.waitForSelector(".bad-text");
      await page.fill("form.panel textarea", '{"n": 1}');
      await page.click("form.panel button.main");
      await page.waitForSelector("#waterfall");
      await until(() => receiver.calls.some((call) => call.path === "/by-hand" && call.body === '{"n":1}'), "it arrives");
      await open(page, broker, "service/stock");
      await page.click("button:has-text('Drain')");
      await until(async () => (await broker.call("GET", "/v1/services/stock/instances/a")).state === "draining", "it is drained");
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "actions: all by keyboard: find, open, send again, go on",
    async (world) => {
      const { broker, made, page } = await seeded(world);
      await open(page, broker, "overview");
      await page.keyboard.press("g");
      await page.keyboard.press("n");
      await page.waitForSelector("h1:has-text('Notifies')");
      await ready(page);
      await page.keyboard.press("/");
      same(await page.evaluate(() => document.activeElement.id), "search", "focus");
      await page.keyboard.type("state=failed host=" + made.dead);
      await page.keyboard.press("Enter");
      // The list of before may have it, too.
      await page.waitForFunction(() => location.hash.includes("state=failed"));
      await ready(page);
      await page.waitForSelector(`.row:has-text("${made.unreached}")`);
      await page.keyboard.press("j");
      await page.waitForFunction(() => document.activeElement?.matches("[data-row]"));
      const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
      check(ring === "solid", "what has the focus is not seen");
      await page.keyboard.press("Enter");
      await page.waitForSelector(`h1:has-text("${made.unreached}")`);
      for (let i = 0; i < 40 && !(await page.evaluate(() => document.activeElement?.textContent === "Send again")); ++i) await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await until(async () => (await stateOf(broker, made.unreached)) !== "failed" || (await broker.call("GET", "/v1/notifies/" + made.unreached)).attempts_made > 1, "it is sent again");
      await page.evaluate(() => document.activeElement.blur());
      await page.keyboard.press("Escape");
      await page.waitForSelector("h1:has-text('Notifies')");
      await page.keyboard.press("?");
      await page.waitForSelector("dialog:has-text('Keys')");
      await page.keyboard.press("Escape");
      await page.waitForSelector("dialog", { state: "detached" });
      for (const [key, title] of [["d", "Destinations"], ["l", "Lanes"], ["f", "Fkeys"], ["g", "Groups"], ["t", "Topics"], ["s", "Schedules"], ["c", "Callers"], ["a", "Alerts"], ["o", "Overview"]]) {
        await page.keyboard.press("g");
        await page.keyboard.press(key);
        await page.waitForSelector(`h1:has-text('${title}')`);
      }
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "actions: data that is changed is what was typed: keys that were taken out are gone; what cannot be said, or is as it was, is told",
    async (world) => {
      const broker = await world.broker();
      const page = await world.browser.page(await world.context());
      const data = { keep: 1, gone: 2, deep: { keep: [1, { x: null }], gone: { a: 1 } }, becomes: { an: "array" }, "10": null };
      const { id } = await broker.submit({ url: "http://127.0.0.1:9/x", data, delay_ms: 3_600_000 });
      await open(page, broker, "notify/" + id);
      const save = async (text) => {
        await page.click("text=Change …");
        await page.fill("dialog textarea", text);
        await page.click("dialog button.main");
      };
      const changed = { keep: 1, deep: { keep: [2, null], new: { y: 1 } }, becomes: [1], "10": null };
      await save(JSON.stringify(changed));
      await page.waitForSelector("dialog", { state: "detached" });
      same((await broker.call("GET", "/v1/notifies/" + id)).data, changed, "what it has");
      await page.waitForSelector("pre[aria-label='Data (JSON)']:has-text('new')");
      await save(JSON.stringify({ ...changed, deep: { keep: null } }));
      await page.waitForSelector("dialog .bad-text:has-text('/deep/keep')");
      await page.fill("dialog textarea", JSON.stringify(changed));
      await page.click("dialog button.main");
      await page.waitForSelector("dialog .bad-text:has-text('nothing to change')");
      await page.click("dialog button[aria-label=Close]");
      await save(" ");
      await page.waitForSelector("dialog", { state: "detached" });
      same((await broker.call("GET", "/v1/notifies/" + id)).data ?? null, null, "emptied, it has none");
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "actions: an instance that was drained takes calls again at the weight that it had, or at what is said",
    async (world) => {
      const broker = await world.broker();
      const page = await world.browser.page(await world.context());
      const at = "/v1/services/stock/instances/a";
      await broker.call("PUT", "/v1/services/stock", {});
      await broker.call("PUT", at, { url: "http://127.0.0.1:9", weight: 7, pools: ["x"] });
      await open(page, broker, "service/stock");
      await page.click("button:has-text('Drain')");
      await until(async () => (await broker.call("GET", at)).weight === 0, "it is drained");
      await page.click("button:has-text('Take calls')");
      same(await page.inputValue("dialog input"), "7", "what it weighed");
      await page.click("dialog button.main");
      await until(async () => (await broker.call("GET", at)).weight === 7, "it takes calls");
      same((await broker.call("GET", at)).pools, ["x"], "its pools");
      await isClean(page, new URL(broker.url).host);
    },
  ],
];

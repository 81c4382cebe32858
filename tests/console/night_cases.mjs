// What somebody asks who is woken at night: each with at most three clicks from the overview. docs/console.md says the same.
import { check, isClean, same, until } from "./harness.mjs";
import { open, seed } from "./seed.mjs";

async function night(world) {
  const broker = await world.broker();
  const receiver = await world.receiver();
  const made = await seed(broker, receiver);
  const page = await world.browser.page(await world.context());
  let clicks = 0;
  await open(page, broker, "overview");
  const click = async (selector) => {
    clicks += 1;
    await page.click(selector);
  };
  return { broker, receiver, made, page, click, done: async () => {
    check(clicks <= 3, `that took ${clicks} clicks`);
    await isClean(page, new URL(broker.url).host);
  } };
}

export const nightCases = [
  [
    "night: which destination fails, since when and with what",
    async (world) => {
      const { broker, made, page, click, done } = await night(world);
      // Enough of it that nobody doubts.
      for (let i = 0; i < 8; ++i) await broker.submit({ url: `http://${made.dead}/${i}`, retry: { max_attempts: 2, schedule_ms: [50] } });
      await page.waitForSelector(`#failing .row:has-text("${made.dead}")`);
      check(/\d+(\.\d)? (ms|s|min)( \d+ s)? ago/.test(await page.textContent(`#failing .row:has-text("${made.dead}")`)), "the overview does not say since when");
      await click(`#failing a:has-text("${made.dead}")`);
      await page.waitForSelector("#told:has-text('It fails since')");
      await click(".panel .row:has-text('failed') .id a");
      await page.waitForSelector("#waterfall .k-attempt.bad:has-text('connect_failed')");
      await done();
    },
  ],
  [
    "night: why is this one not sent",
    async (world) => {
      const { made, page, click, done } = await night(world);
      // No click: its id is typed.
      await page.keyboard.press("/");
      await page.keyboard.type(made.behind);
      await page.keyboard.press("Enter");
      await page.waitForSelector("#why:has-text('its lane is paused')");
      check((await page.textContent("#why")).includes("lane_paused"), "the word of the API");
      await click("#why a:has-text('Look at the lane')");
      await page.waitForSelector("h1:has-text('paused')");
      await done();
    },
  ],
  [
    "night: send again all that failed since then at that host, and nothing else",
    async (world) => {
      const { broker, receiver, made, page, click, done } = await night(world);
      const bad = async (path) => (await broker.settled((await broker.submit({ url: receiver.url + path, retry: { max_attempts: 1 } })).id)).id;
      const old = await bad("/bad/old");
      await new Promise((pass) => setTimeout(pass, 1100));
      const since = new Date();
      await new Promise((pass) => setTimeout(pass, 1100));
      const wanted = [await bad("/bad/new/1"), await bad("/bad/new/2")];
      receiver.good = true;
      const before = receiver.calls.length;
      await open(page, broker, "overview");
      await click(`#failing a:has-text("${receiver.host}")`);
      await click("text=Send again what failed …");
      const local = `${since.getFullYear()}-${String(since.getMonth() + 1).padStart(2, "0")}-${String(since.getDate()).padStart(2, "0")} ${since.toTimeString().slice(0, 8)}`;
      await page.fill("dialog input", local);
      await page.keyboard.press("Enter");
      await page.waitForSelector("[data-phase=counted]:has-text('2 notifies match')");
      await click("dialog button.main");
      await page.waitForSelector("[data-phase=done]:has-text('done by anybody')");
      for (const id of wanted) same((await broker.settled(id)).state, "succeeded", "one that was meant");
      for (const id of [old, made.bad, made.unreached]) same((await broker.call("GET", "/v1/notifies/" + id)).state, "failed", "one that was not meant");
      same(receiver.calls.slice(before).map((call) => call.path).sort(), ["/bad/new/1", "/bad/new/2"], "what was sent");
      await done();
    },
  ],
  [
    "night: who floods",
    async (world) => {
      const { broker, receiver, page, click, done } = await night(world);
      for (let i = 0; i < 3; ++i) await broker.call("POST", "/v1/notifies", Array.from({ length: 100 }, () => ({ url: receiver.url + "/flood", caller: "flooder" })));
      await page.waitForSelector("#flood li:first-child:has-text('flooder'):has-text('300/min')");
      await click("#flood a:has-text('flooder')");
      await page.waitForSelector(".row:has-text('flooder'):has-text('chosen')");
      await click(".row:has-text('flooder') button:has-text('Pause')");
      await until(async () => (await broker.call("GET", "/v1/callers/flooder")).paused, "it is held back");
      await done();
    },
  ],
  [
    "night: is it safe to restart",
    async (world) => {
      const { broker, receiver, page, done } = await night(world);
      await broker.submit({ url: receiver.url + "/slow" });
      await page.waitForSelector("#restart:has-text('1 calls are in flight')");
      check(/\d+ pending ones are on disk/.test(await page.textContent("#restart")), "what is on disk");
      await page.waitForSelector("#restart:has-text('No call is in flight')");
      check((await page.textContent("#restart")).includes("The books balance"), "the books");
      await done();
    },
  ],
  [
    "night: what falls due in the next hour",
    async (world) => {
      const { broker, receiver, made, page, click, done } = await night(world);
      for (let i = 0; i < 3; ++i) await broker.submit({ url: receiver.url + "/soon", delay_ms: 600_000 });
      await page.reload();
      // Those three, the one in half an hour, and the group's and the one that is tried again in an hour, which may fall on either side.
      await page.waitForFunction(() => /^[456] in the next hour/.test(document.querySelector("#due .big")?.textContent ?? ""));
      await click("#due a");
      await page.waitForSelector(`.row:has-text("${made.later}")`);
      await done();
    },
  ],
];

// Several brokers on one PostgreSQL: the page that shows them, and what other pages say of them.
import { check, Database, fits, isAccessible, isClean, same, until } from "./harness.mjs";
import { open, ready } from "./seed.mjs";

const kReport = {
  members: [
    { name: "broker-1", address: "broker-1:7400", version: "1.0.0", self: true, leading: true, draining: false, alive: true, namespaces: 2, heartbeat_age_ms: 900 },
    { name: "broker-2", address: "broker-2:7400", version: "1.1.0", self: false, leading: false, draining: true, alive: true, namespaces: 0, heartbeat_age_ms: 1200 },
    { name: "broker-3", address: "broker-3:7400", version: "1.0.0", self: false, leading: false, draining: false, alive: true, namespaces: 1, heartbeat_age_ms: 400, unreached_by: ["broker-1"], cut_off: true },
  ],
  namespaces: [
    { name: "default", owner: "broker-1", placed: "broker-1", epoch: 3, load: 12 },
    { name: "billing", owner: "broker-1", placed: "broker-3", epoch: 1, load: 0 },
    { name: "mail", owner: null, placed: "broker-3", epoch: 7, load: 0 },
  ],
  moves: [{ at: "2030-01-01T00:00:00.000Z", namespace: "mail", from: null, to: "broker-3" }, { at: "2029-12-31T00:00:00.000Z", namespace: null, from: "broker-2", to: "broker-1" }],
};

/// A page of a broker that says it is one of a cluster.
async function asMember(world, broker, how, report) {
  const context = await world.context(how);
  await context.route("**/v1/whoami", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ json: { ...(await response.json()), member: "broker-1" } });
  });
  await context.route("**/v1/cluster", (route) => route.fulfill({ json: report() }));
  return world.browser.page(context);
}
const rowOf = (page, panel, name) => page.locator(`#${panel} .row`, { hasText: name });

export const clusterCases = [
  [
    "cluster: a broker alone has no such page in its navigation, and says so; who may not look is told",
    async (world) => {
      const broker = await world.broker();
      const page = await world.browser.page(await world.context());
      await open(page, broker, "cluster");
      await page.waitForSelector(".empty:has-text('shares its store with no other one')");
      const links = await page.$$eval("nav a", (all) => all.map((at) => at.getAttribute("href")));
      check(!links.some((link) => link.includes("cluster")), `${links}`);
      await isAccessible(page, world.axe, "cluster");
      await isClean(page, new URL(broker.url).host);
      const refusing = await world.browser.page(await world.context());
      await refusing.route("**/v1/cluster", (route) => route.fulfill({ status: 403, contentType: "application/problem+json", json: { status: 403, title: "Forbidden", detail: "this needs an admin of all namespaces" } }));
      await open(refusing, broker, "cluster");
      await refusing.waitForSelector("main > .fault:has-text('an admin of all namespaces')");
    },
  ],
  [
    "cluster: members, who serves what, moves; in dark, in Chinese, at 360 px",
    async (world) => {
      const broker = await world.broker();
      const host = new URL(broker.url).host;
      let report = kReport;
      const page = await asMember(world, broker, {}, () => report);
      await open(page, broker, "cluster");
      await page.waitForSelector("nav a[aria-current=page]:has-text('Cluster')");
      await rowOf(page, "members", "broker-1").filter({ hasText: "leads" }).filter({ hasText: "you ask this one" }).waitFor();
      await rowOf(page, "members", "broker-2").filter({ hasText: "empty" }).waitFor();
      await rowOf(page, "members", "broker-3").filter({ hasText: "not reached" }).waitFor();
      await page.waitForSelector("#members:has-text('1.0.0, 1.1.0')");
      await rowOf(page, "served", "mail").filter({ hasText: "nobody now" }).waitFor();
      await rowOf(page, "served", "billing").filter({ hasText: "broker-3" }).waitFor();
      await rowOf(page, "moves", "removed since").waitFor();
      report = { ...kReport, moves: null, missing: ["broker-1"] };
      await page.waitForSelector(".banner:has-text('No answer from broker-1')");
      await page.waitForSelector("#moves:has-text('did not answer')");
      await isAccessible(page, world.axe, "cluster");
      await isClean(page, host);
      for (const how of [{ dark: true }, { width: 360, height: 740 }, { language: "zh-CN" }]) {
        const other = await asMember(world, broker, how, () => kReport);
        await open(other, broker, "cluster");
        await other.waitForSelector("#members .row");
        await fits(other, "cluster");
        await isAccessible(other, world.axe, `cluster ${JSON.stringify(how)}`);
        if (how.language) check(!/Members|Drain|serves|leads/.test(await other.textContent("main")), "English in Chinese");
        await isClean(other, host);
      }
    },
  ],
  [
    "cluster: of namespaces whose member does not answer no figures are shown, and that member is named",
    async (world) => {
      const broker = await world.broker();
      const page = await asMember(world, broker, {}, () => kReport);
      await page.route("**/v1/namespaces?limit=200", async (route) => {
        const body = await (await route.fetch()).json();
        const none = { awake: null, pending: null, in_flight: null, may_be_in_flight: null, stored_bytes: null, submits_last_minute: null, attempts_last_minute: null };
        await route.fulfill({ json: { ...body, items: body.items.map((item) => ({ ...item, member: item.name === "default" ? "broker-2" : "broker-1", ...(item.name === "default" ? none : {}) })), missing: ["broker-2"] } });
      });
      await open(page, broker, "namespaces");
      await page.waitForSelector(".banner:has-text('No answer from broker-2')");
      const row = await page.locator(".row", { hasText: "default" }).first().innerText();
      check(row.includes("broker-2") && row.includes("unknown") && row.includes("–"), row);
      await isAccessible(page, world.axe, "namespaces");
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "namespaces: in which cell each lies, and how far one is that moves, where the store has cells; else nothing of it",
    async (world) => {
      const broker = await world.broker();
      await broker.call("PUT", "/v1/namespaces/billing", {});
      await broker.call("PUT", "/v1/namespaces/mail", {});
      const plain = await world.browser.page(await world.context());
      await open(plain, broker, "namespaces");
      await plain.locator(".row", { hasText: "billing" }).waitFor();
      check((await plain.locator("text=Moves to").count()) === 0, "nothing is said of moves");
      const context = await world.context();
      await context.route("**/v1/namespaces?limit=200", async (route) => {
        const response = await route.fetch();
        const answer = await response.json();
        for (const row of answer.items) {
          if (row.name === "billing") Object.assign(row, { moving: { to: "west", state: "copying", copied_keys: 4000, waits_for: null } });
          if (row.name === "billing") row.settings.cell = "east";
          if (row.name === "mail") Object.assign(row, { moving: { to: "east", state: "beginning", copied_keys: 0, waits_for: "the cell is not reached" } });
        }
        await route.fulfill({ json: answer });
      });
      const page = await world.browser.page(context);
      await open(page, broker, "namespaces");
      await page.locator(".row", { hasText: "billing" }).filter({ hasText: "east" }).filter({ hasText: "west" }).filter({ hasText: "copying: 4,000 keys" }).waitFor();
      await page.locator(".row", { hasText: "mail" }).filter({ hasText: "home" }).filter({ hasText: "waits: the cell is not reached" }).waitFor();
      await isAccessible(page, world.axe, "namespaces");
      await fits(page, "namespaces");
    },
  ],
  [
    "cluster: an alert says whose process it is about, and the page which members' figures are not known",
    async (world) => {
      const broker = await world.broker();
      const page = await asMember(world, broker, {}, () => kReport);
      const at = "2030-01-01T00:00:00.000Z";
      const cause = { member: "broker-3", since: at, value: 5e9 };
      const alert = { name: "memory", when: "memory", threshold: 4e9, unit: "bytes", fires: "above", for_ms: 0, repeat_ms: 0, namespaces: [], lanes: [], hosts: [], callers: [], labels: [], to: ["log:x"], state: "firing", firing_since: at, causes_count: 1, causes: [cause], last_message: "firing", last_message_at: at, undelivered: 0 };
      await page.route("**/v1/alerts", (route) => route.fulfill({ json: { items: [alert], next: null, firing: 1, undelivered: 0, missing: ["broker-2"] } }));
      await open(page, broker, "alerts");
      await page.waitForSelector("li:has-text('broker-3')");
      await page.waitForSelector(".banner:has-text('No answer from broker-2')");
      await isAccessible(page, world.axe, "alerts");
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "cluster: one of two real members is emptied, by keyboard, after a question; alerts are asked of whoever judges them",
    async (world) => {
      const database = await new Database().start();
      try {
        const settings = (name, port) =>
          `[store]\nengine = "postgres"\npostgres.dsn = "${database.dsn}"\npostgres.connections = 2\n[cluster]\nadvertise = "127.0.0.1:${port}"\ninsecure = true\nname = "${name}"\n[[alert]]\nname = "memory"\nwhen = "memory"\nthreshold = 1\nfor_ms = 0\nto = ["webhook:http://127.0.0.1:9/"]\n`;
        const ports = await Promise.all([0, 1].map(() => database.freePort()));
        const one = await world.broker(settings("one", ports[0]));
        const two = await world.broker(settings("two", ports[1]));
        const report = () => one.call("GET", "/v1/cluster").catch(() => ({ members: [] }));
        await until(async () => (await report()).members.length === 2 && (await report()).members.some((member) => member.leading), "both are members", 60_000);
        for (const name of ["a1", "a2", "a3"]) await until(() => one.call("PUT", `/v1/namespaces/${name}`, {}).then(() => true, () => false), `${name} is there`, 60_000);
        const other = (await report()).members.find((member) => !member.leading).name;
        const owned = await until(async () => (await report()).namespaces.find((row) => row.owner === other), "the other one serves something", 60_000);
        await one.call("POST", `/v1/namespaces/${owned.name}/notifies`, { url: "http://127.0.0.1:9/x", delay_ms: 3_600_000 });
        // Asked at the leader and at the other one: the same.
        const leader = other === "one" ? two : one;
        for (const asked of [one, two])
          await until(async () => {
            const row = await asked.call("GET", `/v1/namespaces/${owned.name}`);
            return row.member === other && row.pending === 1;
          }, "whoever is asked says who serves it, and what waits there", 60_000);
        const page = await world.browser.page(await world.context());
        await open(page, leader, `overview?ns=${owned.name}`);
        await page.waitForSelector(`.title:has-text('served by ${other}')`);
        await page.waitForSelector("nav a:has-text('Alerts') .pill", { timeout: 90_000 });
        await open(page, leader, `cluster`);
        await rowOf(page, "members", other).waitFor();
        await isAccessible(page, world.axe, "cluster");
        await rowOf(page, "members", other).getByRole("button").focus();
        await page.keyboard.press("Enter");
        await page.waitForSelector(`dialog:has-text('Empty ${other}?')`);
        await page.keyboard.press("Escape");
        await page.waitForSelector("dialog", { state: "detached" });
        same((await report()).members.some((member) => member.draining), false, "draining before it was confirmed");
        await page.keyboard.press("Enter");
        await page.waitForSelector(`dialog:has-text('Empty ${other}?')`);
        await page.click("dialog button.danger");
        await rowOf(page, "members", other).filter({ hasText: /being emptied|empty/ }).waitFor({ timeout: 60_000 });
        await until(async () => (await report()).members.find((member) => member.name === other).namespaces === 0, "it has nothing", 60_000);
        await rowOf(page, "members", other).filter({ hasText: "empty" }).waitFor({ timeout: 60_000 });
        await rowOf(page, "moves", owned.name).first().waitFor({ timeout: 60_000 });
        await rowOf(page, "members", other).getByRole("button").click();
        await until(async () => !(await report()).members.some((member) => member.draining), "it takes again");
        await ready(page);
        await isClean(page, new URL(leader.url).host);
      } finally {
        await database.end();
      }
    },
  ],
];

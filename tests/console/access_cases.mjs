// Who may look, and who may press what.
import { check, isAccessible, isClean, same, sleep, until } from "./harness.mjs";
import { open, pagesOf, seed } from "./seed.mjs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";

/// A broker that asks for tokens, and one of an admin.
export async function guarded(world) {
  const broker = await world.broker(`[auth]\nmode = "token"\n`);
  const made = spawnSync(world.options.notifyd, ["token", "create", "--config", join(broker.dir, "notifyd.toml"), "--scopes", "submit,read,read_bodies,register,operate,admin,metrics"], { encoding: "utf8", cwd: broker.dir });
  check(made.status === 0, made.stderr);
  broker.token = made.stdout.trim().split(/\s+/).find((word) => word.startsWith("ntf_"));
  check(broker.token, made.stdout);
  return broker;
}
export const tokenOf = async (broker, scopes, more = {}) => broker.call("POST", "/v1/tokens", { scopes, namespaces: ["default"], ...more });

export const accessCases = [
  [
    "access: who has no token is asked for one; a wrong one is refused, a right one kept in the tab alone",
    async (world) => {
      const broker = await guarded(world);
      const { token } = await tokenOf(broker, ["read"]);
      const context = await world.context();
      const page = await world.browser.page(context);
      await page.goto(broker.url + "/console/");
      await page.waitForSelector("[data-why=asked]");
      await isAccessible(page, world.axe, "login");
      await page.fill("input[name=token]", "ntf_wrong");
      await page.keyboard.press("Enter");
      await page.waitForSelector("[data-why=refused]");
      await page.fill("input[name=token]", token);
      await page.keyboard.press("Enter");
      await page.waitForSelector("h1:has-text('Overview')");
      same(await page.evaluate(() => Object.values(localStorage).join()), "", "what stays behind the tab");
      check(!page.url().includes("ntf_"), "the token stands in the URL");
      check(!page.asked.some((request) => (request.path + request.search).includes("ntf_")), "the token stood in a URL");
      await page.reload();
      await page.waitForSelector("h1:has-text('Overview')");
      const other = await world.browser.page(context);
      await other.goto(broker.url + "/console/");
      await other.waitForSelector("[data-why=asked]");
      await page.click("text=Log out");
      await page.waitForSelector("[data-why=ended]");
      same(await page.evaluate(() => sessionStorage.length), 0, "what is left in the tab");
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "access: a token that ends leads to the login, which says what happened; the next one goes on where that was",
    async (world) => {
      const broker = await guarded(world);
      const receiver = await world.receiver();
      const { id } = await broker.submit({ url: receiver.url });
      const first = await tokenOf(broker, ["read"]);
      const second = await tokenOf(broker, ["read"]);
      const page = await world.browser.page(await world.context());
      await page.goto(broker.url + "/console/#/notify/" + id);
      await page.fill("input[name=token]", first.token);
      await page.keyboard.press("Enter");
      await page.waitForSelector(`h1:has-text("${id}")`);
      await broker.call("PATCH", "/v1/tokens/" + first.id, { disabled: true });
      await page.waitForSelector("[data-why=expired]:has-text('what was typed and not sent is gone')");
      await page.fill("input[name=token]", second.token);
      await page.keyboard.press("Enter");
      await page.waitForSelector(`h1:has-text("${id}")`);
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "access: a token that only reads sees no button that it may not press, and no page that is not its",
    async (world) => {
      const broker = await guarded(world);
      const receiver = await world.receiver();
      const made = await seed(broker, receiver);
      const { token } = await tokenOf(broker, ["read"]);
      const page = await world.browser.page(await world.context(), token);
      const pages = pagesOf(made);
      for (const where of pages) {
        await open(page, broker, where);
        const buttons = await page.$$eval("main button", (all) => all.map((at) => at.textContent.trim() || at.getAttribute("aria-label")));
        const looks = /^(Try again$|Copy|True to scale|Without|Filter|Look|Those that begin so)|^(held|scheduled|ready|sending|retrying|succeeded|failed|cancelled|expired)/;
        same(buttons.filter((text) => !looks.test(text)), [], `buttons at ${where}`);
      }
      const links = await page.$$eval("nav a", (all) => all.map((at) => at.getAttribute("href")));
      check(!links.some((link) => /tokens|audit|submit|alerts/.test(link)), `${links}`);
      await page.waitForSelector(".who:has-text('read-only')");
      await open(page, broker, "notify/" + made.good);
      check((await page.textContent("main")).includes("may not see bodies"), "bodies without read_bodies");
      check(!(await page.textContent("main")).includes('"order"'), "a body is shown");
      await isClean(page, new URL(broker.url).host);
    },
  ],
  [
    "access: who may not look at a namespace, or at nothing at all, is told so by the overview, and asks for nothing all the time",
    async (world) => {
      const broker = await guarded(world);
      await seed(broker, await world.receiver());
      const looksAt = async (token, where, words, at = "main > .fault") => {
        const page = await world.browser.page(await world.context(), token);
        await page.goto(`${broker.url}/console/#/${where}`);
        await page.waitForSelector(`${at}:has-text("${words}")`);
        await isAccessible(page, world.axe, where);
        await isClean(page, new URL(broker.url).host);
        return page;
      };
      const read = await tokenOf(broker, ["read"]);
      const page = await looksAt(read.token, "overview?ns=billing", "namespace");
      const before = page.asked.length;
      await sleep(3000);
      check(page.asked.length - before <= 3, `it asked ${page.asked.length - before} times in 3 s`);
      await looksAt((await tokenOf(broker, ["metrics"])).token, "overview", "scope");
      await looksAt((await tokenOf(broker, ["read"], { lanes: ["ledger"] })).token, "overview", "bound to lanes", "#newest .fault");
    },
  ],
  [
    "access: an operator sees what he may do, an admin makes tokens and reads the audit, who submits finds his own",
    async (world) => {
      const broker = await guarded(world);
      const receiver = await world.receiver();
      const made = await seed(broker, receiver);
      const operator = await tokenOf(broker, ["read", "operate"], { name: "the operator" });
      const page = await world.browser.page(await world.context(), operator.token);
      await open(page, broker, "lane/fifo/ledger");
      await page.waitForSelector("h1:has-text('paused · by token ')");
      await page.click("text=Resume");
      // Empty, and without settings, it is not there any more.
      await until(async () => !(await broker.call("GET", "/v1/lanes/fifo/ledger").catch(() => ({}))).paused, "it goes on");
      await page.waitForSelector(".empty:has-text('Nothing waits here')");
      const admin = await world.browser.page(await world.context(), broker.token);
      await open(admin, broker, "audit");
      await admin.waitForSelector(`.row:has-text('lane_changed'):has-text("${operator.id}")`);
      await open(admin, broker, "tokens");
      await admin.click("text=New token …");
      await admin.fill("dialog input >> nth=0", "made here");
      await admin.click("dialog button.main");
      await admin.waitForSelector("dialog .code:has-text('ntf_')");
      await admin.click("dialog footer button");
      await admin.click(".row:has-text('made here') button:has-text('Disable')");
      await admin.waitForSelector("dialog:has-text('Disable made here?')");
      check(!(await admin.textContent("dialog")).includes("the one that you use"), "it is another one");
      await admin.click("dialog button.danger");
      await admin.waitForSelector(".row:has-text('made here'):has-text('disabled')");
      await admin.click(".row:has-text('made here') button:has-text('Enable')");
      await admin.waitForSelector(".row:has-text('made here'):has-text('active')");
      await admin.click(`.row:has-text("${broker.token.split("_")[1]}") button:has-text('Disable')`);
      await admin.waitForSelector("dialog:has-text('the one that you use here')");
      await admin.click("dialog footer button:has-text('Leave it')");
      check(!(await broker.call("GET", "/v1/tokens/" + broker.token.split("_")[1])).disabled, "it was disabled");
      // What is no number of days is said to be none, where it was typed.
      await admin.click("text=New token …");
      for (const days of ["abc", "90d", "99999999999", "0", "-1"]) {
        await admin.fill("dialog input[inputmode=numeric]", days);
        await admin.click("dialog button.main");
        await admin.waitForSelector("dialog .field:has(input[aria-invalid=true]) .bad-text");
        await admin.fill("dialog input[inputmode=numeric]", "1");
      }
      await admin.click("dialog button.main");
      await admin.waitForSelector("dialog .code:has-text('ntf_')");
      await admin.click("dialog footer button");
      const submitter = await tokenOf(broker, ["submit"], { caller: "shop-bound" });
      const { id } = await broker.submit({ url: receiver.url }, submitter.token);
      const own = await world.browser.page(await world.context(), submitter.token);
      await own.goto(broker.url + "/console/");
      await own.waitForSelector("main h1");
      await own.goto(broker.url + "/console/#/notify/" + id);
      await own.waitForSelector(`h1:has-text("${id}")`);
      check(made.good, "");
      for (const each of [page, admin, own]) await isClean(each, new URL(broker.url).host);
    },
  ],
  [
    "access: the console is served where the settings say, and nowhere else",
    async (world) => {
      const broker = await world.broker(`[console]\nserve = "nowhere"\n`);
      for (const path of ["/console", "/console/", "/console/console.js"]) same((await fetch(broker.url + path)).status, 404, path);
      check(!broker.log.includes("/console/"), "the start says that it is there");
    },
  ],
];

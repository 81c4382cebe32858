// The web console, end to end: node console_test.mjs --notifyd BINARY --packages FOLDER [--part NAME] [--only WORD] [--shots FOLDER]. Each case is a
// function of one of the lists below, of all parts unless one is named; `--shots` makes the pictures of docs/console instead.
import { resolve } from "node:path";
import { Browser, Broker, Receiver } from "./harness.mjs";
import { bundleCases } from "./bundle_cases.mjs";
import { pageCases, soonCases } from "./page_cases.mjs";
import { actionCases } from "./action_cases.mjs";
import { commandCases } from "./command_cases.mjs";
import { nightCases } from "./night_cases.mjs";
import { accessCases } from "./access_cases.mjs";
import { clusterCases } from "./cluster_cases.mjs";
import { liveCases } from "./live_cases.mjs";
import { staleCases } from "./stale_cases.mjs";
import { changingCases } from "./changing_cases.mjs";
import { shots } from "./shots.mjs";

const options = Object.fromEntries(process.argv.slice(2).flatMap((word, i, all) => (word.startsWith("--") ? [[word.slice(2), all[i + 1]]] : [])));
for (const name of ["notifyd", "packages", "shots"]) if (options[name]) options[name] = resolve(options[name]);
const browser = await new Browser(options.packages).start();
if (options.shots) {
  await shots({ browser, options });
  await browser.end();
  process.exit(0);
}
// They run beside each other, but for the last: its figures are of seconds.
const parts = {
  pages: [...bundleCases, ...pageCases],
  actions: [...commandCases, ...actionCases, ...nightCases, ...accessCases, ...changingCases, ...clusterCases],
  live: [...soonCases, ...liveCases, ...staleCases],
};
let passed = 0;
const failed = [];
for (const [name, run] of options.part ? parts[options.part] : Object.values(parts).flat()) {
  if (options.only && !name.includes(options.only)) continue;
  const began = Date.now();
  const things = [];
  const world = {
    browser,
    options,
    axe: browser.axe,
    broker: async (settings) => {
      const broker = await new Broker(options.notifyd, settings).start();
      things.push(broker);
      return broker;
    },
    receiver: async () => {
      const receiver = await new Receiver().start();
      things.push(receiver);
      return receiver;
    },
    context: async (how) => {
      const context = await browser.context(how);
      things.push({ end: () => context.close() });
      return context;
    },
  };
  try {
    await run(world);
    passed += 1;
    console.log(`ok      ${name} (${Date.now() - began} ms)`);
  } catch (error) {
    failed.push(`FAILED  ${name} (${Date.now() - began} ms)\n        ${error.stack}`);
    console.log(failed.at(-1));
  } finally {
    for (const thing of things.reverse()) await Promise.resolve(thing.end()).catch(() => undefined);
  }
}
await browser.end();
// What failed once more, at the end: of a long output the end is what is kept and read.
for (const what of failed) console.log(what);
console.log(`${passed} passed, ${failed.length} failed`);
process.exit(failed.length === 0 && passed > 0 ? 0 : 1);

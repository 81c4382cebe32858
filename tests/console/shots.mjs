// The pictures of docs/console: node console_test.mjs --notifyd BINARY --packages FOLDER --shots docs/console.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Broker, Receiver, sleep } from "./harness.mjs";
import { open, seed } from "./seed.mjs";

export async function shots({ browser, options }) {
  mkdirSync(options.shots, { recursive: true });
  const broker = await new Broker(options.notifyd).start();
  const receiver = await new Receiver().start();
  const load = setInterval(() => {
    broker.submit({ url: `${receiver.url}/orders`, data: { at: Date.now() }, caller: Math.random() < 0.7 ? "shop" : "billing" }).catch(() => undefined);
    if (Math.random() < 0.1) broker.submit({ url: "http://127.0.0.1:9/ledger", caller: "ledger", retry: { max_attempts: 2, schedule_ms: [500] } }).catch(() => undefined);
  }, 120);
  try {
    const made = await seed(broker, receiver);
    for (let i = 0; i < 60; ++i) await broker.submit({ url: `${receiver.url}/later`, delay_ms: 60_000 * (i * 4 + (i % 7)), caller: "batch" });
    const story = await broker.submit({ url: `${receiver.url}/bad/story`, data: { order: 17, total: 9.9 }, caller: "shop", delay_ms: 1200, retry: { max_attempts: 4, schedule_ms: [300, 1500, 4000] }, labels: { team: "payments" } });
    await broker.settled(story.id);
    await sleep(Number(process.env.SHOTS_AFTER_MS ?? 70_000));
    const list = [
      ["overview", "overview"],
      ["notify", "notify/" + story.id],
      ["why", "notify/" + made.behind],
    ];
    for (const [name, where] of list) {
      const context = await browser.context({ width: 1180, height: 800 });
      const page = await browser.page(context);
      await open(page, broker, where);
      await sleep(4000);
      await page.screenshot({ path: join(options.shots, name + ".png") });
      await context.close();
    }
  } finally {
    clearInterval(load);
    receiver.end();
    await broker.end();
  }
}

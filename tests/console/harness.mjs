// What the console's tests share: a broker, a receiver, a browser, and what no page may do.
import { spawn, spawnSync } from "node:child_process";
import { chownSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const kArguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-dev-shm-usage"];

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/// How many times as long everything may take with a broker that a sanitizer makes slow (tests/support/slowness.h).
export const slowness = Number(process.env.NOTIFYD_TEST_SLOWNESS ?? 1);

/// Calls `look` until it says something true; what it says. Throws after so long.
export async function until(look, what, ms = 15_000) {
  const end = Date.now() + ms * slowness;
  let last;
  while (Date.now() < end) {
    try {
      last = await look();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    await sleep(50);
  }
  throw new Error(`waited in vain: ${what} (${last})`);
}

export function check(holds, what) {
  if (!holds) throw new Error(what);
}
export function same(a, b, what) {
  const [x, y] = [JSON.stringify(a), JSON.stringify(b)];
  if (x !== y) throw new Error(`${what}: ${x} is not ${y}`);
}

/// notifyd on a port of its own, with a directory that goes with it.
export class Broker {
  constructor(binary, settings = "") {
    this.binary = binary;
    this.dir = mkdtempSync(join(tmpdir(), "notifyd-console-"));
    this.settings = settings;
    this.port = 0;
    this.log = "";
  }
  async start() {
    const config = join(this.dir, "notifyd.toml");
    writeFileSync(config, `listen = "127.0.0.1:${this.port}"\ndata_dir = "${this.dir}/data"\n[log]\nformat = "json"\n${this.settings}`);
    this.process = spawn(this.binary, ["--config", config], { stdio: ["ignore", "ignore", "pipe"], cwd: this.dir });
    this.log = "";
    this.process.stderr.on("data", (bytes) => (this.log += bytes));
    this.ended = new Promise((done) => this.process.on("exit", done));
    await until(() => /"listening on 127\.0\.0\.1:(\d+)"/.test(this.log) || this.process.exitCode !== null, "the broker's start");
    const found = /"listening on 127\.0\.0\.1:(\d+)"/.exec(this.log);
    check(found, "the broker did not start: " + this.log);
    this.port = Number(found[1]);
    this.url = `http://127.0.0.1:${this.port}`;
    return this;
  }
  async stop() {
    this.process.kill("SIGTERM");
    await this.ended;
  }
  async end() {
    if (this.process.exitCode === null) {
      this.process.kill("SIGKILL");
      await this.ended;
    }
    rmSync(this.dir, { recursive: true, force: true });
  }
  async call(method, path, body, token = this.token) {
    const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    const response = await fetch(this.url + path, { method, headers: { "Content-Type": type, ...(token ? { Authorization: "Bearer " + token } : {}) }, body: body === undefined ? undefined : JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
  }
  submit(body, token) {
    return this.call("POST", "/v1/notifies", body, token);
  }
  async settled(id) {
    return until(async () => {
      const notify = await this.call("GET", "/v1/notifies/" + id);
      return ["succeeded", "failed", "cancelled", "expired"].includes(notify.state) && notify;
    }, `${id} is settled`);
  }
}

/// A PostgreSQL of the test's own, as tests/support/postgres_server.h has it.
export class Database {
  constructor() {
    const folder = "/usr/lib/postgresql";
    const versions = process.env.NOTIFYD_TEST_POSTGRES ? [] : readdirSync(folder).map(Number).filter((n) => n >= 15);
    check(process.env.NOTIFYD_TEST_POSTGRES || versions.length > 0, "there is no PostgreSQL 15 or later: scripts/install-packages tests");
    this.programs = process.env.NOTIFYD_TEST_POSTGRES ?? `${folder}/${Math.max(...versions)}/bin`;
    this.dir = mkdtempSync(join(tmpdir(), "notifyd-console-db-"));
    this.dsn = `host=${this.dir} user=notifyd dbname=postgres`;
    this.as = ["--pdeathsig=QUIT"];
    if (process.getuid() !== 0) return;
    // It does not run as root.
    const users = readFileSync("/etc/passwd", "utf8").split("\n").map((line) => line.split(":"));
    const [name, , uid, gid] = ["postgres", "nobody"].map((wanted) => users.find((user) => user[0] === wanted)).find((user) => user);
    chownSync(this.dir, Number(uid), Number(gid));
    this.as.push(`--reuid=${name}`, `--regid=${gid}`, "--clear-groups");
  }
  words(program, ...more) {
    return [...this.as, "env", `--chdir=${this.dir}`, `${this.programs}/${program}`, ...more];
  }
  async start() {
    const made = spawnSync("setpriv", this.words("initdb", "-D", "data", "-U", "notifyd", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"), { encoding: "utf8" });
    check(made.status === 0, `initdb: ${made.error ?? ""}${made.stderr}`);
    this.process = spawn("setpriv", this.words("postgres", "-D", "data", "-c", "listen_addresses=", "-c", `unix_socket_directories=${this.dir}`), { stdio: ["ignore", "ignore", "pipe"] });
    let log = "";
    this.process.stderr.on("data", (bytes) => (log += bytes));
    await until(() => log.includes("ready to accept connections") || this.process.exitCode !== null, "PostgreSQL's start", 60_000);
    check(this.process.exitCode === null, "PostgreSQL did not start: " + log);
    return this;
  }
  /// One that nobody had a moment ago.
  freePort() {
    return new Promise((done) => {
      const server = net.createServer().listen(0, "127.0.0.1", () => {
        const { port } = server.address();
        server.close(() => done(port));
      });
    });
  }
  async end() {
    if (this.process && this.process.exitCode === null) {
      const ended = new Promise((done) => this.process.on("exit", done));
      this.process.kill("SIGQUIT");
      await ended;
    }
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/// Answers by path: /bad 503, /slow late, else 200.
export class Receiver {
  constructor() {
    this.calls = [];
    this.good = false; // whatever the path
    this.server = http.createServer((request, response) => {
      const parts = [];
      request.on("data", (bytes) => parts.push(bytes));
      request.on("end", () => {
        const bytes = Buffer.concat(parts);
        this.calls.push({ path: request.url, id: request.headers["notify-id"], body: bytes.toString(), bytes, method: request.method, headers: request.headers });
        if (!this.good && request.url.startsWith("/bad")) {
          response.writeHead(503, { "Content-Type": "application/json" });
          response.end('{"error":"the database is down"}');
        } else if (request.url.startsWith("/slow")) setTimeout(() => response.end("ok"), 1500);
        else response.end("ok");
      });
    });
  }
  async start() {
    await new Promise((done) => this.server.listen(0, "127.0.0.1", done));
    this.port = this.server.address().port;
    this.host = `127.0.0.1:${this.port}`;
    this.url = `http://${this.host}`;
    return this;
  }
  end() {
    this.server.closeAllConnections?.();
    this.server.close();
  }
}

export class Browser {
  constructor(packages) {
    this.packages = packages;
    this.axe = readFileSync(join(packages, "node_modules/axe-core/axe.min.js"), "utf8");
  }
  async start() {
    const { chromium } = await import(pathToFileURL(join(this.packages, "node_modules/playwright-core/index.mjs")).href);
    this.browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium-headless-shell", args: kArguments });
    return this;
  }
  end() {
    return this.browser?.close();
  }
  async context({ width = 1280, height = 860, dark = false, language = "en-US", timezoneId } = {}) {
    const context = await this.browser.newContext({ viewport: { width, height }, colorScheme: dark ? "dark" : "light", locale: language, timezoneId, reducedMotion: "reduce" });
    context.setDefaultTimeout(15_000 * slowness);
    return context;
  }
  /// A page whose faults are remembered: errors of scripts, violations of the policy, dialogs.
  async page(context, token) {
    const page = await context.newPage();
    page.faults = [];
    page.asked = [];
    page.on("pageerror", (error) => page.faults.push("error: " + (error.stack ?? error)));
    page.on("console", (message) => {
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) page.faults.push("console: " + message.text());
    });
    page.on("dialog", (dialog) => {
      page.faults.push("dialog: " + dialog.message());
      dialog.dismiss().catch(() => undefined);
    });
    page.on("request", (request) => {
      const url = new URL(request.url());
      page.asked.push({ at: Date.now(), method: request.method(), host: url.host, path: url.pathname, search: url.search });
    });
    await page.addInitScript(() => {
      window.violations = [];
      document.addEventListener("securitypolicyviolation", (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
    });
    if (token) await page.addInitScript((text) => sessionStorage.getItem("notifyd.token") ?? sessionStorage.setItem("notifyd.token", text), token);
    return page;
  }
}

export const sources = join(dirname(fileURLToPath(import.meta.url)), "../../net/console/src");

/// A module of the console that needs no browser.
export async function pure(packages, name) {
  const dir = mkdtempSync(join(tmpdir(), "console-pure-"));
  try {
    const out = join(dir, name + ".mjs");
    const ran = spawnSync(join(packages, "node_modules/.bin/esbuild"), [join(sources, name + ".ts"), "--bundle", "--format=esm", `--outfile=${out}`], { encoding: "utf8" });
    check(ran.status === 0, `esbuild: ${ran.error ?? ""}${ran.stderr}`);
    return await import(pathToFileURL(out).href);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/// Nothing of what no page may do was done.
export async function isClean(page, host) {
  const violations = await page.evaluate(() => window.violations);
  same(violations, [], "violations of the policy");
  same(page.faults, [], "faults");
  const elsewhere = page.asked.filter((request) => request.host !== host && !request.host.startsWith("127.0.0.1"));
  same(elsewhere, [], "requests to elsewhere");
}

/// What axe-core finds.
export async function isAccessible(page, axe, where) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const result = await window.axe.run(document, { resultTypes: ["violations"] });
    return result.violations.map((violation) => `${violation.id} (${violation.impact}): ${violation.nodes.map((node) => node.target.join(" ") + " | " + node.failureSummary.replace(/\s+/g, " ")).slice(0, 3).join("; ")}`);
  });
  same(found, [], `axe at ${where}`);
}

/// Wider than the screen?
export async function fits(page, where) {
  const [has, may] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  check(has <= may, `${where} is ${has} px wide, and the screen ${may}`);
}

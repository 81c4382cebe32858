// The Node client by the checkers of its ecosystem: nothing that Node 18 lacks, types that compile, a package that holds what it is said to hold, a
// middleware that real Express takes.
// node checks_test.mjs NPM PACKAGES, the folder where package-lock.json is installed
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expressReceiver } from "../../../clients/node/receiver.js";

const [npm, packages] = process.argv.slice(2);
const require = createRequire(join(packages, "package.json"));
const here = dirname(fileURLToPath(import.meta.url));
const client = join(here, "../../../clients/node");

/** Node's own names, so that the rules above know which of them are used. */
function nodeGlobals() {
  return Object.fromEntries(Object.getOwnPropertyNames(globalThis).map((name) => [name, "readonly"]));
}

async function floor() {
  const { ESLint } = require("eslint");
  const plugin = require("eslint-plugin-n");
  const version = ">=18.0.0";
  // What middlewares of fetch take is there in Node 18 without a flag, though it calls it experimental.
  const rules = {
    "no-undef": "error",
    "no-unused-vars": "error",
    "n/no-unsupported-features/es-syntax": ["error", { version }],
    "n/no-unsupported-features/es-builtins": ["error", { version }],
    "n/no-unsupported-features/node-builtins": ["error", { version, ignores: ["Headers", "Request", "Response"] }],
  };
  const config = { files: ["**/*.js"], plugins: { n: plugin }, languageOptions: { globals: nodeGlobals() }, rules };
  const eslint = new ESLint({ cwd: client, overrideConfigFile: true, overrideConfig: [config] });
  const found = (results) => results.flatMap(({ filePath, messages }) => messages.map(({ line, message }) => `${filePath}:${line}: ${message}`));
  // What Node 18 lacks is found: otherwise this test would be none.
  const late = "export const a = [1].toSorted();\nexport const b = crypto.randomUUID();\nexport const c = Promise.withResolvers();\n";
  const told = found(await eslint.lintText(late, { filePath: join(client, "late.js") }));
  assert.deepEqual(told.map((text) => text.match(/late\.js:([0-9])/)[1]), ["1", "2", "3"]);
  assert.deepEqual(found(await eslint.lintFiles(["*.js"])), []);
}

function types() {
  const folder = mkdtempSync(join(tmpdir(), "notifyd-types-"));
  const options = {
    strict: true, noEmit: true, target: "es2022", module: "nodenext", moduleResolution: "nodenext",
    typeRoots: [join(packages, "node_modules/@types")], types: ["node"],
    paths: { notifyd: [join(client, "notifyd.d.ts")], "notifyd/receiver": [join(client, "receiver.d.ts")] },
  };
  try {
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: [join(here, "types_use.ts")] }));
    const run = spawnSync(process.execPath, [join(packages, "node_modules/typescript/bin/tsc"), "-p", folder], { encoding: "utf8" });
    assert.equal(run.status, 0, run.stdout + run.stderr);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What npm would publish: the sources and their types, no examples, no tests. */
function content() {
  const run = spawnSync(npm, ["pack", "--dry-run", "--json", "--ignore-scripts"], { cwd: client, encoding: "utf8" });
  assert.equal(run.status, 0, run.stderr);
  const wanted = readdirSync(client).filter((name) => /\.(js|d\.ts)$/.test(name) || ["package.json", "README.md"].includes(name));
  assert.deepEqual(JSON.parse(run.stdout)[0].files.map(({ path }) => path).sort(), wanted.sort());
}

async function express() {
  const make = require("express");
  const app = make();
  const orders = [];
  app.post("/orders", expressReceiver({ keys: [`whsec_${Buffer.alloc(32, 7).toString("base64")}`] }), (req, res) => {
    orders.push([req.notify.id, req.body.order]);
    res.sendStatus(204);
  });
  app.use(make.json());
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  const post = async (id, body, sent) => {
    const at = String(Math.floor(Date.now() / 1000));
    const mac = createHmac("sha256", Buffer.alloc(32, 7)).update(`${id}.${at}.${body}`).digest("base64");
    const headers = { "Content-Type": "application/json", "webhook-id": id, "webhook-timestamp": at, "webhook-signature": `v1,${mac}` };
    return (await fetch(`http://127.0.0.1:${server.address().port}/orders`, { method: "POST", headers, body: sent })).status;
  };
  const body = '{"order":17}';
  const seen = [await post("n1", body, body), await post("n1", body, body), await post("n2", body, '{"order":18}')];
  server.close();
  server.closeAllConnections();
  assert.deepEqual([seen, orders], [[204, 204, 401], [["n1", 17]]]);
}

await floor();
types();
content();
await express();
console.log("4 passed, 0 failed");

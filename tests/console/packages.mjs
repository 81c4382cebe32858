// Installs what the package-lock.json of a folder names (of net/console, unless SOURCES says another one), unless it is there: node packages.mjs NPM FOLDER [SOURCES].
// No script of a package is run.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const [npm, folder, sources = join(dirname(fileURLToPath(import.meta.url)), "../../net/console")] = process.argv.slice(2);
const names = ["package.json", "package-lock.json"];
const sum = createHash("sha256").update(names.map((name) => readFileSync(join(sources, name), "utf8")).join("\0")).digest("hex");
const mark = join(folder, "installed");
if (!existsSync(mark) || readFileSync(mark, "utf8") !== sum) {
  mkdirSync(folder, { recursive: true });
  for (const name of names) copyFileSync(join(sources, name), join(folder, name));
  const run = spawnSync(npm, ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: folder, stdio: "inherit" });
  if (run.status !== 0) process.exit(1);
  writeFileSync(mark, sum);
}
console.log("1 passed, 0 failed");

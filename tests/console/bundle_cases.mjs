// What is committed is what the sources make; the words are whole.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { check, same } from "./harness.mjs";

const sources = join(dirname(fileURLToPath(import.meta.url)), "../../net/console");

function filesUnder(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? filesUnder(join(folder, entry.name)) : [join(folder, entry.name)]));
}

function run(command, args, cwd = sources) {
  const ran = spawnSync(command, args, { cwd, encoding: "utf8" });
  check(ran.status === 0, `${command} ${args.join(" ")}: ${ran.error ?? ""}${ran.stdout}${ran.stderr}`);
}

async function tableOf(packages, dir) {
  run(join(packages, "node_modules/.bin/esbuild"), [join(sources, "src/words.ts"), join(sources, "src/words_pages.ts"), join(sources, "src/words_terms.ts"), "--format=esm", "--out-extension:.js=.mjs", `--outdir=${dir}`]);
  const table = {};
  for (const name of ["words", "words_pages", "words_terms"]) {
    const part = Object.values(await import(pathToFileURL(join(dir, name + ".mjs")).href))[0];
    for (const key of Object.keys(part)) check(!(key in table), `${key} stands in two tables`);
    Object.assign(table, part);
  }
  return table;
}

export const bundleCases = [
  [
    "bundle: what is committed is what the sources make, packed and not",
    async ({ options }) => {
      const dir = mkdtempSync(join(tmpdir(), "console-bundle-"));
      try {
        run(process.execPath, ["build.mjs", options.packages, dir]);
        const plain = (folder) => readdirSync(folder).filter((name) => !/\.(gz|br)$/.test(name)).sort();
        same(plain(join(sources, "bundle")), plain(dir), "files");
        for (const name of plain(dir)) {
          const committed = readFileSync(join(sources, "bundle", name));
          check(committed.equals(readFileSync(join(dir, name))), `bundle/${name} is not what the sources make: node net/console/build.mjs`);
          // Packing may differ from one zlib to the next; what it unpacks to may not.
          for (const [end, unpack] of [[".gz", gunzipSync], [".br", brotliDecompressSync]]) {
            if (!readdirSync(join(sources, "bundle")).includes(name + end)) check(committed.length < 1024, `bundle/${name}${end} is missing`);
            else check(unpack(readFileSync(join(sources, "bundle", name + end))).equals(committed), `bundle/${name}${end} is of something else`);
          }
        }
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    },
  ],
  ["bundle: it is typed", async ({ options }) => {
    const dir = mkdtempSync(join(tmpdir(), "console-types-"));
    try {
      const config = JSON.parse(readFileSync(join(sources, "tsconfig.json"), "utf8"));
      config.compilerOptions.paths = { "*": [join(options.packages, "node_modules/*")] };
      config.include = [join(sources, "src")];
      writeFileSync(join(dir, "tsconfig.json"), JSON.stringify(config));
      run(join(options.packages, "node_modules/.bin/tsc"), ["-p", dir]);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }],
  [
    "words: each is there in both languages, with the same names in braces, and is used",
    async ({ options }) => {
      const dir = mkdtempSync(join(tmpdir(), "console-words-"));
      try {
        const table = await tableOf(options.packages, dir);
        const code = filesUnder(join(sources, "src"))
          .filter((file) => /\.tsx?$/.test(file) && !/words\w*\.ts$/.test(file))
          .map((file) => readFileSync(file, "utf8"))
          .join("\n");
        const made = ["nav_", "state_", "breaker_", "why_", "instance_", "reason_", "run_", "filter_", "alert_", "mode_", "login_", "bulk_", "wait_", "error_", "cell_"];
        const faults = [];
        for (const [key, row] of Object.entries(table)) {
          const names = (text) => (text.match(/\{\w+\}/g) ?? []).sort().join();
          if (row.length !== 2 || row.some((text) => text.trim() === "")) faults.push(`${key}: a language is missing`);
          else if (names(row[0]) !== names(row[1])) faults.push(`${key}: ${names(row[0])} is not ${names(row[1])}`);
          else if (/[a-z]{4}/.test(row[0]) && row[0] === row[1]) faults.push(`${key}: is not translated`);
          if (!code.includes(`"${key}"`) && !made.some((begin) => key.startsWith(begin))) faults.push(`${key}: is not used`);
        }
        same(faults, [], "words");
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    },
  ],
  [
    "words: no page has text of its own",
    async () => {
      const faults = [];
      for (const file of filesUnder(join(sources, "src")).filter((name) => name.endsWith(".tsx"))) {
        const text = readFileSync(file, "utf8");
        for (const match of text.matchAll(/>\s*([A-Z][a-z]+(?: [a-z]+)+[^<>{}=;()]*)\s*</g)) faults.push(`${file}: ${match[1]}`);
        for (const match of text.matchAll(/(?:aria-label|title|placeholder)="([^"]+)"/g)) if (match[1] !== "curl" && match[1] !== "notifyctl") faults.push(`${file}: ${match[1]}`);
      }
      same(faults, [], "texts outside of the table");
    },
  ],
];

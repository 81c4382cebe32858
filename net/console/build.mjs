// Makes the bundle: node build.mjs PACKAGES [OUT]. PACKAGES: a folder with the node_modules of package-lock.json (it may lie anywhere). OUT: by default
// bundle/, which is committed.
import { createRequire } from "node:module";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const packages = resolve(process.argv[2] ?? join(here, "../../build/npm"));
const out = resolve(process.argv[3] ?? join(here, "bundle"));
const modules = join(packages, "node_modules");
const { build } = await import(pathToFileURL(createRequire(join(modules, "x.js")).resolve("esbuild")).href);

const result = await build({
  entryPoints: [{ in: join(here, "src/main.tsx"), out: "console" }],
  nodePaths: [modules],
  absWorkingDir: here,
  outdir: out,
  bundle: true,
  write: false,
  minify: true,
  format: "esm",
  target: ["es2022", "chrome109", "firefox115", "safari16.4"],
  charset: "utf8",
  legalComments: "none",
  jsx: "automatic",
  jsxImportSource: "preact",
  logLevel: "warning",
  tsconfigRaw: "{}",
});

const license = (name) => `${name} ${JSON.parse(readFileSync(join(modules, name, "package.json"), "utf8")).version}\n\n${readFileSync(join(modules, name, "LICENSE"), "utf8").trim()}\n`;
const files = Object.fromEntries(result.outputFiles.map((file) => [file.path.split("/").pop(), Buffer.from(file.contents)]));
files["index.html"] = readFileSync(join(here, "src/index.html"));
files["icon.svg"] = readFileSync(join(here, "src/icon.svg"));
files["licenses.txt"] = Buffer.from(["preact", "uplot"].map(license).join("\n----\n\n"));

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
for (const [name, bytes] of Object.entries(files)) {
  writeFileSync(join(out, name), bytes);
  if (bytes.length < 1024) continue;
  writeFileSync(join(out, name + ".gz"), gzipSync(bytes, { level: 9 }));
  writeFileSync(join(out, name + ".br"), brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }));
}

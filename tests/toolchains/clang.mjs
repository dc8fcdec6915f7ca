// Calls the clang of a package that has no program, only functions: PACKAGE DRIVER SOURCE OUTPUT.
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [, , folder, driver, source, output] = process.argv;
const { runClang } = await import(pathToFileURL(`${folder}/gen/bundle.js`));
const name = source.split("/").at(-1);
const files = await runClang([driver, name, "-o", "a.wasm"], { [name]: readFileSync(source, "utf8") });
writeFileSync(output, files["a.wasm"]);

// node run.mjs MODULE BUNDLE: runs a bundle in belljar as WebAssembly, and prints what `belljar-targets BUNDLE lines` does.
import { readFileSync } from "node:fs";

const [module, bundle] = process.argv.slice(2, 4).map((path) => readFileSync(path));
const text = (at, length) => Buffer.from(memory.buffer, at, length);
const show = (at, length) => console.error(text(at, length).toString());
const { instance } = await WebAssembly.instantiate(module, { env: { show } });
const { memory, room, run } = instance.exports;
const at = room(bundle.length);
new Uint8Array(memory.buffer).set(bundle, at);
const report = run(at, bundle.length);
const length = new DataView(memory.buffer).getUint32(report, true);
process.stdout.write(text(report + 4, length));

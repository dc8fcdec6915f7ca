// All that the standard library imports: the console, the clocks, random numbers, the end.
export function _start(): void {
  console.debug("debug");
  console.info("info");
  console.warn("warn");
  console.error("error");
  console.assert(1 + 1 == 3, "assert");
  trace("trace", 2, 1.5, -3);

  console.time("timer");
  const first = performance.now();
  const year = new Date(Date.now()).getUTCFullYear();
  console.log(`${year}, ${performance.now() > first}, ${process.hrtime() > 0}`);
  console.timeLog("timer");
  console.timeEnd("timer");

  console.log(Math.random().toString());
  process.exit(0);
}

export function _start(): void {
  throw new Error("out of tea");
}

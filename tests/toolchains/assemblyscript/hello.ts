export function _start(): void {
  console.log("hello");
}

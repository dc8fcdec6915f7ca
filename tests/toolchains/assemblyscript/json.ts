import { JSON } from "json-as";

@json
class Order {
  name: string = "";
  prices: f64[] = [];
}

@json
class Bill {
  name: string = "";
  sum: f64 = 0;
}

@external("env", "input_len")
declare function inputLen(): i32;
@external("env", "read_input")
declare function readInput(ptr: usize, len: usize): usize;
@external("env", "write_output")
declare function writeOutput(ptr: usize, len: usize): void;

export function execute(ptr: usize, len: usize): i32 {
  const input = new ArrayBuffer(inputLen());
  readInput(changetype<usize>(input), input.byteLength);
  const order = JSON.parse<Order>(String.UTF8.decode(input));

  const bill = new Bill();
  bill.name = order.name;
  for (let i = 0; i < order.prices.length; i++) bill.sum += order.prices[i];
  const output = String.UTF8.encode(JSON.stringify(bill));
  writeOutput(changetype<usize>(output), output.byteLength);
  return 0;
}

//! Reads a JSON document from the input, and writes another as output, without WASI.

use serde::{Deserialize, Serialize};

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn input_len() -> usize;
    fn read_input(ptr: *mut u8, len: usize) -> usize;
    fn write_output(ptr: *const u8, len: usize);
}

#[derive(Deserialize)]
struct Order {
    name: String,
    prices: Vec<f64>,
}

#[derive(Serialize)]
struct Bill {
    name: String,
    sum: f64,
}

#[unsafe(no_mangle)]
pub extern "C" fn execute(_ptr: usize, _len: usize) -> i32 {
    let mut input = vec![0; unsafe { input_len() }];
    unsafe { read_input(input.as_mut_ptr(), input.len()) };
    let Ok(order) = serde_json::from_slice::<Order>(&input) else { return 1 };
    let bill = Bill { name: order.name, sum: order.prices.iter().sum() };
    let output = serde_json::to_vec(&bill).unwrap();
    unsafe { write_output(output.as_ptr(), output.len()) };
    0
}

//! Reads a JSON document from stdin, and writes another to stdout.

use serde::{Deserialize, Serialize};
use std::io;

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

fn main() -> serde_json::Result<()> {
    let order: Order = serde_json::from_reader(io::stdin())?;
    let bill = Bill { name: order.name, sum: order.prices.iter().sum() };
    serde_json::to_writer(io::stdout(), &bill)
}

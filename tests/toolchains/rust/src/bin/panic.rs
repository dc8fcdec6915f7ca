//! Panics with a message.

fn main() {
    panic!("out of tea");
}

//! Arguments, a variable, a file to read and one to write.

use std::{env, fs};

fn main() -> std::io::Result<()> {
    for argument in env::args().skip(1) {
        println!("{argument}");
    }
    println!("TEA={}", env::var("TEA").unwrap_or_default());
    let menu = fs::read_to_string("/shop/menu.txt")?;
    print!("{menu}");
    fs::write("/shop/made.txt", menu.to_uppercase())
}

//! Cost of a separate process.

use super::*;

/// Prints a table of microseconds per run, in this process and isolated. The module is loaded each time.
///
/// `cargo test --release --features cli isolate::measured -- --ignored --nocapture`
#[test]
#[ignore = "measures time"]
fn cost() {
    let guest = |name: &str| fs::read(fixture::root().join("guests").join(name)).unwrap();
    let empty = wasm(r#"(module (func (export "_start")))"#);
    let echo = guest("upper-wat.wasm");
    let megabyte = vec![b'x'; 1 << 20];
    let runs = [
        ("nothing", empty, &b""[..]),
        ("16 bytes in and out", echo.clone(), b"sixteen of bytes"),
        ("1 MiB in and out", echo, &megabyte),
        ("a guest of 93 KB", guest("calc.wasm"), br#"{"expr":"1 + 2 * (3 - 4)"}"#),
    ];
    let config = Config::default();
    let isolation = isolation(&config);
    println!("{:24} {:>8} {:>9}", "µs a run", "here", "isolated");
    for (what, wasm, input) in runs {
        let here = time(|| belljar::execute(&wasm, input, &config));
        let isolated = time(|| isolation.run(&wasm, input));
        println!("{what:24} {here:>8} {isolated:>9}");
    }
}

/// Returns the median of 100 calls in microseconds.
fn time(run: impl Fn() -> Result<Outcome, Error>) -> u128 {
    let mut times: Vec<_> = (0..100)
        .map(|_| {
            let start = Instant::now();
            let _ = run();
            start.elapsed().as_micros()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

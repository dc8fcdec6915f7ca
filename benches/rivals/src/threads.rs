//! Throughput of two threads that share a module, in that of one.

use std::time::Duration;

use benches::{
    cases::in_threads,
    engine::{Abi, Engine, Loaded, Result},
    guest::Guest,
    hand::Hand,
    ours::Belljar,
};

pub const GROUP: &str = "two threads";
pub const CASE: &str = "throughput beside one";

/// For belljar and the same by hand: what others share is theirs to say.
pub fn measure(time: Duration) -> Result<()> {
    let guest = Guest::Upper { pages: 17 }.wasm(Abi::Env).ok_or("no such guest")?;
    let (ours, hand) = (Belljar::new(), Hand::safe());
    println!("{GROUP}\t{CASE}\t{}\t{:e}\tx", ours.name(), ratio(&ours.program(&guest)?, time)?);
    println!("{GROUP}\t{CASE}\t{}\t{:e}\tx", hand.name(), ratio(&hand.program(&guest)?, time)?);
    Ok(())
}

/// The median of some rounds, each of one and of two threads.
fn ratio(loaded: &(impl Loaded + Sync), time: Duration) -> Result<f64> {
    const ROUNDS: usize = 7;
    let input = [b'a'; 1024];
    let once = in_threads(loaded, &input, 1, 100)? / 100.0;
    let runs = (time.as_secs_f64() / once / ROUNDS as f64) as usize + 1;
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let one = in_threads(loaded, &input, 1, runs)?;
        ratios.push(2.0 * one / in_threads(loaded, &input, 2, runs)?);
    }
    ratios.sort_by(f64::total_cmp);
    Ok(ratios[ROUNDS / 2])
}

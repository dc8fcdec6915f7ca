//! The most that was allocated at a time.

use belljar::hostile::attacks;

use super::allocator::{now, peak_of};

#[test]
fn explore() {
    drop(attacks().next().unwrap().build().run());
    for a in attacks() {
        let input = a.build();
        let (end, peak) = peak_of(|| input.run());
        println!("{:>10} {} {}", peak >> 10, a.name, end);
    }
    let _ = now();
}

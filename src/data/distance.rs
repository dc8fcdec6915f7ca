//! Distance of two names.

use alloc::vec::Vec;

/// The most characters of the first name that are compared.
const COMPARED: usize = 64;

/// Computes the Levenshtein distance of two names, for "did you mean".
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    // The distances of the beginnings of `b` from that of `a`, without that of the empty beginning.
    let mut row: Vec<usize> = (1..=b.len()).collect();
    let mut last = b.len();
    for (i, ca) in a.chars().take(COMPARED).enumerate() {
        let mut diagonal = i;
        last = i + 1;
        for (place, cb) in row.iter_mut().zip(&b) {
            let replaced = diagonal + usize::from(ca != *cb);
            diagonal = *place;
            last = replaced.min(diagonal + 1).min(last + 1);
            *place = last;
        }
    }
    last
}

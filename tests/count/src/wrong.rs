//! Prices that are wrong on purpose: each has to be seen.

use std::collections::BTreeSet;

use wasmparser::{Parser, Payload};

use crate::{fixtures, generated::generated, generator::Generator, operator, prices::Prices, subject::Subject, work};

/// Returns whether for each operator of the list some run differs if it costs 1 more: among all fixtures, and so
/// many modules of each generator.
pub fn all_are_seen(count: u64, prices: &Prices) -> bool {
    let mut unseen = prices.operators();
    let all = unseen.len();
    let made = (0..count).flat_map(|seed| [Generator::Smith, Generator::Stack].map(|one| generated(one, seed)));
    for subject in fixtures::fixtures().into_iter().chain(made) {
        let candidates: Vec<_> = names(&subject).into_iter().filter(|name| unseen.contains(name)).collect();
        for name in candidates {
            // What is dead costs nothing: it may take several modules until an operator runs.
            if !work::one(subject.clone(), &prices.with_dearer(&name)).differing.is_empty() {
                unseen.remove(&name);
            }
        }
        if unseen.is_empty() {
            break;
        }
    }
    println!("another price is seen of {} operators, of {} it is not: {unseen:?}", all - unseen.len(), unseen.len());
    unseen.is_empty()
}

/// Returns the operators that a module has.
fn names(subject: &Subject) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for payload in Parser::new(0).parse_all(&subject.wasm) {
        let Ok(Payload::CodeSectionEntry(body)) = payload else { continue };
        let operators = body.get_operators_reader().into_iter().flatten().flatten();
        names.extend(operators.map(|op| operator::name(&op).to_owned()));
    }
    names
}

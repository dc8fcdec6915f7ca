//! Places in a function where the counter grows, and by how much.

use wasmparser::Operator;

use crate::{operator, prices::Prices};

/// Fuel that is added right before each operator.
pub type Places = Vec<u64>;

/// Finds the places of a function with these operators, of which entering costs so much beside: prices are added up along
/// straight lines, up to each operator at which control or the run may end.
pub fn places(operators: &[Operator<'_>], entering: u64, prices: &Prices) -> Places {
    let mut places = vec![0; operators.len()];
    let mut sum = prices.entry + entering;
    for (at, op) in operators.iter().enumerate() {
        sum += prices.operator(operator::name(op));
        if operator::is_control(op) || operator::may_stop(op) {
            places[at] = std::mem::take(&mut sum);
        }
        if matches!(op, Operator::Loop { .. } | Operator::If { .. } | Operator::Else) {
            sum = prices.entry;
        }
    }
    places
}

//! Cases of operators and operands, out of bytes.

use std::sync::LazyLock;

use arbitrary::{Arbitrary, Result, Unstructured};

use crate::{
    case::{Case, Then, Way},
    guests::bits,
    operator::{Operator, operators},
};

static OPERATORS: LazyLock<Vec<Operator>> = LazyLock::new(operators);

/// Any case there is.
pub fn case(u: &mut Unstructured<'_>) -> Result<Case<'static>> {
    Ok(Case {
        operator: u.choose(&OPERATORS)?,
        memory: u.int_in_range(0..=1)?,
        offset: match u8::arbitrary(u)? {
            0..64 => 0,
            64..128 => 65_535,
            128..192 => 65_536,
            192..224 => u32::MAX,
            _ => u32::arbitrary(u)?,
        },
        ways: [*u.choose(&Way::ALL)?, *u.choose(&Way::ALL)?, *u.choose(&Way::ALL)?],
        then: *u.choose(&Then::ALL)?,
        values: [bits(u)?, bits(u)?, bits(u)?],
        immediates: u.arbitrary()?,
    })
}

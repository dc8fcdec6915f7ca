//! Tests of bulk operators and growths: of at most a piece, and of possibly more.

use alloc::format;

use super::{Rule, check};

/// Checks which operators can move more than a piece in one step.
#[test]
fn bulk_operators_are_for_no_more_than_a_piece() {
    let broken = Err(Rule::Piece);
    let next = "i32.const 1 call_indirect $reserve (type $next)";
    let choice = |piece: u32| format!("local.get $c i32.const {piece} i32.gt_u br_if 0");
    let get = "local.get $c";
    let cases = [
        ("local.get $a local.get $b", "memory.fill", 262_144),
        ("local.get $a local.get $b", "memory.copy", 262_144),
        ("local.get $a local.get $b", "memory.copy $0 $1", 262_144),
        ("local.get $a local.get $b", "memory.init $data", 262_144),
        ("local.get $a local.get $r", "table.fill $own", 65_536),
        ("local.get $a local.get $b", "table.copy $own $own", 65_536),
        ("local.get $a local.get $b", "table.copy $own $reserve", 65_536),
        ("local.get $a local.get $b", "table.init $own $items", 65_536),
        ("", "memory.grow", 4),
    ];
    for (operands, operator, piece) in cases {
        let more = piece + 1;
        let (op, end) = (operator, if operator == "memory.grow" { "drop" } else { "" });
        let small = format!("{} {operands} {get} {op} {end}", choice(piece));
        let grown = format!("block {small} end");
        let cases = [
            (format!("{operands} {get} {op} {end}"), broken),
            (format!("{operands} local.get $a i32.eqz {op} {end}"), broken),
            (format!("{operands} i32.const {piece} {op} {end}"), Ok(())),
            (format!("{operands} i32.const {more} {op} {end}"), broken),
            (format!("{operands} i32.const -1 {op} {end}"), broken),
            (grown.clone(), Ok(())),
            (format!("block {} {operands} {get} {op} {end} end", choice(more)), broken),
            (format!("block {} {operands} local.get $a {op} {end} end", choice(piece)), broken),
            (grown.replace("local.get $c i32.const", "local.get $b i32.const"), broken),
            (grown.replace("i32.gt_u", "i32.gt_s"), broken),
            (grown.replace("br_if 0", "drop"), broken),
            (grown.replace("br_if 0", "br_if 0 local.get $a local.set $c"), broken),
            (format!("block {small} {operands} {get} {op} {end} end"), broken),
        ];
        for (body, expected) in cases {
            check(0, &[(&body, expected)]);
        }
    }
    // A length that the host returned is accepted, from the top of the stack or from a local.
    let asked = "local.get $a local.get $b local.get $c i32.const 0";
    let by_local = "local.set $c drop local.get $r local.get $c table.fill $own drop";
    let grown = "local.set $c local.set $b drop local.get $r local.get $c table.grow $own drop";
    for (body, expected) in [
        (format!("{asked} {next} memory.fill drop"), Ok(())),
        (format!("{asked} {next} memory.grow drop drop drop drop"), Ok(())),
        (format!("{asked} {next} local.tee $c memory.fill drop"), broken),
        (format!("{asked} i32.const 0 call_indirect $reserve (type $next) memory.fill drop"), broken),
        (format!("{asked} i32.const 1 call_indirect $own (type $next) memory.fill drop"), broken),
        (format!("{asked} local.get $b call_indirect $reserve (type $next) memory.fill drop"), broken),
        (format!("{asked} {next} {by_local}"), Ok(())),
        (format!("{asked} {next} {grown} drop"), Ok(())),
        (format!("{asked} {next} {grown} drop").replace("local.set $b", "local.set $c"), Err(Rule::TableGrow)),
        (format!("{asked} i32.const 0 call_indirect $reserve (type $next) {grown} drop"), Err(Rule::TableGrow)),
        (format!("{asked} {next} {by_local}").replace("local.set $c", "local.set $b"), broken),
        (format!("{asked} {next} {by_local}").replace("drop local.get $r", "local.tee $b drop local.get $r"), broken),
    ] {
        check(0, &[(&body, expected)]);
    }
}

//! Tests of bodies in normal form, and of bodies that break one rule.

use alloc::{format, vec::Vec};

use super::{NotNormal, Rule, is_normal};

mod pieces;

/// Returns a module with one body, of a function with this number of results.
fn module(results: usize, body: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
            (type $0 (func (param i32 i32 i64 f32 v128 externref funcref)))
            (type $1 (func (param i32 i32 i64 f32 v128 externref funcref) (result i32)))
            (type $2 (func (param i32 i32 i64 f32 v128 externref funcref) (result i32 i32)))
            (type $nothing (func))
            (type $pair (func (param i32 i64) (result i32 i32)))
            (type $same (func (param i32 i32 i32) (result i32)))
            (type $reserve (func (param i32 i32 i32) (result i32)))
            (type $next (func (param i32 i32 i32 i32) (result i32 i32 i32 i32)))
            (import "host" "pair" (func $pair (type $pair)))
            (import "host" "table" (table $imported 1 funcref))
            (func $nothing (type $nothing))
            (table $own 1 funcref)
            (table $reserve 1 1 funcref)
            (memory $0 1)
            (memory $1 1)
            (global $global i32 (i32.const 7))
            (func $body (type ${results})
                (param $a i32) (param $b i32) (param $l i64) (param $f f32) (param $v v128) (param $e externref)
                (param $r funcref) {returned} (local $c i32)
                {body})
            (elem declare func $nothing)
            (elem $items func $nothing)
            (data $data "data"))"#,
        returned = ["", "(result i32)", "(result i32 i32)"][results],
    );
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{body}: {error}"))
}

/// Checks bodies of functions with this number of results.
#[track_caller]
fn check(results: usize, cases: &[(&str, Result<(), Rule>)]) {
    for (body, expected) in cases {
        assert_eq!(is_normal(&module(results, body)).map_err(|error| error.rule), *expected, "{body}");
    }
}

#[test]
fn blocks_have_the_empty_type() {
    let broken = Err(Rule::BlockType);
    check(
        0,
        &[
            ("block end loop end local.get $a if end", Ok(())),
            ("block block loop local.get $a if block end else loop end end end end end", Ok(())),
            ("block (result i32) i32.const 1 end drop", broken),
            ("loop (result i32) i32.const 1 end drop", broken),
            ("local.get $a if (result i32) i32.const 1 else i32.const 2 end drop", broken),
            ("block (type $nothing) end", broken),
            ("block (type $reserve) end", broken),
        ],
    );
}

#[test]
fn the_stack_is_empty_where_blocks_begin_and_end() {
    let broken = Err(Rule::Stack);
    check(
        0,
        &[
            ("local.get $a block end drop", broken),
            ("local.get $a loop end drop", broken),
            ("local.get $a local.get $b if end drop", broken),
            ("if end", broken),
            ("local.get $a if local.get $a drop else local.get $a drop end", Ok(())),
            ("local.get $a if local.get $a else drop end", broken),
            ("local.get $a if else local.get $a end", broken),
            ("block local.get $a end", broken),
            ("block local.get $a br 0 end", broken),
            ("block local.get $a br_if 0 end", Ok(())),
            ("block local.get $a local.get $b br_if 0 drop end", broken),
            ("block br_if 0 end", broken),
            ("block local.get $a br_table 0 0 end", Ok(())),
            ("block local.get $a local.get $a br_table 0 0 end", broken),
            ("unreachable", Ok(())),
            ("local.get $a unreachable", broken),
            ("return", Ok(())),
            ("local.get $a return", broken),
            ("local.get $a", broken),
            ("drop", broken),
            ("local.get $a i32.add drop", broken),
            ("local.get $a call $pair drop drop", broken),
            ("local.get $a local.get $l call $pair drop drop", Ok(())),
            ("local.get $a local.get $l local.get $b call_indirect $own (type $pair) drop drop", Ok(())),
            ("local.get $a local.get $l call_indirect $own (type $pair) drop drop", broken),
            ("return_call $nothing", Ok(())),
            ("local.get $a return_call $nothing", broken),
            ("local.get $a return_call_indirect $own (type $nothing)", Ok(())),
            ("return_call_indirect $own (type $nothing)", broken),
            ("local.get $b local.get $a return_call_indirect $own (type $nothing)", broken),
        ],
    );
    check(
        2,
        &[
            ("local.get $a local.get $b", Ok(())),
            ("local.get $a local.get $b return", Ok(())),
            ("local.get $a", broken),
            ("local.get $a return", broken),
            ("local.get $a local.get $a local.get $b", broken),
            ("local.get $a local.get $a local.get $b return", broken),
            ("local.get $a local.get $l call $pair", Ok(())),
            ("local.get $a local.get $l return_call $pair", Ok(())),
            ("local.get $a local.get $a local.get $l return_call $pair", broken),
            ("local.get $a local.get $l local.get $b return_call_indirect $own (type $pair)", Ok(())),
            ("local.get $a local.get $l return_call_indirect $own (type $pair)", broken),
            ("block local.get $a local.get $b return end unreachable", Ok(())),
            ("block local.get $a local.get $b return end unreachable unreachable", Err(Rule::DeadCode)),
            ("block local.get $a br_if 0 local.get $a local.get $b return end unreachable", Ok(())),
        ],
    );
}

#[test]
fn branches_carry_no_values() {
    let broken = Err(Rule::BranchValues);
    check(
        0,
        &[
            ("br 0", Ok(())),
            ("local.get $a br_if 0", Ok(())),
            ("block local.get $a br_table 0 1 end", Ok(())),
            ("br 1", Err(Rule::Malformed)),
            ("block local.get $a br_table 0 2 end", Err(Rule::Malformed)),
            ("local.get $a br_if 4294967295", Err(Rule::Malformed)),
        ],
    );
    check(
        1,
        &[
            ("block local.get $a br_if 0 end i32.const 1", Ok(())),
            ("block local.get $a br_if 1 end i32.const 1", broken),
            ("block br 1 end", broken),
            ("block local.get $a br_table 0 0 0 end i32.const 1", Ok(())),
            ("block local.get $a br_table 0 1 0 end i32.const 1", broken),
            ("block local.get $a br_table 0 0 1 end i32.const 1", broken),
            ("loop br 0 end", Ok(())),
        ],
    );
}

#[test]
fn every_operator_can_be_reached() {
    let broken = Err(Rule::DeadCode);
    check(
        0,
        &[
            ("unreachable unreachable", broken),
            ("return nop", broken),
            ("block br 0 block end end", broken),
            ("loop br 0 end", Ok(())),
            ("loop br 0 end local.get $a drop", broken),
            ("loop block br 1 end end", Ok(())),
            ("loop block br 1 end br 0 end", broken),
            ("loop local.get $a br_if 0 end return", Ok(())),
            ("block br 0 end return", Ok(())),
            ("block return end return", broken),
            ("block return end", Ok(())),
            ("block block br 1 end end return", Ok(())),
            ("block block br 1 end return end", broken),
            ("block block br 0 end br 0 end return", Ok(())),
            ("block block local.get $a br_table 0 1 end return end return", Ok(())),
            ("block block local.get $a br_table 0 0 end return end return", broken),
            ("block block local.get $a br_table 1 1 end return end", broken),
            ("block block block local.get $a br_table 2 0 0 end return end return end return", broken),
            ("block block block local.get $a br_table 2 1 0 end return end return end return", Ok(())),
            ("local.get $a if return end return", Ok(())),
            ("local.get $a if return else return end", Ok(())),
            ("local.get $a if return else return end return", broken),
            ("local.get $a if else return end return", Ok(())),
            ("local.get $a if return else end return", Ok(())),
            ("local.get $a if br 0 else return end return", Ok(())),
            ("local.get $a if return else br 0 end return", Ok(())),
            ("block local.get $a if br 1 else return end end return", Ok(())),
            ("block local.get $a if br 1 else return end return end", broken),
            ("local.get $a if block return end else return end return", broken),
            ("br 0 return", broken),
            ("local.get $a br_table 0 return", broken),
            ("return_call $nothing return", broken),
            ("local.get $a return_call_indirect $own (type $nothing) return", broken),
            ("local.get $a br_if 0 return", Ok(())),
        ],
    );
}

#[test]
fn the_condition_of_a_select_is_a_local() {
    let broken = Err(Rule::Select);
    check(
        1,
        &[
            ("local.get $a local.get $b local.get $c select", Ok(())),
            ("local.get $a local.get $b local.get $c select (result i32)", Ok(())),
            ("local.get $a local.get $b i32.const 1 select (result i32)", broken),
            ("local.get $a local.get $b local.get $c local.tee $c select", broken),
            ("local.get $a local.get $b local.get $c data.drop 0 select", broken),
            ("local.get $a local.get $b local.get $c local.get $a drop select", broken),
        ],
    );
}

#[test]
fn immediates_decide_no_branch() {
    let broken = Err(Rule::Immediate);
    check(
        0,
        &[
            ("i32.const 1 if end", broken),
            ("block i32.const 0 br_if 0 end", broken),
            ("block global.get $global br_if 0 end", broken),
            ("block i32.const 0 br_table 0 0 end", broken),
            ("i32.const 1 i32.const 2 i32.add if end", broken),
            ("i32.const 1 local.get $a i32.add if end", Ok(())),
            ("i32.const 1 local.set $c local.get $c if end", Ok(())),
            ("i32.const 1 local.tee $c if end", broken),
            ("local.get $a local.tee $c if end", Ok(())),
            ("i64.const 1 i64.eqz i32.eqz if end", broken),
            ("f32.const 1 f32.const 1 f32.eq if end", broken),
            ("ref.func $nothing ref.is_null if end", broken),
            ("local.get $r ref.is_null if end", Ok(())),
            ("i32.const 0 i32.load if end", Ok(())),
            ("i32.const 0 memory.grow if end", Ok(())),
            ("memory.size if end", Ok(())),
            ("i32.const 0 table.get $own ref.is_null if end", Ok(())),
            ("v128.const i64x2 1 2 i8x16.all_true if end", broken),
            ("v128.const i64x2 1 2 local.get $v v128.or v128.any_true if end", Ok(())),
            (
                "v128.const i64x2 1 2 v128.const i64x2 1 2 i8x16.shuffle 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 v128.any_true if end",
                broken,
            ),
            (
                "v128.const i64x2 1 2 v128.const i64x2 1 2 v128.const i64x2 1 2 v128.bitselect v128.any_true if end",
                broken,
            ),
            ("v128.const i64x2 1 2 i32.const 1 i8x16.replace_lane 0 i8x16.extract_lane_s 0 if end", broken),
            ("i32.const 1 i32.const 2 local.get $c select if end", broken),
            ("i32.const 1 local.get $a local.get $c select if end", Ok(())),
            ("local.get $a i32.const 1 local.get $c select (result i32) if end", Ok(())),
            ("i32.const 0 i64.const 0 call $pair drop if end", Ok(())),
        ],
    );
}

#[test]
fn immediates_decide_no_trap() {
    let broken = Err(Rule::Immediate);
    check(
        0,
        &[
            ("local.get $a i32.const 0 i32.div_s drop", broken),
            ("local.get $a i32.const 1 i32.div_s drop", Ok(())),
            ("local.get $a i32.const -1 i32.rem_s drop", Ok(())),
            ("local.get $l i64.const 0 i64.rem_u drop", broken),
            ("local.get $l i64.const 4294967296 i64.rem_u drop", Ok(())),
            ("i32.const 1 i32.const 1 i32.div_u drop", broken),
            ("i32.const 1 local.get $a i32.div_u drop", Ok(())),
            ("local.get $a global.get $global i32.rem_u drop", broken),
            ("local.get $a i32.const 1 i32.const 2 i32.add i32.rem_u drop", broken),
            ("local.get $a i32.const 1 local.tee $c i32.rem_u drop", broken),
            ("local.get $a i32.const 1 data.drop 0 i32.rem_u drop", broken),
            ("local.get $l i64.const 1 i64.div_s drop", Ok(())),
            ("f32.const 1 i32.trunc_f32_s drop", broken),
            ("local.get $f i32.trunc_f32_s drop", Ok(())),
            ("f64.const 1 i64.trunc_f64_u drop", broken),
            ("local.get $f f64.promote_f32 i64.trunc_f64_u drop", Ok(())),
            ("f64.const 1 i64.trunc_sat_f64_u drop", Ok(())),
        ],
    );
}

#[test]
fn immediate_addresses_decide_no_trap() {
    let broken = Err(Rule::Immediate);
    check(
        0,
        &[
            ("i32.const 32768 i32.load offset=32768 drop", Ok(())),
            ("i32.const 32768 i32.load offset=32769 drop", broken),
            ("i32.const 65537 i32.load drop", broken),
            ("i32.const -1 i32.load drop", broken),
            ("local.get $a i32.load offset=4294967295 drop", Ok(())),
            ("global.get $global i32.load drop", broken),
            ("i32.const 1 i32.const 2 i32.add i64.load8_u drop", broken),
            ("i32.const 1 local.tee $c i32.load drop", broken),
            ("i32.const 1 i32.const 1 i32.store", Ok(())),
            ("i32.const -1 i32.const 1 i32.store", broken),
            ("local.get $a i32.const -1 i32.store", Ok(())),
            ("i32.const -1 local.get $f f32.store", broken),
            ("i32.const 1 v128.load drop", Ok(())),
            ("i32.const 1 v128.load64_zero offset=2147483648 drop", broken),
            ("i32.const 1 local.get $v v128.load8_lane 1 drop", Ok(())),
            ("i32.const -1 local.get $v v128.load8_lane 1 drop", broken),
            ("local.get $a v128.const i64x2 1 2 v128.load8_lane offset=2147483648 1 drop", Ok(())),
            ("i32.const -1 local.get $v v128.store", broken),
            ("i32.const -1 local.get $v v128.store32_lane 1", broken),
            ("local.get $a local.get $v v128.store64_lane 1", Ok(())),
        ],
    );
}

#[test]
fn charges_begin_regions() {
    let broken = Err(Rule::Charge);
    check(
        0,
        &[
            ("nop nop", Ok(())),
            ("ref.null func drop ref.null func drop nop local.get $a drop", Ok(())),
            ("ref.null func drop return", Ok(())),
            ("nop ref.null func drop", broken),
            ("ref.null extern drop", broken),
            ("ref.null func ref.null func drop drop", broken),
            ("ref.null func local.set $r", broken),
            ("local.get $a drop nop", broken),
            ("local.get $a drop ref.null func drop", broken),
            ("loop ref.null func drop nop nop end", Ok(())),
            ("loop end nop", broken),
            ("loop end loop nop end", Ok(())),
            ("block nop end", broken),
            ("block local.get $a br_if 0 nop end", broken),
            ("block local.get $a br_if 0 loop ref.null func drop end end", Ok(())),
            ("local.get $a if nop else ref.null func drop nop end", Ok(())),
            ("local.get $a if nop ref.null func drop end", broken),
            ("local.get $a if else nop nop ref.null func drop end", broken),
            ("local.get $a if nop end nop", broken),
            ("local.get $e ref.is_null drop", Ok(())),
        ],
    );
    check(1, &[("ref.null func drop nop i32.const 1", Ok(())), ("i32.const 1 nop", broken)]);
}

#[test]
fn no_short_lane_is_stored() {
    check(
        0,
        &[
            ("local.get $a local.get $v v128.store32_lane 0", Ok(())),
            ("local.get $a local.get $v i8x16.extract_lane_s 0 i32.store8", Ok(())),
        ],
    );
}

/// Builds bodies that the engine translates wrong; they are not stored as fixtures.
#[test]
fn what_the_engine_gets_wrong_is_refused() {
    let made = |parts: &[&str], rule: Rule| {
        let body = parts.join(" ");
        check(0, &[(&body, Err(rule))]);
    };
    made(&["local.get $a local.get $b local.get $c", "i32.eqz", "select drop"], Rule::Select);
    for (lane, number) in [("8", "0"), ("16", "7")] {
        made(&["local.get $a local.get $v", &format!("v128.store{lane}_lane {number}")], Rule::LaneStore);
    }
    let address = "local.get $a";
    let values = [
        (address, "i32.store offset=65536"),
        (address, "i32.store8 1"),
        ("local.tee $c local.get $c", "i32.store 1"),
        ("local.get $a i32.const 1 i32.xor", "i32.store 1"),
        ("local.get $a i32.const -1 i32.add", "i32.store 1"),
        ("local.get $a i64.extend_i32_u", "i64.store 1"),
    ];
    for (value, store) in values {
        made(&[address, value, store], Rule::Store);
    }
}

#[test]
fn long_stores_take_two_values() {
    check(
        0,
        &[
            ("local.get $a local.get $a i32.store offset=65535", Ok(())),
            ("local.get $a local.get $b i32.store8 1", Ok(())),
            ("local.get $a i32.const 1 i32.store16 1", Ok(())),
            ("local.get $a i32.eqz i32.const 1 i32.store16 1", Ok(())),
            ("i32.const 1 local.get $a i32.store 1", Ok(())),
            ("global.get $global drop local.get $a i64.const 1 i64.store32 1", Ok(())),
            ("local.get $a local.get $a i32.const -1 i32.xor i32.store 1", Ok(())),
            ("local.get $a local.get $l i64.const -1 i64.xor i64.store8 1", Ok(())),
            ("local.get $a local.get $l i64.store16 1", Ok(())),
            ("local.get $a local.get $f f32.store 1 offset=65536", Ok(())),
            ("local.get $a local.get $v v128.store 1", Ok(())),
        ],
    );
}

#[test]
fn a_table_grows_behind_the_reserve() {
    let broken = Err(Rule::TableGrow);
    let grows = |reserve: &str, expected| {
        check(0, &[(&format!("local.get $r local.get $a {reserve} table.grow $own drop"), expected)]);
    };
    grows("table.size $own i32.const 9 i32.const 0 call_indirect $reserve (type $reserve)", Ok(()));
    grows("table.size $own i32.const -1 i32.const 0 call_indirect $reserve (type $reserve)", Ok(()));
    grows("", broken);
    grows("table.size $imported i32.const 9 i32.const 0 call_indirect $reserve (type $reserve)", broken);
    grows("table.size $own i32.const 9 i32.const 0 call_indirect $own (type $reserve)", broken);
    grows("table.size $own i32.const 9 i32.const 0 call_indirect $reserve (type $same)", broken);
    grows("table.size $own i32.const 9 i32.const 1 call_indirect $reserve (type $reserve)", broken);
    grows("table.size $own local.get $b i32.const 0 call_indirect $reserve (type $reserve)", broken);
    grows("table.size $own i32.const 9 local.get $b call_indirect $reserve (type $reserve)", broken);
    grows("i32.const 9 i32.const 9 i32.const 0 call_indirect $reserve (type $reserve)", broken);
    grows("table.size $own i32.const 9 i32.const 0 call_indirect $reserve (type $reserve) local.tee $c", broken);
    check(
        0,
        &[("local.get $a table.size $own i32.const 9 i32.const 0 call_indirect $reserve (type $reserve) drop", Ok(()))],
    );
    // The last types are not those of the host.
    let bytes = wat::parse_str(
        "(module (type $same (func (param i32 i32 i32 i32) (result i32))) (type (func)) (table $own 1 funcref) (table $last 1 funcref)
            (func (local funcref) local.get 0 i32.const 1 i32.const 1
            table.size $own i32.const 9 i32.const 0 call_indirect $last (type $same) table.grow $own drop))",
    );
    assert_eq!(is_normal(&bytes.unwrap()).map_err(|error| error.rule), broken);
}

#[test]
fn only_what_belljar_runs_is_a_module() {
    let broken = Err(Rule::Malformed);
    check(
        0,
        &[
            ("i32.const 0 i32.atomic.load drop", broken),
            ("local.get $v local.get $v i8x16.relaxed_swizzle drop", broken),
            ("throw_ref", broken),
            ("local.get $r ref.as_non_null drop", broken),
        ],
    );
    for bytes in [&b""[..], b"\0asm", b"\0asm\x0d\0\x01\0", b"\0asm\x01\0\0\0\x0a\x04\x01\x02\0\x0b"] {
        assert_eq!(is_normal(bytes).map_err(|error| error.rule), Err(Rule::Malformed), "{bytes:?}");
    }
    // A body that ends early in two ways, one that does not end, and an `else` of no `if`.
    for (body, rule) in [
        (&b"\0\x0b\x0b"[..], Rule::Malformed),
        (b"\0\x0b\0", Rule::DeadCode),
        (b"\0\x02\x40\x0b", Rule::Malformed),
        (b"\0\x02\x40\x05\x0b\x0b", Rule::Malformed),
    ] {
        // Any other reader refuses the export before it reads a body: no such module is an input for one.
        let mut bytes = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x07\x05\x01\x01f\0\x09".to_vec();
        bytes.extend([10, 2 + body.len() as u8, 1, body.len() as u8]);
        bytes.extend(body);
        assert_eq!(is_normal(&bytes).map_err(|error| error.rule), Err(rule), "{bytes:?}");
    }
}

#[test]
fn nothing_starts_by_itself() {
    let start = wat::parse_str("(module (func) (start 0))").unwrap();
    assert_eq!(is_normal(&start), Err(NotNormal { offset: 20, rule: Rule::StartSection }));
    assert_eq!(is_normal(&wat::parse_str("(module (func))").unwrap()), Ok(()));
}

#[test]
fn what_is_not_normal_is_found_where_it_stands() {
    let bytes = wat::parse_str("(module (func) (func nop block nop end))").unwrap();
    let found = is_normal(&bytes).unwrap_err();
    assert_eq!((found.rule, &bytes[found.offset as usize - 2..][..4]), (Rule::Charge, &[0x02, 0x40, 0x01, 0x0b][..]));
}

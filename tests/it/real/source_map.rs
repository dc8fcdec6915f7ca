//! `source-map`: reads mappings, and calls back with ten numbers for each, by an import of `env`.

use belljar::{Context, Instance, Sandbox};

use super::{roomy, twice, wasm, write};

/// One mapping as the module tells it, flags and all.
type Mapping = [i32; 10];

#[allow(clippy::too_many_arguments, reason = "the module's signature")]
#[rustfmt::skip]
fn mapped(
    ctx: &mut Context<'_>, line: i32, column: i32, has_last: i32, last: i32, has_original: i32, source: i32,
    original_line: i32, original_column: i32, has_name: i32, name: i32,
) {
    if let Some(mappings) = ctx.data_mut::<Vec<Mapping>>() {
        mappings.push(
            [line, column, has_last, last, has_original, source, original_line, original_column, has_name, name]);
    }
}

/// Parses mappings, and then asks for some: what was called back, or the code of the error.
fn ask(mappings: &str, question: impl Fn(&mut Instance, u32)) -> Result<Vec<Mapping>, i32> {
    twice(&format!("source-map of {} bytes", mappings.len()), || {
        let sandbox =
            Sandbox::builder().config(roomy()).host_function("env", "mapping_callback", mapped).build().unwrap();
        let module = sandbox.load(&wasm("source-map")).unwrap();
        let mut instance = sandbox.instance_with(&module, Vec::<Mapping>::new()).unwrap();
        let at: u32 = instance.call("allocate_mappings", mappings.len() as u32).unwrap();
        write(&mut instance, at, mappings.as_bytes());
        let parsed: u32 = instance.call("parse_mappings", at).unwrap();
        let found = if parsed == 0 {
            Err(instance.call("get_last_error", ()).unwrap())
        } else {
            question(&mut instance, parsed);
            Ok(std::mem::take(instance.data_mut::<Vec<Mapping>>().unwrap()))
        };
        (found, instance.usage())
    })
}

fn all(instance: &mut Instance, parsed: u32) {
    instance.call::<u32, ()>("by_generated_location", parsed).unwrap();
}

#[test]
#[ignore = "needs the modules that tests/real/fetch.sh brings"]
fn mappings_are_told_one_by_one() {
    // Line 0: at 0 source 0, 16:1; at 9 source 0, 16:9; at 10 source 0, 16:11, name 0. Line 1: at 2, of no source.
    let text = "AAgBC,SAAQ,CAAEA;E";
    let expected = [
        [0, 0, 0, 0, 1, 0, 16, 1, 0, 0],
        [0, 9, 0, 0, 1, 0, 16, 9, 0, 0],
        [0, 10, 0, 0, 1, 0, 16, 11, 1, 0],
        [1, 2, 0, 0, 0, 0, 0, 0, 0, 0],
    ];
    assert_eq!(ask(text, all), Ok(expected.to_vec()));
    // The nearest mapping at or before 0:9 and 0:8 (1 asks for that), and what 16:9 became, up to column 10.
    let at = |column: i32| move |i: &mut Instance, p: u32| i.call("original_location_for", (p, 0, column, 1)).unwrap();
    assert_eq!(ask(text, at(9)), Ok(vec![expected[1]]));
    assert_eq!(ask(text, at(8)), Ok(vec![expected[0]]));
    let back = |i: &mut Instance, p: u32| i.call("generated_location_for", (p, 0, 16, 9, 1)).unwrap();
    assert_eq!(ask(text, back), Ok(vec![[0, 9, 1, 10, 1, 0, 16, 9, 0, 0]]));
}

#[test]
#[ignore = "needs the modules that tests/real/fetch.sh brings"]
fn broken_mappings_have_codes() {
    // A negative column, a number beyond 32 bits, an end within a number, a character that is no digit, too many digits.
    for (text, code) in [("D", 1), ("ggggggQ", 2), ("Ag", 3), ("A!", 4), ("ggggggggggggggE", 5)] {
        assert_eq!(ask(text, all), Err(code), "{text}");
    }
}

#[test]
#[ignore = "needs the modules that tests/real/fetch.sh brings"]
fn many_mappings_are_called_back() {
    let found = ask(&"AAAA,EACC;".repeat(2_000), all).unwrap();
    assert_eq!((found.len(), found[3_999]), (4_000, [1_999, 2, 0, 0, 1, 0, 2_000, 2_000, 0, 0]));
}

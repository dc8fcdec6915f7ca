//! Profiles in the format of pprof, read again.

use super::{
    super::{Callee, FuelProfile, Node},
    *,
};
use crate::{config::Config, data::outcome::Outcome, explain::Rerun, sandbox::Sandbox};

/// A field of a message: a number, or bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Field<'a> {
    fn number(self) -> u64 {
        let Field::Number(number) = self else { panic!("{self:?}") };
        number
    }

    fn bytes(self) -> &'a [u8] {
        let Field::Bytes(bytes) = self else { panic!("{self:?}") };
        bytes
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let end = bytes.iter().position(|byte| *byte < 0x80).unwrap() + 1;
    let (number, rest) = bytes.split_at(end);
    *bytes = rest;
    number.iter().rev().fold(0, |number, byte| number << 7 | u64::from(byte & 0x7f))
}

fn varints(mut bytes: &[u8]) -> Vec<u64> {
    let mut numbers = Vec::new();
    while !bytes.is_empty() {
        numbers.push(varint(&mut bytes));
    }
    numbers
}

/// The fields of a message, with their numbers.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let value = varint(&mut bytes);
        let field = match key & 7 {
            0 => Field::Number(value),
            2 => {
                let (field, rest) = bytes.split_at(value as usize);
                bytes = rest;
                Field::Bytes(field)
            }
            other => panic!("type {other}"),
        };
        fields.push((key >> 3, field));
    }
    fields
}

/// The fields with a number.
fn all<'a>(fields: &[(u64, Field<'a>)], number: u64) -> Vec<Field<'a>> {
    fields.iter().filter(|(field, _)| *field == number).map(|(_, field)| *field).collect()
}

/// The field with a number, which is 0 if it is left out.
fn one(fields: &[(u64, Field<'_>)], number: u64) -> u64 {
    all(fields, number).first().map_or(0, |field| field.number())
}

/// Name of a function, with its file and line.
type Function = (String, String, u64);

/// Functions, the innermost first, with fuel and calls.
type Sample = (Vec<Function>, u64, u64);

/// The samples of a profile.
fn read(bytes: &[u8]) -> Vec<Sample> {
    let profile = fields(bytes);
    let strings = all(&profile, 6).into_iter().map(|text| String::from_utf8(text.bytes().into()).unwrap());
    let strings: Vec<_> = strings.collect();
    assert_eq!(strings[0], "");
    let text = |fields: &[(u64, Field<'_>)], number| strings[one(fields, number) as usize].clone();
    let types = all(&profile, 1).into_iter().map(|ty| fields(ty.bytes()));
    let types: Vec<_> = types.map(|ty| [text(&ty, 1), text(&ty, 2)]).collect();
    assert_eq!(types, [["fuel", "count"], ["calls", "count"]]);
    assert_eq!(text(&profile, 14), "fuel");

    let functions = all(&profile, 5).into_iter().map(|function| fields(function.bytes()));
    let functions = functions.map(|function| {
        assert_eq!(text(&function, 2), text(&function, 3));
        (one(&function, 1), (text(&function, 2), text(&function, 4), one(&function, 5)))
    });
    let functions: BTreeMap<_, _> = functions.collect();
    let locations = all(&profile, 4).into_iter().map(|location| {
        let location = fields(location.bytes());
        let line = fields(all(&location, 4)[0].bytes());
        let function = functions[&one(&line, 1)].clone();
        assert_eq!(one(&line, 2), function.2);
        (one(&location, 1), function)
    });
    let locations: BTreeMap<_, _> = locations.collect();
    assert!(!locations.contains_key(&0));
    let samples = all(&profile, 2).into_iter().map(|sample| {
        let sample = fields(sample.bytes());
        let stack = varints(all(&sample, 1)[0].bytes());
        let values = varints(all(&sample, 2)[0].bytes());
        assert_eq!(values.len(), 2);
        (stack.iter().map(|id| locations[id].clone()).collect(), values[0], values[1])
    });
    samples.collect()
}

fn profile() -> FuelProfile {
    let guest = |function, name: Option<&str>| Callee::Guest { function, name: name.map(String::from) };
    let node = |callee, caller, calls, fuel| Node { callee, caller, calls, fuel };
    let host = Callee::Host { module: "env".into(), name: "log".into() };
    let nodes = vec![
        node(guest(7, Some("outer")), None, 1, 300),
        node(guest(12, None), Some(0), 2, 1 << 40),
        node(host, Some(1), 130, 20),
        node(guest(7, Some("outer")), Some(1), 1, 0),
        node(Callee::Belljar, None, 1, 4000),
        // A circle.
        node(guest(12, None), Some(6), 1, 1),
        node(guest(12, None), Some(5), 1, 2),
    ];
    let location = Location { function: None, file: "outer.c".into(), line: 200, column: None };
    let places = [(7, location)].into();
    FuelProfile { nodes, result: Ok(Outcome::default()), places }
}

#[test]
fn each_node_is_a_sample() {
    let outer = || ("outer".to_string(), "outer.c".to_string(), 200);
    let other = |name: &str| (name.to_string(), String::new(), 0);
    let expected = vec![
        (vec![other("function 12"), outer()], 1 << 40, 2),
        (vec![other("(belljar)")], 4000, 1),
        (vec![outer()], 300, 1),
        (vec![other("env::log"), other("function 12"), outer()], 20, 130),
        (vec![other("function 12"), other("function 12")], 2, 1),
        (vec![other("function 12")], 1, 1),
        (vec![outer(), other("function 12"), outer()], 0, 1),
    ];
    assert_eq!(read(&profile().pprof()), expected);
}

#[test]
fn what_took_least_is_left_out() {
    let left_out = |fuel, calls| (vec![("(left out)".to_string(), String::new(), 0)], fuel, calls);
    let all = profile().pprof();
    // The samples of function 12 and of belljar, with a byte too few for the next.
    let found = read(&pprof(&profile(), 13 + 8 + 7));
    assert_eq!(found[..2], read(&all)[..2]);
    assert_eq!(found[2..], [left_out(323, 134)]);
    let none = read(&pprof(&profile(), 0));
    assert_eq!(none, [left_out(profile().fuel(), 137)]);
}

#[test]
fn a_run_has_its_fuel_and_the_lines_of_its_functions() {
    let wasm = include_bytes!("../../../../fixtures/explain/parser.wasm");
    let profile = Sandbox::new(Config::default()).unwrap().profile(&Rerun::new(wasm, "12+4")).unwrap();
    let samples = read(&profile.pprof());
    assert_eq!(samples.len(), profile.nodes.len());
    assert_eq!(samples.iter().map(|(_, fuel, _)| fuel).sum::<u64>(), profile.result.as_ref().unwrap().usage.fuel);
    let of = |name: &str| samples.iter().find(|(stack, ..)| stack[0].0 == name).unwrap().0.clone();
    let at = |name: &str, line| (name.to_string(), "explain/parser.c".to_string(), line);
    assert_eq!(of("digit"), [at("digit", 17), at("term", 27), at("expression", 35), at("execute", 44)]);
    assert_eq!(of("(belljar)"), [("(belljar)".to_string(), String::new(), 0)]);
    assert_eq!(of("env::read_input")[1..], [at("execute", 44)]);
}

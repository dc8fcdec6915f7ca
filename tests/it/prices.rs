//! Fuel is a price list: every figure of `fixtures/prices/prices.txt`, measured.

use std::{collections::BTreeSet, fs, path::PathBuf};

use belljar::{Config, Error, ModuleError, abi, meter};
use wasmparser::{BinaryReader, Operator, Parser, Payload, WasmFeatures};

use crate::fixture;

pub mod list;
mod measure;

use list::{Line, List, Unit};
use measure::{Measure, sandbox};

fn path() -> PathBuf {
    fixture::root().join("prices/prices.txt")
}

pub fn list() -> List {
    List::parse(&fs::read_to_string(path()).unwrap())
}

/// Figures belong to a version: one that changes makes the next version.
#[test]
fn every_figure_is_exact() {
    let mut list = list();
    let bless = std::env::var_os("BLESS").is_some();
    let another_version = list.version != meter::PRICES;
    let (mut measure, mut found, mut wrong) = (Measure::new(), Vec::new(), Vec::new());
    for price in list.sections().into_iter().flat_map(|(_, prices)| prices) {
        let may_change = bless && (another_version || price.figure.is_none());
        match measure.figure(&list.cases(price), price.unit) {
            Ok(figure) if may_change || price.figure == Some(figure) => found.push(figure),
            Ok(figure) => wrong.push(format!("{}: {:?}, and it is {figure}", price.name, price.figure)),
            Err(error) => wrong.push(format!("{}: {error}", price.name)),
        }
    }
    assert!(wrong.is_empty(), "the figures of version {}:\n  {}", list.version, wrong.join("\n  "));
    assert!(bless || !another_version, "prices are version {}: BLESS=1 takes it over", meter::PRICES);
    if bless {
        list.version = meter::PRICES;
        let prices = list.lines.iter_mut().filter_map(|line| match line {
            Line::Price(price) => Some(price),
            _ => None,
        });
        prices.zip(found).for_each(|(price, figure)| price.figure = Some(figure));
        fs::write(path(), list.text()).unwrap();
    }
}

/// The name of an operator, as the parser has it.
fn name(operator: &Operator<'_>) -> String {
    format!("{operator:?}").chars().take_while(|c| c.is_alphanumeric()).collect()
}

/// The operators of all functions, sorted.
fn operators(text: &str) -> Vec<String> {
    let wasm = wat::parse_str(text).unwrap();
    let mut names = Vec::new();
    for payload in Parser::new(0).parse_all(&wasm) {
        if let Payload::CodeSectionEntry(body) = payload.unwrap() {
            names.extend(body.get_operators_reader().unwrap().into_iter().map(|operator| name(&operator.unwrap())));
        }
    }
    names.sort();
    names
}

/// Operators of which a line is the price: those that are alone in its brackets, and the `end` of a block.
fn priced(list: &List) -> BTreeSet<String> {
    let mut priced = BTreeSet::new();
    let prices = list.sections().into_iter().flat_map(|(_, prices)| prices).filter(|price| price.unit == Unit::Fuel);
    for case in prices.flat_map(|price| list.cases(price)) {
        let Some(without) = &case.without else { continue };
        let mut more = operators(&case.with);
        for name in operators(without) {
            if let Some(at) = more.iter().position(|other| *other == name) {
                more.remove(at);
            }
        }
        let (ends, others): (Vec<_>, Vec<_>) = more.into_iter().partition(|name| name == "End");
        if let [other] = &others[..] {
            priced.insert(other.clone());
            priced.extend(ends);
        }
    }
    priced
}

/// Every operator there is that is not refused by name: belljar is asked, code by code.
fn admitted() -> BTreeSet<String> {
    let sandbox = sandbox(Config::default());
    let prefixed = (0xfb..=0xfe).flat_map(|prefix| {
        (0..=0x1ff_u32).map(move |code| match code {
            0..0x80 => vec![prefix, code as u8],
            _ => vec![prefix, code as u8 | 0x80, (code >> 7) as u8],
        })
    });
    let codes = (0..=0xff).map(|code| vec![code]).chain(prefixed);
    let mut names = BTreeSet::new();
    for code in codes {
        // No immediates are longer than 16 bytes; a `select` has to have one type.
        for immediates in [[0; 16], [1, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]] {
            let bytes = [&code[..], &immediates].concat();
            let mut reader = BinaryReader::new_features(&bytes, 0, WasmFeatures::all());
            let Ok(operator) = reader.read_operator() else { continue };
            let used = &bytes[..reader.original_position()];
            let body = [&[0][..], used, &[0x0b]].concat();
            let function = [&[10, body.len() as u8 + 2, 1, body.len() as u8][..], &body].concat();
            let wasm = [b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0", &function[..]].concat();
            // It need not be valid there.
            let refused = match sandbox.load(&wasm) {
                Err(Error::Module(error)) => matches!(*error, ModuleError::Unsupported { .. }),
                _ => false,
            };
            if !refused {
                names.insert(name(&operator));
            }
        }
    }
    names
}

#[test]
fn every_operator_has_a_price() {
    let (admitted, priced) = (admitted(), priced(&list()));
    assert_eq!(admitted.difference(&priced).collect::<Vec<_>>(), [""; 0], "have no price");
    assert_eq!(priced.difference(&admitted).collect::<Vec<_>>(), [""; 0], "are no operators");
    assert!(priced.len() > 430);
}

/// Each function of the ABI, under each of its names.
#[test]
fn every_call_into_the_host_has_a_price() {
    let list = list();
    let sections = list.sections();
    let (_, prices) = sections.iter().find(|(title, _)| *title == "Calls into the host").unwrap();
    let modules: Vec<_> = prices.iter().flat_map(|price| list.cases(price)).map(|case| case.with).collect();
    for name in abi::FUNCTIONS.iter().flat_map(|function| function.names) {
        let import = format!("(import \"env\" \"{name}\"");
        assert!(modules.iter().any(|module| module.contains(&import)), "{name} has no price");
    }
}

//! Every operator there is, alone in a loop: an interpreter that leaves something behind at one of
//! them, on its own stack or in memory, does so a few thousand times.

use alloc::{vec, vec::Vec};
use core::ops::Range;

use wasmparser::{Validator, WasmFeatures};

use super::{
    Input, Kind,
    run::attacks,
    wasm::{DROP, END, FUNCREF, I32, Wasm, endless, i32_const, leb, local_get},
};

attacks! {
    "operators-of-the-first-version", "every operator of WebAssembly 1.0 in a loop", "B2"
        => "done, stopped: fuel, stopped: trap", || every(&(0..=0xff).map(|byte| vec![byte]).collect::<Vec<_>>());
    "operators-of-0xfc", "every bulk operator and saturating conversion in a loop", "B2"
        => "stopped: fuel", || every(&prefixed(0xfc, 0..32));
    "operators-of-vectors", "every vector operator in a loop", "B2" => "done, stopped: fuel, stopped: trap",
        || every(&prefixed(0xfd, 0..276));
    "operators-outside", "every load and store, just outside a memory", "format" => "stopped: trap",
        || outside(1, 65_536, 0);
    "operators-far-outside", "every load and store, as far outside a memory as an offset reaches", "format"
        => "stopped: trap", || outside(1, u32::MAX, 0);
    "operators-wrapping", "every load and store, where pointer and offset exceed 32 bits", "format" => "stopped: trap",
        || outside(1, 1, -1);
    "operators-of-an-empty-memory", "every load and store of a memory without a page", "format" => "stopped: trap",
        || outside(0, 0, 0);
}

fn prefixed(prefix: u8, codes: Range<u32>) -> Vec<Vec<u8>> {
    codes.map(|code| [vec![prefix], leb(code)].concat()).collect()
}

/// Loops of those that are valid operators of the proposals that belljar runs.
fn every(codes: &[Vec<u8>]) -> Input {
    let immediates = [vec![], vec![0], vec![0, 0], vec![0, 0, 0], vec![0; 16]];
    let all =
        codes.iter().flat_map(|code| valid(code, &immediates, &[0x41, 0], |operators| module(1, &endless(operators))));
    Input::new(Kind::Modules(all.collect())).with(|config| config.with_fuel(20_000))
}

/// Every load and store at a pointer and an offset, in the first memory and in the second.
fn outside(pages: u32, offset: u32, pointer: i32) -> Input {
    let codes = (0x28..0x3f).map(|code| vec![code]).chain(prefixed(0xfd, 0..12)).chain(prefixed(0xfd, 84..94));
    let offset = leb(offset);
    let immediates = [&[0][..], &[0x40, 1]].map(|memory| [memory, &offset].concat());
    let lanes = immediates.clone().map(|immediate| [&immediate[..], &[0]].concat());
    // The pointer as a constant, from a local, and worked out.
    let pointers = [i32_const(pointer), local_get(0), [&local_get(0)[..], &[0x41, 0, 0x6a]].concat()];
    let all = codes.flat_map(|code| {
        let forms = pointers.iter().flat_map(|form| {
            let wasm = |operators: &[u8]| module(pages, &[&i32_const(pointer)[..], &[0x21, 0], operators].concat());
            let each = immediates.iter().chain(&lanes).map(core::slice::from_ref);
            each.filter_map(|immediate| valid(&code, immediate, form, wasm)).collect::<Vec<_>>()
        });
        forms.collect::<Vec<_>>()
    });
    Input::new(Kind::Modules(all.collect()))
}

/// The first valid module that is made of an operator and what may stand before and after it.
fn valid(code: &[u8], immediates: &[Vec<u8>], pointer: &[u8], wasm: impl Fn(&[u8]) -> Vec<u8>) -> Option<Vec<u8>> {
    let features = WasmFeatures::WASM2 | WasmFeatures::TAIL_CALL | WasmFeatures::MULTI_MEMORY;
    let operands = operands(pointer);
    // An operator leaves nothing, or one value.
    let drops: [&[u8]; 2] = [&[], &[DROP]];
    let before_and_after = immediates.iter().flat_map(|after| operands.iter().map(move |before| (before, after)));
    before_and_after
        .flat_map(|(before, after)| drops.map(|drop| wasm(&[&before[..], code, after, drop].concat())))
        .find(|wasm| Validator::new_with_features(features).validate_all(wasm).is_ok())
}

/// What may stand on the stack before it; `i32` is how an i32 comes there.
fn operands(i32: &[u8]) -> Vec<Vec<u8>> {
    let v128 = [&[0xfd, 12][..], &[0; 16]].concat();
    let values = [i32.to_vec(), vec![0x42, 0], vec![0x43, 0, 0, 0, 0], vec![0x44, 0, 0, 0, 0, 0, 0, 0, 0], v128];
    let v128 = &values[4];
    let reference = vec![0xd0, FUNCREF];
    let mut all = vec![Vec::new(), reference.clone(), [&reference[..], i32].concat()];
    all.extend([[i32, &reference].concat(), [i32, &reference, i32].concat(), i32.repeat(3), v128.repeat(3)]);
    for value in &values {
        all.extend([value.clone(), value.repeat(2), [i32, value].concat(), [&v128[..], value].concat()]);
        all.push([&value.repeat(2)[..], i32].concat());
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// A module with one of everything that an operator may name, and two memories.
fn module(pages: u32, operators: &[u8]) -> Vec<u8> {
    Wasm::new()
        .ty(&[], &[])
        .func(0, &[0, END])
        .func(0, &[&[1, 1, I32][..], operators, &[END]].concat())
        .table(1)
        .memory(pages)
        .memory(pages)
        .add(6, &[I32, 1, 0x41, 0, END])
        .add(9, &[0, 0x41, 0, END, 1, 0])
        .add(12, &[1])
        .add(11, &[1, 1, b'x'])
        .export("_start", 0, 1)
        .build()
}

//! What the generators have to make: valid modules, of every operator and every shape of control, by the seed alone.

use std::collections::BTreeSet;

use wasmparser::{
    BlockType, FuncValidator, Operator, OperatorsReader, Parser, ValidPayload, Validator, ValidatorResources,
    WasmFeatures,
};

use crate::{generator::Generator, observe};

const SEEDS: u64 = 2_000;

/// What belljar runs.
fn features() -> WasmFeatures {
    WasmFeatures::WASM2 | WasmFeatures::TAIL_CALL | WasmFeatures::MULTI_MEMORY | WasmFeatures::EXTENDED_CONST
}

/// Validates a module, and hands over each operator with the validator as it is before it.
fn walk(wasm: &[u8], mut seen: impl FnMut(&Operator<'_>, &FuncValidator<ValidatorResources>)) {
    let mut validator = Validator::new_with_features(features());
    for payload in Parser::new(0).parse_all(wasm) {
        if let ValidPayload::Func(function, body) = validator.payload(&payload.unwrap()).unwrap() {
            let mut function = function.into_validator(Default::default());
            let mut reader = body.get_binary_reader();
            function.read_locals(&mut reader).unwrap();
            let mut reader = OperatorsReader::new(reader);
            while !reader.eof() {
                let (operator, offset) = reader.read_with_offset().unwrap();
                seen(&operator, &function);
                function.op(offset, &operator).unwrap();
            }
            reader.finish().unwrap();
        }
    }
}

#[test]
fn every_module_is_valid_before_and_after_what_is_added() {
    for generator in [Generator::Smith, Generator::Stack] {
        for seed in 0..SEEDS {
            let wasm = generator.module(seed);
            for wasm in [&wasm, &observe::case(&wasm, seed).wasm] {
                let valid = Validator::new_with_features(features()).validate_all(wasm).map(drop);
                assert!(valid.is_ok(), "{} {seed}: {}", generator.name(), valid.unwrap_err());
            }
        }
    }
}

#[test]
fn a_module_is_a_pure_function_of_its_seed() {
    for generator in [Generator::Smith, Generator::Stack] {
        let all: BTreeSet<_> = (0..200).map(|seed| generator.module(seed)).collect();
        assert_eq!(all.len(), 200, "{}: every seed has a module of its own", generator.name());
        for seed in 0..200 {
            let (first, second) = (generator.module(seed), generator.module(seed));
            assert_eq!(first, second);
            let (first, second) = (observe::case(&first, seed), observe::case(&second, seed));
            assert_eq!(format!("{first:?}"), format!("{second:?}"));
        }
    }
}

/// The names of all operators of some proposals.
macro_rules! names {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
        [$((stringify!($proposal), stringify!($op))),*]
            .iter()
            .filter(|(proposal, _)| PROPOSALS.contains(proposal))
            .map(|(_, name)| *name)
            .collect::<BTreeSet<&str>>()
    };
}

const PROPOSALS: [&str; 7] =
    ["mvp", "sign_extension", "saturating_float_to_int", "bulk_memory", "reference_types", "tail_call", "simd"];

/// The name of an operator, as its variant is called.
fn name(operator: &Operator<'_>) -> String {
    let text = format!("{operator:?}");
    text.split([' ', '{', '(']).next().unwrap_or_default().to_string()
}

#[test]
fn every_operator_occurs() {
    let mut expected: BTreeSet<&str> = wasmparser::for_each_operator!(names);
    // It is valid with one type only, and then is another operator.
    expected.remove("TypedSelectMulti");
    assert!(expected.len() > 430, "{}", expected.len());
    let mut found = BTreeSet::new();
    for seed in 0..SEEDS {
        walk(&Generator::Stack.module(seed), |operator, _| {
            found.insert(name(operator));
        });
    }
    let missing: Vec<_> = expected.iter().filter(|name| !found.contains(**name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_shape_of_control_occurs() {
    let mut found = BTreeSet::new();
    for seed in 0..SEEDS {
        walk(&Generator::Stack.module(seed), |operator, function| shapes(operator, function, &mut found));
    }
    let blocks = ["block", "loop", "if"];
    let of_blocks = blocks
        .iter()
        .flat_map(|block| ["params", "results", "both", "values pending"].map(|what| format!("{block} with {what}")));
    let branches = ["br", "br_if", "br_table"].iter().flat_map(|branch| {
        ["to a loop", "with several values", "to the function with values", "over pending values"]
            .map(|what| format!("{branch} {what}"))
    });
    let others = ["dead code", "a local assigned over pending values", "return over pending values"].map(String::from);
    let expected: BTreeSet<_> = of_blocks.chain(branches).chain(others).collect();
    let missing: Vec<_> = expected.difference(&found).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

fn shapes(operator: &Operator<'_>, function: &FuncValidator<ValidatorResources>, found: &mut BTreeSet<String>) {
    let height = function.operand_stack_height() as usize;
    let Some(frame) = function.get_control_frame(0) else { return };
    if frame.unreachable {
        if !matches!(operator, Operator::End | Operator::Else) {
            found.insert("dead code".into());
        }
        return;
    }
    let mut block = |name: &str, ty: &BlockType, condition: usize| {
        let BlockType::FuncType(index) = ty else {
            if height > condition {
                found.insert(format!("{name} with values pending"));
            }
            if matches!(ty, BlockType::Type(_)) {
                found.insert(format!("{name} with results"));
            }
            return;
        };
        let Some(ty) = wasmparser::WasmModuleResources::sub_type_at(function.resources(), *index) else { return };
        let ty = ty.unwrap_func();
        for (is, what) in [
            (!ty.params().is_empty(), "params"),
            (!ty.results().is_empty(), "results"),
            (!ty.params().is_empty() && !ty.results().is_empty(), "both"),
            (height > condition + ty.params().len(), "values pending"),
        ] {
            if is {
                found.insert(format!("{name} with {what}"));
            }
        }
    };
    match operator {
        Operator::Block { blockty } => block("block", blockty, 0),
        Operator::Loop { blockty } => block("loop", blockty, 0),
        Operator::If { blockty } => block("if", blockty, 1),
        Operator::Br { relative_depth } => branch("br", *relative_depth, height, function, found),
        Operator::BrIf { relative_depth } => branch("br_if", *relative_depth, height - 1, function, found),
        Operator::BrTable { targets } => {
            for target in targets.targets() {
                branch("br_table", target.unwrap(), height - 1, function, found);
            }
            branch("br_table", targets.default(), height - 1, function, found);
        }
        Operator::LocalSet { .. } if height > frame.height + 1 => {
            found.insert("a local assigned over pending values".into());
        }
        Operator::Return if height > function.get_control_frame(0).map_or(0, |frame| frame.height) + 4 => {
            found.insert("return over pending values".into());
        }
        _ => {}
    }
}

/// Notes what a branch carries, and what it leaves behind.
fn branch(
    name: &str,
    depth: u32,
    height: usize,
    function: &FuncValidator<ValidatorResources>,
    found: &mut BTreeSet<String>,
) {
    let Some(frame) = function.get_control_frame(depth as usize) else { return };
    let is_loop = frame.kind == wasmparser::FrameKind::Loop;
    let count = match frame.block_type {
        BlockType::Empty => 0,
        BlockType::Type(_) => usize::from(!is_loop),
        BlockType::FuncType(index) => {
            let Some(ty) = wasmparser::WasmModuleResources::sub_type_at(function.resources(), index) else { return };
            let ty = ty.unwrap_func();
            if is_loop { ty.params().len() } else { ty.results().len() }
        }
    };
    let is_function = depth + 1 == function.control_stack_height();
    for (is, what) in [
        (is_loop, "to a loop"),
        (count > 1, "with several values"),
        (is_function && count > 0, "to the function with values"),
        (height > frame.height + count, "over pending values"),
    ] {
        if is {
            found.insert(format!("{name} {what}"));
        }
    }
}

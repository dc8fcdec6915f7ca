//! Receipts: what is in them, what they are checked for, and those in `fixtures/receipts`, which were made
//! on one machine and have to hold on all.

use std::{fs, path::PathBuf};

use belljar::{
    Config, Error, HostStop, Outcome, Profile, Sandbox, Step, StopReason, Value,
    error::EndClass,
    record::{Digest, Entry, Given, MAX_RECEIPT_BYTES, Receipt, ReceiptError},
};
use serde_json::json;

/// Name, guest, export (or none for a run), arguments, input, fuel.
type Case = (&'static str, &'static str, Option<&'static str>, &'static [Value], &'static [u8], u64);

const CASES: &[Case] = &[
    ("run", "upper-rust", None, &[], b"hello, bell jar", 1_000_000),
    ("json", "calc", None, &[], br#"{"expr":"1 / 3 + 2 * (3 - 4)"}"#, 10_000_000),
    ("markdown", "markdown", None, &[], b"# Title\n\n* one\n* two\n", 50_000_000),
    ("call", "adder", Some("add"), &[Value::I32(2), Value::I32(-3)], b"", 1_000_000),
    ("fuel", "loop", None, &[], b"", 1_000_000),
    ("trap", "trap", None, &[], b"", 1_000_000),
    ("panic", "panic", None, &[], b"", 1_000_000),
    ("no-entry", "adder", None, &[], b"", 1_000_000),
];

fn guest(name: &str) -> Vec<u8> {
    fs::read(root().join(format!("fixtures/guests/{name}.wasm"))).unwrap()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn made(case: &Case) -> (Vec<u8>, Receipt) {
    made_under(case, Config::default().with_fuel(case.5))
}

fn made_under(case: &Case, config: Config) -> (Vec<u8>, Receipt) {
    let (_, name, function, arguments, input, _) = case;
    let wasm = guest(name);
    let sandbox = Sandbox::new(config.clone()).unwrap();
    let receipt = match function {
        None => {
            let result = sandbox.load(&wasm).and_then(|module| sandbox.run(&module, *input));
            Receipt::of_run(&wasm, input, &config, &result)
        }
        Some(function) => {
            let call = |module| sandbox.start_call(&module, function, arguments, *input, ())?.finish();
            let result = sandbox.load(&wasm).and_then(call);
            Receipt::of_call(function, arguments, &wasm, input, &config, &result)
        }
    };
    (wasm, receipt.unwrap())
}

#[test]
fn receipts_made_elsewhere_hold_here() {
    for case in CASES {
        let path = root().join(format!("fixtures/receipts/{}.json", case.0));
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, made(case).1.to_json() + "\n").unwrap();
        }
        let text = fs::read_to_string(&path).unwrap();
        let stored = Receipt::from_json(&text).unwrap();
        // They have their own configuration: the defaults may be others by now.
        let (wasm, receipt) = made_under(case, stored.config.clone());
        assert_eq!(receipt.to_json(), text.trim_end(), "{}", case.0);
        stored.verify(&wasm, case.4).unwrap();
    }
}

fn differing(receipt: &Receipt, wasm: &[u8], input: &[u8]) -> Vec<String> {
    match receipt.verify(wasm, input) {
        Err(ReceiptError::Differs { differences }) => differences.into_iter().map(|d| d.field).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_bit_of_module_or_input_is_told() {
    let (wasm, receipt) = made(&CASES[0]);
    let mut other = wasm.clone();
    *other.last_mut().unwrap() ^= 1;
    assert_eq!(differing(&receipt, &other, CASES[0].4), ["module.sha256"]);
    assert_eq!(differing(&receipt, &wasm, b"hello, bell jas"), ["input.sha256"]);
    assert_eq!(differing(&receipt, &wasm, b""), ["input.bytes", "input.sha256"]);
}

/// A fault on purpose is met again by whoever checks, and is not met where the receipt does not say so.
#[test]
fn faults_are_part_of_a_receipt() {
    let (wasm, input) = (guest("upper-rust"), b"hello");
    let faults = [
        ("stop_at_fuel", Config::default().with_stop_at_fuel(20_000)),
        ("fail_host_call", Config::default().with_fail_host_call(2)),
        ("deny_growth", Config::default().with_deny_growth(1)),
    ];
    for (name, config) in faults {
        let result = belljar::execute(&wasm, input, &config);
        assert!(result.is_err(), "{name}");
        let receipt = Receipt::of_run(&wasm, input, &config, &result).unwrap();
        let read = Receipt::from_json(&receipt.to_json()).unwrap();
        assert_eq!(read.config, config);
        read.verify(&wasm, input).unwrap();
        let mut other = serde_json::to_value(&receipt).unwrap();
        assert!(other["config"]["faults"][name].is_u64());
        other["config"]["faults"][name] = serde_json::Value::Null;
        let other = Receipt::from_json(&other.to_string()).unwrap();
        assert!(
            differing(&other, &wasm, input).iter().any(|field| field.starts_with("end") || field == "usage.fuel"),
            "{name}"
        );
    }
}

/// Every field of a receipt, with one thing about it changed: none goes through.
#[test]
fn every_field_is_checked() {
    let (wasm, receipt) = made(&CASES[3]);
    let json: serde_json::Value = serde_json::to_value(&receipt).unwrap();
    let mut leaves = Vec::new();
    collect("", &json, &mut leaves);
    assert!(leaves.len() > 50, "{}", leaves.len());
    for path in leaves {
        let mut changed = json.clone();
        let leaf = changed.pointer_mut(&path).unwrap();
        match leaf {
            serde_json::Value::Number(n) => *leaf = (n.as_i64().unwrap() ^ 1).into(),
            serde_json::Value::String(text) => text.push('0'),
            other => *other = 7.into(),
        }
        let checked = Receipt::from_json(&changed.to_string()).and_then(|r| r.verify(&wasm, CASES[3].4).map(|()| r));
        // A limit that was not reached leaves the run as it was, and so it has to: the receipt of another
        // configuration is another receipt, as true as this one.
        match checked {
            Err(_) => {}
            Ok(other) => {
                assert!(path.starts_with("/config/"), "{path} is not checked");
                assert_ne!(other.digest(), receipt.digest(), "{path}");
            }
        }
    }
}

/// A key that no receipt has is refused in each of its objects.
#[test]
fn unknown_keys_are_refused() {
    let (_, receipt) = made(&CASES[3]);
    let json: serde_json::Value = serde_json::to_value(&receipt).unwrap();
    let mut objects = vec![String::new()];
    collect_objects("", &json, &mut objects);
    assert!(objects.contains(&"/usage".into()) && objects.contains(&"/config/limits".into()), "{objects:?}");
    for path in objects {
        let mut changed = json.clone();
        changed.pointer_mut(&path).unwrap()["more"] = 1.into();
        assert!(matches!(Receipt::from_json(&changed.to_string()), Err(ReceiptError::Syntax { .. })), "{path}");
    }
}

fn collect_objects(path: &str, json: &serde_json::Value, objects: &mut Vec<String>) {
    for (key, value) in json.as_object().into_iter().flatten() {
        let path = format!("{path}/{key}");
        collect_objects(&path, value, objects);
        objects.extend(value.is_object().then_some(path));
    }
}

fn collect(path: &str, json: &serde_json::Value, leaves: &mut Vec<String>) {
    match json {
        serde_json::Value::Object(map) => map.iter().for_each(|(k, v)| collect(&format!("{path}/{k}"), v, leaves)),
        serde_json::Value::Array(all) => {
            all.iter().enumerate().for_each(|(i, v)| collect(&format!("{path}/{i}"), v, leaves));
        }
        _ => leaves.push(path.into()),
    }
}

#[test]
fn other_rules_are_refused_as_such() {
    let (wasm, receipt) = made(&CASES[0]);
    let changed = |from: &str, to: &str| {
        let text = receipt.to_json();
        assert!(text.contains(from), "{from}");
        Receipt::from_json(&text.replace(from, to)).and_then(|r| r.verify(&wasm, CASES[0].4)).unwrap_err()
    };
    assert!(matches!(changed("wasmi 2.0.0", "wasmi 2.0.1"), ReceiptError::Rules { .. }));
    assert!(matches!(changed(r#""prices":2"#, r#""prices":1"#), ReceiptError::Rules { .. }));
    assert!(matches!(changed(r#""abi":1"#, r#""abi":2"#), ReceiptError::Rules { .. }));
    assert_eq!(changed(r#""receipt":1"#, r#""receipt":2"#), ReceiptError::Version { found: 2, expected: 1 });
    assert!(matches!(changed(r#""abi":1"#, r#""abi":1,"more":1"#), ReceiptError::Syntax { .. }));
}

#[test]
fn what_is_no_receipt_is_an_error() {
    let deep = "[".repeat(300);
    for text in ["", "{}", "null", "[]", "{\"receipt\":1}", "\u{feff}{}", deep.as_str()] {
        assert!(matches!(Receipt::from_json(text), Err(ReceiptError::Syntax { .. })), "{text:.20}");
    }
    let size = MAX_RECEIPT_BYTES + 1;
    let long = " ".repeat(size as usize);
    assert_eq!(Receipt::from_json(&long), Err(ReceiptError::TooLong { size, limit: MAX_RECEIPT_BYTES }));
}

/// A cancelled run is run again until the fuel it had used, at any place.
#[test]
fn an_interrupted_run_can_be_checked() {
    let (wasm, config) = (guest("upper-rust"), Config::default());
    let sandbox = Sandbox::new(config.clone()).unwrap();
    let module = sandbox.load(&wasm).unwrap();
    for fuel in [0, 1, 500, 2_000, 2_500] {
        let mut run = sandbox.start(&module, b"hello").unwrap();
        assert!(matches!(run.step(fuel), Ok(Step::Yielded)), "{fuel}");
        run.cancel_handle().cancel();
        let result: Result<Outcome, Error> = run.finish();
        assert_eq!(result.as_ref().unwrap_err().stop_reason(), Some(&StopReason::Host(HostStop::Cancelled)));
        let receipt = Receipt::of_run(&wasm, b"hello", &config, &result).unwrap();
        receipt.verify(&wasm, b"hello").unwrap();
        let mut other = receipt.clone();
        other.output = Digest::of(b"something");
        assert_eq!(differing(&other, &wasm, b"hello"), ["output.bytes", "output.sha256"], "{fuel}");
        // A receipt of 0.2.0 has no class.
        let mut older = receipt.clone();
        assert_eq!(older.class, EndClass::Interrupted);
        older.class = EndClass::Deterministic;
        assert!(!older.to_json().contains("class"));
        Receipt::from_json(&older.to_json()).unwrap().verify(&wasm, b"hello").unwrap();
    }
}

/// What is not repeated is the end of an interrupted run only, whatever class a receipt states.
#[test]
fn the_class_of_a_receipt_hides_no_end() {
    let (wasm, receipt) = made(&CASES[0]);
    let check = |change: &dyn Fn(&mut Receipt)| {
        let mut forged = receipt.clone();
        forged.class = EndClass::Interrupted;
        change(&mut forged);
        differing(&forged, &wasm, CASES[0].4)
    };
    assert_eq!(check(&|_| {}), ["class"]);
    assert_eq!(check(&|forged| forged.end = json!({"stopped": {"trap": "unreachable"}})), ["class", "end"]);
    assert_eq!(check(&|forged| forged.end = json!({"stopped": {"deadline": {"limit_ms": 5}}})), ["class", "end"]);
    let mut forged = receipt.clone();
    forged.class = EndClass::NotReproducible;
    assert_eq!(forged.verify(&wasm, CASES[0].4), Err(ReceiptError::NotReproducible { reason: receipt.end.clone() }));
}

/// A receipt says how much fuel its run used: whoever repeats it needs no more, whatever the limit is.
#[test]
fn a_run_is_repeated_up_to_the_fuel_of_the_receipt() {
    let wasm = wat::parse_str(
        r#"(module (memory (export "memory") 1) (func (export "_start") (loop $again (br $again)))
            (func (export "ends") (memory.fill (i32.const 0) (i32.const 1) (i32.const 6400))))"#,
    )
    .unwrap();
    let config = Config::default();
    let endless = Receipt::of_run(&wasm, b"", &config, &belljar::execute(&wasm, b"", &config)).unwrap();
    endless.verify(&wasm, b"").unwrap();
    let mut forged = endless.clone();
    forged.config = config.with_fuel(1_000_000_000_000);
    for end in [endless.end.clone(), "done".into(), json!({"stopped": {"fuel": {"limit": 1_000_000_000_000_u64}}})] {
        for fuel in [0, 5, 1_000, 1_100, 250_000] {
            (forged.end, forged.usage.fuel) = (end.clone(), fuel);
            let Err(ReceiptError::Differs { differences }) = forged.verify(&wasm, b"") else { panic!("{fuel}") };
            let [one] = &*differences else { panic!("{differences:?}") };
            let says = (one.field.as_str(), one.receipt.clone(), one.found.clone());
            assert_eq!(says, ("usage.fuel", fuel.to_string(), format!("\"more than {fuel}\"")));
        }
    }
    // A deadline ends at the fuel that was used, which is no more than the limit.
    forged.config.limits.fuel = 2_000;
    (forged.end, forged.usage.fuel) = (json!({"stopped": "cancelled"}), u64::MAX);
    assert!(differing(&forged, &wasm, b"").contains(&"usage.fuel".into()));

    // At every limit the end is the same, be it the guest's own or that of the limit.
    let full = Config::default();
    let call = |config: &Config| {
        let sandbox = Sandbox::new(config.clone()).unwrap();
        let module = sandbox.load(&wasm).unwrap();
        let result = sandbox.start_call(&module, "ends", &[], b"", ()).unwrap().finish();
        Receipt::of_call("ends", &[], &wasm, b"", config, &result).unwrap()
    };
    let used = call(&full).usage.fuel;
    for fuel in (1..=used + 2).rev().step_by(97).chain([used - 1, used, used + 1]) {
        let receipt = call(&full.clone().with_fuel(fuel));
        assert_eq!(receipt.end == "done", fuel >= used, "{fuel}");
        receipt.verify(&wasm, b"").unwrap();
        for other in [receipt.usage.fuel.wrapping_sub(1), receipt.usage.fuel + 1] {
            let mut lie = receipt.clone();
            lie.usage.fuel = other;
            assert_eq!(differing(&lie, &wasm, b""), ["usage.fuel"], "{fuel} {other}");
        }
    }
}

/// Limits above the ceiling are refused before the module is looked at.
#[test]
fn no_limit_of_a_receipt_is_above_the_ceiling() {
    let (wasm, receipt) = made(&CASES[0]);
    let input = CASES[0].4;
    let large = Config::profile(Profile::Large);
    for key in Config::keys() {
        let mut high = receipt.clone();
        high.config.set(key.path, key.max).unwrap();
        let checked = high.verify(b"no module", input);
        let is_limit = key.path.starts_with("limits.") || key.path.starts_with("module.");
        match checked.unwrap_err() {
            ReceiptError::Ceiling { above } => {
                let [one] = &*above else { panic!("{above:?}") };
                assert!(is_limit && key.max > key.large);
                assert_eq!((one.key, one.asked, one.allowed), (key.path, key.max, key.large));
                let mut ceiling = large.clone();
                ceiling.set(key.path, key.max).unwrap();
                assert_eq!(high.check_ceiling(&ceiling), Ok(()), "{}", key.path);
            }
            ReceiptError::Differs { .. } => assert!(!is_limit || key.max == key.large, "{}", key.path),
            other => panic!("{}: {other:?}", key.path),
        }
    }
    let mut high = receipt.clone();
    (high.config.limits.fuel, high.config.limits.files) = (2_000_000_000_000, 500_000);
    let Err(ReceiptError::Ceiling { above }) = high.verify(&wasm, input) else { panic!() };
    assert_eq!(above.iter().map(|one| one.key).collect::<Vec<_>>(), ["limits.fuel", "limits.files"]);
    let ceiling = large.with_fuel(2_000_000_000_000).with_file_names(500_000);
    let given = Given::new(&wasm, input).with_ceiling(ceiling);
    high.verify_given(&given).unwrap();
    let low = Config::profile(Profile::Large).with_output_bytes(10);
    assert!(matches!(receipt.verify_given(&given.with_ceiling(low)), Err(ReceiptError::Ceiling { .. })));
}

/// The form is what the documents say: sorted, without spaces, and every value in it.
#[test]
fn the_form_is_canonical() {
    let (_, receipt) = made(&CASES[3]);
    let text = receipt.to_json();
    let again = Receipt::from_json(&text).unwrap();
    assert_eq!((&again, again.to_json()), (&receipt, text.clone()));
    let pretty = serde_json::to_string_pretty(&receipt).unwrap();
    assert_eq!(Receipt::from_json(&pretty).unwrap().to_json(), text);
    assert!(text.starts_with(r#"{"config":{"deadline_ms":null,"#), "{text}");
    assert!(text.contains(r#""end":"done","entry":{"call":{"arguments":["i32:2","i32:-3"],"function":"add"}}"#));
    assert!(text.contains(r#""results":["i32:-1"]"#), "{text}");
    assert_eq!(receipt.entry, Entry::Call { function: "add".into(), arguments: vec!["i32:2".into(), "i32:-3".into()] });
    // FIPS 180-4's own example.
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(Digest::of(b"abc").sha256, abc);
}

/// NaNs, infinities and vectors keep all their bits as arguments and as results.
#[test]
fn no_bit_of_a_value_is_lost() {
    let sandbox = Sandbox::new(Config::default()).unwrap();
    let wasm = sandbox
        .assemble(
            r#"(module (func (export "f") (param f32 f64 v128 i64) (result f32 f64 v128 i64)
                local.get 0 local.get 1 local.get 2 local.get 3))"#,
        )
        .unwrap();
    let arguments = [
        Value::F32(f32::from_bits(0x7fa0_0001)),
        Value::F64(f64::from_bits(0xfff4_0000_0000_0003)),
        Value::V128(u128::MAX - 1),
        Value::I64(i64::MIN),
    ];
    let module = sandbox.load(&wasm).unwrap();
    let result = sandbox.start_call(&module, "f", &arguments, b"", ()).unwrap().finish();
    assert_eq!(result.as_ref().unwrap().results, arguments);
    let receipt = Receipt::of_call("f", &arguments, &wasm, b"", sandbox.config(), &result).unwrap();
    assert_eq!(receipt.results[0], "f32:0x7fa00001");
    Receipt::from_json(&receipt.to_json()).unwrap().verify(&wasm, b"").unwrap();
}

//! Host functions and instances in cases that the other files do not have: names of `env`, sixteen parameters, globals,
//! growth by the host.

use belljar::{
    Builder, Config, Error, LimitExceeded, ModuleError, Sandbox, StopReason, Value, config::OnGrowthLimit,
    error::ConfigProblem, error::HostFunctionProblem,
};

fn problem(builder: Builder) -> HostFunctionProblem {
    match builder.build() {
        Err(Error::Config(e)) => match e.problem {
            ConfigProblem::HostFunction { why, .. } => why,
            other => panic!("{other}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn env_takes_own_functions_but_none_of_the_abi() {
    let builder = Sandbox::builder().host_function("env", "twice", |x: i32| -> i32 { 2 * x });
    let sandbox = builder.build().unwrap();
    let module = sandbox
        .load_text(
            "(module (import \"env\" \"twice\" (func $twice (param i32) (result i32)))
                     (import \"env\" \"input_len\" (func $len (result i32)))
                (func (export \"f\") (result i32) (i32.add (call $twice (i32.const 21)) (call $len))))",
        )
        .unwrap();
    assert_eq!(module.inspect().capabilities().calls, ["env.twice"]);
    assert_eq!(sandbox.call::<(), i32>(&module, "f", ()).unwrap(), 42);

    for name in belljar::abi::FUNCTIONS.iter().flat_map(|f| f.names) {
        let builder = Sandbox::builder().host_function("env", name, || ());
        assert_eq!(problem(builder), HostFunctionProblem::Reserved, "{name}");
    }
    let twice = Sandbox::builder().host_function("env", "f", || ()).host_function("env", "f", || ());
    assert_eq!(problem(twice), HostFunctionProblem::Duplicate);
}

/// Names that AssemblyScript imports are free: a host function takes the place of what belljar provides.
#[test]
fn env_takes_own_functions_under_the_names_of_assemblyscript() {
    for function in belljar::abi::assemblyscript::FUNCTIONS {
        Sandbox::builder().host_function("env", function.name, || ()).build().unwrap();
    }
    let text = "(module (import \"env\" \"seed\" (func $seed (result f64)))
        (func (export \"f\") (result f64) (call $seed)))";
    let sandbox = Sandbox::builder().host_function("env", "seed", || 2.5_f64).build().unwrap();
    assert_eq!(sandbox.call::<(), f64>(&sandbox.load_text(text).unwrap(), "f", ()).unwrap(), 2.5);
    let another_type = Sandbox::builder().host_function("env", "seed", || 2_i32).build().unwrap();
    let Err(Error::Module(error)) = another_type.load_text(text) else { panic!("it was loaded") };
    assert!(matches!(*error, ModuleError::Imports { total: 1, .. }), "{error}");
}

#[test]
fn host_functions_take_sixteen_parameters() {
    let (types, values) = ("i32 ".repeat(16), "(i32.const 3)".repeat(16));
    #[expect(clippy::too_many_arguments, reason = "as many as there can be")]
    #[rustfmt::skip]
    fn sum(a: i32, b: i32, c: i32, d: i32, e: i32, f: i32, g: i32, h: i32,
           i: i32, j: i32, k: i32, l: i32, m: i32, n: i32, o: i32, p: i32) -> i32 {
        [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p].iter().sum()
    }
    let sandbox = Sandbox::builder().host_function("host", "sum", sum).build().unwrap();
    let text = format!(
        "(module (import \"host\" \"sum\" (func $sum (param {types}) (result i32)))
            (func (export \"f\") (result i32) (call $sum {values})))"
    );
    let module = sandbox.load_text(&text).unwrap();
    assert_eq!(sandbox.call::<(), i32>(&module, "f", ()).unwrap(), 48);
}

#[test]
fn the_memory_may_have_another_name_if_it_is_the_only_one() {
    let seen = |exports: &str| {
        let sandbox = Sandbox::new(Config::default()).unwrap();
        let text = format!("(module (memory $a 1) (memory $b 2) (memory $c 3) {exports})");
        sandbox.instance(&sandbox.load_text(&text).unwrap()).unwrap().memory().len() >> 16
    };
    assert_eq!(seen(""), 0);
    assert_eq!(seen("(export \"mem\" (memory $b))"), 2);
    assert_eq!(seen("(export \"a\" (memory $a)) (export \"memory\" (memory $c))"), 3);
    assert_eq!(seen("(export \"a\" (memory $a)) (export \"b\" (memory $b))"), 0);
}

const GROWS: &str = "(module (memory (export \"m\") 1 4) (global (export \"base\") i32 (i32.const 7))
    (func (export \"grow\") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export \"zero\") (param i32) (result i32) (local.get 0)))";

#[test]
fn globals_can_be_read() {
    let sandbox = Sandbox::new(Config::default()).unwrap();
    let instance = sandbox.instance(&sandbox.load_text(GROWS).unwrap()).unwrap();
    assert_eq!(instance.global("base"), Some(Value::I32(7)));
    assert_eq!((instance.global("m"), instance.global("none")), (None, None));
}

#[test]
fn the_host_grows_memory_as_the_guest_does() {
    let grown = |config: &Config, pages: u64, by_host: bool| {
        let sandbox = Sandbox::new(config.clone()).unwrap();
        let mut instance = sandbox.instance(&sandbox.load_text(GROWS).unwrap()).unwrap();
        // What the call costs beside the growth.
        if by_host {
            instance.call::<i32, i32>("zero", 0)?;
        }
        let before = if by_host {
            instance.grow_memory(pages)?.map_or(-1, |pages| pages as i32)
        } else {
            instance.call::<i32, i32>("grow", pages as i32)?
        };
        Ok::<_, Error>((before, instance.memory().len() >> 16, instance.usage()))
    };
    let plain = Config::default();
    let three_pages = plain.clone().with_memory_bytes(3 << 16);
    let refuse = three_pages.clone().with_on_growth_limit(OnGrowthLimit::Refuse);
    let poor = plain.clone().with_fuel(3_000);
    for (config, pages, expected) in [
        (&plain, 0, Ok((1, 1))),
        (&plain, 3, Ok((1, 4))),
        (&plain, 4, Ok((-1, 1))),
        (&three_pages, 2, Ok((1, 3))),
        (&three_pages, 3, Err(StopReason::Limit(LimitExceeded::Memory { limit: 3 << 16, asked: 4 << 16 }))),
        (&refuse, 3, Ok((-1, 1))),
        (&poor, 2, Err(StopReason::Limit(LimitExceeded::Fuel { limit: 3_000 }))),
    ] {
        let [host, guest] = [true, false].map(|by_host| grown(config, pages, by_host));
        let short = |(before, size, _): &(i32, usize, belljar::Usage)| (*before, *size);
        assert_eq!(host.as_ref().map(short).map_err(|e| e.stop_reason().unwrap().clone()), expected, "{pages}");
        assert_eq!(host.is_ok(), guest.is_ok());
        if let (Ok(host), Ok(guest)) = (host, guest) {
            assert_eq!(host, guest, "{pages}");
        }
    }
}

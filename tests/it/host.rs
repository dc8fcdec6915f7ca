//! Host functions of the embedding program, and instances that are kept.

use belljar::{Builder, ConfigProblem, Error, HostFunctionProblem, Sandbox};

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
    assert_eq!(module.inspect().powers().calls, ["env.twice"]);
    assert_eq!(sandbox.call::<(), i32>(&module, "f", ()).unwrap(), 42);

    for name in belljar::abi::FUNCTIONS.iter().flat_map(|f| f.names) {
        let builder = Sandbox::builder().host_function("env", name, || ());
        assert_eq!(problem(builder), HostFunctionProblem::Reserved, "{name}");
    }
    let twice = Sandbox::builder().host_function("env", "f", || ()).host_function("env", "f", || ());
    assert_eq!(problem(twice), HostFunctionProblem::Duplicate);
}

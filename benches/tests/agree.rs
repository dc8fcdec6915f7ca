//! What is compared does the same: equal results, equal prices.

use benches::{
    cases::{self, Kind, Produced},
    engine::Abi,
    guest::Guest,
    hand::Hand,
    ours::Belljar,
    yardstick,
};

#[test]
fn all_engines_give_the_same() {
    let engines = yardstick();
    for case in cases::all() {
        let results: Vec<_> = engines
            .iter()
            .map(|engine| case.prepare(engine.as_ref()).unwrap().unwrap()(case.input.clone()).unwrap())
            .collect();
        assert!(results.iter().all(|result| *result == results[0]), "{}: {}", case.group, case.name);
    }
}

/// The engine counts whole scopes, what does not run with the rest; belljar counts what runs.
#[test]
fn what_runs_costs_no_more_than_its_scopes() {
    let kernels = Guest::Kernels.wasm(Abi::Env).unwrap();
    let (ours, hand) = (Belljar::new().program(&kernels).unwrap(), Hand::safe().program(&kernels).unwrap());
    let kernels = [("fib", 12), ("sieve", 3_000), ("sha256", 4), ("matrix", 20), ("json", 5), ("interpreter", 900)];
    for (export, n) in kernels {
        let (ours, hand) = (ours.fuel(export, n).unwrap(), hand.fuel(export, n).unwrap());
        assert!(ours <= hand && hand < 4 * ours, "{export}: {ours}, by scopes {hand}");
    }
    let calls = Guest::Calls.wasm(Abi::Env).unwrap();
    let (ours, hand) = (Belljar::new().program(&calls).unwrap(), Hand::safe().program(&calls).unwrap());
    assert_eq!(ours.fuel("out", 50).unwrap(), hand.fuel("out", 50).unwrap());
}

/// As other programs compute them.
#[test]
fn kernels_are_right() {
    let engine = Hand::safe();
    let result = |export, n| {
        let case = cases::all().into_iter().find(|case| matches!(case.kind, Kind::Call(e, m) if (e, m) == (export, n)));
        case.unwrap().prepare(&engine).unwrap().unwrap()(Vec::new()).unwrap()
    };
    assert_eq!(result("fib", 23), Produced::Number(28_657));
    assert_eq!(result("sieve", 200_000), Produced::Number(17_984));
    assert_eq!(result("sha256", 64), Produced::Number(-1_840_810_874));
}

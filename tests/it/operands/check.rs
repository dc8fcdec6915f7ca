//! Whether both exports of a case end alike.

use belljar::{Error, Instance, Sandbox, StopReason, Value};

use super::case::{Case, PLAIN, SHAPED};

/// What a call came to: its results, or why it was stopped.
pub type End = Result<Vec<Value>, StopReason>;

/// Runs both exports of a case, each in an instance of its own. Returns how they end.
///
/// # Panics
///
/// Where results, reasons or memories differ.
pub fn check(sandbox: &Sandbox, case: &Case<'_>) -> End {
    let module = sandbox.load(&case.module()).unwrap_or_else(|error| panic!("{case:?}: {error}"));
    let instance = || sandbox.instance(&module).unwrap_or_else(|error| panic!("{case:?}: {error}"));
    let (mut plain, mut shaped) = (instance(), instance());
    let (expected, found) = (call(&mut plain, PLAIN), call(&mut shaped, SHAPED));
    assert_eq!(found, expected, "{case:?}");
    assert!(plain.memory() == shaped.memory(), "{case:?}: the memories differ");
    found
}

fn call(instance: &mut Instance, name: &str) -> End {
    match instance.call_values(name, &[]) {
        Ok(outcome) => Ok(outcome.results),
        Err(Error::Stopped(stopped)) => {
            assert!(stopped.reason.is_guest_fault(), "{}", stopped.reason);
            Err(stopped.reason)
        }
        Err(error) => panic!("{error}"),
    }
}

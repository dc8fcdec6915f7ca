//! Measurement of the native stack that each operator leaves behind.

use alloc::{string::String, vec::Vec};
use core::hint::black_box;

use wasmi::{Caller, Engine, Linker, Module, Store};

use super::{
    Dispatch,
    operators::{self, Loop, Operator},
};
use crate::{
    engine::{config::engine_config, meter},
    error::{ConfigError, ConfigProblem},
    sync::Mutex,
};

/// Bytes that a failing growth may leave: with the price of a growth and the size of a slice, at most some hundred
/// KiB. 176 bytes were measured on x86_64.
const GROWTH_LEAVES: u64 = 256;

/// Fewest bytes of a frame: the alignment of the native stack.
const FRAME: u64 = 16;

/// Operators that one loop executes, few enough that the frames of all of them fit any stack, and its iterations: the
/// second is reached by the branch.
const TOGETHER: usize = 128;
const TURNS_TOGETHER: u8 = 2;

/// Iterations of the loop of a single operator.
const TURNS: u8 = 4;

/// Fuel, more than all loops cost.
const FUEL: u64 = 10_000_000;

/// Checks that no operator leaves frames on the stack.
pub(super) fn check() -> Result<(), ConfigError> {
    match measured().problem {
        None => Ok(()),
        Some(problem) => Err(ConfigError { key: String::new(), at: None, problem }),
    }
}

/// The dispatch that this process has, and why it may not be used.
#[derive(Clone)]
pub(super) struct Measured {
    pub(super) dispatch: Dispatch,
    problem: Option<ConfigProblem>,
}

/// Returns the result of the measurement, which the first caller makes.
pub(super) fn measured() -> Measured {
    static MEASURED: Mutex<Option<Measured>> = Mutex::new(None);
    MEASURED.lock().get_or_insert_with(measure).clone()
}

fn measure() -> Measured {
    match first_leak() {
        Ok((dispatch, None)) => Measured { dispatch, problem: None },
        Ok((_, Some((operator, stack_bytes)))) => {
            let problem = Some(ConfigProblem::Dispatch { operator, stack_bytes });
            Measured { dispatch: Dispatch::TailCall, problem }
        }
        // A build that cannot run the probe must not run a guest.
        Err(_) => {
            let problem = Some(ConfigProblem::Dispatch { operator: "the check itself", stack_bytes: 0 });
            Measured { dispatch: Dispatch::Portable, problem }
        }
    }
}

/// The operator that leaves most, and the bytes.
type Leak = (&'static str, u64);

/// Finds the dispatch, and an operator that leaves frames. The operators are executed together, and one by one only where
/// some of them leave frames: the sum of what they leave is zero only if each leaves nothing.
fn first_leak() -> Result<(Dispatch, Option<Leak>), wasmi::Error> {
    // Those of failing growths may leave a frame, so each is measured.
    let (growths, others): (Vec<_>, Vec<_>) = operators::all().partition(Operator::is_growth);
    let together = others.chunks(TOGETHER).map(|operators| Loop { operators, turns: TURNS_TOGETHER });
    let loops: Vec<_> = together.chain(alone(&growths)).collect();
    // No build is known in which tail calls leave nothing at a failing growth, and in the loop no operator does.
    let mut dispatch = Dispatch::Portable;
    for (one, left) in loops.iter().zip(left_by(&loops)?) {
        if left < FRAME {
            continue;
        }
        dispatch = Dispatch::TailCall;
        match one.operators {
            [growth] if left <= GROWTH_LEAVES * u64::from(one.turns) && growth.is_growth() => {}
            operators => return Ok((dispatch, Some(first_of(operators)?))),
        }
    }
    Ok((dispatch, None))
}

/// Returns the operator that leaves most, and the bytes.
fn first_of(operators: &[Operator]) -> Result<Leak, wasmi::Error> {
    let left = left_by(&alone(operators).collect::<Vec<_>>())?.into_iter().map(|left| left / u64::from(TURNS));
    let names = operators.iter().map(|operator| operator.name);
    Ok(names.zip(left).max_by_key(|(_, left)| *left).unwrap_or_default())
}

/// Returns a loop for each operator.
fn alone(operators: &[Operator]) -> impl Iterator<Item = Loop<'_>> {
    operators.chunks(1).map(|operators| Loop { operators, turns: TURNS })
}

/// Returns the bytes that each loop leaves on the stack.
fn left_by(loops: &[Loop<'_>]) -> Result<Vec<u64>, wasmi::Error> {
    let engine = Engine::new(&engine_config(&crate::Config::default()));
    let module = Module::new(&engine, operators::module(loops))?;
    let mut store = Store::new(&engine, Stack::default());
    meter::set_fuel(&mut store, FUEL)?;
    let mut linker = Linker::new(&engine);
    linker.func_wrap("env", "here", mark_stack)?;
    let instance = linker.instantiate_and_start(&mut store, &module)?;
    let measure = |index| {
        let function = instance.get_typed_func::<(), ()>(&store, &operators::name(index))?;
        *store.data_mut() = Stack::default();
        function.call(&mut store, ())?;
        Ok(store.data().left())
    };
    (0..loops.len()).map(measure).collect()
}

/// Stack addresses at the start and the end of a loop.
#[derive(Debug, Default)]
struct Stack {
    first: Option<usize>,
    last: usize,
}

impl Stack {
    fn left(&self) -> u64 {
        self.first.map_or(u64::MAX, |first| first.abs_diff(self.last) as u64)
    }
}

/// Records the stack address; the host function called before and after a loop.
fn mark_stack(mut caller: Caller<'_, Stack>) {
    let local = black_box(0u8);
    let address = core::ptr::from_ref(black_box(&local)).addr();
    let stack = caller.data_mut();
    stack.first.get_or_insert(address);
    stack.last = address;
}

//! What comes of a case, in words that lose nothing: the receipt of each run, which has the bits of each
//! result, and the fuel at the end of each slice.

use belljar::{
    Config, Error, Execution, Module, Outcome, Sandbox, Step, Value, ValueType,
    inspect::ExternType,
    record::{Digest, Receipt, ReceiptError, Transcript},
    text::escape,
};

use crate::bundle::{Action, Case};

/// More steps than these make nothing new, and a slow target slower.
const STEPS: u64 = 2_000;

/// What came of one action.
#[derive(Debug)]
pub struct Done {
    /// Which action.
    pub name: String,
    /// How many runs it took.
    pub runs: u64,
    /// The digest of what came of it.
    pub digest: String,
}

/// Does all that a case says.
pub fn run(case: &Case) -> Vec<Done> {
    let mut done = Vec::new();
    let mut add = |name: String, (runs, text): (u64, String)| {
        done.push(Done { name, runs, digest: Digest::of(text.as_bytes()).sha256 });
    };
    if let [Action::Configure { text }] = &case.actions[..] {
        add("configure".into(), (1, format!("{:?}", Config::from_toml(text))));
        return done;
    }
    let config: Config = serde_json::from_str(&case.config).expect("a configuration");
    let sandbox = Sandbox::new(config).unwrap_or_else(|error| panic!("{error}"));
    let module = match sandbox.load(&case.wasm) {
        Ok(module) => module,
        // What is refused for its vectors is not run, and what is not run cannot differ.
        Err(Error::Module(_)) if case.vectors && cfg!(target_endian = "big") => return done,
        Err(error) => {
            add("load".into(), (1, receipt(case, &sandbox, None, b"", &Err(error))));
            return done;
        }
    };
    for (i, action) in case.actions.iter().enumerate() {
        match action {
            Action::Run { input } => add(format!("{i} run"), ran(case, &sandbox, &module, None, input)),
            Action::Call { name, arguments, input } => {
                add(format!("{i} {}", escape(name, 64)), ran(case, &sandbox, &module, Some((name, arguments)), input));
            }
            Action::CallAll => {
                for (name, arguments) in callable(&module) {
                    add(
                        format!("{i} {}", escape(&name, 64)),
                        ran(case, &sandbox, &module, Some((&name, &arguments)), b""),
                    );
                }
            }
            Action::Inspect => {
                let inspection = module.inspect();
                let text =
                    serde_json::to_string(&(inspection, inspection.capabilities())).expect("it has a form in JSON");
                add(format!("{i} inspect"), (1, text));
            }
            Action::Verify { receipt, input } => {
                let checked = Receipt::from_json(receipt).and_then(|receipt| receipt.verify(&case.wasm, input));
                add(format!("{i} verify"), (1, format!("{checked:?}")));
            }
            Action::Replay { receipt, transcript, input } => {
                let read = |transcript| Receipt::from_json(receipt).map(|receipt| (receipt, transcript));
                let replayed = Transcript::from_jsonl(transcript)
                    .map_err(ReceiptError::from)
                    .and_then(read)
                    .and_then(|(receipt, transcript)| receipt.verify_with_transcript(&case.wasm, input, &transcript));
                add(format!("{i} replay"), (1, format!("{replayed:?}")));
            }
            Action::Configure { .. } => unreachable!("it stands alone"),
        }
    }
    done
}

type Call<'a> = Option<(&'a str, &'a [Value])>;

/// The whole, and again in slices: how many runs that were, and what came of them.
fn ran(
    case: &Case,
    sandbox: &Sandbox,
    module: &Module,
    call: Option<(&String, &Vec<Value>)>,
    input: &[u8],
) -> (u64, String) {
    let call: Call<'_> = call.map(|(name, arguments)| (name.as_str(), arguments.as_slice()));
    let whole = start(sandbox, module, call, input).and_then(|mut run| run.finish());
    let mut text = receipt(case, sandbox, call, input, &whole);
    let fuel = match &whole {
        Ok(outcome) => outcome.usage.fuel,
        Err(Error::Stopped(stopped)) => stopped.usage.fuel,
        Err(_) => return (1, text),
    };
    let mut runs = 1;
    for slice in case.slices.iter().filter(|slice| fuel / *slice <= STEPS) {
        let mut fuels = Vec::new();
        let sliced = start(sandbox, module, call, input).and_then(|mut run| step(&mut run, *slice, &mut fuels));
        if sliced != whole {
            text += &format!("\nin slices of {slice} {}", receipt(case, sandbox, call, input, &sliced));
        }
        text += &format!("\n{slice} {}", Digest::of(&fuels).sha256);
        runs += 1;
    }
    (runs, text)
}

fn start(sandbox: &Sandbox, module: &Module, call: Call<'_>, input: &[u8]) -> Result<Execution, Error> {
    match call {
        None => sandbox.start(module, input),
        Some((name, arguments)) => sandbox.start_call(module, name, arguments, input, ()),
    }
}

/// Notes the fuel after each step.
fn step(run: &mut Execution, slice: u64, fuels: &mut Vec<u8>) -> Result<Outcome, Error> {
    loop {
        if let Step::Done(outcome) = run.step(slice)? {
            return Ok(outcome);
        }
        fuels.extend(run.usage().fuel.to_le_bytes());
    }
}

fn receipt(case: &Case, sandbox: &Sandbox, call: Call<'_>, input: &[u8], end: &Result<Outcome, Error>) -> String {
    let config = sandbox.config();
    let receipt = match call {
        None => Receipt::of_run(&case.wasm, input, config, end),
        Some((name, arguments)) => Receipt::of_call(name, arguments, &case.wasm, input, config, end),
    };
    receipt.map_or_else(|| format!("{end:?}"), |receipt| receipt.to_json())
}

/// The functions that can be called from outside, with arguments.
fn callable(module: &Module) -> Vec<(String, Vec<Value>)> {
    let functions = module.inspect().exports.iter().filter_map(|export| match &export.ty {
        ExternType::Function(ty) if ty.results.iter().all(|ty| argument(*ty).is_some()) => {
            Some((export.name.clone(), ty.params.iter().map(|ty| argument(*ty)).collect::<Option<_>>()?))
        }
        _ => None,
    });
    functions.collect()
}

fn argument(ty: ValueType) -> Option<Value> {
    Some(match ty {
        ValueType::I32 => Value::I32(1),
        ValueType::I64 => Value::I64(-1),
        ValueType::F32 => Value::F32(0.5),
        // A NaN whose bits no operator makes.
        ValueType::F64 => Value::F64(f64::from_bits(0xfff4_0000_0000_0123)),
        ValueType::V128 => Value::V128(0x7fc0_0001_ff80_0000_8000_0000_0000_0007),
        ValueType::FuncRef | ValueType::ExternRef => return None,
    })
}

//! Loading of modules with an instrument.

use alloc::{string::String, sync::Arc};

use wasmi::CompilationMode;

use super::{
    Inner, Module, Policy, check, check_normal, checker,
    instrument::{Instrument, Plan, Probe, instrument},
    link, rewrite,
};
use crate::{
    config::Config,
    engine::config::engine_config,
    error::{Error, ModuleError},
    host::pool::Pool,
    observe,
};

/// How many more values a function may have on the value stack with an instrument: its locals and operands, and the
/// operands of a call that are recorded.
const MORE_VALUES: u64 = 64;

impl Module {
    /// Loads a module with an instrument.
    pub(crate) fn load_instrumented(bytes: &[u8], policy: &Arc<Policy>, plan: &Plan) -> Result<Module, Error> {
        Module::within(bytes, || load(bytes, policy, plan))
    }

    /// Returns the instrument in the module, if it has one.
    pub(crate) fn instrument(&self) -> Option<&Arc<Instrument>> {
        self.0.instrument.as_ref()
    }
}

fn load(bytes: &[u8], policy: &Arc<Policy>, plan: &Plan) -> Result<Inner, ModuleError> {
    let mut info = check(bytes, policy)?;
    info.edits.uses_host_table = true;
    let mut normal = rewrite::rewrite(bytes, &info, false).unwrap_or_default();
    check_normal(&normal.bytes)?;
    let instrument = instrument(bytes, &info, &mut normal, plan)?;
    checker::is_normal_with(&normal.bytes, Probe::COUNT).map_err(|not| engine_error(alloc::format!("{not:?}")))?;
    let engine = engine(policy, plan);
    let module = observe::contain(|| wasmi::Module::new(&engine, &normal.bytes).map_err(super::invalid));
    let module = module.unwrap_or_else(|message| Err(engine_error(message)))?;
    let inner = link(info, Some(normal), (engine, module), Pool::default(), policy)?;
    Ok(Inner { instrument: Some(Arc::new(instrument)), ..inner })
}

fn engine_error(message: String) -> ModuleError {
    ModuleError::Engine { message }
}

/// Returns an engine, whose stacks have room for what the instrument adds if the plan says so: then a run that ends for
/// lack of stack has to be ended by its fuel.
fn engine(policy: &Policy, plan: &Plan) -> wasmi::Engine {
    let mut config: Config = policy.config.clone();
    if plan.has_more_stack {
        let limits = &mut config.limits;
        limits.value_stack_bytes += 8 * MORE_VALUES * (limits.call_depth + 2);
        limits.call_depth += 2;
    }
    let mut config = engine_config(&config);
    wasmi::Engine::new(config.compilation_mode(CompilationMode::Eager))
}

//! Loading: from bytes nobody has reason to trust to a module that can be run.
//!
//! size → magic and version → structure → imports → validation → a fresh engine → translation,
//! all of it, where a panic can be caught. One engine for each module, since an engine never gives
//! back the code of modules that were dropped.

use alloc::{
    collections::BTreeSet,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use core::fmt;

use wasmi::{CompilationMode, CustomFuelCosts, Engine, Linker, errors::ErrorKind};

use crate::{
    abi::{self, wasi::Snapshot},
    config::Config,
    error::{CallError, Error, ImportProblem, ModuleError, StopReason, refused::refused},
    host::{Host, Name, function::HostFunction},
    inspect::{ExternType, Import, Inspection},
    meter, observe,
    pool::{self, Pool, PooledStore},
    value::{FuncType, ValueType},
    wasi,
};

mod adapter;
mod checker;
mod effect;
pub(crate) mod encode;
mod entries;
#[cfg(feature = "cache")]
mod facts;
mod form;
#[cfg(feature = "cache")]
pub(crate) mod known;
mod operators;
mod prices;
mod provider;
mod rewrite;
mod scan;
mod sizes;
#[cfg(feature = "std")]
pub(crate) mod text;
mod validation;
mod work;

pub(crate) use self::entries::Entry;
use self::{provider::Provider, validation::Facts};

/// The most imports or exports that an error names.
const NAMED: usize = 64;

/// A loaded module: checked, validated and translated, to be run any number of times.
///
/// Cheap to clone, `Send + Sync`. It belongs to the sandbox that loaded it, whose limits it was
/// checked against and whose host functions it is linked to.
#[derive(Clone)]
pub struct Module(Arc<Inner>);

struct Inner {
    policy: Arc<Policy>,
    engine: Engine,
    module: wasmi::Module,
    linker: Linker<Host>,
    inspection: Inspection,
    start: Option<String>,
    reserve: Option<String>,
    adapter: Option<Adapter>,
    instantiation: u64,
    /// What is asked before each run, found once.
    entry: Result<Entry, Error>,
    initialize: Result<bool, Error>,
    snapshot: Option<Snapshot>,
    pool: Arc<Pool>,
    work: u64,
}

/// What is between the module and the async host functions it imports.
pub(crate) struct Adapter {
    pub(crate) module: wasmi::Module,
    /// The nth export of the module is what the guest imports under the nth name.
    pub(crate) names: Vec<Name>,
}

/// What a sandbox decides for every module and run.
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) config: Config,
    pub(crate) functions: Vec<HostFunction>,
    /// Directories of the host, opened.
    pub(crate) roots: wasi::Roots,
    /// How many native stacks of its runs a module keeps for the next.
    pub(crate) stacks: usize,
}

impl Policy {
    fn function(&self, module: &str, name: &str) -> Option<&HostFunction> {
        self.functions.iter().find(|f| &*f.name.module == module && &*f.name.function == name)
    }
}

impl Module {
    pub(crate) fn load(bytes: &[u8], policy: &Arc<Policy>) -> Result<Module, Error> {
        Module::within(bytes, || eager(bytes, policy))
    }

    /// Loads within the span `load`, where a panic is an error.
    fn within(bytes: &[u8], load: impl FnOnce() -> Result<Inner, ModuleError>) -> Result<Module, Error> {
        let loaded = observe::loading(bytes.len() as u64, || {
            let module = observe::contain(load).unwrap_or_else(|message| Err(ModuleError::Engine { message }))?;
            let i = &module.inspection;
            let counts = (i.functions, i.imports.len() as u64, i.exports.len() as u64);
            observe::loaded(counts.0, counts.1, counts.2).map_err(subscriber)?;
            Ok(Module(Arc::new(module)))
        });
        Ok(loaded.map_err(subscriber).flatten()?)
    }

    /// What the module imports, exports and declares.
    pub fn inspect(&self) -> &Inspection {
        &self.0.inspection
    }

    pub(crate) fn policy(&self) -> &Arc<Policy> {
        &self.0.policy
    }

    /// A store for a run.
    pub(crate) fn place(&self) -> PooledStore {
        self.0.pool.acquire(&self.0.engine, &self.0.linker, || Host::new(&self.0.policy.config))
    }

    /// Makes stores for runs until so many are ready; tells how many are.
    pub(crate) fn prepare(&self, wanted: usize) -> usize {
        self.0.pool.prepare(wanted, &self.0.engine, &self.0.linker, || Host::new(&self.0.policy.config))
    }

    pub(crate) fn engine_module(&self) -> &wasmi::Module {
        &self.0.module
    }

    pub(crate) fn linker(&self) -> &Linker<Host> {
        &self.0.linker
    }

    /// The export that stands for the start function.
    pub(crate) fn start(&self) -> Option<&str> {
        self.0.start.as_deref()
    }

    /// The exported table that the host puts its top-up function into.
    pub(crate) fn reserve(&self) -> Option<&str> {
        self.0.reserve.as_deref()
    }

    /// What the guest's async host functions are called through.
    pub(crate) fn adapter(&self) -> Option<&Adapter> {
        self.0.adapter.as_ref()
    }

    /// The snapshot of WASI that it imports from, if it does; of both, the older.
    pub(crate) fn snapshot(&self) -> Option<Snapshot> {
        self.0.snapshot
    }

    /// Fuel of one instantiation.
    pub(crate) fn instantiation(&self) -> u64 {
        self.0.instantiation
    }

    /// Units of load work.
    pub(crate) fn work(&self) -> u64 {
        self.0.work
    }

    /// Whether `_initialize` is to be called.
    pub(crate) fn has_initialize(&self) -> Result<bool, Error> {
        self.0.initialize.clone()
    }

    /// How `run` enters the module.
    pub(crate) fn entry(&self) -> Result<Entry, Error> {
        self.0.entry.clone()
    }

    /// The type of an exported function that can be called with values.
    pub(crate) fn callable(&self, name: &str) -> Result<&FuncType, Error> {
        let Some(ty) = self.0.inspection.function(name) else {
            return Err(CallError::NoFunction {
                name: name.into(),
                exports: entries::function_names(&self.0.inspection),
            }
            .into());
        };
        let reference = |ty: &ValueType| matches!(ty, ValueType::FuncRef | ValueType::ExternRef);
        if ty.params.iter().chain(&ty.results).any(reference) {
            return Err(CallError::Reference { name: name.into(), ty: ty.clone() }.into());
        }
        Ok(ty)
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module").field("inspection", &self.0.inspection).finish_non_exhaustive()
    }
}

/// A panic of a subscriber, outside of any run.
pub(crate) fn subscriber(reason: StopReason) -> ModuleError {
    ModuleError::Engine { message: reason.to_string() }
}

/// What a module is, without the question whether its imports are provided. Nothing is translated.
pub(crate) fn inspect(bytes: &[u8], config: &Config) -> Result<Inspection, ModuleError> {
    let inspected = observe::contain(|| {
        let scan = structure(bytes, config)?;
        Ok(validation::validate(bytes, config, scan)?.inspection)
    });
    inspected.unwrap_or_else(|message| Err(ModuleError::Engine { message }))
}

/// Validates and translates all of a module.
fn eager(bytes: &[u8], policy: &Arc<Policy>) -> Result<Inner, ModuleError> {
    let facts = checked(bytes, policy)?;
    translated(bytes, facts, engine(policy, CompilationMode::Eager), policy)
}

/// Looks at all of a module, but translates nothing.
fn checked(bytes: &[u8], policy: &Policy) -> Result<Facts, ModuleError> {
    let scan = structure(bytes, &policy.config)?;
    check_imports(&scan.inspection, policy)?;
    validation::validate(bytes, &policy.config, scan)
}

/// Rewrites and translates a module, as its engine is set up to, and links it.
fn translated(bytes: &[u8], facts: Facts, engine: Engine, policy: &Arc<Policy>) -> Result<Inner, ModuleError> {
    let pool = match can_import_memory(&facts.inspection, policy) {
        true => Pool::new(&facts.inspection, &policy.config),
        false => Pool::default(),
    };
    let rewritten = rewrite::rewrite(bytes, &facts, pool.makes_memory());
    let normal = rewritten.as_ref().map_or(bytes, |new| &new.bytes);
    check_normal(normal)?;
    let module = wasmi::Module::new(&engine, normal).map_err(invalid)?;
    let (start, reserve) = rewritten.map_or((None, None), |new| (new.start, new.reserve));
    let linker = link(&engine, &facts.inspection, policy)?;
    let adapter = adapt(&engine, &facts.inspection, policy)?;
    let adapter_instantiation = if adapter.is_some() { meter::INSTANTIATION } else { 0 };
    Ok(Inner {
        policy: Arc::clone(policy),
        engine,
        module,
        linker,
        instantiation: facts.instantiation.saturating_add(adapter_instantiation),
        pool: Arc::new(pool),
        entry: entries::entry(&facts.inspection),
        initialize: entries::has(&facts.inspection, abi::INITIALIZE),
        snapshot: entries::snapshot(&facts.inspection),
        work: facts.work,
        inspection: facts.inspection,
        start,
        reserve,
        adapter,
    })
}

/// Refuses what is not in normal form: the engine never sees it.
fn check_normal(bytes: &[u8]) -> Result<(), ModuleError> {
    if cfg!(belljar_without_normal_form) {
        return Ok(());
    }
    checker::is_normal(bytes).map_err(|not| ModuleError::Engine {
        message: alloc::format!("byte {} of the rewritten module is not in normal form: {:?}", not.offset, not.rule),
    })
}

/// Whether a memory that the host makes can be linked: nobody else has its name, and there is no adapter.
fn can_import_memory(inspection: &Inspection, policy: &Policy) -> bool {
    let waits = |import: &Import| Provider::of(import, policy).and_then(Provider::waiting).is_some();
    policy.function(pool::IMPORT.0, pool::IMPORT.1).is_none() && !inspection.imports.iter().any(waits)
}

fn structure(bytes: &[u8], config: &Config) -> Result<scan::Scan, ModuleError> {
    check_size(bytes, config)?;
    scan::scan(bytes, config)
}

/// What is asked of a module before any byte of it is looked at.
pub(crate) fn check_size(bytes: &[u8], config: &Config) -> Result<(), ModuleError> {
    scan::limit("module.size_bytes", config.module.size_bytes, bytes.len() as u64, "bytes")
}

/// Asks for all that loading may take, and gives it back: the engine, where it gets no memory, ends the
/// process.
fn check_memory(bytes: u64) -> Result<(), ModuleError> {
    let mut probe = Vec::<u8>::new();
    let size = usize::try_from(bytes).unwrap_or(usize::MAX);
    // What is not used need not be allocated, as compilers see it.
    core::hint::black_box(&mut probe).try_reserve_exact(size).map_err(|_| ModuleError::HostMemory { bytes })
}

/// The engine of one module.
fn engine(policy: &Policy, mode: CompilationMode) -> Engine {
    Engine::new(engine_config(&policy.config).compilation_mode(mode).set_max_cached_stacks(policy.stacks))
}

/// Every switch of the engine is named, since another crate of the program may have changed its
/// defaults by turning on a feature.
pub(crate) fn engine_config(config: &Config) -> wasmi::Config {
    let mut engine = wasmi::Config::default();
    let size = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    engine
        .compilation_mode(CompilationMode::Eager)
        .consume_fuel(true)
        .fuel_cost(CustomFuelCosts {
            bytes_copied_per_fuel: meter::BYTES_PER_FUEL as u32,
            // Translation is paid for by the module limits: a run costs the same whoever runs first.
            fuel_per_bytes_translated: 0,
            fuel_per_bytes_validated: 0,
        })
        .operator_cost(prices::engine_prices())
        .set_min_stack_height(0)
        .set_max_stack_height(size(config.limits.value_stack_bytes))
        .set_max_recursion_depth(size(config.limits.call_depth))
        .ignore_custom_sections(true)
        .wasm_mutable_global(true)
        .wasm_sign_extension(true)
        .wasm_saturating_float_to_int(true)
        .wasm_multi_value(true)
        .wasm_multi_memory(true)
        .wasm_bulk_memory(true)
        .wasm_reference_types(true)
        .wasm_tail_call(true)
        .wasm_extended_const(true)
        .wasm_simd(operators::VECTORS.is_none())
        .floats(true)
        .wasm_relaxed_simd(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false);
    engine
}

/// Maps what the engine says of bytes that the scan has let through.
fn invalid(error: wasmi::Error) -> ModuleError {
    match error.kind() {
        ErrorKind::Wasm(error) => {
            ModuleError::Invalid { offset: error.offset() as u64, message: error.message().into() }
        }
        other => ModuleError::Engine { message: other.to_string() },
    }
}

/// Lists all imports that nothing provides, sorted.
fn check_imports(inspection: &Inspection, policy: &Policy) -> Result<(), ModuleError> {
    let mut problems = Vec::new();
    let mut needs_memory = None;
    for import in &inspection.imports {
        let provider = Provider::of(import, policy);
        if provider.is_some_and(Provider::needs_memory) {
            needs_memory = Some(import);
        }
        let expected = provider.map(|provider| ExternType::Function(provider.ty()));
        if expected.as_ref() != Some(&import.ty) {
            problems.push(ImportProblem {
                module: import.module.clone(),
                name: import.name.clone(),
                found: import.ty.to_string(),
                refused: match expected {
                    None => refused(&import.module, &import.name).map(|refused| refused.capability),
                    Some(_) => None,
                },
                expected: expected.map(|ty| ty.to_string()),
            });
        }
    }
    problems.sort_unstable();
    problems.dedup();
    if !problems.is_empty() {
        let total = problems.len() as u64;
        problems.truncate(NAMED);
        return Err(ModuleError::Imports { imports: problems, total });
    }
    let memory = inspection.exports.iter().find(|export| export.name == abi::MEMORY);
    match (needs_memory, memory.map(|export| &export.ty)) {
        (None, _) | (Some(_), Some(ExternType::Memory(_))) => Ok(()),
        (Some(import), None) => {
            Err(ModuleError::NoMemory { import: alloc::format!("{}.{}", import.module, import.name) })
        }
        (Some(_), Some(other)) => {
            Err(ModuleError::Entry { name: abi::MEMORY, expected: "a memory", found: other.to_string() })
        }
    }
}

/// Links what the module imports, and only that.
fn link(engine: &Engine, inspection: &Inspection, policy: &Policy) -> Result<Linker<Host>, ModuleError> {
    let mut linker = Linker::new(engine);
    let mut linked = BTreeSet::new();
    for import in &inspection.imports {
        if !linked.insert((&import.module, &import.name)) {
            continue;
        }
        if let Some(provider) = Provider::of(import, policy) {
            provider.link(&mut linker, &import.name, policy)?;
        }
    }
    Ok(linker)
}

/// Makes what is between the module and the async host functions it imports, if it imports any.
fn adapt(engine: &Engine, inspection: &Inspection, policy: &Policy) -> Result<Option<Adapter>, ModuleError> {
    let mut imported = BTreeSet::new();
    let functions: Vec<_> = inspection
        .imports
        .iter()
        .filter_map(|import| Provider::of(import, policy)?.waiting())
        .filter(|function| imported.insert((&function.name.module, &function.name.function)))
        .collect();
    if functions.is_empty() {
        return Ok(None);
    }
    let types: Vec<_> = functions.iter().map(|f| (&*f.name.module, &*f.name.function, &f.ty)).collect();
    let adapter = adapter::adapter(&types);
    check_normal(&adapter)?;
    let module =
        wasmi::Module::new(engine, adapter).map_err(|error| ModuleError::Engine { message: error.to_string() })?;
    Ok(Some(Adapter { module, names: functions.iter().map(|function| function.name.clone()).collect() }))
}

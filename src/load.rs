//! Loading of untrusted bytes into a module that can be run.
//!
//! The steps in order: size, magic and version, structure, imports, function bodies, a new engine, validation and
//! translation of the whole module. A panic in any of them is caught. Each module has a separate engine, since an engine never frees the code
//! of dropped modules.

use alloc::{
    collections::BTreeSet,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use core::fmt;

use wasmi::{CompilationMode, Engine, errors::ErrorKind};

use crate::{
    abi::{self, wasi::Snapshot},
    config::{Config, Limits, RunOptions},
    data::{
        inspect::{self, ExternType, Inspection},
        value::{FuncType, ValueType},
    },
    engine::{config::engine_config, meter},
    error::{CallError, EntryType, Error, ImportProblem, ModuleError, StopReason, refused::refused},
    host::{
        Host,
        function::HostFunction,
        grant::Denied,
        import::Import,
        pieces,
        pool::{self, Pool, PooledStore, Purpose},
    },
    observe, wasi,
};

mod adapter;
mod bodies;
mod checker;
mod entries;
mod form;
#[cfg(feature = "cache")]
mod info_codec;
#[cfg(feature = "explain")]
pub(crate) mod instrument;
#[cfg(feature = "explain")]
mod instrumented;
#[cfg(feature = "explain")]
pub(crate) mod operator_name;
mod operators;
pub(crate) mod prices;
mod provider;
mod refusal;
mod rewrite;
mod scan;
mod sizes;
mod stack_effect;
#[cfg(feature = "wat")]
pub(crate) mod text;
mod validation;
#[cfg(feature = "cache")]
pub(crate) mod verified;
mod work;

pub(crate) use self::entries::Entry;
#[cfg(feature = "explain")]
use self::instrument::Instrument;
use self::{bodies::ModuleInfo, provider::Provider, rewrite::Rewritten};

/// Maximum number of imports or exports that an error lists.
const NAMED: usize = 64;

/// A loaded module: checked, validated and translated. It can be run any number of times.
///
/// Cheap to clone, `Send + Sync`. It belongs to the sandbox that loaded it: it was checked against the limits of that
/// sandbox and is linked to its host functions.
#[derive(Clone)]
pub struct Module(Arc<Inner>);

struct Inner {
    policy: Arc<Policy>,
    engine: Engine,
    module: wasmi::Module,
    /// What the rewritten module imports, in its order.
    imports: Vec<Import>,
    inspection: Inspection,
    start: Option<String>,
    host_table: Option<String>,
    adapter: Option<Adapter>,
    instantiation: u64,
    /// The entry that `run` calls; found once, since each run needs it.
    entry: Result<Entry, Error>,
    initialize: Result<bool, Error>,
    snapshot: Option<Snapshot>,
    pool: Arc<Pool>,
    work: u64,
    #[cfg(feature = "explain")]
    instrument: Option<Arc<Instrument>>,
}

/// The module between a guest and the async host functions that it imports.
pub(crate) struct Adapter {
    pub(crate) module: wasmi::Module,
    /// The functions that it imports: the nth export of the module takes the place of the nth.
    pub(crate) imports: Vec<Import>,
}

/// The settings of a sandbox that apply to every module and run.
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) config: Config,
    /// The host functions. Sandboxes that share them can run the modules of each other.
    pub(crate) functions: Arc<[HostFunction]>,
    /// The functions among them that may not be called, if any.
    pub(crate) denied: Option<Arc<Denied>>,
    /// Opened directories of the host.
    pub(crate) roots: Arc<wasi::Roots>,
    /// Maximum number of native stacks that a module keeps for later runs.
    pub(crate) stacks: usize,
}

impl Policy {
    pub(crate) fn new(
        config: Config,
        functions: Arc<[HostFunction]>,
        roots: Arc<wasi::Roots>,
        stacks: usize,
    ) -> Policy {
        let denied = Denied::of(&functions, &config.grants);
        Policy { config, functions, denied, roots, stacks }
    }

    fn function(&self, module: &str, name: &str) -> Option<&HostFunction> {
        self.functions.iter().find(|f| &*f.name.module == module && &*f.name.function == name)
    }

    /// Returns the data of a store for a run with these limits.
    pub(crate) fn new_host(&self, options: &RunOptions) -> Host {
        Host::new(&self.config, options.limits(&self.config.limits), self.denied.clone())
    }

    /// Checks that a module that was loaded under another policy can run under this one.
    pub(crate) fn accepts(&self, module: &Module) -> Result<(), Error> {
        let other = module.policy();
        if !Arc::ptr_eq(&self.functions, &other.functions) {
            return Err(CallError::OtherSandbox.into());
        }
        if !self.config.loads_as(&other.config) {
            return Err(CallError::OtherLimits { keys: self.config.loaded_differently(&other.config) }.into());
        }
        module.check_initial(&self.config.limits)
    }
}

impl Module {
    pub(crate) fn load(bytes: &[u8], policy: &Arc<Policy>) -> Result<Module, Error> {
        Module::within(bytes, || load_eagerly(bytes, policy))
    }

    /// Runs a load within the span `load`; returns a panic in it as an error.
    fn within(bytes: &[u8], load: impl FnOnce() -> Result<Inner, ModuleError>) -> Result<Module, Error> {
        let loaded = observe::loading(bytes.len() as u64, || -> Result<_, ModuleError> {
            let module = observe::contain(load).unwrap_or_else(|message| Err(ModuleError::Engine { message }))?;
            let i = &module.inspection;
            let counts = (i.functions, i.imports.len() as u64, i.exports.len() as u64);
            observe::loaded(counts.0, counts.1, counts.2).map_err(subscriber_panic)?;
            Ok(Module(Arc::new(module)))
        });
        Ok(loaded.map_err(subscriber_panic)??)
    }

    /// Returns what the module imports, exports and declares.
    pub fn inspect(&self) -> &Inspection {
        &self.0.inspection
    }

    pub(crate) fn policy(&self) -> &Arc<Policy> {
        &self.0.policy
    }

    /// Returns a store for a run or an instance, under a policy that [accepts](Policy::accepts) the module.
    pub(crate) fn new_store(&self, host: Host, purpose: Purpose) -> PooledStore {
        self.0.pool.acquire(&self.0.engine, host, purpose)
    }

    /// Prepares stores until `wanted` are idle; returns the number of idle stores.
    pub(crate) fn prepare(&self, wanted: usize) -> usize {
        self.0.pool.prepare(wanted, &self.0.engine, || self.0.policy.new_host(&RunOptions::new()))
    }

    pub(crate) fn engine_module(&self) -> &wasmi::Module {
        &self.0.module
    }

    /// Returns what the rewritten module imports, in its order.
    pub(crate) fn imports(&self) -> &[Import] {
        &self.0.imports
    }

    /// Returns the name of the export that replaces the start function.
    pub(crate) fn start(&self) -> Option<&str> {
        self.0.start.as_deref()
    }

    /// Returns the name of the exported table that the host puts its functions into.
    pub(crate) fn host_table(&self) -> Option<&str> {
        self.0.host_table.as_deref()
    }

    /// Returns the number of elements of that table.
    pub(crate) fn host_slots(&self) -> u64 {
        #[cfg(feature = "explain")]
        let probes = if self.0.instrument.is_some() { instrument::Probe::COUNT as u64 } else { 0 };
        #[cfg(not(feature = "explain"))]
        let probes = 0;
        if self.0.host_table.is_some() { pieces::SLOTS + probes } else { 0 }
    }

    /// Returns the adapter through which the guest calls async host functions.
    pub(crate) fn adapter(&self) -> Option<&Adapter> {
        self.0.adapter.as_ref()
    }

    /// Returns the WASI snapshot that the module imports from, if any; of both, the older.
    pub(crate) fn snapshot(&self) -> Option<Snapshot> {
        self.0.snapshot
    }

    /// Checks that the initial sizes are within the limits of a run.
    pub(crate) fn check_initial(&self, limits: &Limits) -> Result<(), Error> {
        Ok(refusal::initial_sizes(&self.0.inspection, limits)?)
    }

    /// Returns the fuel of one instantiation.
    pub(crate) fn instantiation(&self) -> u64 {
        self.0.instantiation
    }

    /// Returns the units of load work that the module took.
    pub(crate) fn work(&self) -> u64 {
        self.0.work
    }

    /// Checks whether the module exports `_initialize`, which is called before anything else.
    pub(crate) fn has_initialize(&self) -> Result<bool, Error> {
        self.0.initialize.clone()
    }

    /// Returns the entry that `run` calls.
    pub(crate) fn entry(&self) -> Result<Entry, Error> {
        self.0.entry.clone()
    }

    /// Returns the type of an exported function that can be called with values.
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

/// Returns the error of a load in which a tracing subscriber panicked.
pub(crate) fn subscriber_panic(reason: StopReason) -> ModuleError {
    ModuleError::Engine { message: reason.to_string() }
}

/// Validates a module and returns its inspection; its imports need not be provided. Translates nothing.
pub(crate) fn inspect(bytes: &[u8], config: &Config) -> Result<Inspection, ModuleError> {
    let inspected = observe::contain(|| {
        let scan = check_structure(bytes, config)?;
        let inspection = bodies::read(bytes, config, scan)?.inspection;
        validation::first_error(bytes, usize::MAX).map_or(Ok(inspection), Err)
    });
    inspected.unwrap_or_else(|message| Err(ModuleError::Engine { message }))
}

/// Checks and translates a whole module.
fn load_eagerly(bytes: &[u8], policy: &Arc<Policy>) -> Result<Inner, ModuleError> {
    let info = check(bytes, policy)?;
    translate(bytes, info, engine(policy, CompilationMode::Eager), policy)
}

/// Scans a whole module, checks its imports and its operators, and plans its normal form; translates nothing.
fn check(bytes: &[u8], policy: &Policy) -> Result<ModuleInfo, ModuleError> {
    let scan = check_structure(bytes, &policy.config)?;
    check_imports(&scan.inspection, policy)?;
    bodies::read(bytes, &policy.config, scan)
}

/// Rewrites a module, validates and translates it in the compilation mode of the engine, and links it.
fn translate(bytes: &[u8], info: ModuleInfo, engine: Engine, policy: &Arc<Policy>) -> Result<Inner, ModuleError> {
    let pool = match can_import_memory(&info.inspection, policy) {
        true => Pool::new(&info.inspection, &policy.config),
        false => Pool::default(),
    };
    let rewritten = rewrite::rewrite(bytes, &info, pool.makes_memory());
    let normal = rewritten.as_ref().map_or(bytes, |new| &new.bytes);
    let module = observe::contain(|| {
        check_normal(normal)?;
        wasmi::Module::new(&engine, normal).map_err(invalid)
    });
    let module = module.unwrap_or_else(|message| Err(ModuleError::Engine { message }));
    // Neither reads the bodies of the original, which may be invalid.
    let module = module.map_err(|error| validation::first_error(bytes, usize::MAX).unwrap_or(error))?;
    link(info, rewritten, (engine, module), pool, policy)
}

/// Links a translated module to what it imports.
fn link(
    info: ModuleInfo,
    rewritten: Option<Rewritten>,
    (engine, module): (Engine, wasmi::Module),
    pool: Pool,
    policy: &Arc<Policy>,
) -> Result<Inner, ModuleError> {
    let (start, host_table) = rewritten.map_or((None, None), |new| (new.start, new.host_table));
    let mut imports = provider::imports(&info.inspection, policy);
    // The memory that the rewritten module imports is its last import.
    imports.extend(pool.makes_memory().then_some(Import::Memory));
    let adapter = adapt(&engine, &info.inspection, policy)?;
    let adapter_instantiation = if adapter.is_some() { meter::INSTANTIATION } else { 0 };
    Ok(Inner {
        policy: Arc::clone(policy),
        engine,
        module,
        imports,
        instantiation: info.instantiation.saturating_add(adapter_instantiation),
        pool: Arc::new(pool),
        entry: entries::entry(&info.inspection),
        initialize: entries::has(&info.inspection, abi::INITIALIZE),
        snapshot: entries::snapshot(&info.inspection),
        work: info.work,
        inspection: info.inspection,
        start,
        host_table,
        adapter,
        #[cfg(feature = "explain")]
        instrument: None,
    })
}

/// Checks that a module is in normal form before the engine reads it.
fn check_normal(bytes: &[u8]) -> Result<(), ModuleError> {
    if cfg!(belljar_without_normal_form) {
        return Ok(());
    }
    checker::is_normal(bytes).map_err(|not| ModuleError::Engine {
        message: alloc::format!("byte {} of the rewritten module is not in normal form: {:?}", not.offset, not.rule),
    })
}

/// Checks whether a memory of the host can be linked: no host function has its name, and there is no adapter.
fn can_import_memory(inspection: &Inspection, policy: &Policy) -> bool {
    let is_async = |import: &inspect::Import| Provider::of(import, policy).and_then(Provider::async_function).is_some();
    policy.function(pool::IMPORT.0, pool::IMPORT.1).is_none() && !inspection.imports.iter().any(is_async)
}

fn check_structure(bytes: &[u8], config: &Config) -> Result<scan::Scan, ModuleError> {
    check_size(bytes, config)?;
    scan::scan(bytes, config)
}

/// Checks the size of a module, before any byte of it is read.
pub(crate) fn check_size(bytes: &[u8], config: &Config) -> Result<(), ModuleError> {
    refusal::limit("module.size_bytes", config.module.size_bytes, bytes.len() as u64)
}

/// Checks that the memory that loading may take can be allocated. The engine ends the process where an allocation
/// fails.
fn check_memory(bytes: u64) -> Result<(), ModuleError> {
    let mut probe = Vec::<u8>::new();
    let size = usize::try_from(bytes).unwrap_or(usize::MAX);
    // A compiler may remove an allocation that is not used.
    core::hint::black_box(&mut probe).try_reserve_exact(size).map_err(|_| ModuleError::HostMemory { bytes })
}

/// Returns a new engine for one module.
fn engine(policy: &Policy, mode: CompilationMode) -> Engine {
    Engine::new(engine_config(&policy.config).compilation_mode(mode).set_max_cached_stacks(policy.stacks))
}

/// Maps an error of the engine about bytes that have passed the scan.
fn invalid(error: wasmi::Error) -> ModuleError {
    match error.kind() {
        ErrorKind::Wasm(error) => {
            ModuleError::Invalid { offset: error.offset() as u64, message: error.message().into() }
        }
        other => ModuleError::Engine { message: other.to_string() },
    }
}

/// Checks that all imports are provided; the error lists those that are not, sorted.
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
            let (module, name) = (import.module.clone(), import.name.clone());
            let refused = refused(&module, &name).filter(|_| expected.is_none()).map(|refused| refused.capability);
            let is_unknown = expected.is_none() && refused.is_none();
            problems.push(ImportProblem {
                near: if is_unknown { abi::near::function(&module, &name) } else { None },
                found: import.ty.clone(),
                module,
                name,
                refused,
                expected,
            });
        }
    }
    // By name, and for one name by the texts of the types.
    problems.sort_by_cached_key(|problem: &ImportProblem| problem.found.to_string());
    problems.sort_by(|a, b| (&a.module, &a.name).cmp(&(&b.module, &b.name)));
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
            Err(ModuleError::Entry { name: abi::MEMORY.into(), expected: EntryType::Memory, found: other.clone() })
        }
    }
}

/// Creates the adapter between the module and the async host functions that it imports, if it imports any.
fn adapt(engine: &Engine, inspection: &Inspection, policy: &Policy) -> Result<Option<Adapter>, ModuleError> {
    let mut imported = BTreeSet::new();
    let functions: Vec<_> = inspection
        .imports
        .iter()
        .filter_map(|import| Provider::of(import, policy)?.async_function())
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
    let import = |function: &&HostFunction| Import::Function(function.name.clone(), Arc::clone(&function.bind));
    Ok(Some(Adapter { module, imports: functions.iter().map(import).collect() }))
}

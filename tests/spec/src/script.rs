//! A file of the suite, directive by directive.

use std::{
    any::Any,
    collections::HashMap,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
};

use belljar::{
    Error, GuestFault, LimitExceeded, Module, ModuleError, StopReason, error::ImportProblem, inspect::ExternType,
};
use wast::{
    QuoteWat, QuoteWatTest, Wast, WastDirective, WastExecute, WastInvoke, Wat,
    lexer::Lexer,
    parser::{self, ParseBuffer},
    token::Id,
};

use crate::{
    arguments, expected,
    guest::{End, Guest},
    imports,
    link::{Linked, Slot, linked},
    options::Options,
    reason::Reason,
    refusal::{invalid, refused},
    subject::{HOST, HOST_STATE, Subject},
    suite::File,
    tally::Tally,
    traps,
    verdict::{Kind, Verdict, differs},
};

/// Runs a file, and counts what comes of its directives. Failures are told when they come.
pub fn run(subject: &Subject, options: &Options, file: &File, tally: &mut Tally) {
    if let Some(proposal) = file.proposal {
        return tally.skip(proposal);
    }
    tally.files += 1;
    match fs::read_to_string(&file.path) {
        Ok(text) => run_text(subject, &file.name, &text, options.list, tally),
        Err(error) => {
            eprintln!("{}: failed: {error}", file.name);
            tally.add(Kind::Step, &Verdict::Failed(error.to_string()));
        }
    }
}

/// Runs the text of a file; text that cannot be read is a failure.
pub fn run_text(subject: &Subject, name: &str, text: &str, list: bool, tally: &mut Tally) {
    let mut lexer = Lexer::new(text);
    lexer.allow_confusing_unicode(true);
    let buffer = ParseBuffer::new_with_lexer(lexer);
    let parsed = buffer.as_ref().map_err(ToString::to_string);
    let parsed = parsed.and_then(|buffer| parser::parse::<Wast<'_>>(buffer).map_err(|error| error.to_string()));
    let directives = match parsed {
        Ok(wast) => wast.directives,
        Err(error) => {
            eprintln!("{name}: failed: {error}");
            return tally.add(Kind::Step, &Verdict::Failed(error));
        }
    };
    let mut script = Script::new(subject);
    for mut directive in directives {
        let line = directive.span().linecol_in(text).0 + 1;
        let kind = kind(&directive);
        let ended = catch_unwind(AssertUnwindSafe(|| script.directive(&mut directive)));
        let verdict = ended.unwrap_or_else(|panic| Verdict::Failed(format!("a panic: {}", message(&*panic))));
        match &verdict {
            Verdict::Failed(failure) => eprintln!("{name}:{line}: failed: {failure}"),
            Verdict::Left(reason) if list => eprintln!("{name}:{line}: cannot apply: {reason}"),
            _ => {}
        }
        tally.add(kind, &verdict);
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied()).unwrap_or("unknown")
}

fn kind(directive: &WastDirective<'_>) -> Kind {
    match directive {
        WastDirective::Module(_)
        | WastDirective::ModuleDefinition(_)
        | WastDirective::ModuleInstance { .. }
        | WastDirective::Register { .. }
        | WastDirective::Invoke(_)
        | WastDirective::Thread(_)
        | WastDirective::Wait { .. } => Kind::Step,
        _ => Kind::Assertion,
    }
}

/// The instances and modules that a file has made so far.
struct Script<'s> {
    subject: &'s Subject,
    /// The instance that was made last.
    current: Option<Slot>,
    named: HashMap<String, Slot>,
    /// Valid modules that are instantiated later, by name; the last one has none, too.
    definitions: HashMap<Option<String>, Result<Vec<u8>, Verdict>>,
    /// Instances by the name under which others import from them.
    registered: HashMap<String, Slot>,
}

/// A module that has loaded, with the sandbox of its one instance.
struct Loaded {
    linked: Linked,
    module: Module,
}

/// The end of a call or a start, and the reason for which it may be another one than the suite has.
struct Ran {
    end: End,
    doubt: Option<Reason>,
}

impl<'s> Script<'s> {
    fn new(subject: &'s Subject) -> Self {
        let (named, definitions, registered) = (HashMap::new(), HashMap::new(), HashMap::new());
        Script { subject, current: None, named, definitions, registered }
    }

    fn directive(&mut self, directive: &mut WastDirective<'_>) -> Verdict {
        let done = match directive {
            WastDirective::Module(module) => self.module(module),
            WastDirective::ModuleDefinition(module) => self.definition(module),
            WastDirective::ModuleInstance { instance, module, .. } => self.instance(*instance, *module),
            WastDirective::Register { name, module, .. } => self.register(name, *module),
            WastDirective::Invoke(invoke) => self.call(invoke).and_then(|ran| match ran.end {
                End::Done(_) => Ok(()),
                End::Stopped(reason) => Err(ran.doubt.map_or(Verdict::Failed(reason.to_string()), Verdict::Left)),
            }),
            WastDirective::AssertMalformed { module, message, .. }
            | WastDirective::AssertInvalid { module, message, .. } => self.refused(module, message),
            WastDirective::AssertReturn { exec, results, .. } => self.execute(exec).and_then(|ran| {
                let is_right = matches!(&ran.end, End::Done(found) if expected::matches(results, found));
                ran.judge(is_right, format_args!("{results:?}"))
            }),
            WastDirective::AssertTrap { exec, message, .. } => self.execute(exec).and_then(|ran| {
                let Some(trap) = traps::trap(message) else {
                    return Err(Verdict::Failed(format!("`{message}` is no trap known here")));
                };
                ran.judge(ran.end == End::Stopped(StopReason::Guest(GuestFault::Trap(trap))), message)
            }),
            WastDirective::AssertExhaustion { call, message, .. } => self.call(call).and_then(|ran| {
                let is_right = matches!(ran.end, End::Stopped(StopReason::Limit(LimitExceeded::Stack { .. })));
                ran.judge(is_right && *message == "call stack exhausted", message)
            }),
            WastDirective::AssertUnlinkable { module, message, .. } => self.unlinkable(module, message),
            WastDirective::AssertException { exec, .. } => self.execute(exec).and_then(|ran| {
                // No module with exceptions loads.
                Err(Verdict::Failed(format!("expected an exception, found {}", ran.end)))
            }),
            WastDirective::AssertInvalidCustom { .. } | WastDirective::AssertMalformedCustom { .. } => {
                Err(Verdict::Left(Reason::CustomSection))
            }
            WastDirective::AssertSuspension { .. } | WastDirective::Thread(_) | WastDirective::Wait { .. } => {
                Err(Verdict::Failed("a directive of no proposal known here".into()))
            }
        };
        done.err().unwrap_or(Verdict::Passed)
    }

    /// Makes the current instance.
    fn module(&mut self, module: &mut QuoteWat<'_>) -> Result<(), Verdict> {
        let name = module.name();
        let slot = self.binary(module).and_then(|wasm| self.start(&wasm));
        self.keep(name, slot)
    }

    /// Keeps a module. It is linked when it is instantiated.
    fn definition(&mut self, module: &mut QuoteWat<'_>) -> Result<(), Verdict> {
        let name = module.name().map(|name| name.name().to_string());
        let valid = self.binary(module).and_then(|wasm| match self.subject.0.inspect(&wasm) {
            Ok(_) => Ok(wasm),
            Err(error) => Err(refused(&wasm, &error)),
        });
        self.definitions.insert(None, valid.clone());
        if name.is_some() {
            self.definitions.insert(name, valid.clone());
        }
        valid.map(drop)
    }

    fn instance(&mut self, instance: Option<Id<'_>>, module: Option<Id<'_>>) -> Result<(), Verdict> {
        let name = module.map(|name| name.name().to_string());
        let wasm = self.definitions.get(&name).cloned();
        let wasm = wasm.unwrap_or_else(|| Err(Verdict::Failed("no module of this name is defined".into())));
        let slot = wasm.and_then(|wasm| self.start(&wasm));
        self.keep(instance, slot)
    }

    fn keep(&mut self, name: Option<Id<'_>>, slot: Slot) -> Result<(), Verdict> {
        if let Some(name) = name {
            self.named.insert(name.name().into(), slot.clone());
        }
        self.current = Some(slot.clone());
        slot.map(drop)
    }

    fn register(&mut self, name: &str, module: Option<Id<'_>>) -> Result<(), Verdict> {
        let slot = self.slot(module);
        self.registered.insert(name.into(), slot.clone());
        slot.map(drop)
    }

    fn slot(&self, name: Option<Id<'_>>) -> Slot {
        let slot = match name {
            Some(name) => self.named.get(name.name()),
            None => self.current.as_ref(),
        };
        slot.cloned().unwrap_or_else(|| Err(Verdict::Failed("there is no such instance".into())))
    }

    fn binary(&self, module: &mut QuoteWat<'_>) -> Result<Vec<u8>, Verdict> {
        match module.to_test().map_err(|error| Verdict::Failed(error.to_string()))? {
            QuoteWatTest::Binary(wasm) => Ok(wasm),
            QuoteWatTest::Text(text) => {
                let text = str::from_utf8(&text).map_err(|error| Verdict::Failed(error.to_string()))?;
                self.subject.0.assemble(text).map_err(|error| Verdict::Failed(error.to_string()))
            }
        }
    }

    fn link(&self, wasm: &[u8]) -> Result<Loaded, Error> {
        let linked = self.subject.0.inspect(wasm).ok().and_then(|inspection| linked(&inspection, &self.registered));
        let linked = linked.unwrap_or_else(|| Linked { sandbox: self.subject.0.clone(), answers: Arc::default() });
        Ok(Loaded { module: linked.sandbox.load(wasm)?, linked })
    }

    /// Loads a module that is valid for the suite.
    fn load(&self, wasm: &[u8]) -> Result<Loaded, Verdict> {
        self.link(wasm).map_err(|error| {
            self.doubt(wasm);
            refused(wasm, &error)
        })
    }

    /// Notes that a module does not run that may have changed what the instances have that it imports from.
    fn doubt(&self, wasm: &[u8]) {
        for name in imports::modules(wasm) {
            if let Some(Ok(slot)) = self.registered.get(&name) {
                slot.lock().expect("no call panics").set_doubt();
            }
        }
    }

    fn start(&self, wasm: &[u8]) -> Slot {
        let loaded = self.load(wasm)?;
        let guest = Guest::new(&loaded.linked, &loaded.module);
        guest.map(|guest| Arc::new(Mutex::new(guest))).map_err(|error| Verdict::Failed(error.to_string()))
    }

    fn execute(&mut self, what: &mut WastExecute<'_>) -> Result<Ran, Verdict> {
        match what {
            WastExecute::Invoke(invoke) => self.call(invoke),
            WastExecute::Wat(module) => self.instantiate(module),
            WastExecute::Get { module, global, .. } => {
                let slot = self.slot(*module)?;
                let guest = slot.lock().expect("no call panics");
                Ok(Ran { end: End::Done(vec![guest.global(global)?]), doubt: guest.doubt() })
            }
        }
    }

    fn call(&mut self, invoke: &WastInvoke<'_>) -> Result<Ran, Verdict> {
        let slot = self.slot(invoke.module)?;
        let mut guest = slot.lock().expect("no call panics");
        let Some(arguments) = arguments::values(&invoke.args) else { return Err(guest.cannot_be_called()) };
        let end = guest.call(invoke.name, &arguments)?;
        Ok(Ran { end, doubt: guest.doubt() })
    }

    /// Makes an instance of which nothing but its start is asked.
    fn instantiate(&self, module: &mut Wat<'_>) -> Result<Ran, Verdict> {
        let wasm = module.encode().map_err(|error| Verdict::Failed(error.to_string()))?;
        let loaded = self.load(&wasm)?;
        let end = match Guest::new(&loaded.linked, &loaded.module) {
            Ok(_) => End::Done(Vec::new()),
            Err(Error::Stopped(stopped)) => End::Stopped(stopped.reason),
            Err(error) => return Err(Verdict::Failed(error.to_string())),
        };
        Ok(Ran { end, doubt: None })
    }

    /// Asserts that a module is refused, in whatever form it comes.
    fn refused(&self, module: &mut QuoteWat<'_>, message: &str) -> Result<(), Verdict> {
        let (wasm, what) = match module.to_test().map_err(|error| Verdict::Failed(error.to_string()))? {
            QuoteWatTest::Binary(wasm) => (wasm, "a module that loads"),
            QuoteWatTest::Text(text) => {
                // Text that is no text cannot be handed over.
                let Ok(text) = str::from_utf8(&text) else { return Ok(()) };
                match self.subject.0.assemble(text) {
                    Ok(wasm) => (wasm, "text that loads"),
                    Err(Error::Module(error)) if matches!(*error, ModuleError::Text { .. }) => return Ok(()),
                    Err(error) => return Err(differs(message, error)),
                }
            }
        };
        // It is not asked for its imports.
        match self.subject.0.inspect(&wasm) {
            Ok(_) => Err(differs(message, what)),
            Err(error) => invalid(&wasm, &error),
        }
    }

    /// Asserts that a module is refused for an import that the suite does not have either.
    fn unlinkable(&self, module: &mut Wat<'_>, message: &str) -> Result<(), Verdict> {
        let wasm = module.encode().map_err(|error| Verdict::Failed(error.to_string()))?;
        match self.link(&wasm) {
            Ok(_) => Err(differs(message, "a module that loads")),
            Err(Error::Module(error)) => match &*error {
                ModuleError::Imports { imports, .. } if imports.iter().any(|import| self.is_wrong(import)) => Ok(()),
                _ => Err(refused(&wasm, &Error::Module(error))),
            },
            Err(error) => Err(refused(&wasm, &error)),
        }
    }

    /// Tells whether an import is wrong for the suite, too: unknown, of another kind, or of another type than the
    /// function that is there.
    fn is_wrong(&self, import: &ImportProblem) -> bool {
        if import.expected.is_some() {
            return true;
        }
        let is_kind = |kind: &str| kind_of(&import.found) == kind;
        if import.module == HOST {
            return !HOST_STATE.iter().any(|(name, kind)| *name == import.name && is_kind(kind));
        }
        match self.registered.get(&import.module) {
            Some(Ok(guest)) => {
                let guest = guest.lock().expect("no call panics");
                let export = guest.module().inspect().exports.iter().find(|export| export.name == import.name);
                !export.is_some_and(|export| is_kind(kind_of(&export.ty)))
            }
            // Its exports are not known.
            Some(Err(_)) => false,
            None => true,
        }
    }
}

/// Returns the word for a kind of export that belljar uses where it tells what is imported.
fn kind_of(ty: &ExternType) -> &'static str {
    match ty {
        ExternType::Function(_) => "function",
        ExternType::Memory(_) => "memory",
        ExternType::Table(_) => "table",
        ExternType::Global(_) => "global",
        _ => "other",
    }
}

impl Ran {
    /// Judges an end that is right or not.
    fn judge(&self, is_right: bool, expected: impl std::fmt::Display) -> Result<(), Verdict> {
        match (is_right, self.doubt) {
            (true, _) => Ok(()),
            (false, Some(doubt)) => Err(Verdict::Left(doubt)),
            (false, None) => Err(differs(expected, &self.end)),
        }
    }
}

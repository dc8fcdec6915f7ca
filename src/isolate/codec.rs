//! The encodings of configurations, outcomes and errors: all fields of each, so that the decoded value is equal.

use alloc::vec::Vec;

use super::layers::{LAYERS, LayerName};
use crate::{
    config::{
        Config,
        dirs::{DirAccess, HostDir},
        keys,
        wasi::Wasi,
    },
    data::{
        codec::{Codec, enums, put_bytes, structs, take_bytes},
        files::{Change, FileBytes},
        outcome::{Level, Log, LogEntry, Usage},
        value::Value,
    },
    error::{
        AbiFault, CallError, EntryType, Error, Feature, FileFormat, GuestFault, HostMemoryUse, HostStop, ImportProblem,
        InjectedFault, LimitExceeded, ModuleError, Position, StopReason, Stopped, Trap, Unit, WorkerEnd,
        refused::RefusedCapability,
    },
};

structs! {
    Usage {
        fuel, memory_peak_bytes, table_peak_elements, host_calls, input_bytes, output_bytes, log_bytes,
    }
    Log { entries, dropped }
    LogEntry { level, text }
    Stopped { reason, output, log, files, usage }
    HostDir { host, guest, access, file_bytes, total_bytes, files }
    Position { line, column }
    ImportProblem { module, name, found, expected, refused, near }
}

enums! {
    Level { 0 Error, 1 Warn, 2 Info, 3 Debug, 4 Trace }
    Value { 0 I32(v), 1 I64(v), 2 F32(v), 3 F64(v), 4 V128(v) }
    InjectedFault { 0 Fuel, 1 HostCall }
    DirAccess { 0 Read, 1 Write }
    Change { 0 File(bytes), 1 Directory, 2 Link(target), 3 Removed }
    StopReason { 0 Limit(limit), 1 Guest(fault), 2 Host(stop) }
    LimitExceeded {
        0 Fuel { limit },
        1 Memory { limit, asked },
        2 Table { limit, asked },
        3 Stack { call_depth, value_stack_bytes },
        4 Output { limit, asked },
        5 HostCalls { limit },
        6 Transcript { limit },
    }
    GuestFault {
        0 Trap(trap),
        1 Failed { message },
        2 Aborted { message, file, line, column },
        3 Status { code },
        4 Abi(fault),
        5 Denied { capability, function, detail },
    }
    HostStop {
        0 Deadline { limit_ms },
        1 Cancelled,
        2 Injected { fault, number },
        3 HostFunction { module, function, message },
        4 HostPanic { module, function, message },
        5 HostMemory { what },
        6 Engine { message },
        7 Replay { effect, function, expected, found },
        8 Worker(end),
    }
    Trap {
        0 Unreachable,
        1 MemoryOutOfBounds,
        2 TableOutOfBounds,
        3 IndirectCallToNull,
        4 BadSignature,
        5 IntegerDivisionByZero,
        6 IntegerOverflow,
        7 BadConversionToInteger,
    }
    AbiFault {
        0 Range { function, ptr, len, memory },
        1 Utf8 { function, ptr, len, valid },
        2 Level { function, level },
        3 NoMemory { function },
    }
    WorkerEnd { 0 Signal { signal }, 1 Exit { code }, 2 Garbage, 3 Silent { limit_ms } }
    ModuleError {
        0 Empty,
        1 NotWasm { found, like },
        2 Component,
        3 Version { found },
        4 Malformed { offset, message },
        5 Invalid { offset, message },
        6 Unsupported { feature, offset },
        7 Limit { key, limit, found, unit },
        8 Imports { imports, total },
        9 NoMemory { import },
        10 Entry { name, expected, found },
        11 Text { at, message },
        12 Engine { message },
        13 Worker(end),
        14 HostMemory { bytes },
        15 Pinned { pinned, found },
    }
    EntryType { 0 Function(ty), 1 Memory }
    CallError {
        0 NoEntry { exports },
        1 NoFunction { name, exports },
        2 Signature { name, expected, found },
        3 Arguments { name, expected, found },
        4 Reference { name, ty },
        5 OtherSandbox,
        6 Poisoned(reason),
        7 Ended,
        8 OtherLimits { keys },
        9 NotRepeated { expected, found },
    }
}

/// Implements [`Codec`] for values that are in a list: the place in it.
macro_rules! places {
    ($($item:ty => $list:expr;)*) => {$(
        impl Codec for $item {
            fn put(&self, to: &mut Vec<u8>) {
                // All are in the list. No reader accepts the place after its end.
                let place = $list.position(|item| item == *self);
                (place.unwrap_or($list.count()) as u32).put(to);
            }
            fn take(from: &mut &[u8]) -> Option<Self> {
                $list.nth(u32::take(from)? as usize)
            }
        }
    )*};
}

places! {
    FileFormat => FileFormat::ALL.iter().copied();
    Feature => Feature::ALL.iter().copied();
    HostMemoryUse => HostMemoryUse::ALL.iter().copied();
    RefusedCapability => RefusedCapability::ALL.iter().copied();
    Unit => Unit::ALL.iter().copied();
    LayerName => LAYERS.iter().map(|layer| LayerName(layer.name));
    // The only constant strings in messages are keys of the configuration.
    &'static str => Config::keys().map(|key| key.path);
}

impl Codec for Error {
    fn put(&self, to: &mut Vec<u8>) {
        match self {
            Error::Module(cause) => put_as(0, cause, to),
            Error::Call(cause) => put_as(1, cause, to),
            Error::Stopped(cause) => put_as(2, cause, to),
            // These are found before a worker starts: no reader accepts the number.
            Error::Config(_) | Error::Isolation(_) => to.push(u8::MAX),
        }
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        Some(match u8::take(from)? {
            0 => Error::Module(Codec::take(from)?),
            1 => Error::Call(Codec::take(from)?),
            2 => Error::Stopped(Codec::take(from)?),
            _ => return None,
        })
    }
}

impl Codec for FileBytes {
    fn put(&self, to: &mut Vec<u8>) {
        put_bytes(self, to);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        take_bytes(from).map(FileBytes::from)
    }
}

fn put_as(number: u8, cause: &impl Codec, to: &mut Vec<u8>) {
    to.push(number);
    cause.put(to);
}

/// Encodes the scalar keys in the order of the table, then the others. Both sides know the order.
impl Codec for Config {
    fn put(&self, to: &mut Vec<u8>) {
        keys::scalars().for_each(|key| (key.get)(self).put(to));
        self.grants.put(to);
        // `http.allow` is not here: a worker makes no requests.
        let Wasi { program, args, env, files, dirs, clock: _, clock_start_ns: _, random: _, random_seed: _ } =
            &self.wasi;
        program.put(to);
        args.put(to);
        env.put(to);
        files.put(to);
        dirs.put(to);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        let mut config = Config::default();
        for key in keys::scalars() {
            if let Some(value) = Codec::take(from)? {
                key.check(value).ok()?;
                (key.set)(&mut config, value);
            }
        }
        config.grants = Codec::take(from)?;
        config.wasi.program = Codec::take(from)?;
        config.wasi.args = Codec::take(from)?;
        config.wasi.env = Codec::take(from)?;
        config.wasi.files = Codec::take(from)?;
        config.wasi.dirs = Codec::take(from)?;
        Some(config)
    }
}

#[cfg(all(test, feature = "toml"))]
mod tests {
    use std::{string::String, vec};

    use super::*;
    use crate::{
        data::{
            codec::tests,
            extern_type::{ExternType, MemoryType},
            value::{FuncType, ValueType},
        },
        isolate::message::{Job, Part, Reply, Task},
    };

    fn round_trip<T: Codec>(value: &T) -> Option<T> {
        T::read(&tests::encoded(value))
    }

    /// Returns errors with each type of field. The fixtures have all variants.
    fn errors() -> Vec<Error> {
        let text = || String::from("\u{1b}[2J, and ü");
        let memory = MemoryType { min_pages: 1, max_pages: None };
        let import = ImportProblem {
            module: text(),
            name: text(),
            found: ExternType::Function(FuncType::new(&[ValueType::I32], &[])),
            expected: Some(ExternType::Memory(memory)),
            refused: Some(RefusedCapability::Threads),
            near: Some(text()),
        };
        let output = vec![0, 255];
        let log = Log { entries: vec![LogEntry::new(Level::Warn, text())], dropped: u64::MAX };
        let files = [
            ("/a", Change::File(vec![0, 255].into())),
            ("/b", Change::Directory),
            ("/c", Change::Link(text())),
            ("/d", Change::Removed),
        ];
        let files = files.into_iter().map(|(path, change)| (path.into(), change)).collect();
        let usage = Usage { fuel: u64::MAX, log_bytes: 1, ..Usage::default() };
        let reason =
            StopReason::Guest(GuestFault::Aborted { message: text(), file: text(), line: u32::MAX, column: 0 });
        vec![
            ModuleError::NotWasm { found: vec![1, 2], like: Some(FileFormat::Json) }.into(),
            ModuleError::Limit { key: "module.types", limit: 1, found: 2, unit: Unit::Types }.into(),
            ModuleError::Unsupported { feature: Feature::Gc, offset: 1 }.into(),
            ModuleError::Imports { imports: vec![import], total: 1 }.into(),
            ModuleError::Entry { name: text(), expected: EntryType::Memory, found: ExternType::Memory(memory) }.into(),
            ModuleError::HostMemory { bytes: u64::MAX }.into(),
            ModuleError::Pinned { pinned: "0".into(), found: "1".into() }.into(),
            ModuleError::Text { at: Position { line: 1, column: 2 }, message: text() }.into(),
            CallError::Signature {
                name: text(),
                expected: FuncType::new(&[ValueType::I32, ValueType::V128], &[]),
                found: FuncType::new(&[], &[ValueType::ExternRef]),
            }
            .into(),
            CallError::Poisoned(StopReason::Host(HostStop::HostMemory { what: HostMemoryUse::Log })).into(),
            CallError::Poisoned(StopReason::Guest(GuestFault::Trap(Trap::BadSignature))).into(),
            Stopped { reason, output, log, files, usage }.into(),
            CallError::Poisoned(StopReason::Host(HostStop::Injected {
                fault: InjectedFault::HostCall,
                number: u64::MAX,
            }))
            .into(),
        ]
    }

    fn values() -> Vec<Value> {
        vec![
            Value::F32(f32::from_bits(0x7fa0_0001)),
            Value::F64(f64::from_bits(0xfff0_0000_0000_0001)),
            Value::F64(-0.0),
            Value::V128(u128::MAX),
            Value::I64(i64::MIN),
        ]
    }

    #[test]
    fn decoded_values_are_equal() {
        for error in errors() {
            assert_eq!(round_trip(&error), Some(error));
        }
        assert_eq!(round_trip(&values()), Some(values()));
        let mut config = keys::tests::changed();
        config.http.allow.clear();
        assert_eq!(round_trip(&config), Some(config));
    }

    #[test]
    fn constant_strings_are_found_again() {
        for path in Config::keys().map(|key| key.path) {
            tests::check(&path);
        }
        for name in LAYERS.iter().map(|layer| LayerName(layer.name)) {
            tests::check(&name);
        }
        let unknown = tests::encoded(&"another");
        assert_eq!(<&'static str>::read(&unknown), None);
    }

    /// Checks that mutated messages of a worker are refused, or are the encoding of another message.
    #[test]
    fn mutated_replies_are_refused_or_read() {
        let wasm = include_bytes!("../../fixtures/guests/upper-rust.wasm");
        let inspection = crate::sandbox::validate(wasm, &Config::default()).unwrap();
        let mut replies = vec![
            Reply::Valid { inspection },
            Reply::Output { part: Part(vec![1, 2, 3]) },
            Reply::Log { entry: LogEntry::new(Level::Info, "text".into()) },
            Reply::Used { usage: Usage::default(), dropped: 1 },
            Reply::Done { status: 0, results: values() },
        ];
        replies.extend(errors().into_iter().map(|error| Reply::Failed { error }));
        let read: usize = replies.iter().map(tests::check).sum();
        assert!(read > 1_000, "{read}");
        let job = Job { config: Config::default(), task: Task::Validate, wasm_bytes: 1, input_bytes: 2 };
        assert!(Job::read(&tests::encoded(&job)).is_some());
    }
}

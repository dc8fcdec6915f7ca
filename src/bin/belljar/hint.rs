//! Hints for errors, in terms of the command line.

use belljar::{
    CallError, Config, Error, GuestFault, HostStop, LimitExceeded, ModuleError, StopReason,
    config::NumberKey,
    error::{FileFormat, ImportProblem},
};

use crate::{
    limits,
    origin::{Bound, Origins},
    show::{grouped, name},
};

/// Returns a hint that names the option, if there is one, or else the hint of the library.
pub fn of(error: &Error) -> Option<String> {
    under(error, &Origins::default())
}

/// Returns a hint for an error under a configuration. An option cannot raise what the ceiling of its file bounds.
pub fn under(error: &Error, origins: &Origins) -> Option<String> {
    match error {
        Error::Stopped(stopped) => stop(&stopped.reason, origins).or_else(|| error.hint()),
        Error::Module(refused) => match &**refused {
            ModuleError::Limit { key, found, .. } => {
                let key = Config::keys().find(|k| k.path == *key)?;
                Some(raise_to(&key, *found, limits::flag_of(key.path), origins))
            }
            ModuleError::NotWasm { like: Some(FileFormat::WasmText), .. } => {
                Some("read WebAssembly text with `--text`".into())
            }
            // The library advises to register host functions, which the command line cannot.
            ModuleError::Imports { imports, .. } if is_advice_for_hosts(imports) => {
                Some("belljar provides nothing under such a name; `belljar inspect` marks what is not provided".into())
            }
            _ => error.hint(),
        },
        _ => error.hint(),
    }
}

/// Returns the hint for a module that is over a limit, for commands without options for limits.
pub fn by_key(error: &Error, origins: &Origins) -> Option<String> {
    let Some(ModuleError::Limit { key, found, .. }) = error.module_error() else { return under(error, origins) };
    let key = Config::keys().find(|k| k.path == *key)?;
    Some(raise_to(&key, *found, None, origins))
}

/// Returns the hint for a run of a module without an entry function, for commands that can call its exports.
pub fn without_entry(error: &Error) -> Option<String> {
    let Error::Call(cause) = error else { return None };
    let CallError::NoEntry { exports } = &**cause else { return None };
    let hint = error.hint()?;
    Some(match exports.as_slice() {
        [] => hint,
        exports if exports.iter().any(|name| name == "main") => format!("{hint}; `-e main` calls it as it is"),
        _ => format!("with `-e`, {hint}"),
    })
}

/// Returns whether the hint of the library is to register host functions.
fn is_advice_for_hosts(imports: &[ImportProblem]) -> bool {
    let mut unknown = imports.iter().filter(|import| import.expected.is_none()).peekable();
    let is_known = |import: &ImportProblem| {
        import.hint().is_some() || import.module.starts_with("wasi_") || import.module == "http"
    };
    unknown.peek().is_some() && !unknown.any(is_known)
}

fn stop(reason: &StopReason, origins: &Origins) -> Option<String> {
    let limits: &[(&str, u64)] = match *reason {
        StopReason::Limit(LimitExceeded::Fuel { limit }) => &[("limits.fuel", limit)],
        StopReason::Limit(LimitExceeded::Memory { limit, .. }) => &[("limits.memory_bytes", limit)],
        StopReason::Limit(LimitExceeded::Table { limit, .. }) => &[("limits.table_elements", limit)],
        StopReason::Limit(LimitExceeded::Stack { call_depth, value_stack_bytes }) => {
            &[("limits.call_depth", call_depth), ("limits.value_stack_bytes", value_stack_bytes)]
        }
        StopReason::Limit(LimitExceeded::Output { limit, .. }) => &[("limits.output_bytes", limit)],
        StopReason::Limit(LimitExceeded::HostCalls { limit }) => &[("limits.host_calls", limit)],
        StopReason::Host(HostStop::Deadline { limit_ms, .. }) => &[("deadline_ms", limit_ms)],
        StopReason::Limit(LimitExceeded::Transcript { .. }) => return Some("raise it with `--record-limit`".into()),
        StopReason::Guest(GuestFault::Denied { ref capability, .. }) if capability == "http" => {
            let hint = "`--allow-http` grants requests, `--allow-http-private` addresses that are not public";
            return Some(hint.into());
        }
        _ => return None,
    };
    let (mut flags, mut bounds, mut most) = (Vec::new(), Vec::new(), Vec::new());
    for (key, limit) in limits {
        match (origins.ceiling(key), limits::flag_of(key)) {
            (Some(bound), _) if bound.value <= *limit => bounds.push(ceiling(key, bound)),
            (bound, Some(flag)) => {
                flags.push(format!("`--{flag}`"));
                most.extend(bound.map(|bound| format!(", at most to {}, {}", grouped(bound.value), set_in(bound))));
            }
            (_, None) => {}
        }
    }
    if flags.is_empty() {
        return Some(bounds.join("; "));
    }
    Some(format!("raise it with {} if the guest may use more{}", flags.join(" or "), most.concat()))
}

/// Returns advice to raise a limit for a module that needs more.
fn raise_to(key: &NumberKey, found: u64, flag: Option<&str>, origins: &Origins) -> String {
    if let Some(bound) = origins.ceiling(key.path).filter(|bound| bound.value < found) {
        return ceiling(key.path, bound);
    }
    if found > key.max {
        return format!("the maximum is {}", grouped(key.max));
    }
    let needed = if key.unit.is_bytes() { size(found) } else { found.to_string() };
    let raise = match flag {
        Some(flag) => format!("raise it with `--{flag} {needed}`"),
        None => format!("raise it with `--set {}={needed}`", key.path),
    };
    if found > key.large { raise } else { format!("{raise}, or choose `--profile large`") }
}

/// Returns the next size that is at least as large, as the command line has it.
fn size(bytes: u64) -> String {
    match bytes {
        0..0x10_0000 => format!("{}KiB", bytes.div_ceil(1 << 10)),
        _ => format!("{}MiB", bytes.div_ceil(1 << 20)),
    }
}

/// Returns who can raise a limit that a ceiling bounds.
fn ceiling(key: &str, bound: &Bound) -> String {
    let most = grouped(bound.value);
    format!("no option raises `{key}` above {most}, {}: only who keeps that file can", set_in(bound))
}

fn set_in(bound: &Bound) -> String {
    format!("the ceiling in {}", name(&bound.place))
}

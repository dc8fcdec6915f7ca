//! Hints for errors, in terms of the command line.

use belljar::{Config, Error, GuestFault, HostStop, LimitExceeded, ModuleError, StopReason, error::FileFormat};

use crate::{limits, show::grouped};

/// Returns a hint that names the option, if there is one, or else the hint of the library.
pub fn of(error: &Error) -> Option<String> {
    match error {
        Error::Stopped(stopped) => {
            let keys: &[&str] = match stopped.reason {
                StopReason::Limit(LimitExceeded::Fuel { .. }) => &["limits.fuel"],
                StopReason::Limit(LimitExceeded::Memory { .. }) => &["limits.memory_bytes"],
                StopReason::Limit(LimitExceeded::Table { .. }) => &["limits.table_elements"],
                StopReason::Limit(LimitExceeded::Stack { .. }) => &["limits.call_depth", "limits.value_stack_bytes"],
                StopReason::Limit(LimitExceeded::Output { .. }) => &["limits.output_bytes"],
                StopReason::Limit(LimitExceeded::HostCalls { .. }) => &["limits.host_calls"],
                StopReason::Host(HostStop::Deadline { .. }) => &["deadline_ms"],
                StopReason::Limit(LimitExceeded::Transcript { .. }) => {
                    return Some("raise it with `--record-limit`".into());
                }
                StopReason::Guest(GuestFault::Denied { ref capability, .. }) if capability == "http" => {
                    let hint = "`--allow-http` grants requests, `--allow-http-private` addresses that are not public";
                    return Some(hint.into());
                }
                _ => return error.hint(),
            };
            let flags: Vec<_> =
                keys.iter().filter_map(|key| limits::flag_of(key)).map(|flag| format!("`--{flag}`")).collect();
            Some(format!("raise it with {} if the guest may use more", flags.join(" or ")))
        }
        Error::Module(refused) => match &**refused {
            // Not every command has an option for the limit.
            ModuleError::Limit { key, found, .. } => {
                let key = Config::keys().find(|k| k.path == *key)?;
                let set = format!("raise it with `--set {}=…`", key.path);
                match *found {
                    found if found > key.max => Some(format!("the maximum is {}", grouped(key.max))),
                    found if found > key.large => Some(set),
                    _ => Some(format!("{set}, or choose `--profile large`")),
                }
            }
            ModuleError::NotWasm { like: Some(FileFormat::WasmText), .. } => {
                Some("read WebAssembly text with `--text`".into())
            }
            // The library advises to register host functions, which the command line cannot.
            ModuleError::Imports { imports, .. }
                if !imports.iter().any(|import| {
                    import.module.starts_with("wasi_") || import.module == "http" || import.refused.is_some()
                }) =>
            {
                Some("only the functions of `env` are provided; `belljar inspect` marks what is missing".into())
            }
            _ => error.hint(),
        },
        _ => error.hint(),
    }
}

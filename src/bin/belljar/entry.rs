//! Checks of a module before its run: its entry function, and the options that apply to it.

use belljar::{
    CallError, Error, abi,
    inspect::{ExternType, Inspection},
};

use crate::{capabilities::CapabilityArgs, console::Console, show, source::Source};

/// Prints a note with the file and the size of a module.
pub fn note(source: &Source, about: &Inspection, console: &Console) {
    let counts = [show::count(about.size_bytes, "byte"), show::count(about.functions, "function")];
    console.note(format_args!("module: {}, {}", source.name(), counts.join(", ")));
}

/// Checks whether an error says that the module has no entry function.
pub fn is_missing(error: &Error) -> bool {
    matches!(error, Error::Call(cause) if matches!(**cause, CallError::NoEntry { .. }))
}

/// Returns the first option that only a WASI program can use, or "arguments", if the module is not a WASI program.
pub fn unusable_option(capabilities: &CapabilityArgs, args: &[String], about: &Inspection) -> Option<String> {
    let option = capabilities.wasi_only().map(|option| format!("`{option}`"));
    let given = option.or_else(|| (!args.is_empty()).then(|| "arguments".into()));
    given.filter(|_| !is_wasi_program(about))
}

/// Checks that there is an entry function, and that the exports that the ABI defines have the right types.
pub fn is_valid(about: &Inspection) -> bool {
    let fits = |entry: &abi::Entry| {
        let mut exports = about.exports.iter().filter(|export| export.name == entry.name);
        exports.all(|export| match &export.ty {
            ExternType::Function(ty) => ty.params == entry.params && ty.results == entry.results,
            _ => false,
        })
    };
    about.capabilities().entry.is_some() && abi::ENTRIES.iter().all(fits)
}

fn is_wasi_program(about: &Inspection) -> bool {
    about.imports.iter().any(|import| abi::wasi::import(&import.module, &import.name).is_some())
}

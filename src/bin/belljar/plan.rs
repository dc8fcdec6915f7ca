//! `belljar run --plan`: capabilities that a module imports and the effective configuration; nothing is run.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io::{self, Write as _},
};

use belljar::{
    Config,
    abi::{Builtin, Capability},
    config::Setting,
    inspect::{Capabilities, Import, Inspection},
};
use serde::Serialize;

use crate::{
    capabilities::granted,
    console::Console,
    exceeded::Exceeded,
    failure::Failure,
    json,
    options::Format,
    origin::Origins,
    show::{count, grouped, name},
};

/// Columns of the page.
const WIDTH: usize = 100;

/// Columns of a value beside its key.
const VALUE: usize = 23;

/// Prints the plan of a run.
pub fn print(
    file: &str,
    about: &Inspection,
    exceeded: &[Exceeded],
    config: &Config,
    origins: &Origins,
    console: &Console,
) -> Result<(), Failure> {
    let keys = config.enforcement();
    let keys: Vec<_> = keys.into_iter().map(|setting| (origins.of(&setting, config), setting)).collect();
    let written = if console.format == Format::Human {
        let mut stdout = io::stdout().lock();
        stdout.write_all(page(file, about, exceeded, config, &keys).as_bytes()).and_then(|()| stdout.flush())
    } else {
        let keys = keys.iter().map(|(from, setting)| Key { setting, from }).collect();
        let (powers, asks) = (about.capabilities(), imported(about));
        json::print(console.format, &Document { file, powers, asks, exceeded, keys })
    };
    written.map_err(|e| Failure::stdout(&e))
}

#[derive(Serialize)]
struct Document<'a> {
    file: &'a str,
    powers: Capabilities,
    asks: Vec<Imported>,
    /// Limits that the module exceeds, so that it is refused.
    exceeded: &'a [Exceeded],
    keys: Vec<Key<'a>>,
}

/// A key, and the origin of its value.
#[derive(Serialize)]
struct Key<'a> {
    #[serde(flatten)]
    setting: &'a Setting,
    from: &'a str,
}

/// A capability, and the functions that a module imports for it.
#[derive(Serialize)]
struct Imported {
    power: &'static str,
    functions: BTreeSet<String>,
}

fn imported(about: &Inspection) -> Vec<Imported> {
    let all = Capability::ALL.into_iter().map(|capability| {
        let is = |import: &&Import| {
            let builtin = Builtin::of(&import.module, &import.name);
            builtin.is_some_and(|builtin| builtin.capabilities().contains(&capability))
        };
        let functions = about.imports.iter().filter(is).map(|import| import.name.clone()).collect();
        Imported { power: capability.name(), functions }
    });
    all.filter(|one| !one.functions.is_empty()).collect()
}

/// Formats the plan as text.
fn page(file: &str, about: &Inspection, exceeded: &[Exceeded], config: &Config, keys: &[(String, Setting)]) -> String {
    let entry = about.capabilities().entry.map_or("no entry".into(), |entry| format!("entry {entry}"));
    let mut page = format!("{file}: {}, {entry}\n\nit can ask for\n", count(about.size_bytes, "byte"));
    let all = imported(about);
    for Imported { power, functions } in &all {
        let functions: Vec<_> = functions.iter().map(String::as_str).collect();
        wrapped(&mut page, &format!("  {power:<11}"), &functions.join(", "));
    }
    if all.is_empty() {
        page.push_str("  nothing\n");
    }
    page.push_str("\nit is granted\n");
    wrapped(&mut page, "  ", &granted(config));

    let width = keys.iter().map(|(_, setting)| name(&setting.key).chars().count()).filter(|w| *w <= 32).max();
    let width = width.unwrap_or(0);
    let _ = writeln!(page, "\n{:<width$}  {:<VALUE$}  from", "key", "value");
    for (index, (from, setting)) in keys.iter().enumerate() {
        let key = name(&setting.key);
        let value = value(setting);
        if key.chars().count() <= width && value.chars().count() <= VALUE {
            let _ = writeln!(page, "{key:<width$}  {value:<VALUE$}  {}", name(from));
        } else {
            let _ = writeln!(page, "{key:<width$}  {:<VALUE$}  {}", "", name(from));
            wrapped(&mut page, "  = ", &value);
        }
        if let Some(exceeded) = exceeded.iter().find(|exceeded| exceeded.key == setting.key) {
            wrapped(&mut page, "  ! ", &format!("the module exceeds it: {}", exceeded.found()));
        }
        // Neighbours that are enforced in the same way share one line.
        if keys.get(index + 1).is_none_or(|(_, next)| next.enforced != setting.enforced) {
            wrapped(&mut page, "    ", setting.enforced);
        }
    }
    page
}

/// Formats a value as TOML writes it, numbers with grouped digits.
fn value(setting: &Setting) -> String {
    let value = setting.value.as_deref().unwrap_or("off");
    value.parse().map_or_else(|_| belljar::text::escape(value, 4096).to_string(), grouped)
}

/// Writes a text after its head, wrapped and indented.
fn wrapped(page: &mut String, head: &str, text: &str) {
    let indent = head.chars().count();
    let mut line = head.to_owned();
    let mut empty = true;
    for word in text.split(' ') {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(page, "{}", line.trim_end());
            line = " ".repeat(indent);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    let _ = writeln!(page, "{}", line.trim_end());
}

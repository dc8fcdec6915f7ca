//! `belljar run --plan`: what a module can ask for, and all that is in force, without running anything of it.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io::{self, Write as _},
};

use belljar::{Config, Inspection, Powers, Setting, abi};
use serde::Serialize;

use crate::{
    args::Format,
    capabilities::granted,
    console::Console,
    failure::Failure,
    json,
    origin::Origins,
    show::{count, grouped, name},
};

/// Columns of the page.
const WIDTH: usize = 100;

/// Columns of a value that stands beside its key.
const VALUE: usize = 23;

/// What the names of functions mean.
const POWERS: [(&str, &[&str]); 10] = [
    ("input", &["read_input", "host_read_input", "input_len", "host_get_input_len", "fd_read"]),
    ("output", &["write_output", "host_write_output", "fd_write"]),
    ("log", &["log", "host_log", "log_at", "fd_write"]),
    ("arguments", &["args_get", "args_sizes_get"]),
    ("variables", &["environ_get", "environ_sizes_get"]),
    ("clock", &["clock_time_get", "clock_res_get", "poll_oneoff"]),
    ("random", &["random_get"]),
    ("files", &["path_*", "fd_prestat_get", "fd_prestat_dir_name", "fd_readdir"]),
    ("requests", &["send", "headers_len", "read_headers", "body_len", "read_body"]),
    ("end", &["fail", "abort", "proc_exit"]),
];

/// Tells it.
pub fn tell(
    file: &str,
    about: &Inspection,
    config: &Config,
    origins: &Origins,
    console: &Console,
) -> Result<(), Failure> {
    let keys = config.enforcement();
    let keys: Vec<_> = keys.into_iter().map(|setting| (origins.of(&setting, config), setting)).collect();
    let written = if console.format == Format::Human {
        let mut stdout = io::stdout().lock();
        stdout.write_all(page(file, about, config, &keys).as_bytes()).and_then(|()| stdout.flush())
    } else {
        let keys = keys.iter().map(|(from, setting)| Key { setting, from }).collect();
        json::print(console.format, &Document { file, powers: about.powers(), asks: asks(about), keys })
    };
    written.map_err(|e| Failure::stdout(&e))
}

#[derive(Serialize)]
struct Document<'a> {
    file: &'a str,
    powers: Powers,
    asks: Vec<Ask>,
    keys: Vec<Key<'a>>,
}

/// A key, and where its value is from.
#[derive(Serialize)]
struct Key<'a> {
    #[serde(flatten)]
    setting: &'a Setting,
    from: &'a str,
}

/// A power that a module can ask for, and the functions that it imports for it.
#[derive(Serialize)]
struct Ask {
    power: &'static str,
    functions: BTreeSet<String>,
}

fn asks(about: &Inspection) -> Vec<Ask> {
    let provided = |module: &str, name: &str| {
        (module == abi::MODULE && abi::function(name).is_some())
            || abi::wasi::import(module, name).is_some()
            || abi::http::import(module, name).is_some()
    };
    let imports = || about.imports.iter().filter(|import| provided(&import.module, &import.name));
    let all = POWERS.iter().map(|(power, names)| {
        let is = |function: &str| {
            let fits =
                |name: &&str| name.strip_suffix('*').map_or(*name == function, |start| function.starts_with(start));
            names.iter().any(fits)
        };
        let functions = imports().filter(|import| is(&import.name)).map(|import| import.name.clone()).collect();
        Ask { power, functions }
    });
    all.filter(|ask| !ask.functions.is_empty()).collect()
}

/// The page for people.
fn page(file: &str, about: &Inspection, config: &Config, keys: &[(String, Setting)]) -> String {
    let entry = about.powers().entry.map_or("no entry".into(), |entry| format!("entry {entry}"));
    let mut page = format!("{file}: {}, {entry}\n\nit can ask for\n", count(about.size_bytes, "byte"));
    let asks = asks(about);
    for Ask { power, functions } in &asks {
        let functions: Vec<_> = functions.iter().map(String::as_str).collect();
        wrapped(&mut page, &format!("  {power:<11}"), &functions.join(", "));
    }
    if asks.is_empty() {
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
        // Neighbours that are enforced in the same way are told so once.
        if keys.get(index + 1).is_none_or(|(_, next)| next.enforced != setting.enforced) {
            wrapped(&mut page, "    ", setting.enforced);
        }
    }
    page
}

/// A value as TOML has it, a number with its thousands apart.
fn value(setting: &Setting) -> String {
    let value = setting.value.as_deref().unwrap_or("off");
    value.parse().map_or_else(|_| belljar::escape(value, 4096).to_string(), grouped)
}

/// A text behind its head, on as many lines as it needs.
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

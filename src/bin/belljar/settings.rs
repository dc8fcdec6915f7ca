//! The configuration that the options mean: defaults, then profile, then file, then options.

use std::path::{Path, PathBuf};

use belljar::{Access, Config, ConfigError, ConfigProblem, Error, HostDir, MAX_TEXT_BYTES, Sandbox, Setting};

use crate::{
    args::{self, ConfigArgs, RunArgs},
    console::Console,
    failure::Failure,
    limits::{LimitArgs, Typed},
    show,
    size::form_of,
    source::Source,
};

/// The file that is read without being asked for.
const FOUND: &str = "belljar.toml";

/// The sandbox that the options mean.
pub fn sandbox(args: &ConfigArgs, limits: &LimitArgs, console: &Console) -> Result<Sandbox, Failure> {
    Sandbox::new(config(args, limits, console)?).map_err(Failure::of)
}

/// The sandbox of a run, for a program that may have arguments and an environment.
pub fn sandbox_of_run(args: &RunArgs, console: &Console) -> Result<Sandbox, Failure> {
    let mut config = config(&args.config, &args.limits, console)?;
    if args.function.is_none() && !args.args.is_empty() {
        config.wasi.args.clone_from(&args.args);
    }
    for text in &args.env {
        let Some((name, value)) = text.split_once('=') else {
            let message = format!("--env: `{}` is not NAME=VALUE", show::name(text));
            return Err(Failure::usage(message).with_hint("for example `--env LANG=C`"));
        };
        config = config.with_env(name, value);
    }
    let read = args.allow_read.iter().map(|text| ("--allow-read", text, Access::Read));
    let written = [("--allow-write", &args.allow_write), ("--dir", &args.dir)];
    let written = written.iter().flat_map(|(option, texts)| texts.iter().map(|text| (*option, text, Access::Write)));
    for (option, text, access) in read.chain(written) {
        config = config.with_dir(directory(option, text, access)?);
    }
    for dir in &config.wasi.dirs {
        let access = if dir.access == Access::Write { "to read and write" } else { "to read" };
        console.note(format_args!("directory: {} as {}, {access}", show::name(&dir.host), show::name(&dir.guest)));
    }
    if let (Some(key), Some(_), None) = (config.effect(), &args.receipt, &args.record) {
        let message = format!("--receipt: `{key}` is of the host, so that nobody could check a receipt alone");
        return Err(Failure::usage(message).with_hint("add `--record FILE`: with its transcript it can be checked"));
    }
    Sandbox::new(config).map_err(Failure::of)
}

/// A directory as it is typed: `HOST`, or `HOST::GUEST`.
fn directory(option: &str, text: &str, access: Access) -> Result<HostDir, Failure> {
    let (host, guest) = match text.split_once("::") {
        Some((host, guest)) => (host, guest.to_owned()),
        None => (text, format!("/{}", text.trim_start_matches("./").trim_start_matches('/'))),
    };
    let guest = match guest.trim_end_matches('/') {
        "" | "/." | "." => "/".to_owned(),
        guest => guest.to_owned(),
    };
    if host.is_empty() || !guest.starts_with('/') || guest.split('/').any(|name| name == "..") {
        let message = format!("{option}: `{}` is not HOST or HOST::GUEST with an absolute GUEST", show::name(text));
        return Err(Failure::usage(message).with_hint("for example `--allow-read ../data::/data`"));
    }
    Ok(match access {
        Access::Write => HostDir::write(host, guest),
        _ => HostDir::read(host, guest),
    })
}

fn config(args: &ConfigArgs, limits: &LimitArgs, console: &Console) -> Result<Config, Failure> {
    let profile = args.profile.map(|profile| match profile {
        args::Profile::Plugin => belljar::Profile::Plugin,
        args::Profile::Large => belljar::Profile::Large,
    });
    let mut config = match file(args) {
        None => Config::profile(profile.unwrap_or_default()),
        Some(path) => read(&path, profile, console)?,
    };
    // It may have come with the module: that it lies here is no consent.
    if args.config.is_none() && !config.wasi.dirs.is_empty() {
        let message = "`wasi.dirs`: a configuration that was only found opens no directories of the host";
        return Err(Failure::config(message).with_hint(format!("say `--config {FOUND}`")).in_file(FOUND));
    }
    if let Some(on) = args.on_growth_limit {
        config.on_growth_limit = match on {
            args::OnGrowthLimit::Stop => belljar::OnGrowthLimit::Stop,
            args::OnGrowthLimit::Refuse => belljar::OnGrowthLimit::Refuse,
        };
    }
    let mut typed = limits.0.clone();
    for text in &args.set {
        typed.push(set(text)?);
    }
    for (i, one) in typed.iter().enumerate() {
        if let Some(other) = typed[..i].iter().find(|other| other.key == one.key) {
            let key = show::name(&one.key);
            return Err(Failure::usage(format!("`{key}` is set twice: by {} and {}", other.option, one.option)));
        }
        apply(&mut config, one)?;
    }
    describe(&config, console);
    Ok(config)
}

/// The configuration file, if there is one.
fn file(args: &ConfigArgs) -> Option<PathBuf> {
    if args.no_config {
        return None;
    }
    // A file that is there but cannot be read is an error, not the same as none.
    args.config.clone().or_else(|| Path::new(FOUND).symlink_metadata().is_ok().then(|| FOUND.into()))
}

fn read(path: &Path, profile: Option<belljar::Profile>, console: &Console) -> Result<Config, Failure> {
    let source = Source::File(path.into());
    let text = source.text(MAX_TEXT_BYTES)?;
    let config = match profile {
        Some(profile) => Config::from_toml_with_profile(&text, profile),
        None => Config::from_toml(&text),
    };
    let found = if path == Path::new(FOUND) { ", found in the current directory" } else { "" };
    console.note(format_args!("configuration: {}{found}", source.name()));
    config.map_err(|error| Failure::of(error).in_file(source.name()))
}

fn set(text: &str) -> Result<Typed, Failure> {
    let Some((key, value)) = text.split_once('=') else {
        let message = format!("--set: `{}` is not KEY=VALUE", show::name(text));
        return Err(Failure::usage(message).with_hint("for example `--set limits.fuel=10M`"));
    };
    let key = key.trim();
    Ok(Typed { option: format!("--set {}", show::name(key)), key: key.into(), value: value.trim().into() })
}

fn apply(config: &mut Config, typed: &Typed) -> Result<(), Failure> {
    let wrong = |message: String| Failure::usage(format!("{}: {message}", typed.option));
    let key = Config::keys().find(|key| key.path == typed.key);
    // Whether the number fits, and whether there is such a key, the library says.
    let value = key.map_or(Ok(0), |key| form_of(&key).parse(&typed.value)).map_err(wrong)?;
    config.set(&typed.key, value).map_err(|error| match &error {
        Error::Config(cause) => {
            let message = format!(
                "{}: {}",
                typed.option,
                out_of_range(cause, &typed.value).unwrap_or_else(|| cause.problem.to_string())
            );
            Failure::of(error.clone()).with_message(message)
        }
        _ => Failure::of(error),
    })
}

/// The range as people write it.
fn out_of_range(error: &ConfigError, value: &str) -> Option<String> {
    let ConfigProblem::OutOfRange { min, max, unit, .. } = &error.problem else { return None };
    let [min, max] = [*min, *max].map(show::grouped);
    Some(format!("`{}` is outside {min} to {max} ({unit})", show::name(value)))
}

/// Says which values are in force that the profile does not give.
fn describe(config: &Config, console: &Console) {
    let set = config.enforcement().into_iter().filter(|setting| setting.value != setting.default);
    let values: Vec<_> = set.filter(|setting| setting.key != "profile").map(|setting| shown(&setting)).collect();
    let profile = match config.profile {
        belljar::Profile::Large => "large",
        _ => "plugin",
    };
    let but = if values.is_empty() { "" } else { ", but " };
    console.note(format_args!("settings: profile `{profile}`{but}{}", values.join(", ")));
}

/// A setting as TOML has it, its number with the thousands apart.
fn shown(setting: &Setting) -> String {
    let value = setting.value.as_deref().unwrap_or("off");
    let value = value.parse().map_or_else(|_| show::name(value), show::grouped);
    format!("{} = {value}", show::name(&setting.key))
}

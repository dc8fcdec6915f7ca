//! Configuration from defaults, profile and preset, file and options; later ones override earlier ones.

use std::path::{Path, PathBuf};

use belljar::{
    Config, ConfigError, Error, Sandbox,
    config::{DirAccess, MAX_TEXT_BYTES, Preset, Setting},
    error::ConfigProblem,
    tool::Policy,
};

use crate::{
    capabilities::{CapabilityArgs, granted},
    console::Console,
    failure::Failure,
    limits::{LimitArgs, Typed},
    options::{ConfigArgs, GrantArgs},
    origin::Origins,
    show, size,
    source::Source,
};

/// The configuration file that is read from the current directory without an option.
const FOUND: &str = "belljar.toml";

/// Returns the sandbox that the options configure, and the origin of each of its settings.
pub fn sandbox(args: &ConfigArgs, limits: &LimitArgs, console: &Console) -> Result<(Sandbox, Origins), Failure> {
    let (policy, origins) = policy(args, limits, Vec::new(), console)?;
    let config = bounded(&policy, policy.config().clone(), &origins, console)?;
    describe(&config, &origins, console);
    Ok((Sandbox::new(config).map_err(Failure::of)?, origins))
}

/// Returns the policy for tools: that of the file, with the options applied to all tools.
pub fn of_tools(args: &GrantArgs, console: &Console) -> Result<(Policy, Origins), Failure> {
    let (policy, mut origins) = policy(&args.config, &args.limits, args.capabilities.typed()?, console)?;
    let mut config = policy.config().clone();
    args.capabilities.apply(&mut config, &mut origins)?;
    describe(&config, &origins, console);
    Ok((policy.with_config(config), origins))
}

/// Returns the configuration of a run: that of the policy, with the options and the program's arguments applied.
pub fn config(
    args: &ConfigArgs,
    limits: &LimitArgs,
    capabilities: &CapabilityArgs,
    program: &[String],
    console: &Console,
) -> Result<(Config, Origins), Failure> {
    let (policy, mut origins) = policy(args, limits, capabilities.typed()?, console)?;
    let mut config = policy.config().clone();
    if !program.is_empty() {
        config.wasi.args = program.to_vec();
        origins.set("ARGS", "wasi.args");
    }
    capabilities.apply(&mut config, &mut origins)?;
    let config = bounded(&policy, config, &origins, console)?;
    describe(&config, &origins, console);
    Ok((config, origins))
}

/// Lowers a configuration to the ceiling. An option above the ceiling is an error.
fn bounded(policy: &Policy, config: Config, origins: &Origins, console: &Console) -> Result<Config, Failure> {
    let (bounded, above) = policy.bounded(config);
    for line in above {
        let [ceiling, value] =
            [&line.ceiling, &line.effective].map(|text| show::name(text.as_deref().unwrap_or("nothing")));
        let place = line.ceiling_by.and_then(|place| origins.at(place.line?));
        let by = place.map_or(String::new(), |place| format!(", set in {place}"));
        if let Some(option) = origins.option(&line.key) {
            let message = format!("{option}: the ceiling of `{}` is {ceiling}{by}", line.key);
            return Err(
                Failure::usage(message).with_hint("ask for less; only who keeps that file may raise the ceiling")
            );
        }
        console.note(format_args!("ceiling: {} = {value}{by}", line.key));
    }
    Ok(bounded)
}

fn policy(
    args: &ConfigArgs,
    limits: &LimitArgs,
    more: Vec<Typed>,
    console: &Console,
) -> Result<(Policy, Origins), Failure> {
    let (profile, preset) = (args.profile, args.preset);
    let file = file(args);
    let text = match &file {
        Some(path) if args.config.is_none() => Source::Found(path.clone()).text(MAX_TEXT_BYTES)?,
        Some(path) => Source::File(path.clone()).text(MAX_TEXT_BYTES)?,
        None => String::new(),
    };
    let read = Policy::from_toml_with(&text, profile, preset);
    let (policy, mut origins) = match &file {
        Some(path) => {
            let found = if path == Path::new(FOUND) { ", found in the current directory" } else { "" };
            console.note(format_args!("configuration: {}{found}", show::path(path)));
            let policy = read.map_err(|error| Failure::of(error).in_file(show::path(path)))?;
            if args.config.is_none() {
                check_consent(&policy, preset)?;
            }
            let origins = Origins::of_file(show::path(path), &policy);
            (policy, origins)
        }
        None => (read.map_err(Failure::of)?, Origins::default()),
    };
    let mut config = policy.config().clone();
    if let Some(preset) = preset {
        origins.set_preset(preset.name());
    }
    if profile.is_some() {
        origins.set("--profile", "profile");
    }
    if let Some(on) = args.on_growth_limit {
        origins.set("--on-growth-limit", "on_growth_limit");
        config.on_growth_limit = on;
    }
    let mut typed = limits.0.clone();
    for text in &args.set {
        typed.push(set(text)?);
    }
    typed.extend(more);
    for (i, one) in typed.iter().enumerate() {
        if let Some(other) = typed.iter().take(i).find(|other| other.key == one.key) {
            let key = show::name(&one.key);
            return Err(Failure::usage(format!("`{key}` is set twice: by {} and {}", other.option, one.option)));
        }
        apply(&mut config, one)?;
        origins.set(one.option.split(' ').next().unwrap_or_default(), &one.key);
    }
    Ok((policy.with_config(config), origins))
}

/// Refuses effects that a found file grants: the file may have come with the module.
fn check_consent(policy: &Policy, preset: Option<Preset>) -> Result<(), Failure> {
    let mut config = policy.config().clone();
    if preset == Some(Preset::Development) {
        // The option consents to these.
        (config.wasi.clock, config.wasi.random) = Default::default();
    }
    let effect = config.effect().map(|key| format!("`{key}`"));
    let of_tool = || policy.effect_of_tools().map(|(tool, key)| format!("`{key}` of tool `{}`", show::name(tool)));
    let Some(effect) = effect.or_else(of_tool) else { return Ok(()) };
    let failure = Failure::config(format!("{effect}: a configuration that was only found grants no effects"));
    Err(failure.with_hint(format!("to allow them, name it with `--config {FOUND}`")).in_file(FOUND))
}

/// Returns the path of the configuration file, if there is one.
fn file(args: &ConfigArgs) -> Option<PathBuf> {
    if args.no_config {
        return None;
    }
    // A file that exists but cannot be read is an error.
    args.config.clone().or_else(|| Path::new(FOUND).symlink_metadata().is_ok().then(|| FOUND.into()))
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
    // The library checks the range, and that the key exists.
    let read = if typed.option.starts_with("--set ") { size::parse } else { size::parse_option };
    let value = key.map_or(Ok(0), |key| read(key.notation(), &typed.value)).map_err(wrong)?;
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

/// Formats a range error with grouped digits.
fn out_of_range(error: &ConfigError, value: &str) -> Option<String> {
    let ConfigProblem::OutOfRange { min, max, unit, .. } = &error.problem else { return None };
    let [min, max] = [*min, *max].map(show::grouped);
    Some(format!("`{}` is outside {min} to {max} ({unit})", show::name(value)))
}

/// Prints the values that differ from the profile, and the capabilities of a preset.
fn describe(config: &Config, origins: &Origins, console: &Console) {
    for dir in &config.wasi.dirs {
        let access = if dir.access == DirAccess::Write { "to read and write" } else { "to read" };
        console.note(format_args!("directory: {} as {}, {access}", show::name(&dir.host), show::name(&dir.guest)));
    }
    if let Some(preset) = origins.preset() {
        console.granted(format_args!("{} ({})", granted(config), show::name(preset)));
    }
    if !console.is_verbose() {
        return;
    }
    let set = config.enforcement().into_iter().filter(|setting| setting.value != setting.default);
    let values: Vec<_> = set.filter(|setting| setting.key != "profile").map(|setting| shown(&setting)).collect();
    let profile = config.profile.name();
    let but = if values.is_empty() { "" } else { ", but " };
    console.note(format_args!("settings: profile `{profile}`{but}{}", values.join(", ")));
}

/// Formats a setting as TOML writes it, numbers with grouped digits.
fn shown(setting: &Setting) -> String {
    let value = setting.value.as_deref().unwrap_or("off");
    let value = value.parse().map_or_else(|_| show::name(value), show::grouped);
    format!("{} = {value}", show::name(&setting.key))
}

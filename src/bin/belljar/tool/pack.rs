//! `belljar pack`: a module with a manifest in it.

use std::io::Write;

use belljar::{Config, MAX_MANIFEST_BYTES, Manifest, Profile, Sandbox};
use serde::Serialize;

use super::{args::PackArgs, failure, read};
use crate::{
    args::Format,
    console::Console,
    exit::Exit,
    failure::Failure,
    file, json,
    show::{self, count, name},
    source::Source,
};

/// Puts a manifest into a module.
pub fn pack(args: &PackArgs, console: &Console) -> Result<Exit, Failure> {
    let (module, text) = (Source::of(&args.module), Source::of(&args.manifest));
    if (&module, &text) == (&Source::Stdin, &Source::Stdin) {
        return Err(Failure::usage("module and manifest cannot both be read from stdin"));
    }
    let manifest = Manifest::from_toml(&text.text(MAX_MANIFEST_BYTES)?)
        .map_err(|error| failure(&error.into()).with_exit(Exit::Usage).in_file(text.name()))?;
    let wasm = read(&module, args.text)?;
    let mut config = Config::profile(Profile::Large);
    config.module.size_bytes = wasm.len().max(8) as u64;
    let sandbox = Sandbox::new(config).map_err(Failure::of)?;
    sandbox.inspect(&wasm).map_err(|error| Failure::of(error).in_file(module.name()))?;
    let packed = manifest.pack(&wasm).map_err(|error| failure(&error.into()).in_file(module.name()))?;
    file::write(&args.output, &packed)?;
    if args.output.as_os_str() == "-" {
        return Ok(Exit::Done);
    }
    let file = show::path(&args.output);
    let (size_bytes, sha256) = (packed.len() as u64, belljar::receipt::Digest::of(&packed).sha256);
    if console.format != Format::Human {
        let document = Document { file, name: &manifest.name, version: &manifest.version, size_bytes, sha256 };
        json::print(console.format, &document).map_err(|e| Failure::stdout(&e))?;
    } else if !console.is_quiet() {
        let called = format!("{} {}", manifest.name, name(&manifest.version));
        let line = format!("{file}: {} ({}, SHA-256 {sha256})", called.trim_end(), count(size_bytes, "byte"));
        writeln!(std::io::stdout().lock(), "{line}").map_err(|e| Failure::stdout(&e))?;
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Document<'a> {
    file: String,
    name: &'a str,
    version: &'a str,
    size_bytes: u64,
    sha256: String,
}

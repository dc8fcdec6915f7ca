//! `belljar pack`: a manifest, embedded into a module.

use std::{io::Write, path::PathBuf};

use belljar::{
    Config, Profile, Sandbox,
    tool::{MAX_MANIFEST_BYTES, Manifest},
};
use clap::Args;
use serde::Serialize;

use super::{failure, read};
use crate::{
    console::Console,
    exit::Exit,
    failure::Failure,
    file, json,
    options::{Format, LookArgs},
    show::{self, count, name},
    source::Source,
};

/// The text below the options in `--help`.
const HELP: &str = "\
Examples:
  belljar pack tool.wasm --manifest tool.toml -o tool.wasm
  belljar pack tool.wat --manifest tool.toml -o tool.wasm

A manifest that the module has already is replaced. The smallest manifest:

  name = \"upper\"
  description = \"Writes a text in capital letters.\"

Other keys are version, title, args, input and output (JSON Schemas), requires and optional (keys
as in belljar.toml), and examples.

Exit status:
  0  done
  2  usage or I/O; or the manifest is invalid
  3  the module was refused: malformed or invalid";

/// Embed a manifest into a module: its name, schemas, examples and the capabilities it requests
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct PackArgs {
    /// The module, a `.wasm` or `.wat` file; `-` reads it from stdin
    module: PathBuf,
    /// The manifest, in TOML; `-` reads it from stdin
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,
    /// Write the module with the manifest to this file, which may be the module's own; `-` is stdout
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Read the module as WebAssembly text, as a file that begins like text is without it
    #[arg(long)]
    text: bool,
    #[command(flatten)]
    look: LookArgs,
}

impl PackArgs {
    /// Returns the output options.
    pub fn look(&self) -> LookArgs {
        self.look
    }

    /// Embeds a manifest into a module.
    pub fn run(&self, console: &Console) -> Result<Exit, Failure> {
        let (module, text) = (Source::of(&self.module), Source::of(&self.manifest));
        if (&module, &text) == (&Source::Stdin, &Source::Stdin) {
            return Err(Failure::usage("module and manifest cannot both be read from stdin"));
        }
        let manifest = Manifest::from_toml(&text.text(MAX_MANIFEST_BYTES)?)
            .map_err(|error| failure(&error.into()).with_exit(Exit::Usage).in_file(text.name()))?;
        let wasm = read(&module, self.text)?;
        let mut config = Config::profile(Profile::Large);
        config.module.size_bytes = wasm.len().max(8) as u64;
        let sandbox = Sandbox::new(config).map_err(Failure::of)?;
        sandbox.inspect(&wasm).map_err(|error| Failure::of(error).in_file(module.name()))?;
        let packed = manifest.pack(&wasm).map_err(|error| failure(&error.into()).in_file(module.name()))?;
        file::write(&self.output, &packed)?;
        if self.output.as_os_str() == "-" {
            return Ok(Exit::Done);
        }
        let file = show::path(&self.output);
        let (size_bytes, sha256) = (packed.len() as u64, belljar::record::Digest::of(&packed).sha256);
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
}

#[derive(Serialize)]
struct Document<'a> {
    file: String,
    name: &'a str,
    version: &'a str,
    size_bytes: u64,
    sha256: String,
}

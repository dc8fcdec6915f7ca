//! `belljar debug`: a debugger that goes forwards and backwards.

use std::path::{Path, PathBuf};

use clap::Args;

use self::{files::Files, prepared::Prepared, session::Session};
use crate::{
    console::Console,
    exit::Exit,
    failure::Failure,
    job::JobArgs,
    options::{Format, LookArgs},
};

mod command;
mod commands;
mod dap;
mod dump;
mod files;
mod nearest;
mod place;
mod points;
mod prepared;
mod session;
mod terminal;
mod words;

/// The text below the options in `--help`.
const HELP: &str = "\
Examples:
  belljar debug tool.wasm --input input.json
  echo 'break parse
  continue
  reverse-step' | belljar debug tool.wasm --input-text '[1, 2'
  belljar debug --dap

The module is run once, and what it gets from the host is recorded; nothing is asked of the host again. Commands are
read from stdin, one a line, in the words of GDB: `help` lists them. So the input is never read from stdin.

With --dap, an editor debugs by the Debug Adapter Protocol over stdin and stdout. Its launch request may name the module
and the input: program, entry, args, input, inputFile, sources, stopOnEntry, stopOnEnd.

Exit status:
  0  the commands have ended, however the run ends
  2  usage, configuration or I/O
  3  the module is refused";

/// Debug a run of a module, forwards and backwards
#[derive(Debug, Args)]
#[command(
    after_help = HELP,
    // `-` stands for a module that the client names.
    mut_arg("module", |module| {
        module.required(false).required_unless_present("dap").default_value_if("dap", "true", "-").help(MODULE_HELP)
    }),
    // So that they stay behind the module.
    mut_arg("args", |args| args),
    mut_arg("input", |input| input.help("Read the input from this file [default: no input]"))
)]
pub struct DebugArgs {
    #[command(flatten)]
    job: JobArgs,
    /// Look for the files of the source below this directory, then below the current one and that of the module
    #[arg(long, value_name = "DIR")]
    sources: Vec<PathBuf>,
    /// Serve the Debug Adapter Protocol
    #[arg(long)]
    dap: bool,
    #[command(flatten)]
    look: LookArgs,
}

const MODULE_HELP: &str = "The module, a binary `.wasm` file; with --dap, the client may name it";

impl DebugArgs {
    /// Returns the output options.
    pub fn look(&self) -> LookArgs {
        self.look
    }

    /// Runs a module, and follows commands about it.
    pub fn run(&self, console: &Console) -> Result<Exit, Failure> {
        if console.format != Format::Human {
            return Err(Failure::usage("`--format`: a debugger has no document")
                .with_hint("programs use the Debug Adapter Protocol: `--dap`"));
        }
        let is_stdin = |path: Option<&PathBuf>| path.is_some_and(|path| path == Path::new("-"));
        let is_module_missing = is_stdin(Some(&self.job.module));
        if is_stdin(self.job.input.as_ref()) || is_module_missing && !self.dap {
            return Err(Failure::usage("-: commands are read from stdin, and nothing else"));
        }
        if self.dap {
            return dap::serve(&self.job, &self.sources, console);
        }
        let prepared = Prepared::new(&self.job, console)?;
        let files = Files::new(&self.sources, &self.job.module);
        let session = Session::new(prepared.debugger(console)?, files);
        terminal::follow(session)
    }
}

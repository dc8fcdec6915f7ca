//! The entry of runs that the command line asks for, and their sandbox.

use belljar::{FuncType, Sandbox, ValueType, inspect::Inspection};
use clap::Args;

use crate::{
    argument::{self, Call},
    capabilities::CapabilityArgs,
    console::Console,
    entry,
    failure::Failure,
    limits::LimitArgs,
    options::ConfigArgs,
    origin::Origins,
    settings,
    source::Source,
};

/// The entry of runs, its arguments, and the sandbox. The command defines the module, which comes before the arguments.
#[derive(Debug, Clone, Args)]
pub struct CallArgs {
    /// Call this export with ARGS, and print its results one a line
    #[arg(short = 'e', long, value_name = "NAME", display_order = 0)]
    pub function: Option<String>,
    /// Arguments of the export, one for each parameter; without -e, those of a WASI program
    #[arg(last = true)]
    pub args: Vec<String>,
    #[command(flatten)]
    capabilities: CapabilityArgs,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

impl CallArgs {
    /// Returns the sandbox that the options configure, and the origin of each of its settings.
    pub fn sandbox(&self, console: &Console) -> Result<(Sandbox, Origins), Failure> {
        let arguments = if self.function.is_none() { self.args.as_slice() } else { &[] };
        let (config, origins) = settings::config(&self.config, &self.limits, &self.capabilities, arguments, console)?;
        Ok((Sandbox::new(config).map_err(Failure::of)?, origins))
    }

    /// Reads the arguments of the export. Returns `None` for the entry function of the module.
    pub fn call(&self, source: &Source, about: &Inspection) -> Result<Option<Call>, Failure> {
        let Some(function) = &self.function else {
            let Some(option) = entry::unusable_option(&self.capabilities, &self.args, about) else { return Ok(None) };
            let message = format!("{}: the module is not a WASI program, so it cannot use {option}", source.name());
            let of_export = (option == "arguments").then_some("name the export that takes the arguments with `-e`");
            return Err(of_export.into_iter().fold(Failure::usage(message), Failure::with_hint));
        };
        let arguments = match about.function(function) {
            // The library checks whether the export can be called at all.
            Some(ty) if !has_references(ty) => {
                argument::values(function, ty, &self.args).map_err(|failure| failure.in_file(source.name()))?
            }
            _ => Vec::new(),
        };
        Ok(Some((function.clone(), arguments)))
    }
}

fn has_references(ty: &FuncType) -> bool {
    let reference = |ty: &ValueType| matches!(ty, ValueType::FuncRef | ValueType::ExternRef);
    ty.params.iter().chain(&ty.results).any(reference)
}

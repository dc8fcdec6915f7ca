//! Options that set one limit each: one table for the parser, the help and hints.

use belljar::{
    Config,
    config::{Notation, NumberKey},
};
use clap::{Arg, ArgGroup, ArgMatches, Args, Command, error::Error};

use crate::{
    show::{bytes, grouped},
    size::value_name,
};

/// An option that sets a key of the configuration.
struct Limit {
    flag: &'static str,
    key: &'static str,
    meaning: &'static str,
}

const fn limit(flag: &'static str, key: &'static str, meaning: &'static str) -> Limit {
    Limit { flag, key, meaning }
}

const LIMITS: [Limit; 12] = [
    limit("fuel-limit", "limits.fuel", "Fuel of the whole run"),
    limit("memory-limit", "limits.memory_bytes", "Sum of all memories"),
    limit("timeout", "deadline_ms", "Real time of the run; the one limit that is not deterministic"),
    limit("output-limit", "limits.output_bytes", "Output"),
    limit("table-limit", "limits.table_elements", "Elements of all tables"),
    limit("call-depth", "limits.call_depth", "Nested calls"),
    limit("value-stack", "limits.value_stack_bytes", "Parameters, locals and operands of all nested calls"),
    limit("log-limit", "limits.log_bytes", "Log text kept; later messages are dropped and counted"),
    limit("host-call-limit", "limits.host_calls", "Calls from the guest into the host"),
    limit("stop-at-fuel", "faults.stop_at_fuel", "Stop at the first charge past this fuel"),
    limit("fail-host-call", "faults.fail_host_call", "Stop in the host call with this number, before it does anything"),
    limit("deny-growth", "faults.deny_growth", "Give -1 for the growth of a memory or table with this number"),
];

/// The limits on the command line.
#[derive(Debug, Clone, Default)]
pub struct LimitArgs(pub Vec<Typed>);

/// An option that sets a number key.
#[derive(Debug, Clone)]
pub struct Typed {
    /// The option, as messages name it.
    pub option: String,
    /// The key it sets.
    pub key: String,
    /// The value.
    pub value: String,
}

/// Returns the option that sets a key, without its dashes.
pub fn flag_of(key: &str) -> Option<&'static str> {
    LIMITS.iter().find(|limit| limit.key == key).map(|limit| limit.flag)
}

impl Args for LimitArgs {
    fn augment_args(command: Command) -> Command {
        let all = ArgGroup::new("LimitArgs").multiple(true).args(LIMITS.iter().map(|limit| limit.flag));
        command.group(all).args(LIMITS.iter().filter_map(|limit| {
            let key = Config::keys().find(|key| key.path == limit.key)?;
            let arg = Arg::new(limit.flag)
                .long(limit.flag)
                .value_name(value_name(key.notation()))
                .allow_negative_numbers(true);
            let (short, long) = (short_help(limit, &key), long_help(limit, &key));
            let heading = if limit.key.starts_with("faults.") { "Faults" } else { "Limits" };
            Some(arg.help(short).long_help(long).help_heading(heading))
        }))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for LimitArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let typed = LIMITS.iter().filter_map(|limit| {
            let value = matches.get_one::<String>(limit.flag)?.clone();
            Some(Typed { option: format!("--{}", limit.flag), key: limit.key.into(), value })
        });
        Ok(LimitArgs(typed.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn short_help(limit: &Limit, key: &NumberKey) -> String {
    let default = match (key.plugin, key.notation()) {
        (0, _) => "off".into(),
        (default, Notation::Size) => bytes(default),
        (default, _) => grouped(default),
    };
    format!("{} [default: {default}]", limit.meaning)
}

fn long_help(limit: &Limit, key: &NumberKey) -> String {
    let defaults = match (key.plugin, key.large) {
        (0, 0) => "off by default".into(),
        (plugin, large) => format!("default {}, in the profile `large` {}", grouped(plugin), grouped(large)),
    };
    let range = format!("{} to {} {}", grouped(key.min), grouped(key.max), key.unit);
    let form = key.notation().examples();
    format!("{}, as {form}.\n\nKey `{}`: {range}; {defaults}.", limit.meaning, limit.key)
}

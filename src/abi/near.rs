//! Functions with a name similar to that of an unknown import.

use alloc::{format, string::String};

use super::{FUNCTIONS, MODULE, wasi};
use crate::data::distance::distance;

/// The largest distance of a similar name.
const FAR: usize = 2;

/// The longest name that is compared. The names of all functions are shorter.
const LONGEST: usize = 64;

/// Returns the function that was probably meant, as `module.name`: one of `env` or, in builds that provide it, of WASI. A
/// function of `env` is also found in another module.
pub(crate) fn function(module: &str, name: &str) -> Option<String> {
    if name.len() > LONGEST {
        return None;
    }
    let is_similar = |far: &usize| (1..=FAR).contains(far) && name.len() > 2 * far;
    let nearest = |names: &mut dyn Iterator<Item = &'static str>| {
        let near = names.map(|other| (distance(name, other), other)).filter(|(far, _)| is_similar(far)).min()?;
        Some(near.1)
    };
    let of_env = || FUNCTIONS.iter().flat_map(|function| function.names.iter().copied());
    if module == MODULE {
        return nearest(&mut of_env()).map(|near| format!("{MODULE}.{near}"));
    }
    let snapshot = wasi::Snapshot::of(module).filter(|_| cfg!(feature = "wasi"));
    if let Some(snapshot) = snapshot {
        let mut names =
            wasi::FUNCTIONS.iter().filter(|function| function.is_in(snapshot)).map(|function| function.name);
        return nearest(&mut names).map(|near| format!("{module}.{near}"));
    }
    // Names of one word are those of many hosts.
    of_env().find(|other| *other == name && name.contains('_')).map(|name| format!("{MODULE}.{name}"))
}

#[cfg(test)]
mod tests {
    use super::function;

    #[test]
    fn similar_names_are_found() {
        for (module, name, near) in [
            ("env", "read_inputs", Some("env.read_input")),
            ("env", "readInput", Some("env.read_input")),
            ("env", "write_ouput", Some("env.write_output")),
            ("env", "lof", Some("env.log")),
            ("env", "at", None),
            ("env", "read_input", None),
            ("host", "read_input", Some("env.read_input")),
            ("console", "log", None),
            ("shell", "execute", None),
        ] {
            assert_eq!(function(module, name).as_deref(), near, "{module}.{name}");
        }
        let near = cfg!(feature = "wasi").then_some("wasi_snapshot_preview1.fd_read");
        assert_eq!(function("wasi_snapshot_preview1", "fd_reed").as_deref(), near);
    }
}

//! The reasons for which an assertion cannot apply.

use std::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident: $text:literal,)*) => {
        /// A reason for which an assertion cannot apply to belljar.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl fmt::Display for Reason {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Reason::$name => $text,)*
                })
            }
        }
    };
}

reasons! {
    Memory64: "64-bit memories and tables",
    Gc: "garbage collection",
    FunctionReferences: "typed function references",
    Exceptions: "exceptions",
    RelaxedSimd: "relaxed vectors",
    /// More than one of them, each of which would do.
    Several: "several parts of WebAssembly 3.0",
    /// A module imports what another one exports: belljar runs one module a store.
    OtherModule: "imports of another module",
    /// The host gives functions and nothing else.
    HostState: "a memory, a table, a global or a tag of the host",
    /// References are never passed to the host or from it.
    References: "references to or from the host",
    /// A module or a call before is left out for one of the other reasons, and would have left other state.
    StateBefore: "state that is of something left out",
    /// An instance is not called again after a trap, and what the trap left cannot be given to another one.
    StateOfTrap: "state that a trap left and that the host cannot set",
    /// A valid module is beyond the highest value that a limit can have.
    Limit: "a limit that cannot be set so high",
    /// Custom sections are skipped, so that nothing in them is wrong.
    CustomSection: "contents of custom sections",
}

//! Features of WebAssembly that are not supported.

use super::label::labels;

labels! {
    /// Feature that a valid module uses and belljar does not support: a proposal or an operator.
    pub enum Feature {
        /// The custom-page-sizes proposal.
        CustomPageSizes = "the custom-page-sizes proposal",
        /// The exceptions proposal, in its present and in its legacy form.
        Exceptions = "the exceptions proposal",
        /// The function-references proposal.
        FunctionReferences = "the function-references proposal",
        /// A reference type of the function-references or the gc proposal.
        FunctionReferencesOrGc = "the function-references or gc proposal",
        /// The gc proposal.
        Gc = "the gc proposal",
        /// The memory-control proposal.
        MemoryControl = "the memory-control proposal",
        /// The memory64 proposal.
        Memory64 = "the memory64 proposal",
        /// The relaxed-simd proposal.
        RelaxedSimd = "the relaxed-simd proposal",
        /// The shared-everything-threads proposal.
        SharedEverythingThreads = "the shared-everything-threads proposal",
        /// The simd proposal, which is not supported on big-endian machines.
        Simd = "the simd proposal, on a big-endian machine",
        /// The stack-switching proposal.
        StackSwitching = "the stack-switching proposal",
        /// The threads proposal.
        Threads = "the threads proposal",
        /// The wide-arithmetic proposal.
        WideArithmetic = "the wide-arithmetic proposal",
        /// An operator of a proposal that is not known.
        UnknownOperator = "an unknown operator",
    }
}

impl Feature {
    /// Returns how to build a module without it, if compilers have an option for that.
    pub fn hint(self) -> Option<&'static str> {
        Some(match self {
            Feature::CustomPageSizes => "link it without `--page-size`",
            Feature::Exceptions => {
                "build it without exceptions: in C and C++ with `-fno-exceptions` and without `setjmp`, with Emscripten \
                 also without `-fwasm-exceptions`, in Rust with `panic = \"abort\"`"
            }
            Feature::FunctionReferences | Feature::FunctionReferencesOrGc | Feature::Gc => {
                "its compiler has the engine manage its objects, as those of Kotlin, Dart, Java and Scala do: choose a \
                 compiler whose objects are in linear memory"
            }
            Feature::Memory64 => "build it for `wasm32` instead of `wasm64`, with Emscripten without `-sMEMORY64`",
            Feature::RelaxedSimd => "build it with `-mno-relaxed-simd`, in Rust with `-C target-feature=-relaxed-simd`",
            Feature::SharedEverythingThreads | Feature::Threads => {
                "build it for one thread: in C and C++ without `-pthread` and `-matomics`, in Rust for `wasm32-wasip1` \
                 instead of `wasm32-wasip1-threads` and without `-C target-feature=+atomics`"
            }
            Feature::Simd => "build it with `-mno-simd128`, in Rust with `-C target-feature=-simd128`",
            Feature::WideArithmetic => {
                "build it with `-mno-wide-arithmetic`, in Rust with `-C target-feature=-wide-arithmetic`"
            }
            Feature::MemoryControl | Feature::StackSwitching | Feature::UnknownOperator => return None,
        })
    }
}

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

//! Imports of other hosts: for what a module was built, and how to build it for belljar.

use crate::data::extern_type::ExternType;

/// Imports by which a toolchain or another host is known.
struct Foreign {
    /// Patterns of modules, in which `*` is any text.
    modules: &'static [&'static str],
    /// Patterns of names, in which `*` is any text.
    names: &'static [&'static str],
    /// Set if only memories are meant.
    is_memory: bool,
    /// What it is, and how to build the module instead.
    hint: &'static str,
}

const ANY: &[&str] = &["*"];

/// Advice for each toolchain and each host whose modules import what belljar does not provide. The first row that fits
/// counts.
const FOREIGN: &[Foreign] = &[
    Foreign {
        modules: &["env"],
        names: &["__linear_memory"],
        is_memory: false,
        hint: "it is an object file: link it, for example with `wasm-ld`",
    },
    Foreign { modules: &["GOT.mem", "GOT.func"], names: ANY, is_memory: false, hint: DYNAMIC },
    Foreign { modules: &["env"], names: &["__memory_base", "__table_base"], is_memory: false, hint: DYNAMIC },
    Foreign {
        modules: &["wbg", "__wbindgen_*", "*_bg.js", "__wbg_*"],
        names: ANY,
        is_memory: false,
        hint: WASM_BINDGEN,
    },
    Foreign { modules: ANY, names: &["__wbg_*", "__wbindgen_*"], is_memory: false, hint: WASM_BINDGEN },
    Foreign {
        modules: &["gojs", "go"],
        names: ANY,
        is_memory: false,
        hint: "it was built for Go in JavaScript: build it with `GOOS=wasip1 GOARCH=wasm`, with TinyGo for the target \
               `wasip1`",
    },
    Foreign { modules: &["extism:*"], names: ANY, is_memory: false, hint: EXTISM },
    Foreign { modules: &["env"], names: &["extism_*"], is_memory: false, hint: EXTISM },
    Foreign {
        modules: &["typst_env"],
        names: ANY,
        is_memory: false,
        hint: "it is a plugin of Typst, which has another ABI: read the input with `env.read_input`, and write the \
               output with `env.write_output`",
    },
    Foreign {
        modules: &["wasm:*"],
        names: ANY,
        is_memory: false,
        hint: "it uses builtins of JavaScript: choose a compiler or a target for WASI preview 1",
    },
    Foreign {
        modules: &["wasi:*", "[export]*"],
        names: ANY,
        is_memory: false,
        hint: "it was built for WASI preview 2 or later: build it for preview 1, in Rust for the target \
               `wasm32-wasip1`, in Go with `GOOS=wasip1`, in C for `wasm32-wasip1`",
    },
    Foreign {
        modules: &["*:*/*", "cm32p2*"],
        names: ANY,
        is_memory: false,
        hint: "it was built for the component model: build a core module, in Rust for the target `wasm32-wasip1` or \
               `wasm32-unknown-unknown`",
    },
    Foreign {
        modules: &["env"],
        names: &["invoke_*", "__cxa_*", "__resumeException", "_emscripten_throw_longjmp", "emscripten_longjmp"],
        is_memory: false,
        hint: "Emscripten throws and catches C++ exceptions, and `longjmp`, in JavaScript: build it with \
               `-fno-exceptions` and `-sSTANDALONE_WASM`, and without `setjmp`",
    },
    Foreign {
        modules: &["env"],
        names: &[
            "emscripten_*",
            "_emscripten_*",
            "__syscall_*",
            "_abort_js",
            "__assert_fail",
            "_tzset_js",
            "__indirect_function_table",
        ],
        is_memory: false,
        hint: EMSCRIPTEN,
    },
    Foreign {
        // The names are shortened with the JavaScript that belongs to them.
        modules: &["a"],
        names: ANY,
        is_memory: false,
        hint: EMSCRIPTEN,
    },
    Foreign {
        modules: &["env"],
        names: &["proxy_*"],
        is_memory: false,
        hint: "it is a filter of a proxy (proxy-wasm), which has another ABI",
    },
    Foreign {
        modules: &["wapc"],
        names: ANY,
        is_memory: false,
        hint: "it was built for waPC, which has another ABI: read the input with `env.read_input`, and write the output \
               with `env.write_output`",
    },
    Foreign {
        modules: ANY,
        names: ANY,
        is_memory: true,
        hint: "define the memory in the guest, and export it as `memory`: link without `--import-memory`, in \
               AssemblyScript without `--importMemory`, with Emscripten without `-sIMPORTED_MEMORY`",
    },
];

const DYNAMIC: &str = "it is a dynamic library: link it statically, without `-shared`, `-fPIC` and, with Emscripten, \
                       `-sSIDE_MODULE` and `-sMAIN_MODULE`";
const EMSCRIPTEN: &str = "it was built with Emscripten for JavaScript: build it with `-sSTANDALONE_WASM`, a library also \
                          with `--no-entry`";
const EXTISM: &str = "it was built for Extism, which has another ABI: read the input with `env.read_input`, and write the \
                      output with `env.write_output`";
const WASM_BINDGEN: &str = "it was built with wasm-bindgen for JavaScript: leave out wasm-bindgen and what depends on it, \
                            such as features called `js`, and export `execute`, or build it for the target \
                            `wasm32-wasip1`";

/// Returns for what a module with this import was built, and how to build it instead.
pub(super) fn hint(module: &str, name: &str, ty: &ExternType) -> Option<&'static str> {
    let fits = |foreign: &&Foreign| {
        (!foreign.is_memory || matches!(ty, ExternType::Memory(_)))
            && foreign.modules.iter().any(|pattern| matches(pattern, module))
            && foreign.names.iter().any(|pattern| matches(pattern, name))
    };
    FOREIGN.iter().find(fits).map(|foreign| foreign.hint)
}

/// Checks a text against a pattern, in which each `*` is any text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, end)) = pattern.rsplit_once('*') else { return pattern == text };
    let Some(text) = text.strip_suffix(end) else { return false };
    let mut parts = head.split('*');
    let Some(mut rest) = parts.next().and_then(|start| text.strip_prefix(start)) else { return false };
    parts.all(|part| match rest.split_once(part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_in_order() {
        for (pattern, text, is_match) in [
            ("*", "", true),
            ("go", "gojs", false),
            ("__wbg_*", "__wbg_log", true),
            ("*_bg.js", "./x_bg.js", true),
            ("*:*/*", "wasi:cli/environment@0.2.0", true),
            ("*:*/*", "wasi/cli:environment", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, text), is_match, "{pattern} {text}");
        }
    }
}

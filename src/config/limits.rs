//! Limits of a run and of a module: each with its default, its range and how it is enforced.

use serde::Serialize;

use crate::error::Unit;

use super::{
    Config, KIB, MIB, NumberKey, Profile,
    key::{ConfigKey, ScalarKey, number},
};

macro_rules! settings {
    (
        $(#[$struct_doc:meta])*
        $struct:ident at $field:ident, keys $keys:ident {
            $(
                $(#[doc = $doc:literal])*
                $name:ident, $with:ident: $plugin:expr, $large:expr, $min:literal ..= $max:expr, $unit:ident, $enforced:literal;
            )*
        }
    ) => {
        $(#[$struct_doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        #[non_exhaustive]
        pub struct $struct {
            $(
                $(#[doc = $doc])*
                #[doc = ""]
                #[doc = concat!("Unit: [`", stringify!($unit), "`](crate::error::Unit::", stringify!($unit), "). Range: `",
                    stringify!($min), "` to `", stringify!($max), "`. Default: `", stringify!($plugin), "` (plugin), `", stringify!($large), "` (large).")]
                pub $name: u64,
            )*
        }

        #[allow(non_upper_case_globals, reason = "a key has the name of its field")]
        impl $struct {
            $(
                pub(super) const $name: NumberKey = NumberKey {
                    path: concat!(stringify!($field), ".", stringify!($name)),
                    unit: Unit::$unit,
                    min: $min,
                    max: $max,
                    plugin: $plugin,
                    large: $large,
                    enforced: $enforced,
                };
            )*

            pub(crate) const fn of(profile: Profile) -> Self {
                match profile {
                    Profile::Plugin => $struct { $($name: $plugin),* },
                    Profile::Large => $struct { $($name: $large),* },
                }
            }

        }

        impl Config {
            $(
                #[doc = concat!("Sets `", stringify!($field), ".", stringify!($name), "`. Unit: [`", stringify!($unit), "`](crate::error::Unit::",
                    stringify!($unit), ").")]
                #[must_use]
                pub fn $with(mut self, value: u64) -> Self {
                    self.$field.$name = value;
                    self
                }
            )*
        }

        pub(super) static $keys: &[ConfigKey] = &[$(ConfigKey::Scalar(number!($struct::$name, $field.$name))),*];
    };
}

settings! {
    /// Limits of one run. Each has a unit in its name or in its documentation, and a separate stop reason.
    Limits at limits, keys RUN_KEYS {
        /// Fuel of the whole run: operators, bulk operations, host calls and bytes moved.
        fuel, with_fuel: 10_000_000, 1_000_000_000_000, 1 ..= 1_000_000_000_000_000,
            Fuel, "the meter: each basic block, bulk operation and host call is charged before it runs";
        /// Sum of all linear memories. The maximum fits a 32-bit host.
        memory_bytes, with_memory_bytes: 32 * MIB, 1024 * MIB, 0 ..= 1024 * MIB,
            Bytes, "the load scan for initial sizes; the engine's limiter for every growth";
        /// Sum of all tables.
        table_elements, with_table_elements: 100_000, 10_000_000, 0 ..= 10_000_000,
            Elements, "the load scan for initial sizes; the engine's limiter for every growth";
        /// Nested calls.
        call_depth, with_call_depth: 10_000, 100_000, 1 ..= 1_000_000,
            Calls, "the engine's call stack";
        /// Parameters, locals and operands of all nested calls.
        value_stack_bytes, with_value_stack_bytes: MIB, 64 * MIB, 4096 ..= 256 * MIB,
            Bytes, "the engine's value stack";
        /// Output.
        output_bytes, with_output_bytes: 4 * MIB, 1024 * MIB, 0 ..= 1024 * MIB,
            Bytes, "write_output, before it copies";
        /// Log text kept; later messages are dropped and counted.
        log_bytes, with_log_bytes: 256 * KIB, 16 * MIB, 0 ..= 256 * MIB,
            Bytes, "log and log_at, before they copy";
        /// Log messages kept; later ones are dropped and counted.
        log_lines, with_log_lines: 10_000, 1_000_000, 0 ..= 10_000_000,
            Messages, "log and log_at, before they copy";
        /// Calls from the guest into the host.
        host_calls, with_host_calls: 10_000_000, 1_000_000_000_000, 0 ..= 1_000_000_000_000_000,
            Calls, "every host function, before its body";
        /// Sum of all files of a WASI program, and of the targets of its links.
        file_bytes, with_file_bytes: 4 * MIB, 256 * MIB, 0 ..= 1024 * MIB,
            Bytes, "whatever makes a file larger, which is answered with `nospc`";
        /// Names of files, directories and links of a WASI program, and the root.
        files, with_file_names: 1_000, 100_000, 1 ..= 1_000_000,
            Names, "whatever makes a name, which is answered with `nospc`";
        /// Open descriptors of a WASI program, the standard streams included.
        open_files, with_open_files: 100, 1_000, 5 ..= 65_536,
            Descriptors, "path_open, which answers `mfile`";
    }
}

// The largest values are below the limits of the engine's validator (100 tables, a million types,
// functions and exports, 100,000 segments), so that the normal form can add to a module.
settings! {
    /// Limits of a module's size and structure, which bound the cost of loading it.
    ModuleLimits at module, keys MODULE_KEYS {
        /// The whole module.
        size_bytes, with_module_size_bytes: 8 * MIB, 64 * MIB, 8 ..= 256 * MIB,
            Bytes, "before anything is parsed";
        /// The text form, where it is used.
        text_bytes, with_module_text_bytes: 512 * KIB, 16 * MIB, 0 ..= 64 * MIB,
            TextBytes, "before anything is parsed";
        /// Types.
        types, with_module_types: 2_000, 100_000, 0 ..= 900_000,
            Types, "the load scan";
        /// Parameters of a function type.
        params, with_module_params: 100, 1_000, 0 ..= 1_000,
            Params, "the load scan";
        /// Results of a function or block type.
        results, with_module_results: 16, 100, 0 ..= 1_000,
            Results, "the load scan";
        /// Imports.
        imports, with_module_imports: 1_000, 10_000, 0 ..= 100_000,
            Imports, "the load scan";
        /// Functions with a body.
        functions, with_module_functions: 20_000, 200_000, 0 ..= 900_000,
            Functions, "the load scan";
        /// Bytes of one function's body.
        body_bytes, with_module_body_bytes: MIB, 7_000_000, 0 ..= 7_000_000,
            BodyBytes, "the load scan";
        /// Declared locals of one function, without its parameters.
        locals, with_module_locals: 1_000, 30_000, 0 ..= 50_000,
            Locals, "the load scan";
        /// Declared locals of all functions.
        locals_total, with_module_locals_total: 500_000, 20_000_000, 0 ..= 100_000_000,
            LocalsTotal, "the load scan";
        /// Nested blocks in a function.
        nesting, with_module_nesting: 1_000, 5_000, 0 ..= 50_000,
            Nesting, "the load scan";
        /// Work of loading: one unit for each operator (five for an `if`), and one for each value that the
        /// engine copies for it (values that a branch takes along, once for each target; arguments and
        /// results). A type, import, function, global, export or custom section is 10, and one for each
        /// value in its type; a segment is 20, an item of an element segment 2.
        load_work, with_module_load_work: 3_500_000, 100_000_000, 1 ..= 1_000_000_000,
            LoadWork, "the load scan";
        /// Work of bringing functions to the normal form: one unit for each addition or removal, one for each 16
        /// operators of charges, and one for each 4 operators of a function whose operands have to leave the stack.
        form_work, with_module_form_work: 400_000, 50_000_000, 1 ..= 1_000_000_000,
            FormWork, "the load scan";
        /// Locals that are added to one function to bring it to the normal form.
        form_locals, with_module_form_locals: 1_000, 10_000, 0 ..= 10_000,
            FormLocals, "the load scan";
        /// Globals.
        globals, with_module_globals: 2_000, 100_000, 0 ..= 1_000_000,
            Globals, "the load scan";
        /// Memories, imported ones included.
        memories, with_module_memories: 4, 16, 0 ..= 100,
            Memories, "the load scan";
        /// Tables, imported ones included.
        tables, with_module_tables: 4, 99, 0 ..= 99,
            Tables, "the load scan";
        /// Element segments.
        element_segments, with_module_element_segments: 1_000, 100_000, 0 ..= 100_000,
            ElementSegments, "the load scan";
        /// Items of all element segments.
        element_items, with_module_element_items: 100_000, 1_000_000, 0 ..= 10_000_000,
            ElementItems, "the load scan";
        /// Data segments.
        data_segments, with_module_data_segments: 100_000, 100_000, 0 ..= 100_000,
            DataSegments, "the load scan";
        /// Exports.
        exports, with_module_exports: 2_000, 200_000, 0 ..= 900_000,
            Exports, "the load scan";
        /// One name of an import, an export or a custom section.
        name_bytes, with_module_name_bytes: 512, 8_192, 0 ..= 65_536,
            NameBytes, "the load scan";
        /// Operators of one constant expression.
        constant_operators, with_module_constant_operators: 64, 64, 1 ..= 256,
            ConstantOperators, "the load scan";
        /// Custom sections.
        custom_sections, with_module_custom_sections: 100, 1_000, 0 ..= 10_000,
            CustomSections, "the load scan";
    }
}

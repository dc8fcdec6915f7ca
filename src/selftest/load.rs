//! Checks of modules that are refused: for a limit of size or structure, their format, or their imports.

use super::list;

/// Builds a module with an entry function and these fields.
macro_rules! with {
    ($fields:literal) => {
        concat!("(module (func (export \"_start\"))", $fields, ")")
    };
}

list! {
    "size", "a module of more than 20 bytes", "module.size_bytes", "module.size_bytes = 20"
        => "refused: module.size_bytes", Module(with!(""));
    "text", "a text of more than 20 bytes", "module.text_bytes", "module.text_bytes = 20"
        => "refused: module.text_bytes", Text(with!(""));
    "types", "two types", "module.types", "module.types = 1" => "refused: module.types",
        Module(with!("(type (func (param i32)))"));
    "params", "three parameters", "module.params", "module.params = 2" => "refused: module.params",
        Module(with!("(func (param i32 i32 i32))"));
    "results", "two results", "module.results", "module.results = 1" => "refused: module.results",
        Module(with!("(func (result i32 i32) (i32.const 1) (i32.const 2))"));
    "imports", "two imports", "module.imports", "module.imports = 1" => "refused: module.imports",
        Module("(module (import \"env\" \"input_len\" (func (result i32))) (import \"env\" \"log\" (func (param i32 i32)))
            (func (export \"_start\")))");
    "functions", "two functions", "module.functions", "module.functions = 1" => "refused: module.functions",
        Module(with!("(func)"));
    "body", "a function of more than 5 bytes", "module.body_bytes", "module.body_bytes = 5"
        => "refused: module.body_bytes", Module(with!("(func nop nop nop nop)"));
    "locals", "three locals", "module.locals", "module.locals = 2" => "refused: module.locals",
        Module(with!("(func (local i32 i32 i32))"));
    "locals-in-all", "two functions with two locals each", "module.locals_total", "module.locals_total = 3"
        => "refused: module.locals_total", Module(with!("(func (local i32 i32)) (func (local i32 i32))"));
    "nesting", "three nested blocks", "module.nesting", "module.nesting = 2" => "refused: module.nesting",
        Module(with!("(func (block (block (block))))"));
    "load-work", "a small function", "module.load_work", "module.load_work = 10" => "refused: module.load_work",
        Module(with!("(func (result i32) (i32.add (i32.const 1) (i32.const 2)))"));
    "form-work", "a function with five operators to take out", "module.form_work", "module.form_work = 4"
        => "refused: module.form_work", Module(with!("(func nop nop nop nop nop)"));
    "form-locals", "two results that wait while a block begins", "module.form_locals", "module.form_locals = 1"
        => "refused: module.form_locals",
        Module(with!("(func $f (result i32) (i32.const 1)) (func (call $f) (call $f) (block) (drop) (drop))"));
    "globals", "two globals", "module.globals", "module.globals = 1" => "refused: module.globals",
        Module(with!("(global i32 (i32.const 1)) (global i32 (i32.const 2))"));
    "memories", "two memories", "module.memories", "module.memories = 1" => "refused: module.memories",
        Module(with!("(memory 0) (memory 0)"));
    "tables", "two tables", "module.tables", "module.tables = 1" => "refused: module.tables",
        Module(with!("(table 0 funcref) (table 0 funcref)"));
    "element-segments", "two element segments", "module.element_segments", "module.element_segments = 1"
        => "refused: module.element_segments", Module(with!("(elem func 0) (elem func 0)"));
    "element-items", "three items of an element segment", "module.element_items", "module.element_items = 2"
        => "refused: module.element_items", Module(with!("(elem func 0 0 0)"));
    "data-segments", "two data segments", "module.data_segments", "module.data_segments = 1"
        => "refused: module.data_segments", Module(with!("(data \"a\") (data \"b\")"));
    "exports", "two exports", "module.exports", "module.exports = 1" => "refused: module.exports",
        Module(with!("(func (export \"a\"))"));
    "names", "a name of 9 bytes", "module.name_bytes", "module.name_bytes = 8" => "refused: module.name_bytes",
        Module(with!("(func (export \"long name\"))"));
    "constants", "a constant expression of three operators", "module.constant_operators",
        "module.constant_operators = 2" => "refused: module.constant_operators",
        Module(with!("(global i32 (i32.add (i32.const 1) (i32.const 2)))"));
    "custom-sections", "two custom sections", "module.custom_sections", "module.custom_sections = 1"
        => "refused: module.custom_sections", Module(with!("(@custom \"a\" \"\") (@custom \"b\" \"\")"));
    "empty", "no bytes", "format", "" => "refused: empty", Bytes(b"");
    "not-wasm", "the text form where the binary form is asked for", "format", "" => "refused: not wasm",
        Bytes(b"(module)");
    "version", "another version", "format", "" => "refused: version", Bytes(b"\0asm\x02\0\0\0");
    "component", "a component", "format", "" => "refused: component", Bytes(b"\0asm\x0d\0\x01\0");
    "truncated", "a section that is not there", "format", "" => "refused: malformed", Bytes(b"\0asm\x01\0\0\0\x01\x04\x01");
    "text-syntax", "a text without its last parenthesis", "format", "" => "refused: text", Text("(module (func)");
    "invalid", "a function without its result", "validation", "" => "refused: invalid", Module(with!("(func (result i32))"));
    "proposals", "a memory that threads share", "validation", "" => "refused: unsupported",
        Module(with!("(memory 1 1 shared)"));
    "import-unknown", "an import that is not provided", "imports", "" => "refused: imports",
        Module("(module (import \"env\" \"open\" (func)))");
    "entry", "an entry with a parameter", "entry", "" => "refused: entry", Module("(module (func (export \"_start\") (param i32)))");
    "config-range", "a limit of zero", "configuration", "limits.fuel = 0" => "configuration: out of range", Config;
    "config-key", "a key that does not exist", "configuration", "limits.fule = 1" => "configuration: unknown key", Config;
    "config-syntax", "a line without a value", "configuration", "limits.fuel" => "configuration: syntax", Config;
}

//! Modules and texts that take as long, or as much memory, as the default limits let them, made as they are asked
//! for. Each comes to an end on any engine: its loops are bounded, a little above what the fuel is for.

use belljar::{Config, Sandbox, selftest};

/// Something costly, and how it has to end under the default configuration.
#[derive(Clone, Copy)]
pub struct Cost {
    pub name: &'static str,
    pub expected: &'static str,
    make: fn() -> String,
    /// Whether the text form is what is handed over.
    pub is_text: bool,
}

/// What is handed to the library.
#[derive(Clone)]
pub enum Input {
    Module(Vec<u8>),
    Text(String),
}

impl Cost {
    /// Makes the input. What it takes to make it is not part of what it costs.
    pub fn build(&self) -> Input {
        let text = (self.make)();
        if self.is_text { Input::Text(text) } else { Input::Module(wat::parse_str(text).unwrap()) }
    }
}

impl Input {
    pub fn size(&self) -> usize {
        match self {
            Input::Module(wasm) => wasm.len(),
            Input::Text(text) => text.len(),
        }
    }

    /// Loads and runs it, and tells how that ended.
    pub fn run(&self) -> String {
        let sandbox = Sandbox::new(Config::default()).unwrap();
        let module = match self {
            Input::Module(wasm) => sandbox.load(wasm),
            Input::Text(text) => sandbox.load_text(text),
        };
        selftest::end(&module.and_then(|module| sandbox.run(&module, b"")))
    }
}

const FUEL: &str = "stopped: fuel";

/// All of them; those of which nothing is refused come first.
pub fn costs() -> Vec<Cost> {
    let cost = |name, expected, make| Cost { name, expected, make, is_text: false };
    let done = |name, make| cost(name, "done", make);
    let fuel = |name, make| cost(name, FUEL, make);
    // Of AssemblyScript's functions, which a build without WASI does not provide.
    let script = |name, make| cost(name, if cfg!(feature = "wasi") { FUEL } else { "refused: imports" }, make);
    let text = |name, expected, make| Cost { name, expected, make, is_text: true };
    vec![
        done("functions", || functions(20_000, "")),
        done("operators", || functions(1, &"nop ".repeat(245_000))),
        done("constants", || functions(20, &"i64.const -2 drop ".repeat(80_000))),
        done("vectors", || functions(8, &"v128.const i64x2 7 7 drop ".repeat(55_000))),
        done("sums", || functions(7, &in_local("local.get 0 local.get 0 i32.add local.set 0 ", 120_000))),
        done("blocks", || functions(7, &"block end ".repeat(240_000))),
        done("loops", || functions(7, &"loop end ".repeat(240_000))),
        done("conditions", || functions(7, &in_local("local.get 0 if else end ", 60_000))),
        done("branches", || functions(2, &format!("(local i32) block {} end", "local.get 0 br_if 0 ".repeat(80_000)))),
        done("branch-tables", || {
            let targets = "0 ".repeat(101);
            functions(4, &in_local(&format!("block local.get 0 br_table {targets} end "), 1_200))
        }),
        done("operands-and-blocks", || above_operands("block end ", 95_000)),
        done("operands-and-locals", || above_operands("local.get 0 local.set 0 ", 200_000)),
        done("many-locals-and-blocks", many_locals),
        done("types", || {
            let types: String = (1..2_000).map(|i| format!("(type (func (param {})))", distinct(i))).collect();
            module(&format!("(type (func)) {types}"), "")
        }),
        done("exports", || {
            let exports: String = (1..2_000).map(|i| format!("(export \"{i:0512}\" (func 1))")).collect();
            module(&format!("(func (param {})) {exports}", "v128 ".repeat(100)), "")
        }),
        done("element-items", || {
            module(&format!("(table 100000 funcref) (elem (i32.const 0) func {})", "0 ".repeat(100_000)), "")
        }),
        done("element-expressions", || {
            let items = "(ref.func 0)".repeat(100_000);
            module(&format!("(table 100000 funcref) (elem (i32.const 0) funcref {items})"), "")
        }),
        done("element-segments", || {
            let segment = format!("(elem (i32.const 0) func {})", "0 ".repeat(100));
            module(&format!("(table 100 funcref) {}", segment.repeat(1_000)), "")
        }),
        done("data", || module(&format!("(memory 128) (data (i32.const 0) \"{}\")", "x".repeat(8_300_000)), "")),
        done("data-segments", || {
            let segment = format!("(data (i32.const 0) \"{}\")", "x".repeat(70));
            module(&format!("(memory 1) {}", segment.repeat(100_000)), "")
        }),
        done("data-offsets", || {
            let place = format!("i32.const 0 {}", "i32.const 0 i32.add ".repeat(31));
            module(&format!("(memory 1) {}", format!("(data (offset {place}) \"x\")").repeat(40_000)), "")
        }),
        done("names", || module(&format!("(@custom \"name\" \"{}\")", "\\09\\01\\00".repeat(2_780_000)), "")),
        done("memory", || module("(memory 512)", "")),
        cost("memory-growth", "stopped: memory", || {
            let grow: String = (0..4).map(|memory| format!("(drop (memory.grow {memory} (i32.const 1)))")).collect();
            module(&"(memory 0)".repeat(4), &turns(200, &grow))
        }),
        cost("table-growth", "stopped: table", || {
            let grow = |table| format!("(drop (table.grow {table} (ref.null func) (i32.const 8)))");
            module(&"(table 0 funcref)".repeat(4), &turns(4_000, &(0..4).map(grow).collect::<String>()))
        }),
        cost("stack", "stopped: stack", || {
            let locals = "i64 ".repeat(12);
            let down = "(if (local.get 0) (then (call 1 (i32.sub (local.get 0) (i32.const 1)))))";
            module(&format!("(func (param i32) (local {locals}) {down})"), "(call 1 (i32.const 20000))")
        }),
        fuel("cache-misses", || {
            let next = "(i32.add (i32.mul (local.get 1) (i32.const 1664525)) (i32.const 1013904223))";
            let next = format!("(i32.and (i32.add (i32.load (local.get 1)) {next}) (i32.const 0x1fffffc))");
            module("(memory 512)", &looped("i32", &format!("(local.set 1 {next})")))
        }),
        fuel("chase", || chase("")),
        fuel("strides", || {
            let next = "(local.set 1 (i32.and (i32.add (local.get 1) (i32.const 4160)) (i32.const 0x1fffffc)))";
            module("(memory 512)", &looped("i32", &format!("{next} (i32.store (local.get 1) (i32.const 1))")))
        }),
        fuel("divisions", || {
            let divide = "(local.set 1 (i64.xor (i64.div_u (local.get 1) (local.get 2)) (i64.const -1)))";
            module("", &format!("(local i32 i64 i64) (local.set 2 (i64.const 3)) {}", turns_of(TURNS, divide)))
        }),
        fuel("roots", || module("", &looped("f64", &one_after_the_other(&["f64.sqrt"; 5])))),
        fuel("rounding", || {
            let all = ["f64.nearest", "f64.ceil", "f64.floor", "f64.trunc", "f64.nearest"];
            module("", &looped("f64", &one_after_the_other(&all)))
        }),
        fuel("shuffles", || {
            let lanes = "0 17 2 19 4 21 6 23 8 25 10 27 12 29 14 31";
            let shuffle = format!("(local.set 1 (i8x16.shuffle {lanes} (local.get 1) (local.get 1)))");
            module("", &looped("v128", &shuffle))
        }),
        fuel("indirect-calls", || {
            let call = "(call_indirect (type 0) (local.get 1))";
            module("(type (func)) (func) (table 1 funcref) (elem (i32.const 0) func 1)", &looped("i32", call))
        }),
        fuel("scattered-calls", scattered_calls),
        fuel("scattered-copies", || {
            let place = |n: u32| n.wrapping_mul(2_654_435_761) >> 7;
            let copy =
                |n: u32| format!("i32.const {} i32.const {} i32.const 1 memory.copy ", place(2 * n), place(2 * n + 1));
            module("(memory 512)", &turns(60, &(0..30_000).map(copy).collect::<String>()))
        }),
        fuel("load-and-run", || chase(&format!("(func {})", "loop end ".repeat(240_000)).repeat(7))),
        fuel("results", || {
            let (params, results) = (format!("(param {})", "i64 ".repeat(16)), "i64 ".repeat(16));
            let made = format!("(func (result {results}) {})", "i64.const 7 ".repeat(16));
            module(&format!("{made} (func {params})"), &turns(TURNS, "(call 1) (call 2)"))
        }),
        script("console-texts", || console("(call 1 (i32.const 8))", 32_000)),
        script("console-timers", || console("(call 2 (i32.const 8)) (call 3 (i32.const 8))", 1_024)),
        script("console-numbers", || {
            let smallest = "(f64.const 0x1p-1074) ".repeat(5);
            console(&format!("(call 0 (i32.const 0) (i32.const 5) {smallest})"), 0)
        }),
        cost("all-memory", "stopped: output", all_memory),
        text("text-operators", "done", || module("", &"nop ".repeat(130_000))),
        text("text-functions", "refused: module.functions", || format!("(module {})", "(func)".repeat(80_000))),
        text("text-tags", "refused: unsupported", || format!("(module {})", "(tag)".repeat(100_000))),
        text("text-locals", "refused: module.locals", || module("", &format!("(local {})", "i32 ".repeat(120_000)))),
        text("text-too-long", "refused: module.text_bytes", || module("", &"nop ".repeat(140_000))),
        cost("imports", "refused: imports", || {
            let ty = format!("(func (param {}) (result {}))", "i64 ".repeat(100), "i64 ".repeat(16));
            format!("(module {})", (0..1_000).map(|i| format!("(import \"x\" \"{i}\" {ty})")).collect::<String>())
        }),
        cost("too-many-functions", "refused: module.functions", || functions(20_001, "")),
        cost("too-many-types", "refused: module.types", || module(&"(type (func))".repeat(2_001), "")),
        cost("too-many-exports", "refused: module.exports", || {
            module(&(0..2_000).map(|i| format!("(export \"{i}\" (func 0))")).collect::<String>(), "")
        }),
        cost("too-many-locals", "refused: module.locals_total", || {
            functions(501, &format!("(local {})", "v128 ".repeat(1_000)))
        }),
        cost("too-many-segments", "refused: module.data_segments", || module(&"(data \"\")".repeat(100_001), "")),
        cost("too-much-data", "refused: module.size_bytes", || {
            module(&format!("(memory 160) (data (i32.const 0) \"{}\")", "x".repeat(8_400_000)), "")
        }),
        cost("too-much-load-work", "refused: module.load_work", || functions(9, &"i32.const 0 drop ".repeat(200_000))),
        cost("too-deep", "refused: module.nesting", || functions(1, &("block ".repeat(1_001) + &"end ".repeat(1_001)))),
    ]
}

/// A loop that calls AssemblyScript's functions, with a text of so many bytes at 8.
fn console(calls: &str, bytes: u32) -> String {
    let text = "\\d8\\3c\\df\\75".repeat(bytes as usize / 4);
    let size: String = bytes.to_le_bytes().iter().map(|byte| format!("\\{byte:02x}")).collect();
    let import = |name: &str, more: &str| format!("(import \"env\" \"{name}\" (func (param i32 {more})))");
    format!(
        "(module {} {} {} {} (memory (export \"memory\") 1) (data (i32.const 4) \"{size}{text}\")
            (func (export \"_start\") {}))",
        import("trace", "i32 f64 f64 f64 f64 f64"),
        import("console.log", ""),
        import("console.time", ""),
        import("console.timeEnd", ""),
        turns(TURNS, calls)
    )
}

/// Those that this build can afford: unoptimized code takes twenty times as long.
pub fn affordable() -> impl Iterator<Item = Cost> {
    let few = ["functions", "memory-growth", "stack", "text-tags", "imports", "too-deep"];
    costs().into_iter().filter(move |cost| !cfg!(debug_assertions) || few.contains(&cost.name))
}

/// More turns of a short loop than the default fuel is for, and few enough for any engine.
const TURNS: u32 = 3_000_000;

/// A module whose function 0 and entry is this.
fn module(fields: &str, body: &str) -> String {
    format!("(module (func (export \"_start\") {body}) {fields})")
}

/// So many functions with one body, of which the first is the entry.
fn functions(count: usize, body: &str) -> String {
    module(&format!("(func {body})").repeat(count - 1), body)
}

/// A body whose local 0 is an i32.
fn in_local(operators: &str, times: usize) -> String {
    format!("(local i32) {}", operators.repeat(times))
}

/// The operators above ten thousand reads of local 0.
fn above_operands(operators: &str, times: usize) -> String {
    let (push, pop) = ("local.get 0 ".repeat(10_000), "drop ".repeat(10_000));
    functions(1, &format!("(local i32) {push} {} {pop}", operators.repeat(times)))
}

fn many_locals() -> String {
    let push: String = (0..1_000).map(|local| format!("local.get {local} ")).collect();
    let again = format!("{push} block end {}", "drop ".repeat(1_000)).repeat(25);
    functions(2, &format!("(local {}) {again}", "i32 ".repeat(1_000)))
}

fn distinct(i: usize) -> String {
    (0..100).map(|at| ["i32 ", "i64 ", "f32 ", "f64 "][(i >> (at % 16)) & 3]).collect()
}

/// A loop of so many turns over a body; local 0 counts.
fn turns(count: u32, body: &str) -> String {
    format!("(local i32) {}", turns_of(count, body))
}

fn turns_of(count: u32, body: &str) -> String {
    let next = "(local.set 0 (i32.add (local.get 0) (i32.const 1)))";
    format!("(loop {body} {next} (br_if 0 (i32.lt_u (local.get 0) (i32.const {count}))))")
}

/// A loop over a body whose local 1 has this type.
fn looped(ty: &str, body: &str) -> String {
    format!("(local i32 {ty}) {}", turns_of(TURNS, body))
}

/// Operators of one operand, over and over on local 1.
fn one_after_the_other(operators: &[&str]) -> String {
    format!("local.get 1 {} local.set 1", operators.join(" "))
}

/// Makes a ring of pointers, one to each second cache line of 32 MiB, and follows it: the next number after `n` is
/// `n * a + c` modulo the count of lines, which visits all of them. There are these fields beside it.
fn chase(fields: &str) -> String {
    let line = |n: &str| format!("(i32.shl {n} (i32.const 7))");
    let next = "(i32.add (i32.mul (local.get 1) (i32.const 1664525)) (i32.const 1013904223))";
    let link = format!(
        "(local.set 2 (i32.and {next} (i32.const {}))) (i32.store {} {}) (local.set 1 (local.get 2))",
        (1 << 18) - 1,
        line("(local.get 1)"),
        line("(local.get 2)")
    );
    let follow = format!("local.get 1 {} local.set 1", "i32.load ".repeat(1_000));
    let (ring, follow) = (turns_of(1 << 18, &link), turns_of(4_000, &follow));
    module(
        &format!("(memory 512) {fields}"),
        &format!("(local i32 i32 i32) {ring} (local.set 0 (i32.const 0)) (local.set 1 (i32.const 0)) {follow}"),
    )
}

/// Calls the function at the place of a table that a sequence without order gives.
fn scattered_calls() -> String {
    const COUNT: u32 = 1 << 13;
    // What is hardly ever done makes the functions long.
    let change = "(local.set 0 (i32.xor (local.get 0) (i32.const 5)))".repeat(22);
    let next = "(i32.add (i32.mul (local.get 0) (i32.const 1664525)) (i32.const 1013904223))";
    let rare = format!("(if (i32.eq (local.get 0) (i32.const -1)) (then {change}))");
    let one = format!("(func (type 0) (local.set 0 {next}) {rare} (local.get 0))");
    // An odd factor makes a permutation.
    let places: String = (0..COUNT).map(|n| format!("{} ", 1 + n.wrapping_mul(40_503) % COUNT)).collect();
    let fields = format!(
        "(type (func (param i32) (result i32))) {} (table {COUNT} funcref) (elem (i32.const 0) func {places})",
        one.repeat(COUNT as usize)
    );
    let place = format!("(i32.and (local.get 1) (i32.const {}))", COUNT - 1);
    let call = format!("(local.set 1 (call_indirect (type 0) (local.get 1) {place}))");
    module(&fields, &looped("i32", &call))
}

/// The largest code, memory, table, stack, log and output at once.
fn all_memory() -> String {
    let code = format!("(func {})", in_local("local.get 0 if else end ", 60_000)).repeat(7);
    let down = "(if (local.get 0) (then (call 2 (i32.sub (local.get 0) (i32.const 1)))))";
    let (log, write) = ("(call 1 (i32.const 0) (i32.const 20))", "(call 0 (i32.const 0) (i32.const 65536))");
    format!(
        "(module (import \"env\" \"write_output\" (func (param i32 i32))) (import \"env\" \"log\" (func (param i32 i32)))
            (memory (export \"memory\") 1) (table 0 funcref)
            (func (param i32) {down}) {code}
            (func (export \"_start\") (local i32)
                (drop (table.grow 0 (ref.null func) (i32.const 99000))) (drop (memory.grow (i32.const 511)))
                (call 2 (i32.const 9990)) {} (local.set 0 (i32.const 0)) {}))",
        turns_of(10_000, log),
        turns_of(100, write)
    )
}

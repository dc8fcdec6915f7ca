//! Texts: modules as people write them, and configurations.

use alloc::{format, string::String};

use super::{Input, Kind, run::attacks};

attacks! {
    "wat-large", "text of 12 MB", "module.text_bytes" => "refused: module.text_bytes",
        || wat(format!("(module{})", "(func nop)".repeat(1_200_000)));
    "wat-functions", "as many functions as half a mebibyte of text has", "module.functions" => "refused: module.functions",
        || wat(format!("(module{})", "(func)".repeat(80_000)));
    "wat-tags", "the shortest fields that a module may have, and the largest that the parser makes", "module.text_bytes"
        => "refused: unsupported", || wat(format!("(module{})", "(tag)".repeat(100_000)));
    "wat-operators", "as many operators as half a mebibyte of text has", "module.text_bytes" => "done",
        || wat(format!("(module(func(export \"_start\"){}))", "nop ".repeat(130_000)));
    "wat-nested", "five hundred thousand opening parentheses", "module.text_bytes" => "refused: text",
        || wat("(".repeat(500_000));
    "wat-nested-folded", "operators folded into each other", "module.nesting" => "refused: module.nesting",
        || wat(format!("(module(func{}{}))", "(block".repeat(70_000), ")".repeat(70_000)));
    "wat-nested-ifs", "conditions folded into each other", "module.text_bytes" => "refused: module.nesting",
        || wat(format!("(module(func{}{}))", "(if(i32.const 0)(then".repeat(20_000), "))".repeat(20_000)));
    "wat-nested-sums", "sums folded into each other", "module.text_bytes" => "done",
        || wat(format!("(module(func(export \"_start\")(drop{}(i32.const 0){})))",
            "(i32.eqz".repeat(50_000), ")".repeat(50_000)));
    "wat-nested-comments", "comments within comments", "module.text_bytes" => "refused: text",
        || wat("(;".repeat(250_000));
    "wat-nested-annotations", "annotations within annotations", "module.text_bytes" => "call: the module exports neither `execute` nor `_start`",
        || wat(format!("(module{}{})", "(@a".repeat(120_000), ")".repeat(120_000)));
    "wat-nested-modules", "modules within modules", "module.text_bytes" => "refused: text",
        || wat("(module".repeat(70_000));
    "wat-nested-types", "types within types", "module.text_bytes" => "refused: text",
        || wat(format!("(module{}", "(type(func(param(ref".repeat(20_000)));
    "wat-component", "components within components", "module.text_bytes" => "refused: component",
        || wat("(component".repeat(50_000));
    "wat-component-hidden", "components behind a comment that holds a string", "module.text_bytes"
        => "refused: component", || wat(format!("(;\";){}", "( component ".repeat(40_000)));
    "wat-string", "a string of half a mebibyte that does not end", "module.text_bytes" => "refused: text",
        || wat(format!("(module \"{}", "\\".repeat(500_000)));
    "wat-line", "a mistake at the end of a line of half a mebibyte", "module.text_bytes" => "refused: text",
        || wat(format!("(module{}?", " ".repeat(500_000)));
    "wat-number", "a number of half a million digits", "module.text_bytes" => "refused: text",
        || wat(format!("(module(func i32.const {}))", "9".repeat(500_000)));
    "wat-float", "a float of half a million digits", "module.text_bytes" => "refused: invalid",
        || wat(format!("(module(func f64.const 0x1.{}p0))", "9".repeat(500_000)));
    "wat-locals", "as many locals as half a mebibyte of text has", "module.locals" => "refused: module.locals",
        || wat(format!("(module(func(local{})))", " i32".repeat(120_000)));
    "wat-types", "inline types that are all different", "module.types" => "refused: module.types", inline_types;
    "wat-quote", "a module as quoted text", "module.text_bytes" => "refused: text",
        || wat(format!("(module quote{})", " \"(module)\"".repeat(45_000)));
    "toml-too-long", "a configuration of 2 MiB", "format" => "configuration: too long", || toml("\n".repeat(2 << 20));
    "toml-nested-arrays", "a quarter of a million opening brackets", "format" => "configuration: syntax",
        || toml("[".repeat(250_000));
    "toml-nested-values", "arrays within arrays as a value", "format" => "configuration: syntax",
        || toml(format!("a = {}{}", "[".repeat(120_000), "]".repeat(120_000)));
    "toml-nested-tables", "inline tables within inline tables", "format" => "configuration: syntax",
        || toml(format!("a = {}", "{a=".repeat(80_000)));
    "toml-dotted", "a key of 125,000 parts", "format" => "configuration: syntax",
        || toml(format!("a{} = 1", ".a".repeat(125_000)));
    "toml-dotted-section", "a section of 125,000 parts", "format" => "configuration: syntax",
        || toml(format!("[a{}]", ".a".repeat(125_000)));
    "toml-keys", "a quarter of a mebibyte of keys", "format" => "configuration: unknown key",
        || toml((0..20_000).map(|i| format!("k{i}=1\n")).collect());
    "toml-keys-of-limits", "a quarter of a mebibyte of keys in a section", "format" => "configuration: unknown key",
        || toml(format!("[limits]\n{}", (0..20_000).map(|i| format!("k{i}=1\n")).collect::<String>()));
    "toml-tables", "a quarter of a mebibyte of sections", "format" => "configuration: wrong type",
        || toml("[[limits]]\n".repeat(20_000));
    "toml-long-key", "a key of a quarter of a mebibyte", "format" => "configuration: unknown key",
        || toml(format!("{} = 1", "k".repeat(250_000)));
    "toml-long-word", "a word of a quarter of a mebibyte", "format" => "configuration: unknown word",
        || toml(format!("profile = \"{}\"", "\\u001b".repeat(40_000)));
    "toml-long-number", "a number of a quarter of a million digits", "format" => "configuration: out of range",
        || toml(format!("limits.fuel = {}", "9".repeat(250_000)));
    "toml-negative", "a negative limit", "format" => "configuration: out of range", || toml("limits.fuel = -1".into());
    "toml-unlimited", "a limit of none", "format" => "configuration: out of range", || toml("limits.fuel = 0".into());
}

fn wat(text: String) -> Input {
    Input::new(Kind::Text(text))
}

fn toml(text: String) -> Input {
    Input::new(Kind::Toml(text))
}

fn inline_types() -> Input {
    let types = ["i32", "i64", "f32", "f64"];
    let func = |i: usize| {
        let params: String = (0..7).map(|at| format!(" {}", types[i >> (2 * at) & 3])).collect();
        format!("(func(param{params}))")
    };
    wat(format!("(module{})", (0..10_000).map(func).collect::<String>()))
}

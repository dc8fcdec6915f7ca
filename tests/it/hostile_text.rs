//! Guest text in names, messages and logs: kept as it is, and shown escaped and cut.

use belljar::{Config, Error, GuestFault, Sandbox, StopReason};

/// Characters that steer a terminal, break or turn a line, or show as nothing.
const HOSTILE: [char; 12] = [
    '\u{0}',
    '\u{1b}',
    '\u{7f}',
    '\u{9b}',
    '\n',
    '\r',
    '\u{ad}',
    '\u{202e}',
    '\u{2028}',
    '\u{2066}',
    '\u{feff}',
    '\u{e0001}',
];

/// The most that an error may say. A screen has a few thousand characters.
const SHOWN: usize = 32 << 10;

/// Whether a message can be shown on one line of a terminal.
#[track_caller]
fn check(error: &Error) {
    let shown = [Some(error.to_string()), error.hint()];
    for text in shown.into_iter().flatten() {
        assert!(text.len() <= SHOWN, "{} bytes are shown: {}…", text.len(), &text[..200]);
        if let Some(bad) = text.chars().find(|c| c.is_control() || HOSTILE.contains(c)) {
            panic!("{bad:?} is shown in {}", belljar::text::escape(&text, 300));
        }
    }
}

/// A name of `bytes` bytes, in WAT's escapes and as it is.
fn name(bytes: usize) -> (String, String) {
    let plain: String = HOSTILE.iter().collect::<String>().repeat(bytes / 25);
    let escaped = plain.bytes().map(|b| format!("\\{b:02x}")).collect();
    (escaped, plain)
}

fn sandbox() -> Sandbox {
    let mut config = Config::default();
    config.set("module.name_bytes", 65_536).unwrap();
    config.set("module.size_bytes", 64 << 20).unwrap();
    Sandbox::new(config).unwrap()
}

fn load(sandbox: &Sandbox, wat: &str) -> Result<belljar::Module, Error> {
    sandbox.load(&wat::parse_str(wat).unwrap())
}

#[test]
fn names_of_imports() {
    let sandbox = sandbox();
    let (escaped, plain) = name(60_000);
    let error = load(&sandbox, &format!("(module (import \"{escaped}\" \"{escaped}\" (func)))")).unwrap_err();
    check(&error);
    assert!(format!("{error:?}").len() > plain.len(), "the data has all of it");
    // As many as there may be, of the longest types there may be.
    let params = "f64 ".repeat(100);
    let imports: String = (0..100)
        .map(|i| {
            format!(
                "(import \"{i}{}\" \"{}\" (func (param {params}) (result {})))",
                &escaped[..3000],
                &escaped[..3000],
                "f64 ".repeat(16)
            )
        })
        .collect();
    check(&load(&sandbox, &format!("(module {imports})")).unwrap_err());
}

#[test]
fn names_of_exports() {
    let sandbox = sandbox();
    let (escaped, plain) = name(60_000);
    let exports: String = (0..15).map(|i| format!("(export \"{i}{escaped}\" (func 0))")).collect();
    let module = load(&sandbox, &format!("(module (func (param i32)) {exports})")).unwrap();
    check(&sandbox.run(&module, b"").unwrap_err());
    let own = format!("0{plain}");
    check(&sandbox.call_values(&module, &own, &[]).unwrap_err());
    check(&sandbox.call::<i64, ()>(&module, &own, 1).unwrap_err());
    check(&sandbox.call_values(&module, &plain, &[]).unwrap_err());
    // Twice the same: the validator quotes it.
    let twice = format!("(module (func) (export \"{escaped}\" (func 0)) (export \"{escaped}\" (func 0)))");
    check(&load(&sandbox, &twice).unwrap_err());
    // An entry of another type, as long as types can be.
    let types = "v128 ".repeat(100);
    let module = load(&sandbox, &format!("(module (func (export \"execute\") (param {types})))")).unwrap();
    check(&sandbox.run(&module, b"").unwrap_err());
    check(&sandbox.call_values(&module, "execute", &[]).unwrap_err());
}

#[test]
fn names_in_text() {
    let sandbox = sandbox();
    let (_, plain) = name(4_000);
    for text in [
        format!("(module (func (call ${})))", "x".repeat(100_000)),
        format!("(module (func (call $\"{plain}\")))"),
        format!("(module ({plain}))"),
        format!("(module (import \"{plain}\" \"\" (func)))"),
        format!("(module \"{plain})"),
        format!("(module (; {plain}"),
        "\u{1b}[31m".into(),
    ] {
        check(&sandbox.load_text(&text).unwrap_err());
    }
}

#[test]
fn last_words() {
    let sandbox = sandbox();
    let (escaped, plain) = name(60_000);
    let module = load(
        &sandbox,
        &format!(
            r#"(module
                (import "env" "fail" (func $fail (param i32 i32)))
                (import "env" "abort" (func $abort (param i32 i32 i32 i32)))
                (import "env" "log" (func $log (param i32 i32)))
                (memory (export "memory") 2)
                (data (i32.const 8) "{escaped}")
                (func (export "fail") (call $fail (i32.const 8) (i32.const {})))
                (func (export "abort")
                    (i32.store (i32.const 4) (i32.const 60000))
                    (call $abort (i32.const 8) (i32.const 8) (i32.const 1) (i32.const 2)))
                (func (export "log") (call $log (i32.const 8) (i32.const {}))))"#,
            plain.len(),
            plain.len()
        ),
    )
    .unwrap();
    let failed = sandbox.call_values(&module, "fail", &[]).unwrap_err();
    check(&failed);
    assert!(
        matches!(failed.stop_reason(), Some(StopReason::Guest(GuestFault::Failed { message })) if plain.starts_with(message.trim_end_matches('\u{fffd}')))
    );
    check(&sandbox.call_values(&module, "abort", &[]).unwrap_err());
    assert_eq!(sandbox.call_values(&module, "log", &[]).unwrap().log.entries[0].text, plain);
}

#[test]
fn words_of_host_functions_that_quote_the_guest() {
    let (_, plain) = name(100_000);
    let (quoted, panicked) = (plain.clone(), plain.clone());
    let sandbox = Sandbox::builder()
        .host_function(&plain, &plain, move || -> Result<(), belljar::HostError> {
            Err(belljar::HostError::new(&quoted))
        })
        .host_function("p", "p", move || -> () { panic!("{panicked}") })
        .config(Config::default().with_module_name_bytes(65_536).with_module_size_bytes(1 << 20))
        .build();
    let sandbox = sandbox.unwrap();
    let module =
        load(&sandbox, "(module (import \"p\" \"p\" (func $p)) (func (export \"_start\") (call $p)))").unwrap();
    check(&sandbox.run(&module, b"").unwrap_err());
    let builder = Sandbox::builder().host_function(&plain, "x", || {}).host_function(&plain, "x", || {});
    check(&builder.build().unwrap_err());
    let (escaped, plain) = name(2_000);
    let quoted = plain.repeat(50);
    let sandbox = Sandbox::builder()
        .host_function("m", "f", move || -> Result<(), belljar::HostError> { Err(belljar::HostError::new(&quoted)) })
        .config(Config::default().with_module_name_bytes(65_536))
        .build()
        .unwrap();
    let wat = format!("(module ${{x}} (import \"m\" \"f\" (func $f)) (func (export \"{escaped}\") (call $f)))");
    let module = load(&sandbox, &wat.replace("${x}", "")).unwrap();
    check(&sandbox.call_values(&module, &plain, &[]).unwrap_err());
}

#[test]
fn every_character_that_steers_is_escaped_and_no_other() {
    for c in HOSTILE {
        let escaped = belljar::text::escape(c.encode_utf8(&mut [0; 4]), 8).to_string();
        assert!(escaped.starts_with('\\') && escaped.is_ascii(), "{c:?} is shown as {escaped}");
    }
    for plain in ["", "abc", "\u{e9}\u{df}\u{4e2d}\u{1f514}", "\\n", "\"`'", "a b"] {
        assert_eq!(belljar::text::escape(plain, 100).to_string(), plain);
    }
    assert_eq!(belljar::text::escape_lines("a\n\tb\u{1b}", 100).to_string(), "a\n\tb\\u{1b}");
    // Cut at a character, never in one.
    for max in 0..=9 {
        let shown = belljar::text::escape("\u{1f514}\u{1f514}", max).to_string();
        let whole = max / 4;
        assert!(shown.starts_with(&"\u{1f514}".repeat(whole.min(2))), "{max}: {shown}");
        assert_eq!(shown.contains("bytes more"), max < 8, "{max}: {shown}");
    }
}

//! Configurations made in code, and from TOML and JSON. Most of TOML is in `fixtures/errors`.

use std::collections::BTreeSet;

#[cfg(all(feature = "wasi", feature = "host-random"))]
use belljar::config::{Clock, LogLevel, Random};
use belljar::{
    Config, Error, Profile, Sandbox,
    config::{MAX_TEXT_BYTES, NumberKey, OnGrowthLimit, Preset, Setting},
    error::{ConfigProblem, Position, ValueKind},
};
#[cfg(feature = "http")]
use belljar::{config::HttpRule, error::Unit, error::ValueProblem};

fn problem(result: Result<Config, Error>) -> (String, Option<Position>, ConfigProblem) {
    match result {
        Err(Error::Config(error)) => (error.key, error.at, error.problem),
        other => panic!("{other:?}"),
    }
}

/// Reaches `ConfigProblem::TooLong`.
#[test]
fn text_that_is_too_long_is_not_read() {
    let mut text = String::from("[limits]\nfuel = 7\n#");
    text.extend(std::iter::repeat_n('x', MAX_TEXT_BYTES as usize - text.len()));
    assert_eq!(Config::from_toml(&text).unwrap().limits.fuel, 7);
    text.push('x');
    let (key, at, problem) = problem(Config::from_toml(&text));
    assert_eq!((key.as_str(), at), ("", None));
    assert_eq!(problem, ConfigProblem::TooLong { size: MAX_TEXT_BYTES + 1, limit: MAX_TEXT_BYTES });
}

#[test]
fn a_value_of_another_type_is_told() {
    for (text, expected, found) in [
        ("limits.fuel = 1979-05-27", ValueKind::Integer, ValueKind::Datetime),
        ("wasi.files.\"/a\" = 1.5", ValueKind::FileBytes, ValueKind::Float),
        ("wasi.dirs = {}", ValueKind::Tables, ValueKind::Table),
        ("http.private_addresses = []", ValueKind::Boolean, ValueKind::Array),
    ] {
        let (.., problem) = problem(Config::from_toml(text));
        assert_eq!(problem, ConfigProblem::WrongType { expected, found }, "{text}");
    }
}

/// Deep or wide text costs what it is long, and ends in an answer.
#[test]
fn deep_and_wide_text_is_an_error() {
    let deep = 300;
    for text in [
        "[".repeat(deep),
        format!("x = {}", "[".repeat(deep)),
        format!("x = {}", "{a=".repeat(deep)),
        "a.".repeat(deep) + "b = 1",
        format!("limits.{}x = 1", "y.".repeat(deep)),
        format!("[{}]", vec!["a"; deep].join(".")),
        format!("limits.fuel = {}", "9".repeat(100_000)),
        format!("limits.fuel = 0x{}", "f".repeat(100_000)),
        format!("\"{}\" = 1", "k".repeat(900_000)),
        format!("profile = \"{}\"", "\\u202e".repeat(100_000)),
        "\0".into(),
        "\u{feff}\u{feff}".into(),
        (0..20_000).map(|i| format!("k{i} = 1\n")).collect(),
    ] {
        // As on the smallest stacks that a program may have; a debug build needs more of everything.
        let kib = if cfg!(debug_assertions) { 512 } else { 256 };
        let small = std::thread::Builder::new().stack_size(kib << 10);
        let error = small.spawn(move || Config::from_toml(&text).unwrap_err()).unwrap().join().unwrap();
        assert!(error.to_string().len() < 4_000, "{} bytes of message", error.to_string().len());
        assert!(error.hint().is_none_or(|hint| hint.len() < 200));
    }
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_are_no_mistake() {
    let config = Config::from_toml("\u{feff}[limits]\r\nfuel = 7\r\n").unwrap();
    assert_eq!(config.limits.fuel, 7);
    let (key, at, _) = problem(Config::from_toml("[limits]\r\n  fuel = 0\r\n"));
    assert_eq!((key.as_str(), at), ("limits.fuel", Some(Position { line: 2, column: 10 })));
}

#[test]
fn every_key_may_be_written_and_set_at_its_bounds() {
    // Without their features, what these are set to is refused.
    let wasi = |key: &NumberKey| cfg!(feature = "wasi") || !key.path.starts_with("wasi.");
    let http = |key: &NumberKey| cfg!(feature = "http") || !key.path.starts_with("http.");
    for key in Config::keys().filter(|key| wasi(key) && http(key)) {
        for value in [key.min, key.max, key.plugin.max(key.min), key.large.max(key.min)] {
            let config = Config::from_toml(&format!("{} = {value}", key.path)).unwrap();
            assert_eq!(setting(&config, key.path).value, Some(value.to_string()), "{}", key.path);
            let mut set = Config::default();
            set.set(key.path, value).unwrap();
            assert_eq!(set, config);
            assert!(Sandbox::new(config).is_ok(), "{} = {value}", key.path);
        }
        let beyond = [i128::from(key.min) - 1, i128::from(key.max) + 1];
        for value in beyond {
            let (at_key, at, problem) = problem(Config::from_toml(&format!("{} = {value}", key.path)));
            assert_eq!((at_key.as_str(), at.map(|at| at.line)), (key.path, Some(1)));
            assert_eq!(problem, ConfigProblem::OutOfRange { value, min: key.min, max: key.max, unit: key.unit });
            // The same for a configuration that was made in code, where there is no place to tell.
            if let Ok(value) = u64::try_from(value) {
                let mut set = Config::default();
                let before = set.clone();
                assert!(set.set(key.path, value).is_err());
                assert_eq!(set, before);
            }
        }
        assert!((key.min..=key.max).contains(&key.plugin) || is_off(&key), "{}", key.path);
        assert!((key.min..=key.max).contains(&key.large) || is_off(&key), "{}", key.path);
        assert!(key.plugin <= key.large, "{}: the large profile is the larger one", key.path);
    }
}

#[test]
fn a_value_out_of_range_in_code_is_told_when_the_sandbox_is_made() {
    let wrong = [
        (Config::default().with_fuel(0), "limits.fuel"),
        (Config::default().with_memory_bytes(u64::MAX), "limits.memory_bytes"),
        (Config::default().with_deadline_ms(0), "deadline_ms"),
        (Config::default().with_module_constant_operators(0), "module.constant_operators"),
    ];
    for (config, path) in wrong {
        let Err(Error::Config(error)) = Sandbox::new(config) else { panic!("{path} was accepted") };
        assert_eq!((error.key.as_str(), error.at), (path, None));
        assert!(matches!(error.problem, ConfigProblem::OutOfRange { .. }));
    }
}

/// The setting of a key.
fn setting(config: &Config, key: &str) -> Setting {
    let found = config.enforcement().into_iter().find(|setting| setting.key == key);
    found.unwrap_or_else(|| panic!("`{key}` is not listed"))
}

#[test]
fn every_key_is_listed_with_how_it_is_enforced() {
    let config = Config::default();
    let listed = config.enforcement();
    let keys: BTreeSet<_> = listed.iter().map(|setting| setting.key.clone()).collect();
    assert_eq!(keys.len(), listed.len(), "each key once");
    // What is serialised is what there is, but for what is left out where it is the default.
    let mut json = serde_json::to_value(&config).unwrap();
    assert!(json.get("wasi").is_none());
    json["wasi"] = serde_json::to_value(&config.wasi).unwrap();
    assert!(json.get("http").is_none());
    json["http"] = serde_json::to_value(&config.http).unwrap();
    let mut serialised: BTreeSet<_> = ["wasi.dirs", "log", "grants", "module_cache_bytes"].map(String::from).into();
    for (name, value) in json.as_object().unwrap() {
        match value.as_object() {
            Some(section) => serialised.extend(section.keys().map(|key| format!("{name}.{key}"))),
            None => drop(serialised.insert(name.clone())),
        }
    }
    assert_eq!(keys, serialised);
    for setting in &listed {
        assert!(!setting.enforced.is_empty(), "{}", setting.key);
        assert_eq!(setting.value, setting.default, "{}", setting.key);
    }
    for key in Config::keys() {
        let usual = if is_off(&key) { None } else { Some(key.plugin.to_string()) };
        assert_eq!(setting(&config, key.path).value, usual, "{}", key.path);
    }
    let large = Config::profile(Profile::Large).enforcement();
    let other: Vec<_> = large.iter().filter(|s| s.value != s.default).map(|s| s.key.as_str()).collect();
    assert_eq!(other, ["profile"]);
}

/// Each key of a text has its line, and each piece of what is given piece by piece.
#[test]
#[cfg(feature = "wasi")]
fn every_line_is_known() {
    let text = r#"profile = "large"
limits.fuel = 5
on_growth_limit = "refuse"
log = "warn"
grants = ["b", "a",
  "b"]
[module]
  types = 3

[faults]
stop_at_fuel = 9

[wasi]
program = "p"
args = [
  "a b", "c\\d\"e\n\u0001",
]
clock = "fixed"
clock_start_ns = 1
env = { LANG = "C", "a b" = "" }
files."/in.txt" = "text"
files."/d/" = ""
[[wasi.dirs]]
host = "."
guest = "/here"
[[wasi.dirs]]
host = "x"
guest = "/there"
access = "write"
"#;
    // Where there is no `fs` they are refused.
    let text = if cfg!(feature = "fs") { text } else { text.split("[[").next().unwrap() };
    let (config, lines) = Config::from_toml_with_lines(text, None, None).unwrap();
    assert_eq!(config, Config::from_toml(text).unwrap());
    let set = config.enforcement().into_iter().filter(|setting| setting.value != setting.default);
    let found: Vec<_> = set.map(|s| (lines.of(&s.key), s.key, s.value.unwrap())).collect();
    let quotas = "file_bytes = 67108864, total_bytes = 268435456, files = 10000";
    let dirs = [
        (23, "wasi.dirs[0]", format!(r#"{{ host = ".", guest = "/here", access = "read", {quotas} }}"#)),
        (26, "wasi.dirs[1]", format!(r#"{{ host = "x", guest = "/there", access = "write", {quotas} }}"#)),
    ];
    let expected = [
        (1, "profile", r#""large""#),
        (3, "on_growth_limit", r#""refuse""#),
        (4, "log", r#""warn""#),
        (5, "grants[0]", r#""a""#),
        (5, "grants[1]", r#""b""#),
        (2, "limits.fuel", "5"),
        (8, "module.types", "3"),
        (11, "faults.stop_at_fuel", "9"),
        (19, "wasi.clock_start_ns", "1"),
        (14, "wasi.program", r#""p""#),
        (15, "wasi.args", r#"["a b", "c\\d\"e\n\u0001"]"#),
        (18, "wasi.clock", r#""fixed""#),
        (20, "wasi.env.LANG", r#""C""#),
        (20, r#"wasi.env."a b""#, r#""""#),
        (22, r#"wasi.files."/d/""#, "0 bytes"),
        (21, r#"wasi.files."/in.txt""#, "4 bytes"),
    ];
    let expected = expected.map(|(line, key, value)| (line, key, value.to_string())).into_iter();
    let expected = expected.chain(dirs.into_iter().filter(|_| cfg!(feature = "fs")));
    let expected: Vec<_> = expected.map(|(line, key, value)| (Some(line), key.to_string(), value)).collect();
    assert_eq!(found, expected);
    assert_eq!(lines.of("limits"), None);
    assert_eq!(lines.of("limits.memory_bytes"), None);
}

#[test]
fn json_reads_and_writes_the_same() {
    let config = Config::profile(Profile::Large)
        .with_fuel(5)
        .with_deadline_ms(10)
        .with_on_growth_limit(OnGrowthLimit::Refuse)
        .with_module_types(3)
        .with_fail_host_call(2)
        .with_module_cache_bytes(0);
    let text = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<Config>(&text).unwrap(), config);
    assert_eq!(serde_json::from_str::<Config>("{}").unwrap(), Config::default());
    let short = r#"{"profile": "large", "limits": {"fuel": 5}, "deadline_ms": null}"#;
    assert_eq!(serde_json::from_str::<Config>(short).unwrap(), Config::profile(Profile::Large).with_fuel(5));
    for wrong in [
        r#"{"limits": {"fule": 5}}"#,
        r#"{"limit": {}}"#,
        r#"{"limits": {"fuel": 0}}"#,
        r#"{"limits": {"fuel": -1}}"#,
        r#"{"limits": {"fuel": 1.5}}"#,
        r#"{"limits": {"fuel": "5"}}"#,
        r#"{"limits": {"memory_bytes": 18446744073709551615}}"#,
        r#"{"profile": "huge"}"#,
        r#"{"deadline_ms": 0}"#,
        r#"{"faults": {"stop_at_fuel": 0}}"#,
        r#"{"faults": {"stop": 1}}"#,
        r#"[5]"#,
    ] {
        assert!(serde_json::from_str::<Config>(wrong).is_err(), "{wrong}");
    }
    let error = serde_json::from_str::<Config>(r#"{"limits": {"fuel": 0}}"#).unwrap_err().to_string();
    assert!(error.contains("`limits.fuel`: 0 is outside 1 to 1000000000000000"), "{error}");
}

#[test]
fn toml_of_its_own_making_reads_the_same() {
    let config = Config::default().with_fuel(5).with_deadline_ms(9).with_on_growth_limit(OnGrowthLimit::Refuse);
    let config = config.with_stop_at_fuel(1).with_deny_growth(3);
    let text = toml::to_string(&config).unwrap();
    assert_eq!(Config::from_toml(&text).unwrap(), config);
}

#[test]
fn a_profile_from_elsewhere_goes_before_the_text_s() {
    let text = "profile = \"large\"\nlimits.fuel = 5\n";
    let config = Config::from_toml_with_profile(text, Profile::Plugin).unwrap();
    assert_eq!(config, Config::default().with_fuel(5));
    assert!(Config::from_toml_with_profile("profile = \"huge\"", Profile::Plugin).is_err());
}

#[test]
fn an_unknown_path_is_told_with_the_valid_ones() {
    let mut config = Config::default();
    for path in ["", "fuel", "limits", "limits.", "limits.fule", "profile", "on_growth_limit"] {
        let Err(Error::Config(error)) = config.set(path, 1) else { panic!("{path} was set") };
        assert_eq!(error.key, path);
        assert!(matches!(error.problem, ConfigProblem::UnknownKey { valid } if valid.contains(&"limits.fuel")));
    }
    assert_eq!(config.set("limits.fule", 1).unwrap_err().hint().as_deref(), Some("did you mean `limits.fuel`?"));
    assert_eq!(config, Config::default());
}

/// Whether a key has no value unless it is set.
fn is_off(key: &NumberKey) -> bool {
    key.path == "deadline_ms" || key.path.starts_with("faults.")
}

#[cfg(not(feature = "wasi"))]
#[test]
fn a_build_without_wasi_says_so() {
    let (key, _, found) = problem(Config::from_toml("[wasi]\nargs = [\"a\"]\n"));
    assert_eq!((key.as_str(), found), ("wasi", ConfigProblem::Unenforceable { feature: "wasi" }));
    let wat = "(module (import \"wasi_unstable\" \"sched_yield\" (func (result i32))))";
    let error = Sandbox::new(Config::default()).unwrap().load_text(wat).unwrap_err();
    let Error::Module(cause) = &error else { panic!("{error}") };
    assert!(matches!(&**cause, belljar::ModuleError::Imports { total: 1, .. }));
    // The one place that names the feature.
    assert!(error.hint().is_some_and(|hint| hint.contains("`wasi`")));
}

/// What each preset grants is what its documentation says.
#[test]
fn presets_grant_what_they_say() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/config/preset.rs")).unwrap();
    let rows = text.lines().filter_map(|line| line.trim_start().strip_prefix("/// | `"));
    let mut found = BTreeSet::new();
    let presets = [Config::default(), Config::preset(Preset::Minimal), Config::preset(Preset::Development)];
    for row in rows {
        let cells: Vec<_> = row.split(['|', '`', ' ']).filter(|cell| !cell.is_empty()).collect();
        let [key, values @ ..] = cells.as_slice() else { panic!("{row}") };
        for (config, value) in presets.iter().zip(values) {
            assert_eq!(setting(config, key).value, Some(format!("\"{value}\"")), "{key}");
        }
        found.insert(key.to_string());
    }
    // And nothing else but what follows from the profile.
    for config in &presets {
        let other = config.enforcement().into_iter().filter(|setting| setting.value != setting.default);
        assert!(other.map(|setting| setting.key).all(|key| found.contains(&key)));
    }
    assert_eq!(found.len(), 4);
}

#[cfg(all(feature = "wasi", feature = "host-random"))]
#[test]
fn a_preset_from_elsewhere_goes_before_the_text_s() {
    let text = "preset = \"minimal\"\nwasi.random = \"seeded\"\n";
    let (config, _) = Config::from_toml_with_lines(text, None, Some(Preset::Development)).unwrap();
    assert_eq!(config, Config::preset(Preset::Development).with_random(Random::Seeded));
    let (config, _) = Config::from_toml_with_lines(text, Some(Profile::Large), None).unwrap();
    let expected = Config::profile(Profile::Large).with_log(LogLevel::Off).with_clock(Clock::None);
    assert_eq!(config, expected);
    // What is written is what is granted, whichever preset it came from.
    let json = serde_json::to_string(&Config::preset(Preset::Minimal).with_clock(Clock::Virtual)).unwrap();
    assert_eq!(serde_json::from_str::<Config>(&json).unwrap().wasi.clock, Clock::Virtual);
}

/// Rules have their places and lines.
#[test]
#[cfg(feature = "http")]
fn rules_for_requests_are_read() {
    let read = |rest: &str| Config::from_toml(&format!("[http]\n{rest}\n"));
    for (rest, key, line) in [
        ("allow = 5", "http.allow", 2),
        ("allow = [\"https://example.org\"]", "http.allow", 2),
        ("requests = 1_000_001", "http.requests", 2),
        ("timeout_ms = 0", "http.timeout_ms", 2),
        ("private_addresses = 1", "http.private_addresses", 2),
        ("private = true", "http.private", 2),
        ("[[http.allow]]\nhosts = \"a\"", "http.allow[0].hosts", 3),
        ("[[http.allow]]\nhost = \"a\"\n[[http.allow]]\nhost = \"127.1\"", "http.allow[1].host", 5),
        ("[[http.allow]]\nhost = \"a\"\nmethods = []", "http.allow[0].methods", 4),
        ("[[http.allow]]\nhost = \"a\"\nmethods = [\"get\"]", "http.allow[0].methods", 4),
        ("[[http.allow]]\nhost = \"a\"\nscheme = \"ftp\"", "http.allow[0].scheme", 4),
        ("[[http.allow]]\nhost = \"a\"\nport = 0", "http.allow[0].port", 4),
        ("[[http.allow]]\nhost = \"a\"\npath = \"v1\"", "http.allow[0].path", 4),
        ("[[http.allow]]\nhost = \"a\"\npath = \"/a/../b\"", "http.allow[0].path", 4),
    ] {
        let Err(Error::Config(error)) = read(rest) else { panic!("{rest}") };
        assert_eq!((error.key.as_str(), error.at.unwrap().line), (key, line), "{rest}");
    }
    for (rest, expected) in [
        ("host = \"127.1\"", ValueProblem::HostPattern),
        ("host = \"a\"\nmethods = []", ValueProblem::NoMethod),
        ("host = \"a\"\npath = \"v1\"", ValueProblem::UrlPath),
    ] {
        let (.., found) = problem(read(&format!("[[http.allow]]\n{rest}")));
        assert_eq!(found, ConfigProblem::Unfit { why: expected }, "{rest}");
    }
    let Err(Error::Config(error)) = HttpRule::parse("a b c") else { panic!("it was read") };
    assert_eq!(error.problem, ConfigProblem::Unfit { why: ValueProblem::Rule });
    let (.., found) = problem(read("[[http.allow]]\nhost = \"a\"\nport = 0"));
    assert_eq!(found, ConfigProblem::OutOfRange { value: 0, min: 1, max: 65_535, unit: Unit::Port });
    let rule = || HttpRule::parse("https://a").unwrap();
    let mut port_0 = rule();
    port_0.port = Some(0);
    let (.., found) = problem(Sandbox::new(Config::default().with_http(port_0)).map(|_| Config::default()));
    assert_eq!(found, ConfigProblem::Unfit { why: ValueProblem::Port });
    let many = (0..1_001).fold(Config::default(), |config, _| config.with_http(rule()));
    let (.., found) = problem(Sandbox::new(many).map(|_| Config::default()));
    assert_eq!(found, ConfigProblem::Unfit { why: ValueProblem::TooManyRules });
    let config = read("[[http.allow]]\nhost = \"a\"\n").unwrap();
    assert_eq!(config, Config::default().with_http(rule()));
    assert!(Sandbox::new(config).is_ok());

    let text = r#"[http]
requests = 5
private_addresses = true
allow = [
  { host = "a.example" },
  { methods = ["GET", "PUT"], scheme = "http", host = "*.example", port = 81, path = "/x" },
]
"#;
    let (config, lines) = Config::from_toml_with_lines(text, None, None).unwrap();
    let set = config.enforcement().into_iter().filter(|setting| setting.value != setting.default);
    let found: Vec<_> = set.map(|s| (lines.of(&s.key), s.key, s.value.unwrap())).collect();
    let rule = |methods, rest| format!("{{ methods = [{methods}], scheme = {rest} }}");
    let expected = [
        (2, "http.requests", "5".to_string()),
        (5, "http.allow[0]", rule(r#""GET""#, r#""https", host = "a.example", path = "/""#)),
        (6, "http.allow[1]", rule(r#""GET", "PUT""#, r#""http", host = "*.example", port = 81, path = "/x""#)),
        (3, "http.private_addresses", "true".to_string()),
    ];
    assert_eq!(found, expected.map(|(line, key, value)| (Some(line), key.to_string(), value)));
}

/// A build without a client grants nothing.
#[test]
#[cfg(not(feature = "http"))]
fn rules_for_requests_are_refused() {
    let (key, at, problem) = problem(Config::from_toml("[http]\nrequests = 5\n"));
    assert_eq!((key.as_str(), at.map(|at| at.line)), ("http", Some(1)));
    assert_eq!(problem, ConfigProblem::Unenforceable { feature: "http" });
    let Err(Error::Config(error)) = Sandbox::new(Config::default().with_http_requests(5)) else { panic!("made") };
    assert_eq!(error.problem, ConfigProblem::Unenforceable { feature: "http" });
}

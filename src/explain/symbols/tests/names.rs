//! Names of functions and locals.

use super::{INLINED, Numbers, Symbols};
use crate::explain::symbols::{
    demangle::{NAME_BYTES, demangle},
    problem::Problem,
};

#[test]
fn names_of_a_module() {
    let symbols = Symbols::read(INLINED);
    let names: Vec<_> = (0..4).map(|index| symbols.function(index)).collect();
    assert_eq!(names, [Some("read_input"), Some("shapes::area(int, int)"), Some("execute"), None]);
}

#[test]
fn names_of_functions_are_those_of_the_section_the_exports_or_the_imports() {
    let text = r#"(module
        (import "env" "log" (func))
        (import "env" "read" (func $read))
        (func $inner (export "outer") (param $count i32) (local i32) (local $sum i64))
        (func (export "only") (export "again"))
        (func))"#;
    let symbols = Symbols::read(&wat::parse_str(text).unwrap());
    let names: Vec<_> = (0..5).map(|index| symbols.function(index)).collect();
    assert_eq!(names, [Some("env::log"), Some("read"), Some("inner"), Some("only"), None]);
    assert_eq!((0..3).map(|local| symbols.local(2, local)).collect::<Vec<_>>(), [Some("count"), None, Some("sum")]);
    assert_eq!(symbols.local(3, 0), None);
}

#[test]
fn names_are_the_data_that_they_are() {
    let symbols = Symbols::read(&wat::parse_str(r#"(module (func (export "\1b[31m\n\00\u{202e}")))"#).unwrap());
    assert_eq!(symbols.function(0), Some("\x1b[31m\n\0\u{202e}"));
}

#[test]
fn long_names_are_cut() {
    let long = "ä".repeat(NAME_BYTES);
    let text = format!(r#"(module (func (export "{long}")) (func $f (local $"a{long}" i32)))"#);
    let symbols = Symbols::read(&wat::parse_str(&text).unwrap());
    assert_eq!(symbols.function(0), Some(&long[..NAME_BYTES]));
    assert_eq!(symbols.local(1, 0).map(str::len), Some(NAME_BYTES - 1));
    assert_eq!(symbols.problems(), []);
}

/// Returns a module with one function and a section `name`.
fn named(section: &[u8]) -> Symbols {
    let mut module = wat::parse_str("(module (func))").unwrap();
    crate::data::binary::section(&mut module, 0, &[b"\x04name", section].concat());
    Symbols::read(&module)
}

#[test]
fn names_before_damage_are_read() {
    let whole = named(&[1, 4, 1, 0, 1, b'a']);
    assert_eq!((whole.function(0), whole.problems()), (Some("a"), &[][..]));
    let not_text = named(&[1, 4, 1, 0, 1, 0xff]);
    assert_eq!((not_text.function(0), not_text.problems()), (Some("\u{fffd}"), &[][..]));
    let short = named(&[1, 7, 2, 0, 1, b'a', 1, 9, b'b']);
    assert_eq!((short.function(0), short.problems()), (Some("a"), &[Problem::Names][..]));
    let other = named(&[1, 4, 1, 1, 1, b'a']);
    assert_eq!((other.function(1), other.problems()), (None, &[][..]));
}

#[test]
fn mangled_names() {
    let cases = [
        ("_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write"),
        ("_RNvC6_123foo3bar", "123foo::bar"),
        ("_ZN6shapes4areaEii", "shapes::area(int, int)"),
        ("__ZN6shapes4areaEii", "shapes::area(int, int)"),
        ("_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector<int, std::allocator<int> >::push_back(int const&)"),
        ("_ZNK3FooltERKS_", "Foo::operator<(Foo const&) const"),
        ("_ZN3FooIiEC2EOS0_", "Foo<int>::Foo(Foo<int>&&)"),
        ("_ZN3FooD0Ev", "Foo::~Foo()"),
        ("_ZN3FoocvbEv", "Foo::operator bool()"),
        ("_Z3maxIiET_S0_S0_", "int max<int>(int, int)"),
        ("_Z4sortPFbiiERA4_i", "sort(bool (*)(int, int), int (&) [4])"),
        ("_Z4callM3FooKFvvE", "call(void (Foo::*)() const)"),
        ("_Z4sendIJicEEvDpOT_", "void send<int, char>(int&&, char&&)"),
        ("_Z4sendIJEEvDpOT_", "void send<>()"),
        ("_Z3getILi3ELb1ELj4EEiv", "int get<3, true, 4u>()"),
        ("_ZZ4mainENKUlvE_clEv", "main::{lambda()#1}::operator()() const"),
        ("_ZN12_GLOBAL__N_11fEv", "(anonymous namespace)::f()"),
        ("_ZThn8_N3Foo3barEv", "non-virtual thunk to Foo::bar()"),
        ("_ZL5countv.isra.0", "count() (.isra.0)"),
        ("main", "main"),
        ("i", "i"),
        ("_Zxx", "_Zxx"),
        ("_Z", "_Z"),
        ("_R", "_R"),
        // With an expression.
        ("_Z1fIXsr1aE1bEEvv", "_Z1fIXsr1aE1bEEvv"),
    ];
    for (mangled, name) in cases {
        assert_eq!(demangle(mangled), name);
    }
}

/// Names of tokens in any order, most of which are none: reading them ends, within the length of names.
#[test]
fn tokens_in_any_order() {
    const TOKENS: [&str; 20] = [
        "1a", "2bc", "N", "I", "J", "E", "T_", "T0_", "S_", "S0_", "cv", "Z", "L", "P", "R", "F", "Dp", "Ul", "i", "v",
    ];
    let mut numbers = Numbers(1);
    for _ in 0..if cfg!(debug_assertions) { 1_000 } else { 20_000 } {
        let count = numbers.below(NAME_BYTES / 2);
        let tokens: String = (0..count).filter_map(|_| TOKENS.get(numbers.below(TOKENS.len()))).copied().collect();
        assert!(demangle(&format!("_Z{tokens}")).len() <= NAME_BYTES);
    }
}

/// Symbols nested as deep as they can be.
#[test]
fn deep_names() {
    for (start, part, end) in [("_RMC0", "R", "u"), ("_RMC0", "TS", "u"), ("_Z1f", "P", "i"), ("_Z1fI", "N1aI", "i")] {
        for count in [10, 40, 90, 300, 900] {
            assert!(demangle(&[start, &part.repeat(count), end].concat()).len() <= NAME_BYTES);
        }
    }
}

/// A symbol can stand for a text that is many times as long.
#[test]
fn demangled_names_have_a_length() {
    let long = ["_Z1fI", &"i".repeat(900), "Evv"].concat();
    assert_eq!(demangle(&long).len(), NAME_BYTES);
    // Each type is the one before it, twice.
    let doubled = |numbers: &str| {
        let types = numbers.chars().map(|number| format!("S_IS{number}_S{number}_E"));
        ["_Z1f1aIiiE", &types.collect::<String>()].concat()
    };
    assert_eq!(
        demangle(&doubled("01")),
        "f(a<int, int>, a<a<int, int>, a<int, int> >, a<a<a<int, int>, a<int, int> >, a<a<int, int>, a<int, int> > >)"
    );
    assert_eq!(demangle(&doubled("012345")).len(), NAME_BYTES);
    let doubled = "7bjrzHPX".chars().map(|number| format!("TB{number}_B{number}_E"));
    let rust = ["_RINvC1a1fTuuE", &doubled.collect::<String>(), "E"].concat();
    assert_eq!(demangle(&rust).len(), NAME_BYTES);
}

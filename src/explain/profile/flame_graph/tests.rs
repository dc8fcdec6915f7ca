//! Tests of flame graphs, which they read as XML.

use super::{super::Node, *};
use crate::{
    data::outcome::{Outcome, Usage},
    error::{GuestFault, StopReason, Stopped, Trap},
};

fn guest(function: u32, name: &str) -> Callee {
    Callee::Guest { function, name: Some(name.into()) }
}

fn node(callee: Callee, caller: Option<usize>, fuel: u64) -> Node {
    Node { callee, caller, calls: 1, fuel }
}

fn profile(nodes: Vec<Node>) -> FuelProfile {
    FuelProfile { nodes, result: Ok(Outcome::default()), places: Default::default() }
}

/// An element: its name, its attributes, and the text up to the next tag.
type Element = (String, Vec<(String, String)>, String);

/// Reads a document as strictly as XML wants it; fails a test where it is not well-formed.
fn read(svg: &str) -> Vec<Element> {
    let is_allowed =
        |c: char| matches!(c, '\n' | ' '..='\u{7e}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(svg.chars().all(is_allowed));
    let (mut found, mut open) = (Vec::new(), Vec::new());
    let (before, mut rest) = svg.split_once("<![CDATA[").unwrap();
    let (script, after) = rest.split_once("]]>").unwrap();
    assert!(!script.is_empty() && !script.contains("</"));
    let whole = [before, after].concat();
    rest = whole.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").unwrap();
    while let Some((text, tag)) = rest.split_once('<') {
        let (tag, after) = tag.split_once('>').unwrap();
        let (text_after, _) = after.split_once('<').unwrap_or((after, ""));
        rest = after;
        assert!(!text.contains('>'));
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name));
            continue;
        }
        let (tag, is_empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, mut list) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(name.chars().all(|c| c.is_ascii_alphabetic()), "{name}");
        let mut attributes = Vec::new();
        while let Some((key, value)) = list.trim_start().split_once("=\"") {
            let (value, more) = value.split_once('"').unwrap();
            attributes.push((key.to_string(), value.to_string()));
            list = more;
        }
        assert_eq!(list, "");
        found.push((name.to_string(), attributes, plain(text_after)));
        if !is_empty {
            open.push(name.to_string());
        }
    }
    assert!(open.is_empty() && rest == "\n", "{open:?} {rest}");
    found
}

/// Returns the text that XML stands for.
fn plain(xml: &str) -> String {
    let mut parts = xml.split('&');
    let mut text = parts.next().unwrap().to_string();
    for part in parts {
        let (entity, after) = part.split_once(';').unwrap();
        let entities = [("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"'), ("#39", '\'')];
        text.push(entities.iter().find(|(name, _)| *name == entity).unwrap().1);
        text.push_str(after);
    }
    text
}

/// The frames of a document: their rows, positions, widths and tooltips.
fn frames(svg: &str) -> Vec<(u64, f64, f64, String)> {
    let elements = read(svg);
    let pairs = elements.windows(2).filter(|pair| pair[0].1.iter().any(|(_, value)| value == "frame"));
    let frame = |pair: &[Element]| {
        let number = |key: &str| pair[0].1.iter().find(|(name, _)| name == key).unwrap().1.parse::<f64>().unwrap();
        (number("data-row") as u64, number("x"), number("width"), pair[1].2.clone())
    };
    pairs.map(frame).collect()
}

#[test]
fn widths_add_up() {
    let host = Callee::Host { module: "env".into(), name: "f".into() };
    let nodes = vec![
        node(guest(1, "main"), None, 100),
        node(guest(2, "b"), Some(0), 200),
        node(guest(3, "a"), Some(0), 300),
        node(guest(2, "b"), Some(0), 100),
        node(host, Some(2), 100),
        node(Callee::Belljar, None, 200),
    ];
    let expected = [
        (0, 10.0, 1180.0, "run: 1,000 fuel (100.00 %), 0 of its own, 1 call"),
        (1, 10.0, 236.0, "(belljar): 200 fuel (20.00 %), 200 of its own, 1 call"),
        (1, 246.0, 944.0, "main: 800 fuel (80.00 %), 100 of its own, 1 call"),
        (2, 246.0, 472.0, "a: 400 fuel (40.00 %), 300 of its own, 1 call"),
        (3, 246.0, 118.0, "env::f: 100 fuel (10.00 %), 100 of its own, 1 call"),
        (2, 718.0, 354.0, "b: 300 fuel (30.00 %), 300 of its own, 2 calls"),
    ];
    let svg = profile(nodes.clone()).flame_graph("adds up");
    assert_eq!(frames(&svg), expected.map(|(row, x, width, title)| (row, x, width, title.to_string())));
    assert_eq!(profile(nodes).flame_graph("adds up"), svg);
}

#[test]
fn names_are_text() {
    let names = [
        "<script>alert(1)</script>",
        "\"' onload='x\" a=\"",
        "]]></script><![CDATA[",
        "&amp;&#0;",
        "\0\u{1b}[31m\n\t\u{7f}\u{85}\u{202e}\u{fffe}\u{ffff}",
        "Straße::鐘<🔔>",
        "e\u{301}\u{301}\u{301}",
        "",
    ];
    let nodes = names.iter().map(|name| node(guest(1, name), None, 7)).collect();
    for title in names {
        let svg = profile(Vec::clone(&nodes)).flame_graph(title);
        assert_eq!(svg.matches("<script").count(), 1);
        let found = frames(&svg);
        assert_eq!(found.len(), names.len() + 1);
        for name in ["<script>alert(1)</script>", "\"' onload='x\" a=\"", "]]></script><![CDATA[", "&amp;&#0;"] {
            let tooltip = format!("{name}: 7 fuel (12.50 %), 7 of its own, 1 call");
            assert!(found.iter().any(|(.., title)| *title == tooltip), "{name}");
        }
    }
}

#[test]
fn a_picture_has_a_bound() {
    let name = |number: u32| format!("{number}{}", "<".repeat(5_000));
    // Each calls the next, and its fuel is that of all: none is narrow.
    let chain =
        |length: u32| (0..length).map(|at| node(guest(at, &name(at)), at.checked_sub(1).map(|at| at as usize), 1));
    let frame = profile(chain(1).collect()).flame_graph("").len() - profile(vec![]).flame_graph("").len();
    assert!(frame < 2_000, "{frame}");

    let profile = profile(chain(50).collect());
    let frames = Frames::of(&profile);
    let shown: Vec<_> = widest(&frames, 50, 20).into_iter().map(|frame| frame.depth).collect();
    assert_eq!(shown, (0..20).collect::<Vec<_>>());
}

#[test]
fn what_is_narrow_is_left_out() {
    let nodes = vec![
        node(guest(1, "main"), None, 998_001),
        node(guest(2, "narrow"), Some(0), 999),
        node(guest(3, "wide"), Some(0), 1_000),
    ];
    let titles: Vec<_> = frames(&profile(nodes).flame_graph("")).into_iter().map(|frame| frame.3).collect();
    assert_eq!(titles.len(), 3);
    assert!(titles[1].starts_with("main: 1,000,000 fuel") && titles[2].starts_with("wide: 1,000 fuel (0.10 %)"));
}

#[test]
fn a_run_may_have_nothing() {
    let expected = (0, 10.0, 1180.0, "run: 0 fuel (0.00 %), 0 of its own, 0 calls".to_string());
    assert_eq!(frames(&profile(vec![]).flame_graph("")), [expected]);
    let node = Node { fuel: u64::MAX, ..node(guest(1, "f"), Some(0), 0) };
    assert_eq!(frames(&profile(vec![node.clone(), node]).flame_graph("")).len(), 3);
}

#[test]
fn a_stop_is_shown() {
    let text = |svg: &str, class: &str| {
        let mut elements = read(svg).into_iter();
        let found = elements.find(|(_, attributes, _)| attributes.iter().any(|(_, value)| value == class));
        found.map(|(.., text)| text).unwrap()
    };
    let reason = StopReason::Guest(GuestFault::Trap(Trap::Unreachable));
    let shown = format!("Stopped: {reason}");
    let mut profile = profile(vec![node(guest(1, "f"), None, 1234)]);
    assert_eq!(text(&profile.flame_graph("t<"), "stop"), "");
    profile.result = Err(Stopped {
        reason,
        output: Vec::new(),
        log: Default::default(),
        files: Default::default(),
        usage: Usage::default(),
    }
    .into());
    let svg = profile.flame_graph("t<");
    assert_eq!([text(&svg, "name"), text(&svg, "fuel"), text(&svg, "stop")], ["t<", "1,234 fuel", &shown]);
}

#[test]
fn labels_are_cut_to_the_width() {
    assert_eq!(label("function", 8), "function");
    assert_eq!(label("function", 7), "functi…");
    assert_eq!(label("function", 3), "fu…");
    assert_eq!(label("function", 2), "");
    assert_eq!(label("鐘鐘鐘", 6), "鐘鐘鐘");
    assert_eq!(label("鐘鐘鐘", 5), "鐘鐘…");
}

//! Profiles in the formats of other programs.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{cmp::Reverse, fmt::Write};

use serde_json::json;

use super::{
    FuelProfile,
    frames::{Frame, Frames},
};

/// Most bytes of folded stacks. Each line repeats the names of all callers, so that a deep tree would have no end in
/// practice; those of usual runs have some hundred KiB.
const FOLDED_BYTES: usize = 64 << 20;

impl FuelProfile {
    /// Returns the tree of calls as folded stacks, which programs that draw flame graphs read: a line for each way of
    /// calls with fuel, with the names from the outermost function to the one that took it, `a;b;c 100`.
    ///
    /// It has at most 64 MiB. If there is more, the last line, `(left out)`, has the fuel of all that took least.
    pub fn folded(&self) -> String {
        folded(&Frames::of(self), FOLDED_BYTES)
    }

    /// Returns the tree of calls as a document of [speedscope](https://www.speedscope.app/file-format-schema.json),
    /// which other viewers import: fuel is the time.
    pub fn speedscope(&self, title: &str) -> String {
        let frames = Frames::of(self);
        let names: Vec<_> = frames.callees.iter().map(|(name, _)| json!({ "name": name })).collect();
        let end = frames.list.iter().filter(|frame| frame.depth == 0).map(end).max().unwrap_or_default();
        let head = json!({
            "$schema": "https://www.speedscope.app/file-format-schema.json",
            "exporter": concat!("belljar ", env!("CARGO_PKG_VERSION")),
            "name": title,
            "shared": { "frames": names },
        });
        let profile = json!({
            "type": "evented",
            "name": title,
            "unit": "none",
            "startValue": 0,
            "endValue": end,
        });
        // The events are many: they are written as they come.
        let [head, profile] = [head, profile].map(|part| {
            let mut text = part.to_string();
            text.pop();
            text
        });
        format!("{head},\"profiles\":[{profile},\"events\":[{}]}}]}}", events(&frames))
    }
}

fn end(frame: &Frame) -> u64 {
    frame.start.saturating_add(frame.fuel)
}

/// Returns where frames with fuel begin and end, in order.
fn events(frames: &Frames<'_>) -> String {
    let mut text = String::new();
    let mut event = |ty: char, frame: &Frame, at: u64| {
        text.push_str(if text.is_empty() { "" } else { "," });
        // A string takes it all.
        let _ = write!(text, r#"{{"type":"{ty}","frame":{},"at":{at}}}"#, frame.callee);
    };
    let mut open = Vec::<&Frame>::new();
    for frame in frames.list.iter().filter(|frame| frame.fuel > 0) {
        while let Some(last) = open.pop_if(|last| last.depth >= frame.depth) {
            event('C', last, end(last));
        }
        event('O', frame, frame.start);
        open.push(frame);
    }
    open.iter().rev().for_each(|last| event('C', last, end(last)));
    text
}

fn folded(frames: &Frames<'_>, most: usize) -> String {
    let names: Vec<_> = frames.callees.iter().map(|(name, _)| folded_name(name)).collect();
    let name = |frame: &Frame| names.get(frame.callee).map_or("", String::as_str);
    // The frames below one, and their bytes, with those between them.
    let mut stack = Vec::<(&Frame, usize)>::new();
    let mut lines = Vec::new();
    for (number, frame) in frames.list.iter().enumerate() {
        stack.truncate(frame.depth);
        let bytes = stack.last().map_or(0, |(_, bytes)| *bytes) + name(frame).len() + 1;
        stack.push((frame, bytes));
        if frame.own > 0 {
            lines.push((Reverse(frame.own), number, bytes + NUMBER_BYTES));
        }
    }
    lines.sort();
    let mut left = most;
    let fit =
        lines.iter().take_while(|(_, _, bytes)| left.checked_sub(*bytes).map(|rest| left = rest).is_some()).count();
    let left_out = lines.split_off(fit).into_iter().fold(0, |sum: u64, (own, ..)| sum.saturating_add(own.0));
    let mut shown = lines.into_iter().map(|(_, number, _)| number).collect::<Vec<_>>();
    shown.sort_unstable();
    let mut shown = shown.into_iter().peekable();

    let mut text = String::new();
    stack.clear();
    for (number, frame) in frames.list.iter().enumerate() {
        stack.truncate(frame.depth);
        stack.push((frame, 0));
        if shown.next_if_eq(&number).is_some() {
            for (depth, (frame, _)) in stack.iter().enumerate() {
                text.push_str(if depth == 0 { "" } else { ";" });
                text.push_str(name(frame));
            }
            // A string takes it all.
            let _ = writeln!(text, " {}", frame.own);
        }
    }
    if left_out > 0 {
        let _ = writeln!(text, "(left out) {left_out}");
    }
    text
}

/// Most bytes of a number and the end of its line.
const NUMBER_BYTES: usize = 21;

/// Returns a name without what separates names and lines. Readers take a number behind a space for a second weight.
fn folded_name(name: &str) -> String {
    let is_separator = |c: char| c == ';' || c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let mut name: String = name.chars().map(|c| if is_separator(c) { ':' } else { c }).collect();
    if let Some((before, last)) = name.rsplit_once(char::is_whitespace)
        && last.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        name = [before, last].join("_");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Callee, Node},
        *,
    };
    use crate::data::outcome::Outcome;

    fn profile() -> FuelProfile {
        let guest = |function, name: Option<&str>| Callee::Guest { function, name: name.map(String::from) };
        let node = |callee, caller, fuel| Node { callee, caller, calls: 1, fuel };
        let nodes = vec![
            node(guest(7, Some("a;b\n")), None, 1),
            node(guest(12, None), Some(0), 20),
            node(guest(9, Some("c d")), Some(1), 300),
            node(guest(12, None), Some(0), 20),
            node(Callee::Belljar, None, 4000),
        ];
        FuelProfile { nodes, result: Ok(Outcome::default()), places: Default::default() }
    }

    #[test]
    fn a_stack_is_a_line() {
        let expected = "(belljar) 4000\na:b: 1\na:b:;function_12 40\na:b:;function_12;c d 300\n";
        assert_eq!(profile().folded(), expected);
    }

    #[test]
    fn what_took_least_is_left_out() {
        assert_eq!(folded(&Frames::of(&profile()), 80), "(belljar) 4000\na:b:;function_12;c d 300\n(left out) 41\n");
        assert_eq!(folded(&Frames::of(&profile()), 0), "(left out) 4341\n");
    }

    #[test]
    fn a_frame_is_opened_and_closed() {
        let document: serde_json::Value = serde_json::from_str(&profile().speedscope("a \"title\"")).unwrap();
        assert_eq!(document["name"], "a \"title\"");
        let profile = &document["profiles"][0];
        assert_eq!(profile["endValue"], 4341);
        let names = &document["shared"]["frames"];
        let event = |event: &serde_json::Value| {
            let name = &names[event["frame"].as_u64().unwrap() as usize]["name"];
            (
                event["type"].as_str().unwrap().to_string(),
                name.as_str().unwrap().to_string(),
                event["at"].as_u64().unwrap(),
            )
        };
        let events: Vec<_> = profile["events"].as_array().unwrap().iter().map(event).collect();
        let expected = [
            ("O", "(belljar)", 0),
            ("C", "(belljar)", 4000),
            ("O", "a;b\n", 4000),
            ("O", "function 12", 4000),
            ("O", "c d", 4000),
            ("C", "c d", 4300),
            ("C", "function 12", 4340),
            ("C", "a;b\n", 4341),
        ];
        assert_eq!(events, expected.map(|(ty, name, at)| (ty.to_string(), name.to_string(), at)));
    }
}

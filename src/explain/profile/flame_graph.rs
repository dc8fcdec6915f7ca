//! Flame graphs.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{cmp::Reverse, fmt::Write};

use self::{color::color, xml::xml};
use super::{
    Callee, FuelProfile,
    frames::{Frame, Frames},
};
use crate::data::text::{escape, grouped};

mod color;
mod xml;

/// Most frames that are drawn, the widest: browsers stay usable, and a picture has at most 40 MB.
const MAX_FRAMES: usize = 20_000;

/// A frame narrower than this part of the whole is not drawn: it has a pixel at most.
const NARROWEST: u128 = 1_000;

/// Most bytes of a name, the title and the reason of a stop: as much as a profile has of a name.
const MAX_TEXT: usize = 1_000;

/// Width of the picture in pixels, where no script adapts it.
const WIDTH: u64 = 1_200;

/// Pixels beside the frames and below them. The script has the same number.
const MARGIN: u64 = 10;

/// Height of a row of frames in pixels; that of a frame is one less.
const ROW: u64 = 18;

/// Height of the lines above the frames in pixels.
const HEAD: u64 = 88;

/// Width of a character in hundredths of a pixel, in the widest of the usual fonts. The script has the same number.
const CHARACTER: u64 = 725;

/// The same in the title, which has larger letters.
const TITLE_CHARACTER: u64 = 1_030;

/// Hundredths of a pixel of a frame that its text does not have. The script has the same number.
const PADDING: u64 = 800;

impl FuelProfile {
    /// Returns a flame graph of the fuel: an SVG with a frame for each way of calls, as wide as the fuel that it took
    /// with all that it called, above the frame of its caller. Frames of one caller are in the order of their names.
    ///
    /// In a browser, a click enlarges a frame to the full width, and frames can be searched by their names; with a
    /// keyboard, Tab and the arrow keys go from frame to frame, Enter enlarges one, Escape returns to all, and `/`
    /// begins a search. The script for this is in the picture, which loads nothing. Other programs show the picture
    /// with all its texts.
    ///
    /// Frames with less than a thousandth of the fuel are left out, and all but the 20,000 widest. Names are cut to
    /// 1,000 bytes.
    pub fn flame_graph(&self, title: &str) -> String {
        let frames = Frames::of(self);
        let fuel =
            frames.list.iter().filter(|frame| frame.depth == 0).fold(0, |sum: u64, f| sum.saturating_add(f.fuel));
        let shown = widest(&frames, fuel, MAX_FRAMES);
        // The frame of the whole run is below all others.
        let rows = shown.iter().map(|frame| frame.depth as u64 + 2).max().unwrap_or(1);
        let picture = Picture { fuel, height: HEAD + rows * ROW + MARGIN };
        let mut svg = picture.head(&text(title));
        let calls = frames.list.iter().filter(|frame| frame.depth == 0).count() as u64;
        let run = Frame { callee: 0, depth: 0, calls: calls.min(1), start: 0, fuel, own: 0 };
        svg.push_str(&picture.frame(&run, 0, "run", "#d8d8d8"));
        for frame in &shown {
            let name = text(frames.name(frame));
            let callee = frames.callees.get(frame.callee).map_or(&Callee::Belljar, |(_, callee)| callee);
            svg.push_str(&picture.frame(frame, frame.depth + 1, &name, &color(callee)));
        }
        let stop = self.result.as_ref().err().map(|stopped| text(&stopped.reason.to_string()));
        svg.push_str(&picture.lines(&text(title), stop.as_deref()));
        svg
    }
}

/// Returns the frames that are drawn, in the order of all. A frame is no wider than that of its caller, which comes
/// before it, so that none is without its caller.
fn widest<'a>(frames: &'a Frames<'_>, fuel: u64, most: usize) -> Vec<&'a Frame> {
    let is_wide = |frame: &Frame| frame.fuel > 0 && u128::from(frame.fuel) * NARROWEST >= fuel.into();
    let mut shown: Vec<_> = frames.list.iter().enumerate().filter(|(_, frame)| is_wide(frame)).collect();
    shown.sort_by_key(|(number, frame)| (Reverse(frame.fuel), *number));
    shown.truncate(most);
    shown.sort_by_key(|(number, _)| *number);
    shown.into_iter().map(|(_, frame)| frame).collect()
}

/// Returns a text without characters that cannot be seen or reorder others.
fn text(text: &str) -> String {
    escape(text, MAX_TEXT).to_string()
}

/// Returns the part of a whole, in hundredths of a percent.
fn percent(part: u64, whole: u64) -> u64 {
    let whole = u128::from(whole.max(1));
    ((u128::from(part) * 10_000 + whole / 2) / whole).try_into().unwrap_or(u64::MAX)
}

/// Formats hundredths: `12.34`.
fn hundredths(number: u64) -> String {
    format!("{}.{:02}", number / 100, number % 100)
}

/// Returns the beginning of a text that is no wider than a number of columns.
fn label(text: &str, columns: u64) -> String {
    let width = |c: char| if c.is_ascii() { 1 } else { 2 };
    if text.chars().map(width).sum::<u64>() <= columns {
        return text.into();
    }
    let mut left = columns.saturating_sub(1);
    let fits = |c: &char| left.checked_sub(width(*c)).map(|rest| left = rest).is_some();
    let mut label: String = text.chars().take_while(fits).collect();
    if label.chars().count() < 2 {
        return String::new();
    }
    label.push('…');
    label
}

/// The measures of a picture.
#[derive(Debug)]
struct Picture {
    /// Fuel of the whole width.
    fuel: u64,
    height: u64,
}

impl Picture {
    fn head(&self, title: &str) -> String {
        let height = self.height;
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" class="belljar-flame" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}">
<title>{}</title>
<style>{}</style>
<rect class="back" width="100%" height="100%"/>
"#,
            xml(title, MAX_TEXT),
            include_str!("flame_graph/style.css")
        )
    }

    /// Returns where some fuel is on the width, in hundredths of a pixel.
    fn position(&self, fuel: u64) -> u64 {
        let width = u128::from(WIDTH - 2 * MARGIN) * 100;
        let position = u128::from(fuel.min(self.fuel)) * width / u128::from(self.fuel.max(1));
        MARGIN * 100 + u64::try_from(position).unwrap_or_default()
    }

    /// Returns a frame. What it has in it does not extend beyond it, whatever its name is.
    fn frame(&self, frame: &Frame, row: usize, name: &str, color: &str) -> String {
        let Frame { start, fuel, own, calls, .. } = *frame;
        let x = self.position(start);
        // That of an empty run has the whole width too.
        let end = if self.fuel == 0 { (WIDTH - MARGIN) * 100 } else { self.position(start.saturating_add(fuel)) };
        let y = self.height.saturating_sub(MARGIN + ROW * (row as u64 + 1));
        let width = end.saturating_sub(x);
        let numbers = [fuel, own, calls].map(|number| grouped(number, ','));
        let [total, own, calls] = numbers;
        let mut svg = format!(
            r#"<svg class="frame" x="{}" y="{y}" width="{}" height="{}" data-at="{start}" data-fuel="{fuel}" data-row="{row}">"#,
            hundredths(x),
            hundredths(width),
            ROW - 1,
        );
        let share = hundredths(percent(fuel, self.fuel));
        // A string takes it all.
        let _ = write!(
            svg,
            "<title>{}: {total} fuel ({share} %), {own} of its own, {calls} {}</title>",
            xml(name, MAX_TEXT),
            if frame.calls == 1 { "call" } else { "calls" }
        );
        let label = label(name, width.saturating_sub(PADDING) / CHARACTER);
        let label = xml(&label, MAX_TEXT);
        let _ = writeln!(
            svg,
            r#"<rect width="100%" height="100%" fill="{color}"/><text x="4" y="13">{label}</text></svg>"#
        );
        svg
    }

    /// Returns the lines above the frames, and the script.
    fn lines(&self, title: &str, stop: Option<&str>) -> String {
        let line = |y: u64, class: &str, character: u64, text: &str| {
            let label = label(text, (WIDTH - 2 * MARGIN) * 100 / character);
            let tooltip = if label == text { String::new() } else { format!("<title>{}</title>", xml(text, MAX_TEXT)) };
            let label = xml(&label, MAX_TEXT);
            format!("<text class=\"{class}\" x=\"{MARGIN}\" y=\"{y}\">{label}{tooltip}</text>\n")
        };
        let fuel = format!("{} fuel", grouped(self.fuel, ','));
        let stop = stop.map(|reason| format!("Stopped: {reason}")).unwrap_or_default();
        [
            "<g class=\"lines\">\n<rect class=\"back\" width=\"100%\" height=\"80\"/>\n",
            &line(20, "name", TITLE_CHARACTER, title),
            &line(42, "fuel", CHARACTER, &fuel),
            &line(60, "stop", CHARACTER, &stop),
            &line(76, "details", CHARACTER, ""),
            "</g>\n<script><![CDATA[\n",
            include_str!("flame_graph/script.js"),
            "]]></script>\n</svg>\n",
        ]
        .concat()
    }
}

#[cfg(test)]
mod tests;

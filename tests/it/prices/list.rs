//! The price list as a file: its head says what a line is.

/// A list of prices.
pub struct List {
    /// The version of the figures.
    pub version: u32,
    pub lines: Vec<Line>,
    /// The module around what is no module; `BODY` is where.
    surroundings: String,
}

pub enum Line {
    /// A comment, or nothing.
    Text(String),
    Version,
    Surroundings(String),
    Section(String),
    Price(Price),
}

/// An assertion.
pub struct Price {
    /// `None` where it has yet to be measured.
    pub figure: Option<u64>,
    pub unit: Unit,
    /// What is priced: words, or operators.
    pub name: String,
    /// As it is in the file.
    module: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Fuel,
    /// Of `module.load_work`.
    Work,
}

/// A module with what is priced, and without.
pub struct Case {
    pub name: String,
    pub with: String,
    /// `None` where the whole is priced.
    pub without: Option<String>,
    pub input: usize,
}

const VERSION: &str = "prices: version ";
const SURROUNDINGS: &str = "body of ";
const SECTION: &str = "== ";
const WORK: &str = " work";

impl List {
    pub fn parse(text: &str) -> List {
        let mut list = List { version: 0, lines: Vec::new(), surroundings: String::new() };
        for line in text.lines() {
            let line = if let Some(version) = line.strip_prefix(VERSION) {
                list.version = version.parse().unwrap();
                Line::Version
            } else if let Some(module) = line.strip_prefix(SURROUNDINGS) {
                list.surroundings = module.into();
                Line::Surroundings(module.into())
            } else if let Some(title) = line.strip_prefix(SECTION) {
                Line::Section(title.into())
            } else if line.is_empty() || line.starts_with('#') {
                Line::Text(line.into())
            } else {
                Line::Price(Price::read(line).unwrap_or_else(|| panic!("not a price: {line}")))
            };
            list.lines.push(line);
        }
        list
    }

    pub fn text(&self) -> String {
        let line = |line: &Line| match line {
            Line::Text(text) => format!("{text}\n"),
            Line::Version => format!("{VERSION}{}\n", self.version),
            Line::Surroundings(module) => format!("{SURROUNDINGS}{module}\n"),
            Line::Section(title) => format!("{SECTION}{title}\n"),
            Line::Price(price) => {
                let figure = price.figure.map_or("?".into(), |figure| figure.to_string());
                let unit = if price.unit == Unit::Work { WORK } else { "" };
                format!("{figure}{unit} | {} | {}\n", price.name, price.module)
            }
        };
        self.lines.iter().map(line).collect()
    }

    /// The titles of the sections, each with its prices.
    pub fn sections(&self) -> Vec<(&str, Vec<&Price>)> {
        let mut sections: Vec<(&str, Vec<&Price>)> = Vec::new();
        for line in &self.lines {
            match line {
                Line::Section(title) => sections.push((title, Vec::new())),
                Line::Price(price) => sections.last_mut().expect("a price is in a section").1.push(price),
                _ => {}
            }
        }
        sections
    }

    /// The modules that a line stands for.
    pub fn cases(&self, price: &Price) -> Vec<Case> {
        let (module, input) = match price.module.rsplit_once(" < ") {
            Some((module, input)) => (module, input.parse().unwrap()),
            None => (price.module.as_str(), 0),
        };
        let whole = match module.starts_with("(module") {
            true => module.to_string(),
            false => self.surroundings.replace("BODY", module),
        };
        let names = if price.is_of_names() { names(&price.name) } else { vec![price.name.clone()] };
        let case = |name: String| {
            let text = repeated(&whole.replace('*', &name));
            let (before, rest) = text.split_once('[').unwrap_or((&text, ""));
            let (priced, after) = rest.split_once(']').unwrap_or(("", rest));
            let with = format!("{before}{priced}{after}");
            Case { name, with, without: (before != text).then(|| format!("{before}{after}")), input }
        };
        names.into_iter().map(case).collect()
    }
}

impl Price {
    fn read(line: &str) -> Option<Price> {
        let mut parts = line.splitn(3, " | ");
        let (figure, name, module) = (parts.next()?, parts.next()?, parts.next()?);
        let (figure, unit) = match figure.strip_suffix(WORK) {
            Some(figure) => (figure, Unit::Work),
            None => (figure, Unit::Fuel),
        };
        let figure = if figure == "?" { None } else { Some(figure.parse().ok()?) };
        Some(Price { figure, unit, name: name.into(), module: module.into() })
    }

    /// Whether it is a price of each of several names, and not of what its name describes.
    pub fn is_of_names(&self) -> bool {
        self.module.contains('*')
    }
}

/// `a.{b c} d` is `a.b`, `a.c` and `d`.
fn names(list: &str) -> Vec<String> {
    let (mut names, mut prefix) = (Vec::new(), "");
    for word in list.split(' ') {
        let word = word.split_once('{').map_or(word, |(before, first)| {
            prefix = before;
            first
        });
        let (name, last) = word.strip_suffix('}').map_or((word, false), |name| (name, true));
        names.push(format!("{prefix}{name}"));
        if last {
            prefix = "";
        }
    }
    names
}

/// `{3 x}` is `x x x`; in quotes it is `xxx`.
fn repeated(text: &str) -> String {
    let Some((before, rest)) = text.split_once('{') else { return text.into() };
    let (inside, after) = rest.split_once('}').unwrap();
    let (times, what) = inside.split_once(' ').unwrap();
    let between = if before.ends_with('"') { "" } else { " " };
    let all = vec![what; times.parse().unwrap()].join(between);
    format!("{before}{all}{}", repeated(after))
}

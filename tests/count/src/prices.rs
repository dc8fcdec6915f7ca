//! The price list, as `fixtures/prices/prices.txt` has it: nothing of it comes from belljar's code.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    path::Path,
};

/// The prices of a run.
#[derive(Debug, Clone)]
pub struct Prices {
    /// By the names of the text format, with `_` for each dot.
    operators: HashMap<String, u64>,
    /// Entering a function, a turn of a `loop`, an arm of an `if`.
    pub entry: u64,
    /// One page more.
    pub page: u64,
    /// A call into the host, beside the operator `call`.
    pub host_call: u64,
    pub start: Start,
}

/// The prices of the start of a run.
#[derive(Debug, Clone)]
pub struct Start {
    pub base: u64,
    /// Beside that, where functions that wait are imported.
    pub waits: u64,
    pub function: u64,
    pub global: u64,
    pub export: u64,
    pub segment: u64,
    pub item: u64,
    /// An operator of a constant expression, beyond its first.
    pub operator: u64,
}

/// Bytes that are moved, filled, grown or set up for one unit of fuel.
pub const BYTES: u64 = 64;

/// Bytes that are added to the output for one unit of fuel.
pub const OUTPUT_BYTES: u64 = 32;

/// Table elements that are moved, filled, grown or set up for one unit of fuel.
pub const ELEMENTS: u64 = 16;

/// The cells of locals from which on they are paid for.
pub const CELLS: u64 = 64;

/// The cells of locals that one unit of fuel pays for.
const CELLS_PER_FUEL: u64 = 8;

impl Prices {
    /// Reads the list of the repository, or that of another path.
    pub fn read(path: Option<&Path>) -> Prices {
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/prices/prices.txt");
        Prices::parse(&fs::read_to_string(path.unwrap_or(&own)).expect("the price list is there"))
    }

    /// Reads a list.
    ///
    /// # Panics
    ///
    /// If a line is missing that a price follows from.
    pub fn parse(text: &str) -> Prices {
        let (mut figures, mut operators) = (HashMap::new(), HashMap::new());
        for line in text.lines() {
            let mut parts = line.splitn(3, " | ");
            let (Some(figure), Some(name), Some(module)) = (parts.next(), parts.next(), parts.next()) else { continue };
            let Ok(figure) = figure.parse::<u64>() else { continue };
            figures.insert(name.to_owned(), figure);
            // Names that stand for themselves: what is measured is the operator alone.
            if module.contains("[*") && !name.contains('`') {
                operators.extend(expanded(name).into_iter().map(|name| (name.replace('.', "_"), figure)));
            }
        }
        let of = |name: &str| *figures.get(name).unwrap_or_else(|| panic!("the price list has no line {name:?}"));
        let entry = of("entering a function");
        let no_arm = of("`if`, and no arm");
        let more = [
            ("loop", of("`loop`, and the one turn") - entry),
            ("if", no_arm),
            ("else", of("`else`, and its arm") - entry),
            ("end", of("block")),
            ("call", of("`call`, and entering") - entry),
            ("return_call", of("`return_call`, and entering") - entry),
            ("call_indirect", of("`call_indirect`, and entering") - entry),
            ("return_call_indirect", of("`return_call_indirect`, and entering") - entry),
            ("memory_fill", of("`memory.fill` of 0 bytes")),
            ("memory_copy", of("`memory.copy` of 0 bytes")),
            ("memory_init", of("`memory.init` of 0 bytes")),
            ("table_fill", of("`table.fill` of 0 elements")),
            ("table_copy", of("`table.copy` of 0 elements")),
            ("table_init", of("`table.init` of 0 elements")),
            ("memory_grow", of("`memory.grow` by 0 pages")),
            ("table_grow", of("`table.grow` by 0 elements")),
        ];
        operators.extend(more.map(|(name, price)| (name.to_owned(), price)));
        let prices = Prices {
            entry,
            page: of("`memory.grow` by 1 page") - of("`memory.grow` by 0 pages"),
            host_call: of("input_len host_get_input_len") - operators["call"],
            start: Start {
                base: of("the whole run of a function that does nothing") - of("a function") - of("an export") - entry,
                waits: of("an imported function that is async, the first") - of("an imported function"),
                function: of("a function"),
                global: of("a global"),
                export: of("an export"),
                segment: of("an element segment of 0 items"),
                item: of("an element segment of 1 item") - of("an element segment of 0 items"),
                operator: (of("a global that is worked out by 3 operators") - of("a global")) / 2,
            },
            operators,
        };
        // Structure of which the list has lines in words only.
        assert_eq!(of("`if`, and its arm"), no_arm + entry);
        assert_eq!(of("`else`, and the other arm"), 0);
        for cells in [63, 64, 71, 72] {
            assert_eq!(of(&format!("entering a function with {cells} locals")), zeroing(cells));
        }
        prices
    }

    /// Returns the price of an operator, beside what it moves, grows or calls.
    pub fn operator(&self, name: &str) -> u64 {
        *self.operators.get(name).unwrap_or_else(|| panic!("the price list has no operator {name}"))
    }

    /// Returns the names of all operators, sorted.
    pub fn operators(&self) -> BTreeSet<String> {
        self.operators.keys().cloned().collect()
    }

    /// Returns a list in which one operator costs 1 more.
    pub fn with_dearer(&self, name: &str) -> Prices {
        let mut dearer = self.clone();
        *dearer.operators.entry(name.into()).or_default() += 1;
        dearer
    }
}

/// Returns the price of zeroing this number of cells of locals.
pub fn zeroing(cells: u64) -> u64 {
    if cells < CELLS { 0 } else { cells / CELLS_PER_FUEL }
}

/// Returns the names that a name with braces stands for: `i32.{add sub}` is `i32.add` and `i32.sub`.
fn expanded(name: &str) -> Vec<String> {
    let (mut names, mut prefix, mut word) = (Vec::new(), String::new(), String::new());
    for letter in name.chars().chain([' ']) {
        match letter {
            '{' => prefix = std::mem::take(&mut word),
            ' ' | '}' => {
                if !word.is_empty() {
                    names.push(format!("{prefix}{word}"));
                    word.clear();
                }
                if letter == '}' {
                    prefix.clear();
                }
            }
            letter => word.push(letter),
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_those_of_the_list() {
        let prices = Prices::read(None);
        let named = ["i32_const", "i64_load32_u", "memory_fill", "call_indirect", "loop", "i8x16_shuffle", "drop"];
        assert_eq!(named.map(|name| prices.operator(name)), [1, 8, 8, 5, 0, 3, 0]);
        assert_eq!((prices.entry, prices.page, prices.host_call, prices.start.base), (1, 1_024, 20, 1_000));
    }

    #[test]
    fn names_with_braces_are_expanded() {
        assert_eq!(expanded("i32.{add sub} select f32.{x}"), ["i32.add", "i32.sub", "select", "f32.x"]);
    }
}

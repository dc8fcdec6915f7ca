//! Profiles in the format of pprof.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};
use core::{cmp::Reverse, iter};

use self::message::Message;
use super::{Callee, FuelProfile, Node};
use crate::explain::symbols::location::Location;

mod message;
#[cfg(test)]
mod tests;

/// Most bytes of the samples. Each repeats the numbers of all callers; those of usual runs have some hundred KiB.
const SAMPLES_BYTES: usize = 64 << 20;

impl FuelProfile {
    /// Returns the tree of calls in the format of [pprof](https://github.com/google/pprof), which other viewers read
    /// too: `profile.proto`, uncompressed. Each node is a sample with its fuel and its calls; functions have the file and
    /// the line of their first operator, where the module has debugging information.
    ///
    /// The samples have at most 64 MiB. If there are more, the last, `(left out)`, has the sum of those with least fuel.
    pub fn pprof(&self) -> Vec<u8> {
        pprof(self, SAMPLES_BYTES)
    }
}

/// Fields of messages, by their numbers in `profile.proto`.
mod field {
    pub(super) const SAMPLE_TYPE: u64 = 1;
    pub(super) const SAMPLE: u64 = 2;
    pub(super) const LOCATION: u64 = 4;
    pub(super) const FUNCTION: u64 = 5;
    pub(super) const STRING_TABLE: u64 = 6;
    pub(super) const DEFAULT_SAMPLE_TYPE: u64 = 14;

    pub(super) const TYPE_NAME: u64 = 1;
    pub(super) const TYPE_UNIT: u64 = 2;

    pub(super) const SAMPLE_LOCATIONS: u64 = 1;
    pub(super) const SAMPLE_VALUES: u64 = 2;

    pub(super) const LOCATION_ID: u64 = 1;
    pub(super) const LOCATION_LINE: u64 = 4;

    pub(super) const LINE_FUNCTION: u64 = 1;
    pub(super) const LINE_NUMBER: u64 = 2;

    pub(super) const FUNCTION_ID: u64 = 1;
    pub(super) const FUNCTION_NAME: u64 = 2;
    pub(super) const FUNCTION_SYSTEM_NAME: u64 = 3;
    pub(super) const FUNCTION_FILE: u64 = 4;
    pub(super) const FUNCTION_LINE: u64 = 5;
}

fn pprof(profile: &FuelProfile, most: usize) -> Vec<u8> {
    let mut document = Document::default();
    document.text("");
    let [fuel, calls, count] = ["fuel", "calls", "count"].map(|word| document.text(word));
    for name in [fuel, calls] {
        let mut ty = Message::default();
        ty.number(field::TYPE_NAME, name);
        ty.number(field::TYPE_UNIT, count);
        document.message.message(field::SAMPLE_TYPE, &ty);
    }
    document.message.number(field::DEFAULT_SAMPLE_TYPE, fuel);

    let mut functions = BTreeMap::new();
    for node in &profile.nodes {
        functions.entry(&node.callee).or_insert_with(|| {
            let place = match &node.callee {
                Callee::Guest { function, .. } => profile.places.get(function),
                _ => None,
            };
            document.function(&node.callee.to_string(), place)
        });
    }
    let stack = |number: usize| {
        let nodes = iter::successors(Some(number), |number| {
            // One that does not come before the node would be a circle.
            profile.nodes.get(*number)?.caller.filter(|caller| caller < number)
        });
        let callees = nodes.filter_map(|number| profile.nodes.get(number)).map(|node| &node.callee);
        callees.filter_map(|callee| functions.get(callee).copied()).collect::<Vec<_>>()
    };
    let mut nodes: Vec<_> = profile.nodes.iter().enumerate().collect();
    nodes.sort_by_key(|(_, node)| Reverse(node.fuel));
    let mut left = most;
    let fit = nodes.iter().take_while(|(number, node)| {
        let sample = sample(&stack(*number), node.fuel, node.calls);
        let rest = left.checked_sub(sample.len());
        left = rest.unwrap_or_default();
        rest.map(|_| document.message.message(field::SAMPLE, &sample)).is_some()
    });
    let left_out = nodes.get(fit.count()..).unwrap_or_default();
    if !left_out.is_empty() {
        let add = |(fuel, calls): (u64, u64), (_, node): &(usize, &Node)| {
            (fuel.saturating_add(node.fuel), calls.saturating_add(node.calls))
        };
        let (fuel, calls) = left_out.iter().fold((0, 0), add);
        let function = document.function("(left out)", None);
        document.message.message(field::SAMPLE, &sample(&[function], fuel, calls));
    }
    document.end()
}

fn sample(stack: &[u64], fuel: u64, calls: u64) -> Message {
    let mut sample = Message::default();
    sample.packed(field::SAMPLE_LOCATIONS, stack);
    sample.packed(field::SAMPLE_VALUES, &[fuel, calls]);
    sample
}

/// A profile that is being written.
#[derive(Debug, Default)]
struct Document {
    message: Message,
    /// Number of functions; each has one location, with the same id.
    functions: u64,
    strings: Vec<String>,
    /// The strings with their numbers.
    numbers: BTreeMap<String, u64>,
}

impl Document {
    /// Returns the number of a string, which is added if it is new.
    fn text(&mut self, text: &str) -> u64 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.strings.len() as u64;
        self.strings.push(text.into());
        self.numbers.insert(text.into(), number);
        number
    }

    /// Adds a function and its location, and returns their id.
    fn function(&mut self, name: &str, place: Option<&Location>) -> u64 {
        self.functions += 1;
        let id = self.functions;
        let name = self.text(name);
        let (file, line) = place.map_or(("", 0), |place| (&*place.file, u64::from(place.line)));
        let file = self.text(file);
        let mut function = Message::default();
        function.number(field::FUNCTION_ID, id);
        function.number(field::FUNCTION_NAME, name);
        function.number(field::FUNCTION_SYSTEM_NAME, name);
        function.number(field::FUNCTION_FILE, file);
        function.number(field::FUNCTION_LINE, line);
        let mut of_function = Message::default();
        of_function.number(field::LINE_FUNCTION, id);
        of_function.number(field::LINE_NUMBER, line);
        let mut location = Message::default();
        location.number(field::LOCATION_ID, id);
        location.message(field::LOCATION_LINE, &of_function);
        self.message.message(field::FUNCTION, &function);
        self.message.message(field::LOCATION, &location);
        id
    }

    /// Returns the bytes of the profile.
    fn end(mut self) -> Vec<u8> {
        for text in &self.strings {
            self.message.bytes(field::STRING_TABLE, text.as_bytes());
        }
        self.message.into_bytes()
    }
}

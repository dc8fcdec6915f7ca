//! Frames of a profile: the tree of calls as it is drawn.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::{String, ToString},
    vec::Vec,
};

use super::{Callee, FuelProfile};

/// The frames of a [`FuelProfile`].
#[derive(Debug)]
pub(super) struct Frames<'a> {
    /// What is called, each with its name, in the order of names.
    pub(super) callees: Vec<(String, &'a Callee)>,
    /// The frames. Each is followed by the frames that it calls, and these are in the order of names.
    pub(super) list: Vec<Frame>,
}

/// All calls of one function by one frame, from whichever of its places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    /// The index of what is called.
    pub(super) callee: usize,
    /// Number of frames below it.
    pub(super) depth: usize,
    /// Number of calls.
    pub(super) calls: u64,
    /// Fuel of all that comes before it; its own comes last in it.
    pub(super) start: u64,
    /// Fuel with that of the frames that it calls.
    pub(super) fuel: u64,
    /// Fuel without that.
    pub(super) own: u64,
}

impl<'a> Frames<'a> {
    /// Merges the nodes of a profile that have the same way of calls, function by function.
    pub(super) fn of(profile: &'a FuelProfile) -> Frames<'a> {
        let callees: BTreeSet<&Callee> = profile.nodes.iter().map(|node| &node.callee).collect();
        let mut callees: Vec<_> = callees.into_iter().map(|callee| (callee.to_string(), callee)).collect();
        callees.sort();
        let numbers: BTreeMap<_, _> = (0..).zip(&callees).map(|(number, (_, callee))| (*callee, number)).collect();

        // The frames in the order of the nodes, and their indices by those of the callers.
        let mut merged = Vec::<(Option<usize>, Frame)>::new();
        let mut called = BTreeMap::<(Option<usize>, usize), usize>::new();
        let mut of_nodes = Vec::new();
        for node in &profile.nodes {
            // One that does not come before the node would be a circle.
            let caller = node.caller.and_then(|caller| of_nodes.get(caller).copied());
            let callee = numbers.get(&node.callee).copied().unwrap_or_default();
            let number = *called.entry((caller, callee)).or_insert(merged.len());
            if number == merged.len() {
                merged.push((caller, Frame { callee, depth: 0, calls: 0, start: 0, fuel: 0, own: 0 }));
            }
            if let Some((_, frame)) = merged.get_mut(number) {
                frame.calls = frame.calls.saturating_add(node.calls);
                frame.own = frame.own.saturating_add(node.fuel);
            }
            of_nodes.push(number);
        }
        for number in (0..merged.len()).rev() {
            let Some((caller, frame)) = merged.get_mut(number) else { continue };
            frame.fuel = frame.fuel.saturating_add(frame.own);
            let (caller, fuel) = (*caller, frame.fuel);
            if let Some((_, caller)) = caller.and_then(|caller| merged.get_mut(caller)) {
                caller.fuel = caller.fuel.saturating_add(fuel);
            }
        }

        let mut list = Vec::new();
        let mut next: Vec<(usize, usize, u64)> = Vec::new();
        let call = |next: &mut Vec<(usize, usize, u64)>, caller, depth, mut start: u64| {
            let before = next.len();
            for (_, number) in called.range((caller, 0)..=(caller, usize::MAX)) {
                next.push((*number, depth, start));
                start = start.saturating_add(merged.get(*number).map_or(0, |(_, frame)| frame.fuel));
            }
            next.get_mut(before..).unwrap_or_default().reverse();
        };
        call(&mut next, None, 0, 0);
        while let Some((number, depth, start)) = next.pop() {
            if let Some((_, frame)) = merged.get(number) {
                list.push(Frame { depth, start, ..frame.clone() });
            }
            call(&mut next, Some(number), depth + 1, start);
        }
        Frames { callees, list }
    }

    /// Returns the name of a frame.
    pub(super) fn name(&self, frame: &Frame) -> &str {
        self.callees.get(frame.callee).map_or("", |(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Node, *};
    use crate::data::outcome::Outcome;

    #[test]
    fn nodes_of_one_caller_and_callee_are_one_frame() {
        let callee = |function| Callee::Guest { function, name: None };
        let node = |function, caller, fuel| Node { callee: callee(function), caller, calls: 1, fuel };
        let nodes = vec![
            node(1, None, 5),
            node(3, Some(0), 1),
            node(2, Some(0), 2),
            node(4, Some(2), 4),
            node(2, Some(0), 8),
            node(4, Some(4), 16),
            // A circle.
            node(5, Some(6), 32),
        ];
        let profile = FuelProfile { nodes, result: Ok(Outcome::default()), places: Default::default() };
        let frames = Frames::of(&profile);
        let found = frames.list.iter().map(|f| (frames.name(f), f.depth, f.calls, f.start, f.fuel, f.own));
        let expected = [
            ("function 1", 0, 1, 0, 36, 5),
            ("function 2", 1, 2, 0, 30, 10),
            ("function 4", 2, 2, 0, 20, 20),
            ("function 3", 1, 1, 30, 1, 1),
            ("function 5", 0, 1, 36, 32, 32),
        ];
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }
}

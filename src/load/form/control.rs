//! Control flow: blocks, branches, and the regions and edges between them.

use wasmparser::BlockType;

use super::{
    Begin, Form,
    edges::Edges,
    frame::{Frame, Kind},
    region::{GroupId, RegionId},
};

impl Form<'_> {
    /// Handles `block`, `loop` or `if`, which pops this number of operands besides its parameters.
    pub(super) fn open(&mut self, kind: Kind, ty: BlockType, region: RegionId, operands: u32) {
        self.track_stack(operands);
        self.is_stacked |= ty != BlockType::Empty;
        let params = self.context.params(ty).len() as u32;
        self.pop(operands + params);
        let mut frame = Frame::new(kind, ty, region, self.height, self.immediates);
        self.push_unknown(params);
        frame.edges = self.regions.edges.group();
        if kind != Kind::Block {
            frame.arms = if kind == Kind::If { self.regions.edges.group() } else { frame.edges };
            self.regions.edges.leave(region, frame.arms);
            self.begins = Some(Begin::Entry(frame.arms));
        }
        self.frames.push(frame);
    }

    /// Handles an `else`.
    pub(super) fn handle_else(&mut self) {
        if self.region.is_some() {
            self.track_stack(0);
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.kind = Kind::Else;
            frame.arm_ends = self.region.is_some();
            if let Some(region) = self.region {
                self.regions.edges.leave(region, frame.edges);
            }
            self.begins = Some(Begin::Entry(frame.arms));
            (self.height, self.immediates) = (frame.height, frame.below);
            let params = self.context.params(frame.ty).len() as u32;
            self.push_unknown(params);
        }
    }

    /// Handles an `end`.
    pub(super) fn close(&mut self) {
        let Some(mut frame) = self.frames.pop() else { return };
        let ends = self.region.is_some();
        let Some(parent) = self.frames.last_mut() else {
            if ends {
                self.track_stack(self.results);
            }
            return;
        };
        parent.escape = parent.escape.min(frame.escape);
        if ends {
            self.track_stack(0);
        }
        (self.height, self.immediates) = (frame.height, frame.below);
        self.push_unknown(self.context.results(frame.ty).len() as u32);
        let edges = &mut self.regions.edges;
        match frame.kind {
            // The label of a loop is its start.
            Kind::Loop => frame.edges = edges.group(),
            Kind::If => frame.edges = edges.join(frame.edges, frame.arms),
            Kind::Block | Kind::Else => {}
        }
        if let Some(region) = self.region {
            edges.leave(region, frame.edges);
        }
        if !frame.continues(ends) {
            self.region = None;
            self.is_dead_end = true;
        } else if frame.escape < self.frames.len() {
            self.begins = Some(Begin::Join(frame.edges));
        } else {
            edges.fix(frame.edges);
            self.region = Some(frame.outer);
        }
    }

    /// Handles a branch to this depth, or one target of several; returns the group of its edge.
    pub(super) fn branch(&mut self, depth: u32) -> GroupId {
        let Some(target) = self.frames.len().checked_sub(1 + depth as usize) else { return Edges::EXIT };
        self.is_stacked |= target == 0 && self.results > 0;
        if let Some(frame) = self.frames.last_mut() {
            frame.escape = frame.escape.min(target);
        }
        let Some(frame) = self.frames.get_mut(target) else { return Edges::EXIT };
        frame.is_target = true;
        frame.edges
    }

    /// Marks the values that a `br_if` to this depth carries as unknown, since they have passed through locals.
    pub(super) fn carried(&mut self, depth: u32) {
        let Some(target) = self.frames.iter().rev().nth(depth as usize) else { return };
        let values = target.label(&self.context).len() as u32;
        self.immediates.pop(values);
        self.immediates.push_unknown(values);
    }

    /// Handles an operator that leaves the function with this number of operands.
    pub(super) fn leave(&mut self, operands: u32) {
        self.track_stack(operands);
        if let Some(frame) = self.frames.last_mut() {
            frame.escape = 0;
        }
        self.region = None;
    }
}

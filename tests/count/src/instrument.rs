//! A module that counts for itself what it runs.

use wasm_encoder::{ConstExpr, EntityType, ExportKind, GlobalType, ValType};

use crate::{
    body::{self, Globals},
    host::{FUEL_LEFT, OWN},
    prices::Prices,
    rewrite::{Facts, Sections},
    wrapper,
};

/// A module with counters, and the names by which they are exported.
#[derive(Debug)]
pub struct Counting {
    pub wasm: Vec<u8>,
    /// The sum of the prices of the operators that ran.
    pub count: String,
    /// The price of the host's work.
    pub host: String,
    /// Calls that end the run without a return.
    pub exits: String,
}

/// Puts counters into a valid module. What entering each function costs beside [`Prices::entry`] may be given, where
/// it is another price than that of the locals that the function declares.
pub fn instrument(
    wasm: &[u8],
    entering: Option<&[u64]>,
    prices: &Prices,
) -> Result<Counting, Box<dyn std::error::Error>> {
    let facts = Facts::read(wasm)?;
    // A function of the host's own is needed where it is not computed what work costs.
    let asks = facts.imports.iter().any(|import| import.is_asked());
    let mut moved = facts.moved(asks.into(), true);
    let globals = Globals { count: facts.globals, host: facts.globals + 1, exits: facts.globals + 2 };

    let mut sections = Sections::new(wasm, &mut moved, |moved, function, number| {
        let params = facts.types[facts.defined[number] as usize].0.len() as u32;
        let entering = entering.map(|entering| entering[number]);
        body::counting(moved, function, params, entering, globals, prices)
    })?;
    if asks {
        sections.types.ty().function([], [ValType::I64]);
        sections.imports.import(OWN, FUEL_LEFT, EntityType::Function(facts.types.len() as u32));
    }
    for (index, import) in (0..).zip(&facts.imports) {
        sections.functions.function(import.ty);
        sections.code.function(&wrapper::wrapper(import, index, moved.imports, globals, prices));
    }
    let names = ["count", "host", "exits"].map(|name| facts.fresh(name));
    for (name, global) in names.iter().zip([globals.count, globals.host, globals.exits]) {
        let ty = GlobalType { val_type: ValType::I64, mutable: true, shared: false };
        sections.globals.global(ty, &ConstExpr::i64_const(0));
        sections.exports.export(name, ExportKind::Global, global);
    }
    let [count, host, exits] = names;
    Ok(Counting { wasm: sections.module(), count, host, exits })
}

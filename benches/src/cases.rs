//! The cases: what is run, with which input, and how often it does what it is named after.

use crate::{
    engine::{Engine, Result},
    guest::Guest,
};

mod calls;
mod cold;
mod compute;
mod io;
mod live;
mod many;
mod threads;
mod warm;

pub use threads::in_threads;

/// One line of the table.
pub struct Case {
    pub group: &'static str,
    pub name: String,
    pub guest: Guest,
    pub kind: Kind,
    pub input: Vec<u8>,
    /// What is named happens so often in one run.
    pub per_run: u32,
}

/// What of a guest is measured.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Load it and run it.
    Cold,
    /// Run it, loaded: a fresh instance each time.
    Warm,
    /// Run its bytes again and again.
    Execute,
    /// Run the bytes of so many different modules, in turn.
    Many(usize),
    /// Call an export of a live instance.
    Call(&'static str, i32),
    /// Make so many live instances, and drop them.
    Instances(usize),
}

/// What a run gives: the same with every engine.
#[derive(Debug, PartialEq, Eq)]
pub enum Produced {
    Bytes(Vec<u8>),
    Number(i32),
    Nothing,
}

/// One run.
pub type Work<'a> = Box<dyn FnMut(Vec<u8>) -> Result<Produced> + 'a>;

/// All of them, group by group.
pub fn all() -> Vec<Case> {
    [cold::cases(), warm::cases(), calls::cases(), io::cases(), compute::cases(), live::cases(), many::cases()]
        .into_iter()
        .flatten()
        .collect()
}

impl Case {
    fn new(group: &'static str, name: impl Into<String>, guest: Guest, kind: Kind) -> Case {
        Case { group, name: name.into(), guest, kind, input: Vec::new(), per_run: 1 }
    }

    fn input(mut self, input: impl Into<Vec<u8>>) -> Case {
        self.input = input.into();
        self
    }

    fn per_run(mut self, count: u32) -> Case {
        self.per_run = count;
        self
    }

    /// All that comes before a run; `None` if the guest has no form that the engine could run.
    pub fn prepare<'a>(&self, engine: &'a dyn Engine) -> Result<Option<Work<'a>>> {
        let Some(wasm) = self.guest.wasm(engine.abi()) else { return Ok(None) };
        Ok(Some(match self.kind {
            Kind::Cold => Box::new(move |input| Ok(Produced::Bytes(engine.load(&wasm)?.run(input)?))),
            Kind::Warm => {
                let loaded = engine.load(&wasm)?;
                Box::new(move |input| Ok(Produced::Bytes(loaded.run(input)?)))
            }
            Kind::Execute => Box::new(move |input| Ok(Produced::Bytes(engine.execute(&wasm, &input)?))),
            Kind::Many(count) => {
                let modules: Vec<_> = (0..count).map(|i| self.guest.variant(&wasm, i)).collect();
                Box::new(move |input| {
                    for module in &modules {
                        engine.execute(module, &input)?;
                    }
                    Ok(Produced::Nothing)
                })
            }
            Kind::Call(export, argument) => {
                let mut call = engine.load(&wasm)?.hot(export)?;
                Box::new(move |_| Ok(Produced::Number(call(argument)?)))
            }
            Kind::Instances(count) => {
                let loaded = engine.load(&wasm)?;
                Box::new(move |_| {
                    let live: Result<Vec<_>> = (0..count).map(|_| loaded.live("tick")).collect();
                    live.map(|_| Produced::Nothing)
                })
            }
        }))
    }
}

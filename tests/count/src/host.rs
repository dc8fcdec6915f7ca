//! The host of a module that counts: it tells how much fuel is left, and has a clock that does not go by fuel, and a
//! function that waits.

use belljar::{Config, Context, HostError, Sandbox};
use wasm_encoder::{
    ImportSection, Module,
    reencode::{Error, Reencode, utils},
};
use wasmparser::{Imports, Parser};

/// The module of the functions that are not belljar's own.
pub const OWN: &str = "count";

/// The name of the function that tells how much fuel is left.
pub const FUEL_LEFT: &str = "fuel_left";

/// The name of a function that waits, though not long: it adds two numbers.
pub const LATER: &str = "later";

/// The name of the clock, as WASI has it.
const CLOCK: &str = "clock_time_get";

/// The time that a run begins at, and how far the clock goes on with each look at it, in nanoseconds.
const TIMES: (u64, u64) = (1_000_000_000, 1_000);

/// The number of looks at the clock in a run.
#[derive(Debug, Default)]
pub struct Looks(u64);

/// Makes a sandbox with these functions. Its runs are started with [`Looks`].
pub fn sandbox(config: &Config) -> Result<Sandbox, belljar::Error> {
    let fuel_left = |context: &mut Context<'_>| context.fuel_left() as i64;
    let clock = |context: &mut Context<'_>, _: i32, _: i64, to: u32| -> Result<i32, HostError> {
        let looks = context.data_mut::<Looks>().ok_or_else(|| HostError::new("there is no clock"))?;
        looks.0 += 1;
        let time = TIMES.0 + TIMES.1 * looks.0;
        context.write(to, &time.to_le_bytes())?;
        Ok(0)
    };
    let builder = Sandbox::builder().config(config.clone());
    let later = |one: i32, other: i32| async move { one.wrapping_add(other) };
    let builder = builder.host_function(OWN, FUEL_LEFT, fuel_left).host_function(OWN, CLOCK, clock);
    builder.async_host_function(OWN, LATER, later).build()
}

/// Makes a module look at the clock here in place of belljar's, which stands or goes by fuel.
pub fn with_clock(wasm: &[u8]) -> Vec<u8> {
    let mut module = Module::new();
    Clocked.parse_core_module(&mut module, Parser::new(0), wasm).expect("programs are valid");
    module.finish()
}

struct Clocked;

impl Reencode for Clocked {
    type Error = std::convert::Infallible;

    fn parse_imports(&mut self, section: &mut ImportSection, mut imports: Imports<'_>) -> Result<(), Error> {
        if let Imports::Single(_, import) = &mut imports
            && import.name == CLOCK
        {
            import.module = OWN;
        }
        utils::parse_imports(self, section, imports)
    }
}

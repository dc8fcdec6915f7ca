//! The adapter: a module between the guest and the async host functions that it imports.
//!
//! The engine can resume a call that a host function suspended only if a plain `call` called that function: after a
//! `return_call` it writes the results to the wrong place, or has no frame to resume. So the guest imports the
//! functions of this module, each of which only calls one host function.

use alloc::{string::ToString, vec, vec::Vec};

use super::form::charge::Charge;
use crate::{
    data::{
        binary::{export, leb, local_get, section, value_code},
        value::{FuncType, ValueType},
    },
    engine::meter,
};

/// A host function that the adapter calls: its module, its name, its type.
pub(crate) type Function<'a> = (&'a str, &'a str, &'a FuncType);

/// Returns the module, which exports the nth of these functions as `n`.
pub(crate) fn adapter(functions: &[Function<'_>]) -> Vec<u8> {
    let count = functions.len() as u32;
    let list = |entry: &dyn Fn(u32, &Function<'_>) -> Vec<u8>| {
        let entries = (0..).zip(functions).flat_map(|(i, function)| entry(i, function));
        leb(count).into_iter().chain(entries).collect::<Vec<u8>>()
    };
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    section(&mut module, 1, &list(&|_, (_, _, ty)| function_type(ty)));
    section(&mut module, 2, &list(&|i, (module, name, _)| [text(module), text(name), vec![0], leb(i)].concat()));
    section(&mut module, 3, &list(&|i, _| leb(i)));
    section(&mut module, 7, &list(&|i, _| export(&i.to_string(), 0, count + i)));
    section(&mut module, 10, &list(&|i, (_, _, ty)| body(i, ty)));
    module
}

fn text(text: &str) -> Vec<u8> {
    [leb(text.len() as u32), text.into()].concat()
}

fn function_type(ty: &FuncType) -> Vec<u8> {
    let values = |types: &[ValueType]| {
        let codes = types.iter().map(|ty| value_code(*ty));
        leb(types.len() as u32).into_iter().chain(codes).collect::<Vec<u8>>()
    };
    [vec![0x60], values(&ty.params), values(&ty.results)].concat()
}

/// Returns a body: no locals, a charge for its operators, each parameter, the call, the end.
fn body(function: u32, ty: &FuncType) -> Vec<u8> {
    let fuel = ty.params.len() as u32 + u32::from(meter::CALL);
    let mut code = vec![0];
    Charge { fuel, scoped: false }.write(&mut code);
    let params = (0..ty.params.len() as u32).flat_map(local_get);
    code.extend(params.chain([0x10]).chain(leb(function)).chain([0x0b]));
    [leb(code.len() as u32), code].concat()
}

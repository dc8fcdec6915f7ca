//! Functions of the module `http`.

use alloc::{sync::Arc, vec, vec::Vec};

use super::{
    context::{Context, HostError},
    function::HostFunction,
};
use crate::{
    abi::http::{Failure, MODULE},
    config::http::Http,
    engine::meter,
    http::{State, Unread, exchange, parse},
};

/// Returns the functions if any request is granted. They are ordinary custom host functions, so that transcripts
/// record and replay them.
pub(crate) fn functions(config: &Http) -> Vec<HostFunction> {
    if config.allow.is_empty() {
        return Vec::new();
    }
    let config = Arc::new(config.clone());
    let send = move |context: &mut Context<'_>, a: u32, b: u32, c: u32, d: u32, e: u32, f: u32, g: u32, h: u32| {
        send(context, &config, [(a, b), (c, d), (e, f), (g, h)])
    };
    vec![
        HostFunction::new(MODULE, "send", send),
        HostFunction::new(MODULE, "headers_len", |context: &mut Context<'_>| len(context, |state| &mut state.headers)),
        HostFunction::new(MODULE, "read_headers", |context: &mut Context<'_>, ptr: u32, len: u32| {
            read(context, |state| &mut state.headers, ptr, len)
        }),
        HostFunction::new(MODULE, "body_len", |context: &mut Context<'_>| len(context, |state| &mut state.body)),
        HostFunction::new(MODULE, "read_body", |context: &mut Context<'_>, ptr: u32, len: u32| {
            read(context, |state| &mut state.body, ptr, len)
        }),
    ]
}

type Part = fn(&mut State) -> &mut Unread;

fn len(context: &mut Context<'_>, part: Part) -> u32 {
    // The limits keep it below 2³¹.
    part(context.http()).bytes.len() as u32
}

fn read(context: &mut Context<'_>, part: Part, ptr: u32, len: u32) -> Result<u32, HostError> {
    check(context, ptr, len)?;
    let next = part(context.http()).next(len).to_vec();
    context.write(ptr, &next)?;
    part(context.http()).at += next.len();
    Ok(next.len() as u32)
}

/// Checks that a range is in the memory. An error stops the run.
fn check(context: &mut Context<'_>, ptr: u32, len: u32) -> Result<(), HostError> {
    let fits = len == 0 || u64::from(ptr) + u64::from(len) <= context.memory_size();
    if fits { Ok(()) } else { context.read(ptr, len).map(drop) }
}

fn send(context: &mut Context<'_>, config: &Http, ranges: [(u32, u32); 4]) -> Result<i32, HostError> {
    for (ptr, len) in ranges {
        check(context, ptr, len)?;
    }
    let state = context.http();
    (state.headers, state.body) = Default::default();
    if ranges.iter().map(|(_, len)| u64::from(*len)).sum::<u64>() > config.request_bytes {
        return Ok(Failure::RequestTooLarge as i32);
    }
    let [method, url, headers, body] = ranges.map(|(ptr, len)| context.read(ptr, len));
    let request = match parse(&method?, &url?, &headers?, body?) {
        Ok(request) => request,
        Err(failure) => return Ok(failure as i32),
    };
    let state = context.http();
    let before = state.bytes;
    let answered = exchange(state, config, request);
    let received = state.bytes - before;
    context.charge(meter::host_call(received))?;
    match answered? {
        Ok(response) => {
            let state = context.http();
            (state.headers, state.body) = (Unread::new(response.headers), Unread::new(response.body));
            Ok(response.status.into())
        }
        Err(failure) => Ok(failure as i32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{abi::http::FUNCTIONS, config::http::HttpRule};

    #[test]
    fn the_functions_of_the_table_are_provided() {
        let config = Http { allow: vec![HttpRule::parse("https://example.org").unwrap()], ..Http::default() };
        let provided: Vec<_> = functions(&config).iter().map(|f| (f.name.clone(), f.ty.clone())).collect();
        let table: Vec<_> = FUNCTIONS.iter().map(|f| (crate::abi::name::Name::new(MODULE, f.name), f.ty())).collect();
        assert_eq!(provided, table);
        assert!(functions(&Http::default()).is_empty());
    }
}

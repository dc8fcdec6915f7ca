//! Requests over HTTP, as the configuration grants them: the functions of the module `http`.

use alloc::{format, string::String, sync::Arc, vec, vec::Vec};
use core::time::Duration;
use std::time::Instant;

use self::client::{Answer, Asked, Silence, Terms, ask, has_body};
use crate::{
    abi::http::{Failure, MODULE},
    config::http::{Http, METHODS},
    error::StopReason,
    host::{
        context::{Context, HostError},
        function::{HostFunction, host_function},
    },
    meter,
    url::Url,
};

mod address;
mod client;
mod headers;

/// The functions, if anything is granted: each a host function as an embedding program would write it, so
/// that what it does is noted in transcripts and played from them.
pub(crate) fn functions(config: &Http) -> Vec<HostFunction> {
    if config.allow.is_empty() {
        return Vec::new();
    }
    let config = Arc::new(config.clone());
    let send = move |context: &mut Context<'_>, a: u32, b: u32, c: u32, d: u32, e: u32, f: u32, g: u32, h: u32| {
        send(context, &config, [(a, b), (c, d), (e, f), (g, h)])
    };
    vec![
        host_function(MODULE, "send", send),
        host_function(MODULE, "headers_len", |context: &mut Context<'_>| len(context, |web| &mut web.headers)),
        host_function(MODULE, "read_headers", |context: &mut Context<'_>, ptr: u32, len: u32| {
            read(context, |web| &mut web.headers, ptr, len)
        }),
        host_function(MODULE, "body_len", |context: &mut Context<'_>| len(context, |web| &mut web.body)),
        host_function(MODULE, "read_body", |context: &mut Context<'_>, ptr: u32, len: u32| {
            read(context, |web| &mut web.body, ptr, len)
        }),
    ]
}

/// What a run has asked, and its last answer.
#[derive(Default)]
struct Web {
    requests: u64,
    bytes: u64,
    headers: Unread,
    body: Unread,
}

/// Bytes that the guest takes piece by piece.
#[derive(Default)]
struct Unread {
    bytes: Vec<u8>,
    at: usize,
}

impl Unread {
    fn new(bytes: Vec<u8>) -> Self {
        Unread { bytes, at: 0 }
    }

    fn next(&self, len: u32) -> &[u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        rest.get(..len as usize).unwrap_or(rest)
    }
}

type Part = fn(&mut Web) -> &mut Unread;

fn len(context: &mut Context<'_>, part: Part) -> u32 {
    // Limits keep it below 2³¹.
    context.web().map_or(0, |web| part(web).bytes.len() as u32)
}

fn read(context: &mut Context<'_>, part: Part, ptr: u32, len: u32) -> Result<u32, HostError> {
    check(context, ptr, len)?;
    let next = context.web().map(|web| part(web).next(len).to_vec()).unwrap_or_default();
    context.write(ptr, &next)?;
    if let Some(web) = context.web() {
        part(web).at += next.len();
    }
    Ok(next.len() as u32)
}

/// Stops the run for a range that is not in the memory.
fn check(context: &mut Context<'_>, ptr: u32, len: u32) -> Result<(), HostError> {
    let fits = len == 0 || u64::from(ptr) + u64::from(len) <= context.memory_size();
    if fits { Ok(()) } else { context.read(ptr, len).map(drop) }
}

fn send(context: &mut Context<'_>, config: &Http, ranges: [(u32, u32); 4]) -> Result<i32, HostError> {
    for (ptr, len) in ranges {
        check(context, ptr, len)?;
    }
    if let Some(web) = context.web::<Web>() {
        (web.headers, web.body) = Default::default();
    }
    if ranges.iter().map(|(_, len)| u64::from(*len)).sum::<u64>() > config.request_bytes {
        return Ok(Failure::RequestTooLarge as i32);
    }
    let [method, url, headers, body] = ranges.map(|(ptr, len)| context.read(ptr, len));
    let asked = match asked(&method?, &url?, &headers?, body?) {
        Ok(asked) => asked,
        Err(failure) => return Ok(failure as i32),
    };
    let Some(web) = context.web::<Web>() else { return Err(HostError::new("the state of the run is another's")) };
    let before = web.bytes;
    let answered = exchange(web, config, asked);
    let received = web.bytes - before;
    context.charge(meter::host_call(received))?;
    match answered? {
        Ok(answer) => {
            if let Some(web) = context.web::<Web>() {
                (web.headers, web.body) = (Unread::new(answer.headers), Unread::new(answer.body));
            }
            Ok(answer.status.into())
        }
        Err(failure) => Ok(failure as i32),
    }
}

/// The request that the guest means.
fn asked(method: &[u8], url: &[u8], headers: &[u8], body: Vec<u8>) -> Result<Asked, Failure> {
    let method = METHODS.into_iter().find(|name| name.as_bytes() == method).ok_or(Failure::Method)?;
    if !body.is_empty() && !has_body(method) {
        return Err(Failure::Method);
    }
    let url = core::str::from_utf8(url).ok().and_then(Url::parse).ok_or(Failure::Url)?;
    Ok(Asked { method, url, headers: headers::read(headers).ok_or(Failure::Headers)?, body })
}

/// Asks, and follows redirects as far as they are granted.
fn exchange(web: &mut Web, config: &Http, mut asked: Asked) -> Result<Result<Answer, Failure>, StopReason> {
    let begun = Instant::now();
    let timeout = Duration::from_millis(config.timeout_ms);
    let mut redirect = None;
    admit(web, config, &asked)?;
    for left in (0..=config.redirects).rev() {
        web.requests += 1;
        web.bytes = web.bytes.saturating_add(asked.bytes());
        let total = config.total_bytes.saturating_sub(web.bytes);
        let terms = Terms {
            private_addresses: config.private_addresses,
            timeout: timeout.saturating_sub(begun.elapsed()),
            bytes: config.response_bytes,
            total,
        };
        let answer = match ask(&asked, &terms) {
            Ok(answer) => answer,
            Err(Silence::Stop(reason)) => return Err(reason),
            // A server sends there, and the guest need not know: it is given what the server said.
            Err(Silence::Private) if redirect.is_some() => break,
            Err(Silence::Private) => return Err(private(&asked)),
            Err(Silence::Failure(failure, came)) => {
                web.bytes = web.bytes.saturating_add(came);
                return Ok(Err(failure));
            }
        };
        web.bytes = web.bytes.saturating_add(answer.bytes());
        match follow(&asked, &answer).filter(|next| left > 0 && admit(web, config, next).is_ok()) {
            Some(next) => asked = next,
            None => return Ok(Ok(answer)),
        }
        redirect = Some(answer);
    }
    Ok(redirect.ok_or(Failure::Response))
}

/// What a redirect asks for.
fn follow(asked: &Asked, answer: &Answer) -> Option<Asked> {
    let url = answer.location.clone()?;
    let method = match (answer.status, asked.method) {
        (303, "HEAD") | (301 | 302 | 307 | 308, _) if !(answer.status < 303 && asked.method == "POST") => asked.method,
        (301..=303, _) => "GET",
        _ => return None,
    };
    let same_origin = url.has_origin_of(&asked.url);
    let kept = |name: &str| {
        (same_origin || !["authorization", "cookie"].contains(&name))
            && (has_body(method) || !name.starts_with("content-"))
    };
    let headers = asked.headers.iter().filter(|(name, _)| kept(name)).cloned().collect();
    let body = if has_body(method) { asked.body.clone() } else { Vec::new() };
    Some(Asked { method, url, headers, body })
}

/// Checks a request against rules and quotas.
fn admit(web: &Web, config: &Http, asked: &Asked) -> Result<(), StopReason> {
    let Asked { method, url, .. } = asked;
    if !config.admits(method, url) {
        let Url { scheme, host, port, path, .. } = url;
        let port = if *port == scheme.port() { String::new() } else { format!(", port = {port}") };
        return Err(denied(format!(
            "{method} {url} is in no rule of `http.allow`; this one grants it: \
             {{ methods = [\"{method}\"], scheme = \"{}\", host = \"{host}\"{port}, path = \"{path}\" }}",
            scheme.name()
        )));
    }
    if web.requests >= config.requests {
        return Err(denied(format!("{method} {url} is one more than `http.requests = {}` grants", config.requests)));
    }
    if web.bytes.saturating_add(asked.bytes()) > config.total_bytes {
        return Err(denied(format!("{method} {url} is past `http.total_bytes = {}`", config.total_bytes)));
    }
    Ok(())
}

fn private(asked: &Asked) -> StopReason {
    let Asked { method, url, .. } = asked;
    denied(format!("{method} {url} is at no public address; `http.private_addresses = true` grants those"))
}

fn denied(detail: String) -> StopReason {
    StopReason::Denied { capability: "http".into(), function: format!("{MODULE}.send"), detail: Some(detail) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{abi::http::FUNCTIONS, config::http::HttpRule};

    #[test]
    fn the_table_is_what_is_provided() {
        let config = Http { allow: vec![HttpRule::parse("https://example.org").unwrap()], ..Http::default() };
        let provided: Vec<_> = functions(&config).iter().map(|f| (f.name.clone(), f.ty.clone())).collect();
        let table: Vec<_> = FUNCTIONS.iter().map(|f| (crate::host::Name::new(MODULE, f.name), f.ty())).collect();
        assert_eq!(provided, table);
        assert!(functions(&Http::default()).is_empty());
    }
}

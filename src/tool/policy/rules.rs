//! Intersection of rules for HTTP requests.

use alloc::{string::String, vec::Vec};

use crate::config::http::{HttpRule, Pattern, path_is_below};

/// Returns the rule for the requests that both admit; `None` if they have nothing in common.
pub(super) fn both(a: &HttpRule, b: &HttpRule) -> Option<HttpRule> {
    let port = |rule: &HttpRule| rule.port.unwrap_or(rule.scheme.port());
    if a.scheme != b.scheme || port(a) != port(b) {
        return None;
    }
    let methods: Vec<String> = a.methods.iter().filter(|method| b.methods.contains(method)).cloned().collect();
    let within = |a: &HttpRule, b: &HttpRule| {
        Pattern::of(&a.host).zip(Pattern::of(&b.host)).is_some_and(|(a, b)| a.is_within(&b))
    };
    let host = match (within(a, b), within(b, a)) {
        (true, _) => &a.host,
        (false, true) => &b.host,
        (false, false) => return None,
    };
    let path = match (path_is_below(&a.path, &b.path), path_is_below(&b.path, &a.path)) {
        (true, _) => &a.path,
        (false, true) => &b.path,
        (false, false) => return None,
    };
    let rule = HttpRule { methods, scheme: a.scheme, host: host.clone(), port: a.port, path: path.clone() };
    (!rule.methods.is_empty()).then_some(rule)
}

/// Returns the rules for the requests that one rule and any of the others admit.
pub(super) fn of_any(rule: &HttpRule, others: &[HttpRule]) -> Vec<HttpRule> {
    let mut all: Vec<HttpRule> = Vec::new();
    for part in others.iter().filter_map(|other| both(rule, other)) {
        if !all.contains(&part) {
            all.push(part);
        }
    }
    all
}

/// Returns whether parts cover a rule: each method is in a part with the same host and path.
pub(super) fn are_whole(rule: &HttpRule, parts: &[HttpRule]) -> bool {
    let wide = |part: &&HttpRule| part.host == rule.host && part.path == rule.path;
    rule.methods.iter().all(|method| parts.iter().filter(wide).any(|part| part.methods.contains(method)))
}

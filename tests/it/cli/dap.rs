//! The Debug Adapter Protocol: `belljar debug --dap`.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::PROGRAM;

/// Sends requests, and returns what comes: responses and events, in their order.
fn served(requests: &[(&str, Value)]) -> Vec<Value> {
    let mut child = Command::new(PROGRAM);
    child.args(["debug", "--dap"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().expect("belljar starts");
    let mut stdin = child.stdin.take().expect("its stdin");
    let mut sent = Vec::new();
    for (seq, (command, arguments)) in requests.iter().enumerate() {
        let text = json!({ "seq": seq, "type": "request", "command": command, "arguments": arguments }).to_string();
        write!(sent, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
    }
    // What comes is read at the same time, or both would wait.
    let writer = std::thread::spawn(move || stdin.write_all(&sent));
    let ended = child.wait_with_output().expect("it ends");
    let _ = writer.join().expect("a thread");
    assert_eq!((ended.status.code(), String::from_utf8_lossy(&ended.stderr).as_ref()), (Some(0), ""));
    let mut rest = std::str::from_utf8(&ended.stdout).expect("UTF-8");
    let mut messages = Vec::new();
    while let Some((header, body)) = rest.split_once("\r\n\r\n") {
        let length: usize = header.strip_prefix("Content-Length: ").expect("a length").parse().expect("a number");
        messages.push(serde_json::from_str(&body[..length]).expect("JSON"));
        rest = &body[length..];
    }
    assert_eq!(rest, "");
    messages
}

fn parser(file: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/explain").join(file).display().to_string()
}

/// The responses to requests behind a launch at whose first operator the run stops.
fn launched(requests: &[(&str, Value)]) -> Vec<Value> {
    let launch = json!({ "program": parser("parser.wasm"), "input": "1204", "stopOnEntry": true });
    let begin = [("initialize", json!({})), ("launch", launch), ("configurationDone", Value::Null)];
    let messages = served(&[&begin, requests].concat());
    let responses = messages.into_iter().filter(|message| message["type"] == "response");
    responses.skip(begin.len()).collect()
}

#[test]
fn a_run_is_debugged_forwards_and_backwards() {
    let line = json!({ "source": { "path": parser("parser.c") }, "breakpoints": [{ "line": 19 }] });
    let trace = || ("stackTrace", json!({ "threadId": 1, "levels": 1 }));
    let moved = |command| (command, json!({ "threadId": 1 }));
    let responses = launched(&[
        ("setBreakpoints", line),
        moved("continue"),
        trace(),
        moved("stepBack"),
        trace(),
        moved("next"),
        trace(),
        moved("reverseContinue"),
        trace(),
        ("readMemory", json!({ "memoryReference": "0x100000", "count": 4 })),
        ("evaluate", json!({ "expression": "goto end", "context": "repl" })),
        ("readMemory", json!({ "memoryReference": "0x100000", "count": 4 })),
        ("exceptionInfo", json!({ "threadId": 1 })),
    ]);
    let failed: Vec<_> = responses.iter().filter(|response| response["success"] != true).collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert_eq!(responses[0]["body"]["breakpoints"][0]["verified"], true);
    let frames = responses.iter().filter_map(|response| response["body"]["stackFrames"].get(0));
    let places: Vec<_> =
        frames.map(|frame| (frame["name"].as_str().unwrap(), frame["line"].as_u64().unwrap())).collect();
    assert_eq!(places, [("digit", 19), ("digit", 17), ("digit", 19), ("execute", 44)]);
    let data = responses.iter().filter_map(|response| response["body"].get("data"));
    assert_eq!(data.collect::<Vec<_>>(), ["AAAAAA==", "MTIwNA=="]);
    assert_eq!(responses[12]["body"]["exceptionId"], "trap");
}

/// Whatever the arguments are, there is one response, and the next request is answered.
#[test]
fn wrong_arguments_are_answered() {
    let commands = [
        "initialize",
        "launch",
        "attach",
        "configurationDone",
        "restart",
        "next",
        "stepIn",
        "stepOut",
        "stepBack",
        "continue",
        "reverseContinue",
        "pause",
        "terminate",
        "evaluate",
        "setExceptionBreakpoints",
        "threads",
        "stackTrace",
        "scopes",
        "variables",
        "setBreakpoints",
        "setFunctionBreakpoints",
        "setInstructionBreakpoints",
        "dataBreakpointInfo",
        "setDataBreakpoints",
        "readMemory",
        "disassemble",
        "exceptionInfo",
        "source",
        "",
    ];
    let numbers =
        [json!(-1), json!(0), json!(u64::MAX), json!(i64::MIN), json!(1e300), json!("0x"), json!([]), Value::Null];
    let mut requests = Vec::new();
    for command in commands {
        for number in &numbers {
            requests.push((command, number.clone()));
            requests.push((command, json!({
                "threadId": number, "frameId": number, "variablesReference": number, "memoryReference": number,
                "count": number, "offset": number, "instructionOffset": number, "instructionCount": number,
                "startFrame": number, "levels": number, "start": number, "expression": number, "granularity": number,
                "filters": number, "source": number, "breakpoints": number, "name": number, "bytes": number,
                "program": number, "context": "repl",
            })));
            let text = number.to_string();
            requests.push((command, json!({
                "frameId": 1, "variablesReference": 2, "memoryReference": text, "offset": i64::MIN, "count": u64::MAX,
                "instructionOffset": i64::MAX, "instructionCount": 3, "startFrame": u64::MAX, "levels": u64::MAX,
                "start": u64::MAX, "expression": text, "name": text, "bytes": u64::MAX, "asAddress": true,
                "source": { "path": text },
                "breakpoints": [{ "line": 0, "name": text, "dataId": text, "instructionReference": text, "offset": i64::MAX }],
            })));
        }
    }
    let responses = launched(&requests);
    assert_eq!(responses.len(), requests.len());
    let answered = responses.iter().zip(&requests).filter(|(response, request)| response["command"] == request.0);
    assert_eq!(answered.count(), requests.len());
    let succeeded = responses.iter().filter(|response| response["success"] == true).count();
    assert!(succeeded > 100 && succeeded < requests.len() - 100, "{succeeded} of {}", requests.len());
}

#[test]
fn too_much_is_refused() {
    let too_many: Vec<_> = (0..1_001).map(|_| json!({ "name": "digit" })).collect();
    let responses = launched(&[
        ("setFunctionBreakpoints", json!({ "breakpoints": too_many })),
        ("setFunctionBreakpoints", json!({ "breakpoints": too_many[..1_000] })),
        ("disassemble", json!({ "memoryReference": "0", "instructionCount": 10_001 })),
        ("readMemory", json!({ "memoryReference": "0", "count": 1_u64 << 40 })),
        ("evaluate", json!({ "expression": "x".repeat(2 << 20), "context": "repl" })),
        ("threads", json!({})),
    ]);
    let succeeded: Vec<_> = responses.iter().map(|response| response["success"] == true).collect();
    // A message that is too long has no response.
    assert_eq!(succeeded, [false, true, false, true, true]);
    assert_eq!(responses[3]["body"]["data"].as_str().map(str::len), Some((1_usize << 20).div_ceil(3) * 4));
}

//! Requests that options of the program grant.

use super::{OK, Server};

/// Status, stdout and stderr of a run in a folder of its own.
fn belljar(name: &str, toml: Option<&str>, args: &[&str], proxy: &str) -> (Option<i32>, String, String) {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("http").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let wasm = wat::parse_file(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/http/get.wat")).unwrap();
    std::fs::write(folder.join("get.wasm"), wasm).unwrap();
    toml.iter().for_each(|toml| std::fs::write(folder.join("belljar.toml"), toml).unwrap());
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_belljar"));
    for variable in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(variable, proxy);
    }
    let output = command.args(["run", "get.wasm"]).args(args).current_dir(folder).output().unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (output.status.code(), stdout, stderr)
}

/// What is typed is granted, and the environment says nothing.
#[test]
fn options_grant_requests() {
    let (server, proxy) = (Server::saying(OK), Server::saying(OK));
    let (url, rule) = (server.url("/a/b"), server.url("/a"));
    let proxy_url = proxy.url("/");
    let run = |args: &[&str]| belljar("options", None, &[&["--input-text", &url], args].concat(), &proxy_url);
    let done = run(&["--allow-http", &rule, "--allow-http-private"]);
    assert_eq!(done, (Some(0), "hello".into(), String::new()));
    let method = format!("HEAD,GET {rule}");
    assert_eq!(run(&["--allow-http", "https://a.example", "--allow-http", &method, "--allow-http-private"]), done);
    assert_eq!(server.asked().len(), 2);

    assert_eq!(run(&["--allow-http", &rule]).0, Some(1));
    assert_eq!(run(&["--allow-http", "https://a.example", "--allow-http-private"]).0, Some(1));
    assert_eq!(run(&[]).0, Some(3), "there is nothing to import");
    for rule in ["GET", "TRACE https://a.example", "https://a.example/../", "https://u@a.example", "a b c"] {
        assert_eq!(run(&["--allow-http", rule]).0, Some(2), "{rule}");
    }
    assert_eq!(run(&["--allow-http", &rule, "--receipt", "receipt.json"]).0, Some(2));
    assert_eq!(run(&["--allow-http", &rule, "--isolate"]).0, Some(2));
    assert_eq!((server.asked().len(), proxy.asked().len()), (2, 0));
}

/// A configuration may have come with the module.
#[test]
fn a_configuration_that_was_only_found_grants_nothing() {
    let server = Server::saying(OK);
    let toml = format!(
        "[http]\nallow = [{{ scheme = \"http\", host = \"127.0.0.1\", port = {} }}]\nprivate_addresses = true\n",
        server.at.port()
    );
    let url = server.url("/");
    let run = |args: &[&str]| belljar("found", Some(&toml), &[&["--input-text", &url], args].concat(), "");
    assert_eq!(run(&[]).0, Some(2));
    assert_eq!(server.asked().len(), 0);
    assert_eq!(run(&["--config", "belljar.toml"]), (Some(0), "hello".into(), String::new()));
}

//! A client over stdio that knows nothing of MCP: it writes lines, and reads lines.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// Longer than anything takes, on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A directory of tools that is there as long as a test.
pub struct Tools(pub PathBuf);

impl Tools {
    /// With these modules of `fixtures/mcp`.
    pub fn of(name: &str, modules: &[&str]) -> Tools {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mcp-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        let tools = Tools(path);
        modules.iter().for_each(|module| tools.put(module, &wasm(module)));
        tools
    }

    /// Puts a module there at once, as those do who care.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let (new, path) = (self.0.join(format!("{name}.new")), self.file(name));
        fs::write(&new, bytes).unwrap();
        fs::rename(new, path).unwrap();
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.wasm"))
    }

    pub fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Tools {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A module of `fixtures/mcp`.
pub fn wasm(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/mcp/{name}.wat"));
    wat::parse_file(path).unwrap()
}

/// The program, without a configuration that lies about.
pub fn belljar(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_belljar"));
    command.arg("mcp").args(args).env("NO_COLOR", "1");
    if !args.contains(&"--config") {
        command.arg("--no-config");
    }
    command
}

/// A server, and what it says.
pub struct Client {
    pub child: Child,
    pub stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    stderr: Receiver<String>,
    /// What came while something else was waited for.
    pub told: Vec<Value>,
    next: i64,
}

impl Client {
    /// Starts a server.
    pub fn start(args: &[&str]) -> Client {
        let mut command = belljar(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        let stderr = lines_of(child.stderr.take().unwrap());
        let stdin = child.stdin.take();
        Client { child, stdin, lines, stderr, told: Vec::new(), next: 1 }
    }

    /// Starts a server, and shakes hands with it.
    pub fn new(args: &[&str]) -> Client {
        let mut client = Client::start(args);
        let answer = client.ask("initialize", hello("2025-11-25"));
        assert_eq!(answer["result"]["protocolVersion"], "2025-11-25");
        client.tell("notifications/initialized", json!({}));
        client
    }

    /// Writes a line.
    pub fn write(&mut self, line: &[u8]) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(&[line, b"\n"].concat()).unwrap();
        stdin.flush().unwrap();
    }

    pub fn send(&mut self, message: &Value) {
        self.write(message.to_string().as_bytes());
    }

    pub fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// Sends a request, whose id comes back.
    pub fn request(&mut self, method: &str, params: Value) -> i64 {
        let id = self.next;
        self.next += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    /// Sends a request, and waits for its answer.
    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.request(method, params);
        self.answer(id)
    }

    /// Waits for the answer to a request.
    pub fn answer(&mut self, id: i64) -> Value {
        self.wait(|message| message["id"] == id)
    }

    /// Calls a tool with a text.
    pub fn call(&mut self, tool: &str, input: &str) -> Value {
        self.ask("tools/call", call(tool, input))["result"].take()
    }

    /// The names of the tools.
    pub fn tools(&mut self) -> Vec<String> {
        let answer = self.ask("tools/list", json!({}));
        answer["result"]["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().into()).collect()
    }

    /// Waits for a message.
    pub fn wait(&mut self, is: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.told.iter().position(&is) {
            return self.told.remove(at);
        }
        loop {
            let message = self.read();
            if is(&message) {
                return message;
            }
            self.told.push(message);
        }
    }

    /// The next line.
    pub fn read(&mut self) -> Value {
        let line = self.lines.recv_timeout(PATIENCE).expect("a line in time");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("stdout carries messages only: {line:?}: {error}"))
    }

    /// Whether nothing comes for so long.
    pub fn is_silent(&mut self, time: Duration) -> bool {
        self.lines.recv_timeout(time) == Err(RecvTimeoutError::Timeout)
    }

    /// The next line of stderr.
    pub fn said(&mut self) -> String {
        self.stderr.recv_timeout(PATIENCE).expect("a line of stderr in time")
    }

    /// Closes stdin, and waits for the end.
    pub fn end(mut self) -> (Vec<Value>, ExitStatus) {
        drop(self.stdin.take());
        let ended = ended(&mut self.child);
        let rest = self.lines.iter().map(|line| serde_json::from_str(&line).unwrap()).collect();
        (rest, ended)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for the end of a process.
pub fn ended(child: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    loop {
        match child.try_wait().unwrap() {
            Some(status) => return status,
            None if begun.elapsed() > PATIENCE => panic!("it does not end"),
            None => thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// The parameters of a handshake.
pub fn hello(version: &str) -> Value {
    json!({"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}})
}

/// The parameters of a call with a text.
pub fn call(tool: &str, input: &str) -> Value {
    json!({"name": tool, "arguments": {"input": input}})
}

fn lines_of(from: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || BufReader::new(from).lines().map_while(Result::ok).all(|line| sender.send(line).is_ok()));
    receiver
}

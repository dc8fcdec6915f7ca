//! The program at work, and what it says.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle, sleep},
    time::{Duration, Instant},
};

use super::client::{Answer, Client};

/// No test waits longer for anything.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A server that is there until it is dropped.
pub struct Served {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
    /// Kept open.
    #[allow(dead_code, reason = "nobody reads it")]
    unread: Option<BufReader<ChildStderr>>,
    /// Where it listens.
    pub at: SocketAddr,
}

impl Served {
    /// Serves a module, given by its path from the root, at a port that is free.
    pub fn new(module: &str, args: &[&str]) -> Served {
        let (child, stderr) = started(module, args);
        let said = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&said);
        let reader = thread::spawn(move || stderr.lines().for_each(|line| noted.lock().unwrap().push(line.unwrap())));
        let mut served = Served { child, said, reader: Some(reader), unread: None, at: SocketAddr::from(([0; 4], 0)) };
        served.at = served.address("listening");
        served
    }

    /// The same, but nobody reads what it says beyond where it listens.
    pub fn unread(module: &str, args: &[&str]) -> Served {
        let (child, mut stderr) = started(module, args);
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let said = Arc::new(Mutex::new(vec![line.trim_end().into()]));
        let at = SocketAddr::from(([0; 4], 0));
        let mut served = Served { child, said, reader: None, unread: Some(stderr), at };
        served.at = served.address("listening");
        served
    }

    /// An address that it has told.
    pub fn address(&self, what: &str) -> SocketAddr {
        let line = self.line(|line| line.contains(what) && line.contains("http://"));
        line.split("http://").nth(1).unwrap().trim_end_matches(['"', '}']).parse().unwrap()
    }

    /// The lines that it has said so far.
    pub fn lines(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }

    /// Waits for a line.
    pub fn line(&self, is: impl Fn(&str) -> bool) -> String {
        self.wait(|| self.lines().into_iter().find(|line| is(line)))
    }

    /// Waits until there is something.
    pub fn wait<T>(&self, mut there: impl FnMut() -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(found) = there() {
                return found;
            }
            assert!(started.elapsed() < PATIENCE, "it does not come: {:#?}", self.lines());
            sleep(Duration::from_millis(10));
        }
    }

    pub fn client(&self) -> Client {
        Client::new(self.at)
    }

    /// The answer to a request without a body.
    pub fn get(&self, path: &str) -> Answer {
        self.client().ask("GET", path, "", b"")
    }

    /// The answer to a request with one.
    pub fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Answer {
        self.client().ask("POST", path, "", body.as_ref())
    }

    /// The metrics: each line by what stands before its number.
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        metrics(&self.get("/metrics"))
    }

    /// Waits until a metric has a value.
    pub fn until(&self, name: &str, value: f64) {
        self.wait(|| (self.metrics().get(name) == Some(&value)).then_some(()));
    }

    pub fn signal(&self, name: &str) {
        let killed = Command::new("kill").args([format!("-{name}"), self.pid().to_string()]).status().unwrap();
        assert!(killed.success());
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has ended by itself: its status, and all it has said.
    pub fn ended(mut self) -> (Option<i32>, Vec<String>) {
        let started = Instant::now();
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None => assert!(started.elapsed() < PATIENCE, "it does not end: {:#?}", self.lines()),
            }
            sleep(Duration::from_millis(10));
        };
        self.reader.take().unwrap().join().unwrap();
        let mut stdout = String::new();
        std::io::Read::read_to_string(&mut self.child.stdout.take().unwrap(), &mut stdout).unwrap();
        assert_eq!(stdout, "");
        (status.code(), self.lines())
    }

    /// Tells it to stop, and waits until it has.
    pub fn stop(self) -> Vec<String> {
        self.signal("TERM");
        let (status, lines) = self.ended();
        assert_eq!(status, Some(0), "{lines:#?}");
        lines
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn started(module: &str, args: &[&str]) -> (Child, BufReader<ChildStderr>) {
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join(module);
    let mut command = Command::new(env!("CARGO_BIN_EXE_belljar"));
    command.arg("serve").arg(module).args(["--no-config", "--listen", "127.0.0.1:0"]).args(args);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    (child, stderr)
}

pub fn metrics(answer: &Answer) -> BTreeMap<String, f64> {
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/plain; version=0.0.4; charset=utf-8"));
    let text = answer.text();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(name, value)| (name.into(), value.parse().unwrap()))
        .collect()
}

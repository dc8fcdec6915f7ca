//! The format of transcripts; the head of `cli.rs` describes it.

use std::fmt::Write;

/// A transcript: its comments, and its commands without what came out of them.
pub struct Transcript(Vec<Item>);

enum Item {
    Comment(String),
    Run(Run),
}

/// A command to run.
#[derive(Clone, Default)]
pub struct Run {
    /// The lines of the transcript that describe it.
    lines: Vec<String>,
    /// Environment variables.
    pub variables: Vec<(String, String)>,
    /// Arguments, without the program's name.
    pub args: Vec<String>,
    /// What it reads from stdin.
    pub stdin: Vec<u8>,
    /// Files it finds: name, and contents or size.
    pub files: Vec<(String, String)>,
    /// Whether its stdout is closed.
    pub closed: bool,
}

impl Transcript {
    /// Reads a transcript.
    pub fn of(text: &str) -> Transcript {
        let mut items = Vec::new();
        for line in text.lines() {
            let rest = line.get(2..).unwrap_or_default();
            match (line.chars().next(), items.last_mut()) {
                (Some('$'), _) => items.push(Item::Run(Run::of(line, rest))),
                (Some('<'), Some(Item::Run(run))) => {
                    run.lines.push(line.into());
                    match rest.strip_suffix('\\') {
                        Some(open) => run.stdin.extend(bytes(open)),
                        None => run.stdin.extend([bytes(rest), vec![b'\n']].concat()),
                    }
                }
                (Some('+'), Some(Item::Run(run))) => {
                    run.lines.push(line.into());
                    let (name, contents) = rest.split_once(' ').unwrap_or((rest, ""));
                    run.files.push((name.into(), contents.into()));
                }
                (Some('|'), Some(Item::Run(run))) => {
                    run.lines.push(line.into());
                    run.closed = true;
                }
                (Some('>' | '!' | '='), Some(Item::Run(_))) => {}
                (None | Some('#'), _) => items.push(Item::Comment(line.into())),
                _ => panic!("not a line of a transcript: {line}"),
            }
        }
        Transcript(items)
    }

    /// The command lines.
    pub fn commands(self) -> Vec<String> {
        let run = |item| if let Item::Run(run) = item { Some(run.args.join(" ")) } else { None };
        self.0.into_iter().filter_map(run).collect()
    }

    /// The transcript with what comes out of its commands now: status, stdout, stderr.
    pub fn rerun(&self, run_one: impl Fn(&Run) -> (Option<i32>, Vec<u8>, Vec<u8>)) -> String {
        let mut text = String::new();
        for item in &self.0 {
            match item {
                Item::Comment(line) => text += &format!("{line}\n"),
                Item::Run(run) => {
                    let (status, stdout, stderr) = run_one(run);
                    text += &format!("{}\n", run.lines.join("\n"));
                    show(&mut text, '>', &stdout);
                    show(&mut text, '!', &stderr);
                    let status = status.map_or("a signal".into(), |status| status.to_string());
                    text += &format!("= {status}\n");
                }
            }
        }
        text
    }
}

impl Run {
    fn of(line: &str, command: &str) -> Run {
        let mut run = Run { lines: vec![line.into()], ..Run::default() };
        let mut words = words(command).into_iter();
        for word in words.by_ref().take_while(|word| word != "belljar") {
            let (name, value) = word.split_once('=').expect("a variable before the program");
            run.variables.push((name.into(), value.into()));
        }
        run.args = words.collect();
        run
    }
}

/// The words of a command line; in single quotes, a word may be empty or contain spaces.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('\'') {
            Some(quoted) => quoted.split_once('\'').expect("a closing quote"),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        words.push(String::from_utf8(bytes(word)).expect("UTF-8"));
        rest = after.trim_start();
    }
    words
}

/// The bytes that a text with `\x1b` in it stands for.
pub fn bytes(text: &str) -> Vec<u8> {
    let mut parts = text.split("\\x");
    let mut bytes: Vec<u8> = parts.next().unwrap_or_default().into();
    for part in parts {
        let (digits, plain) = part.split_at(2);
        bytes.push(u8::from_str_radix(digits, 16).expect("two hex digits after \\x"));
        bytes.extend(plain.as_bytes());
    }
    bytes
}

fn show(text: &mut String, mark: char, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    let mut shown = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => shown.push(c),
                c if c.is_control() => c.to_string().bytes().for_each(|byte| hex(&mut shown, byte)),
                c => shown.push(c),
            }
        }
        chunk.invalid().iter().for_each(|byte| hex(&mut shown, *byte));
    }
    if !shown.ends_with('\n') {
        shown.push_str("\\\n");
    }
    for line in mask(&shown).lines() {
        text.push_str(format!("{mark} {line}").trim_end());
        text.push('\n');
    }
}

fn hex(text: &mut String, byte: u8) {
    let _ = write!(text, "\\x{byte:02x}");
}

/// Wall times are the only thing that differs from run to run.
fn mask(text: &str) -> String {
    let mut masked = String::new();
    let mut rest = text;
    const MARKS: [&str; 3] = ["wall time   ", "\"wall_ms\": ", "\"wall_ms\":"];
    while let Some(at) = MARKS.iter().filter_map(|mark| Some(rest.find(mark)? + mark.len())).min() {
        masked.push_str(&rest[..at]);
        rest = rest[at..].trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        masked.push('_');
    }
    masked + rest
}

/// The lines that are not the same, each with the command it belongs to.
pub fn difference(expected: &str, found: &str) -> String {
    let blocks = |text: &str| text.replace("\n$ ", "\n\0$ ").split('\0').map(String::from).collect::<Vec<_>>();
    let (expected, found) = (blocks(expected), blocks(found));
    let mut text = String::new();
    for (expected, found) in expected.iter().zip(&found).filter(|(expected, found)| expected != found) {
        let _ = writeln!(text, "--- expected\n{expected}--- found\n{found}");
    }
    text
}

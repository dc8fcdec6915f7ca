//! Programs do the same in a directory of the host as with files in memory.

use std::{collections::BTreeMap, fs, path::Path};

use belljar::{
    Config, Error, Log, Sandbox, StopReason,
    config::HostDir,
    files::{Change, Changes, FileBytes},
};

use super::guest::Place;
use crate::{
    fixture::{
        self,
        parse::{Action, Fixture},
    },
    wasi,
};

/// What is another matter, and why.
const OTHERWISE: [(&str, &str); 9] = [
    ("file-bytes-past.wat", "the quotas are those of the directory"),
    ("file-bytes.wat", "the quotas are those of the directory"),
    ("file-names.wat", "the quotas are those of the directory"),
    ("filestat.wat", "the times are the host's, another device is another mount, a directory has one name"),
    ("path-escape.wat", "no links with `..` are made on the host"),
    ("readdir.wat", "a listing is sorted, and stays what it was"),
    ("size.wat", "what is too large for a file is `fbig`"),
    ("times.wat", "the times are the host's, and the last two are the same"),
    ("unstable.wat", "the times are the host's"),
];

/// What a run comes to, but for its fuel.
type End = (Option<StopReason>, Vec<u8>, Log);

fn run(sandbox: &Sandbox, fixture: &Fixture) -> Vec<(End, Changes)> {
    let module = sandbox.load_text(&fixture.body).unwrap();
    let run = |action: &Action| match action {
        Action::Run { input } => sandbox.run(&module, input.as_slice()),
        Action::Call { name, arguments, .. } => sandbox.call_values(&module, name, arguments),
        Action::Inspect => unreachable!(),
    };
    let ended = fixture.actions.iter().map(|(_, action)| match run(action) {
        Ok(outcome) => ((None, outcome.output, outcome.log), outcome.files),
        Err(Error::Stopped(stop)) => ((Some(stop.reason), stop.output, stop.log), stop.files),
        Err(error) => panic!("{error}"),
    });
    ended.collect()
}

/// Puts files that a run would be given where it finds them.
fn put(files: &BTreeMap<String, FileBytes>, place: &Place) {
    for (path, bytes) in files {
        let there = place.inside(path.trim_start_matches('/'));
        if path.ends_with('/') {
            fs::create_dir_all(there).unwrap();
        } else {
            fs::create_dir_all(there.parent().unwrap()).unwrap();
            fs::write(there, &**bytes).unwrap();
        }
    }
}

/// All that is below a directory, as changes of an empty one.
fn tree(folder: &Path, at: &str, found: &mut Changes) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{at}/{}", entry.file_name().to_str().unwrap());
        let ty = entry.file_type().unwrap();
        let change = if ty.is_dir() {
            tree(&entry.path(), &path, found);
            Change::Directory
        } else if ty.is_symlink() {
            Change::Link(fs::read_link(entry.path()).unwrap().to_str().unwrap().to_owned())
        } else {
            Change::File(fs::read(entry.path()).unwrap().into())
        };
        found.insert(path, change);
    }
}

#[test]
fn fixtures_come_to_the_same() {
    let (mut same, mut wrong) = (0, Vec::new());
    for path in fixture::files("wasi") {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let fixture = Fixture::read(path).unwrap();
        let in_memory = Config::from_toml(&fixture.config).unwrap();
        if in_memory.wasi.files.is_empty() {
            continue;
        }
        let expected = run(&Sandbox::new(in_memory.clone()).unwrap(), &fixture);
        let place = Place::new("same");
        put(&in_memory.wasi.files, &place);
        let mut before = Changes::new();
        tree(&place.inside(""), "", &mut before);
        let mut mounted = in_memory.clone();
        mounted.wasi.files.clear();
        mounted = mounted.with_dir(HostDir::write(format!("{}/in", place.host()), "/"));
        let found = run(&Sandbox::new(mounted).unwrap(), &fixture);
        let mut after = Changes::new();
        tree(&place.inside(""), "", &mut after);
        // What became of the directory is what became of the files in memory.
        for (path, change) in expected.last().map(|(_, changes)| changes).into_iter().flatten() {
            match change {
                Change::Removed => drop(before.remove(path)),
                change => drop(before.insert(path.clone(), change.clone())),
            }
        }
        let ends = |ran: &[(End, Changes)]| ran.iter().map(|(end, _)| end.clone()).collect::<Vec<_>>();
        if OTHERWISE.iter().any(|(other, _)| *other == name) {
            assert!(ends(&expected) != ends(&found), "{name} is the same by now");
        } else if ends(&expected) != ends(&found) {
            let text = |ends: Vec<End>| {
                ends.iter()
                    .map(|(stop, out, _)| format!("{stop:?} {}", String::from_utf8_lossy(out)))
                    .collect::<String>()
            };
            wrong.push(format!("{name}\n- {}\n+ {}", text(ends(&expected)), text(ends(&found))));
        } else if before != after {
            wrong.push(format!("{name}\n- {before:?}\n+ {after:?}"));
        } else {
            same += 1;
        }
    }
    assert!(wrong.is_empty(), "{same} are the same, but\n{}", wrong.join("\n"));
    assert!(same > 10);
}

/// The official tests, each in a copy of its own.
#[test]
fn the_official_suite_passes_in_directories() {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            match entry.file_type().unwrap().is_dir() {
                true => copy(&entry.path(), &to.join(entry.file_name())),
                false => drop(fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
            }
        }
    }
    wasi::official_suite("in a directory", |module| {
        let place = Place::new("suite");
        wasi::run(module, |config, root| {
            copy(root, &place.inside(""));
            config.with_dir(HostDir::write(format!("{}/in", place.host()), "/"))
        })
    });
}

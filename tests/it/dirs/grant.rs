//! Granting directories: what is refused, and where a grant has no place.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
};

use belljar::{
    Config, Error, Sandbox,
    config::{DirAccess, HostDir},
    error::{ConfigProblem, DirectoryProblem, Position, ValueProblem},
};

use super::guest::{Guest, Place};

fn refused(config: Config) -> (String, ConfigProblem) {
    let Err(Error::Config(error)) = Sandbox::new(config) else { panic!("it was accepted") };
    assert_eq!(error.at, None);
    (error.key, error.problem)
}

fn unfit(why: ValueProblem) -> ConfigProblem {
    ConfigProblem::Unfit { why }
}

/// Reaches `DirectoryProblem::Missing` and `NotDirectory`.
#[test]
fn a_directory_has_to_be_there() {
    let place = Place::new("there");
    fs::write(place.inside("file"), "").unwrap();
    symlink("none", place.inside("dangling")).unwrap();
    symlink("loop", place.inside("loop")).unwrap();
    let at = |name: &str| place.inside(name).to_str().unwrap().to_owned();
    for (path, why) in [
        (at("none"), DirectoryProblem::Missing),
        (at("dangling"), DirectoryProblem::Missing),
        (at("file"), DirectoryProblem::NotDirectory),
        (at("file/x"), DirectoryProblem::NotDirectory),
        (at("loop"), DirectoryProblem::Unusable),
    ] {
        let config = Config::default().with_dir(place.read()).with_dir(HostDir::read(&*path, "/other"));
        let (key, problem) = refused(config);
        assert_eq!((key.as_str(), problem), ("wasi.dirs[1].host", ConfigProblem::Directory { path, why }));
    }
}

/// Reaches `DirectoryProblem::Denied`, for those who may not open everything anyway.
#[test]
fn a_directory_has_to_be_open_to_us() {
    let place = Place::new("closed");
    let closed = place.inside("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read_dir(&closed).is_err() {
        let path = closed.to_str().unwrap().to_owned();
        let (_, problem) = refused(Config::default().with_dir(HostDir::read(&*path, "/in")));
        assert_eq!(problem, ConfigProblem::Directory { path, why: DirectoryProblem::Denied });
    }
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn paths_of_the_guest_are_absolute_and_apart() {
    let place = Place::new("apart");
    let dir = |guest: &str| HostDir::read(format!("{}/in", place.host()), guest);
    for guest in ["", "in", ".", "./in", "/in/", "/in/../x", "//", "/a//b", "/a\0", &"/n".repeat(600)] {
        let (key, problem) = refused(Config::default().with_dir(dir(guest)));
        assert_eq!(key, "wasi.dirs[0].guest", "{guest}");
        assert_eq!(problem, unfit(ValueProblem::GuestPath));
    }
    let twice = Config::default().with_dir(dir("/in")).with_dir(dir("/in"));
    assert_eq!(refused(twice), ("wasi.dirs[0].guest".into(), unfit(ValueProblem::GuestPathTwice)));
    for (file, guest) in [("/in", "/in"), ("/in/file", "/in"), ("/a/b/c", "/a"), ("/a", "/"), ("/", "/")] {
        let given = Config::default().with_file(file, *b"").with_dir(dir(guest));
        assert_eq!(refused(given), ("wasi.dirs[0].guest".into(), unfit(ValueProblem::GuestPathOfFiles)), "{file}");
    }
    let beside = Config::default().with_file("/inner", *b"").with_file("/a/in", *b"").with_dir(dir("/in"));
    assert!(Sandbox::new(beside).is_ok());
    for host in ["", "a\0b"] {
        let config = Config::default().with_dir(HostDir::read(host, "/in"));
        assert_eq!(refused(config), ("wasi.dirs[0].host".into(), unfit(ValueProblem::HostPath)));
    }
    let many = (0..65).fold(Config::default(), |config, n| config.with_dir(dir(&format!("/{n}"))));
    assert_eq!(refused(many), ("wasi.dirs".into(), unfit(ValueProblem::TooManyDirectories)));
}

#[test]
fn quotas_have_their_ranges() {
    let place = Place::new("ranges");
    let dir = || place.write();
    let (file, total, names) = (1 << 40, 1 << 50, 10_000_000);
    for (key, most, past) in [
        ("file_bytes", dir().with_file_bytes(file), dir().with_file_bytes(file + 1)),
        ("total_bytes", dir().with_total_bytes(total), dir().with_total_bytes(total + 1)),
        ("files", dir().with_files(names), dir().with_files(names + 1)),
    ] {
        assert!(Sandbox::new(Config::default().with_dir(most)).is_ok());
        let (found, problem) = refused(Config::default().with_dir(past));
        assert_eq!(found, format!("wasi.dirs[0].{key}"));
        assert!(matches!(problem, ConfigProblem::OutOfRange { .. }));
    }
}

#[test]
fn mistakes_in_toml_have_their_places() {
    let error = |text: &str| match Config::from_toml(text) {
        Err(Error::Config(error)) => (error.key, error.at.map(|Position { line, column }| (line, column))),
        other => panic!("{other:?}"),
    };
    let dir = "[[wasi.dirs]]\nhost = \"a\"\nguest = \"/a\"\n";
    for (text, key, at) in [
        (format!("{dir}gest = 1\n"), "wasi.dirs[0].gest", (4, 1)),
        (format!("{dir}{dir}access = \"all\"\n"), "wasi.dirs[1].access", (7, 10)),
        (format!("{dir}files = -1\n"), "wasi.dirs[0].files", (4, 9)),
        (format!("{dir}files = \"1\"\n"), "wasi.dirs[0].files", (4, 9)),
        (format!("{dir}{dir}"), "wasi.dirs[0].guest", (3, 9)),
        ("[[wasi.dirs]]\nguest = \"/a\"\n".into(), "wasi.dirs[0].host", (1, 1)),
        ("[wasi]\ndirs = \"a\"\n".into(), "wasi.dirs", (2, 8)),
        ("[wasi]\ndirs = [\"a\"]\n".into(), "wasi.dirs", (2, 9)),
        ("[wasi]\ndirs = [{ host = 1 }]\n".into(), "wasi.dirs[0].host", (2, 18)),
    ] {
        assert_eq!(error(&text), (key.into(), Some(at)), "{text}");
    }
    let config = Config::from_toml(dir).unwrap();
    assert_eq!(config.wasi.dirs, [HostDir::read("a", "/a")]);
    assert_eq!(config.wasi.dirs[0].access, DirAccess::Read);
}

/// A receipt alone says what anybody can check: not what was in a directory once.
#[cfg(feature = "receipt")]
#[test]
fn a_run_with_directories_has_no_receipt() {
    use belljar::record::{Receipt, ReceiptError};

    let place = Place::new("receipt");
    let config = Config::default().with_dir(place.write());
    let wasm = wat::parse_str("(module (func (export \"_start\")))").unwrap();
    let result = belljar::execute(&wasm, b"", &config);
    assert!(result.is_ok());
    assert!(Receipt::of_run(&wasm, b"", &config, &result).is_none());
    // One that names some anyway opens nothing.
    let mut receipt = Receipt::of_run(&wasm, b"", &Config::default(), &result).unwrap();
    receipt.config = config;
    assert_eq!(receipt.verify(&wasm, b""), Err(ReceiptError::NeedsTranscript));
}

#[cfg(feature = "isolate")]
#[test]
fn an_isolated_run_has_no_directories() {
    let place = Place::new("isolated");
    let Err(Error::Config(error)) = belljar::isolate::Isolation::new(Config::default().with_dir(place.read())) else {
        panic!("it was accepted")
    };
    assert_eq!((error.key.as_str(), error.problem), ("wasi.dirs", unfit(ValueProblem::Isolated)));
}

/// Without clocks there is no time to be had from files either.
#[test]
fn without_a_clock_files_have_no_times() {
    let place = Place::new("no-clock");
    fs::write(place.inside("file"), "").unwrap();
    let config = Config::profile(belljar::Profile::Large).with_dir(place.write());
    let mut guest = Guest::of(config.clone());
    assert!(guest.stat(3, "file", true).unwrap().modified > 0);
    let mut guest = Guest::of(config.with_clock(belljar::config::Clock::None));
    assert_eq!(guest.stat(3, "file", true).unwrap().modified, 0);
    let fd = guest.open(3, "file").unwrap();
    assert_eq!(guest.stat_of(fd).unwrap().modified, 0);
}

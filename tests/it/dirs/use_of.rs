//! What a mount is for: reading, and where that is granted, writing.

use std::{fs, os::unix::fs::PermissionsExt};

use belljar::{Config, Profile, Value, config::HostDir};

use super::guest::{CREATE, Guest, Place, TRUNCATE, errno};

#[test]
fn what_is_written_is_on_the_host() {
    let place = Place::new("written");
    let mut guest = place.guest();
    guest.make_directory(3, "a").unwrap();
    guest.make_directory(3, "a/b").unwrap();
    let fd = guest.create(3, "a/b/file").unwrap();
    assert_eq!(guest.write(fd, "hello"), Ok(5));
    for function in ["fd_sync", "fd_datasync"] {
        guest.call(function, &[Value::I32(fd)]).unwrap();
        guest.call(function, &[Value::I32(3)]).unwrap();
    }
    guest.close(fd).unwrap();
    assert_eq!(fs::read_to_string(place.inside("a/b/file")).unwrap(), "hello");
    // As the host makes them: by its mask.
    let mode = |path: &str| fs::metadata(place.inside(path)).unwrap().permissions().mode() & 0o7777;
    fs::write(place.inside("own"), "").unwrap();
    fs::create_dir(place.inside("own-directory")).unwrap();
    assert_eq!((mode("a/b/file"), mode("a")), (mode("own"), mode("own-directory")));
    guest.rename(3, "a/b/file", 3, "moved").unwrap();
    assert_eq!(guest.remove_directory(3, "a"), Err(errno::NOTEMPTY));
    guest.remove_directory(3, "a/b").unwrap();
    guest.remove_directory(3, "a").unwrap();
    assert_eq!(guest.contents(3, "moved").unwrap(), "hello");
    guest.open_with(3, "moved", true, CREATE | TRUNCATE, 64).unwrap();
    assert_eq!(fs::metadata(place.inside("moved")).unwrap().len(), 0);
    guest.unlink(3, "moved").unwrap();
    assert_eq!(guest.names(3, ".").unwrap(), [".", "..", "own", "own-directory"]);
    assert_eq!(guest.remove_directory(3, "."), Err(errno::BUSY));
    assert_eq!(guest.rename(3, "own", 3, "."), Err(errno::BUSY));
}

#[test]
fn what_is_read_only_is_not_changed() {
    let place = Place::new("read-only");
    fs::create_dir(place.inside("d")).unwrap();
    fs::write(place.inside("file"), "inside").unwrap();
    std::os::unix::fs::symlink("file", place.inside("link")).unwrap();
    let mut guest = Guest::new([place.read()]);
    assert_eq!(guest.contents(3, "link").unwrap(), "inside");
    assert_eq!(guest.names(3, ".").unwrap(), [".", "..", "d", "file", "link"]);
    // With the rights to set its size and its times.
    let opened = guest.open_with(3, "file", true, 0, 1 << 22 | 1 << 23).unwrap();
    for result in [
        guest.create(3, "file").map(drop),
        guest.create(3, "new").map(drop),
        guest.open_with(3, "file", true, TRUNCATE, 2).map(drop),
        guest.make_directory(3, "new"),
        guest.remove_directory(3, "d"),
        guest.unlink(3, "file"),
        guest.rename(3, "file", 3, "new"),
        guest.link(3, "file", 3, "new"),
        guest.symlink("file", 3, "new"),
        guest.set_times(3, "file", 7),
        guest.set_size(opened, 0),
        guest.call("fd_filestat_set_times", &[Value::I32(opened), Value::I64(0), Value::I64(7), Value::I32(4)]),
        guest.call("fd_filestat_set_times", &[Value::I32(3), Value::I64(0), Value::I64(7), Value::I32(4)]),
    ] {
        assert_eq!(result, Err(errno::ROFS));
    }
    let mut guest = Guest::new([place.read()]);
    let fd = guest.open(3, "file").unwrap();
    assert!(guest.write(fd, "x").is_err());
    assert_eq!(fs::read_to_string(place.inside("file")).unwrap(), "inside");
    assert_eq!(fs::read_dir(place.inside("")).unwrap().count(), 3);
    // The same directory, mounted a second time to be written to, is another matter.
    let mut guest = Guest::new([place.read(), HostDir::write(format!("{}/in", place.host()), "/out")]);
    assert_eq!(guest.create(3, "file"), Err(errno::ROFS));
    assert!(guest.create(4, "file").is_ok());
}

/// Each descriptor does what it was opened for, whatever others of the same file do.
#[test]
fn a_file_is_open_for_what_was_asked() {
    let place = Place::new("twice");
    fs::write(place.inside("file"), "inside").unwrap();
    let mut guest = place.guest();
    let reads = guest.open_with(3, "file", true, 0, 2).unwrap();
    assert_eq!(guest.write(reads, "x"), Err(errno::NOTCAPABLE));
    let writes = guest.open_with(3, "file", true, 0, 64).unwrap();
    assert_eq!(guest.write(writes, "out"), Ok(3));
    assert_eq!(guest.write(reads, "x"), Err(errno::NOTCAPABLE));
    assert_eq!(guest.read(writes, 3), Err(errno::NOTCAPABLE));
    assert_eq!(guest.read(reads, 10).unwrap(), b"outide");
    guest.close(writes).unwrap();
    assert_eq!(guest.read(reads, 10).unwrap(), b"");
    assert_eq!(guest.close(writes), Err(errno::BADF));
}

/// Nothing of the host is in what is known of a file but its size, its times and how many names it has.
#[test]
fn numbers_are_the_runs_own() {
    let numbers = || {
        let place = Place::new("numbers");
        fs::create_dir_all(place.inside("d/e")).unwrap();
        fs::write(place.inside("d/file"), "inside").unwrap();
        let mut guest = place.guest();
        guest.create(3, "new").unwrap();
        guest.unlink(3, "new").unwrap();
        guest.create(3, "newer").unwrap();
        let paths = ["d/file", "d", ".", "newer", "d/e", "d/file"];
        paths.map(|path| {
            guest.stat(3, path, true).map(|stat| (stat.device, stat.node, stat.kind, stat.links, stat.size))
        })
    };
    let expected =
        [(2, 4, 4, 1, 6), (2, 5, 3, 1, 0), (2, 1, 3, 1, 0), (2, 3, 4, 1, 0), (2, 6, 3, 1, 0), (2, 4, 4, 1, 6)];
    assert_eq!(numbers(), expected.map(Ok));
    assert_eq!(numbers(), numbers());
}

#[test]
fn times_are_the_hosts() {
    let place = Place::new("times");
    fs::write(place.inside("file"), "").unwrap();
    let mut guest = place.guest();
    guest.set_times(3, "file", 1_234_567_890).unwrap();
    assert_eq!(guest.stat(3, "file", true).map(|stat| stat.modified), Ok(1_234_567_890));
    let modified = fs::metadata(place.inside("file")).unwrap().modified().unwrap();
    assert_eq!(modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos(), 1_234_567_890);
    // What is now for a file of the host is the host's now, not the run's of the year 2000.
    let fd = guest.create(3, "file").unwrap();
    guest.call("fd_filestat_set_times", &[Value::I32(fd), Value::I64(0), Value::I64(0), Value::I32(8)]).unwrap();
    let year_2020 = 1_577_836_800_000_000_000;
    assert!(guest.stat_of(fd).unwrap().modified > year_2020);
}

/// Files in memory are the first, mounts follow in their order.
#[test]
fn mounts_have_their_names_and_their_order() {
    let place = Place::new("order");
    fs::write(place.inside("file"), "inside").unwrap();
    let other = HostDir::read(format!("{}/out", place.host()), "/deep/er");
    let config = Config::profile(Profile::Large).with_file("/m", *b"memory");
    let mut guest = Guest::of(config.with_dir(place.write()).with_dir(other));
    let names: Vec<_> = (3..6).map(|fd| guest.prestat(fd).unwrap()).collect();
    assert_eq!(names, ["/", "/in", "/deep/er"]);
    assert_eq!(guest.prestat(6), Err(errno::BADF));
    assert_eq!(guest.contents(3, "m").unwrap(), "memory");
    assert_eq!(guest.contents(4, "file").unwrap(), "inside");
    assert_eq!(guest.contents(5, "secret").unwrap(), "outside");
    assert_eq!(guest.rename(3, "m", 4, "m"), Err(errno::XDEV));
    assert_eq!(guest.link(4, "file", 3, "f"), Err(errno::XDEV));
}

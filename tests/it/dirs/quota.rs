//! Quotas: at the limit, and past it.

use std::fs;

use super::guest::{CREATE, Guest, Place, TRUNCATE, errno};

/// Without a quota, a plain host would write on until its disk is full.
#[test]
fn a_file_grows_to_its_limit() {
    let place = Place::new("file-bytes");
    fs::write(place.inside("large"), [0; 200]).unwrap();
    let mut guest = Guest::new([place.write().with_file_bytes(100)]);
    let fd = guest.create(3, "file").unwrap();
    assert_eq!(guest.write(fd, [1; 100]), Ok(100));
    assert_eq!(guest.write(fd, [1]), Err(errno::FBIG));
    assert_eq!(guest.set_size(fd, 101), Err(errno::FBIG));
    assert_eq!(guest.write_at(fd, 100), Err(errno::FBIG));
    assert_eq!(guest.write_at(fd, i64::MAX as u64 - 1), Err(errno::FBIG));
    guest.write_at(fd, 99).unwrap();
    assert_eq!(fs::metadata(place.inside("file")).unwrap().len(), 100);
    // What was larger before can be written to, but does not grow.
    let fd = guest.create(3, "large").unwrap();
    guest.write_at(fd, 199).unwrap();
    assert_eq!(guest.write_at(fd, 200), Err(errno::FBIG));
    guest.set_size(fd, 150).unwrap();
    assert_eq!(guest.set_size(fd, 151), Err(errno::FBIG));
}

#[test]
fn all_files_grow_to_their_limit_together() {
    let place = Place::new("total-bytes");
    fs::write(place.inside("there"), [0; 500]).unwrap();
    let mut guest = Guest::new([place.write().with_total_bytes(100).with_file_bytes(1 << 40)]);
    let a = guest.create(3, "a").unwrap();
    let b = guest.create(3, "b").unwrap();
    assert_eq!(guest.write(a, [1; 60]), Ok(60));
    assert_eq!(guest.write(b, [1; 41]), Err(errno::DQUOT));
    assert_eq!(guest.write(b, [1; 40]), Ok(40));
    assert_eq!(guest.write_at(a, 60), Err(errno::DQUOT));
    guest.write_at(a, 0).unwrap();
    // What it added and cut off again is free; what was there before is not its own to spend.
    guest.set_size(a, 50).unwrap();
    let there = guest.create(3, "there").unwrap();
    guest.set_size(there, 0).unwrap();
    assert_eq!(guest.set_size(there, 11), Err(errno::DQUOT));
    guest.set_size(there, 10).unwrap();
    // A hole counts as what it looks like.
    assert_eq!(guest.write_at(b, 1 << 30), Err(errno::DQUOT));
    // A file that goes gives back what it got: with its last descriptor, if one is open.
    guest.unlink(3, "a").unwrap();
    assert_eq!(guest.set_size(b, 41), Err(errno::DQUOT));
    guest.close(a).unwrap();
    guest.set_size(b, 90).unwrap();
    assert_eq!(guest.set_size(b, 91), Err(errno::DQUOT));
    guest.close(b).unwrap();
    guest.unlink(3, "b").unwrap();
    guest.set_size(there, 100).unwrap();
    assert_eq!(guest.set_size(there, 101), Err(errno::DQUOT));
    // Opening anew cuts too.
    guest.open_with(3, "there", true, CREATE | TRUNCATE, 64).unwrap();
    guest.set_size(there, 100).unwrap();
    // A file under another goes as well.
    let c = guest.create(3, "c").unwrap();
    assert_eq!(guest.write(c, [1]), Err(errno::DQUOT));
    guest.close(there).unwrap();
    guest.rename(3, "c", 3, "there").unwrap();
    assert_eq!(guest.write(c, [1]), Err(errno::DQUOT), "one descriptor of it is open");
}

#[test]
fn names_are_made_to_their_limit() {
    let place = Place::new("files");
    fs::write(place.inside("there"), "").unwrap();
    let mut guest = Guest::new([place.write().with_files(4)]);
    let fd = guest.create(3, "file").unwrap();
    guest.make_directory(3, "directory").unwrap();
    guest.symlink("file", 3, "link").unwrap();
    guest.link(3, "there", 3, "second").unwrap();
    assert_eq!(guest.create(3, "more"), Err(errno::DQUOT));
    assert_eq!(guest.make_directory(3, "more"), Err(errno::DQUOT));
    assert_eq!(guest.symlink("file", 3, "more"), Err(errno::DQUOT));
    assert_eq!(guest.link(3, "there", 3, "more"), Err(errno::DQUOT));
    assert!(guest.create(3, "there").is_ok());
    // A name that it made and took away is free, one that was there is not.
    guest.unlink(3, "second").unwrap();
    guest.make_directory(3, "more").unwrap();
    guest.unlink(3, "there").unwrap();
    assert_eq!(guest.make_directory(3, "again"), Err(errno::DQUOT));
    guest.rename(3, "link", 3, "moved").unwrap();
    assert_eq!(guest.make_directory(3, "again"), Err(errno::DQUOT));
    guest.rename(3, "moved", 3, "file").unwrap();
    guest.remove_directory(3, "more").unwrap();
    guest.close(fd).unwrap();
    for name in ["x", "y"] {
        guest.make_directory(3, name).unwrap();
    }
    assert_eq!(guest.make_directory(3, "z"), Err(errno::DQUOT));
    assert_eq!(fs::read_dir(place.inside("")).unwrap().count(), 4);
}

#[test]
fn each_mount_has_its_own_quota_and_each_run_begins_anew() {
    let place = Place::new("own");
    fs::create_dir(place.inside("b")).unwrap();
    let dirs = || {
        let other = belljar::config::HostDir::write(format!("{}/in/b", place.host()), "/b");
        [place.write().with_files(1), other.with_files(1)]
    };
    for name in ["first", "second"] {
        let mut guest = Guest::new(dirs());
        for fd in [3, 4] {
            guest.create(fd, name).unwrap();
            assert_eq!(guest.create(fd, "more"), Err(errno::DQUOT));
        }
    }
}

#[test]
fn open_files_have_their_limit() {
    let place = Place::new("open-files");
    fs::write(place.inside("file"), "").unwrap();
    let mut guest = Guest::of(belljar::Config::default().with_dir(place.write()).with_open_files(6));
    let fds = [guest.open(3, "file").unwrap(), guest.open(3, "file").unwrap()];
    assert_eq!(fds, [4, 5]);
    assert_eq!(guest.open(3, "file"), Err(errno::MFILE));
    assert_eq!(guest.create(3, "new"), Err(errno::MFILE));
    assert!(!place.inside("new").exists());
    guest.close(4).unwrap();
    assert_eq!(guest.open(3, "."), Ok(4));
}

/// What the host does for a guest is paid for in fuel.
#[test]
fn work_is_paid_for() {
    let place = Place::new("fuel");
    for n in 0..1_000 {
        fs::write(place.inside(&n.to_string()), "").unwrap();
    }
    fs::create_dir(place.inside("d")).unwrap();
    let mut guest = place.guest();
    let mut cost = |call: &mut dyn FnMut(&mut Guest)| {
        let before = guest.fuel();
        call(&mut guest);
        guest.fuel() - before
    };
    // To begin a listing reads all names, however few are asked for.
    let listing = cost(&mut |guest| drop(guest.readdir(3, 0, 24)));
    assert!(listing > 4_000, "{listing}");
    let again = cost(&mut |guest| drop(guest.readdir(3, 2, 24)));
    assert!(again < 1_000, "{again}");
    // Each name is looked up, and each way back begins anew.
    let [short, long] =
        [1, 100].map(|times| cost(&mut |guest| assert!(guest.stat(3, "d/../".repeat(times), true).is_ok())));
    assert!(long > 30 * short, "{short} {long}");
    let synced = cost(&mut |guest| guest.call("fd_sync", &[belljar::Value::I32(3)]).unwrap());
    assert!(synced > 10_000, "{synced}");
    // The system looks for places for what is made; another name of a file needs none.
    let file = cost(&mut |guest| assert!(guest.create(3, "new file").is_ok()));
    let directory = cost(&mut |guest| guest.make_directory(3, "new directory").unwrap());
    let link = cost(&mut |guest| guest.symlink("new file", 3, "new link").unwrap());
    let name = cost(&mut |guest| guest.link(3, "new file", 3, "new name").unwrap());
    for made in [file, directory, link] {
        assert!(made > 10_000, "{file} {directory} {link}");
    }
    assert!(name < 1_000, "{name}");
}

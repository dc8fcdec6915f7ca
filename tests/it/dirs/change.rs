//! What changes on the host while a guest has it open.

use std::fs;

use super::guest::{Place, errno};

#[test]
fn a_file_that_is_cut_or_grows_is_read_as_it_is() {
    let place = Place::new("cut");
    let path = place.inside("file");
    fs::write(&path, "0123456789").unwrap();
    let mut guest = place.guest();
    let fd = guest.open(3, "file").unwrap();
    assert_eq!(guest.read(fd, 4).unwrap(), b"0123");
    fs::write(&path, "ab").unwrap();
    assert_eq!(guest.stat_of(fd).map(|stat| stat.size), Ok(2));
    assert_eq!(guest.read(fd, 4).unwrap(), b"");
    // A file of a terabyte gives what is asked for.
    fs::File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
    assert_eq!(guest.read(fd, 4).unwrap(), [0; 4]);
    assert_eq!(guest.stat_of(fd).map(|stat| stat.size), Ok(1 << 40));
}

#[test]
fn a_file_that_is_removed_stays_open() {
    let place = Place::new("removed");
    fs::write(place.inside("file"), "inside").unwrap();
    let mut guest = place.guest();
    let fd = guest.create(3, "file").unwrap();
    fs::remove_file(place.inside("file")).unwrap();
    assert_eq!(guest.read(fd, 3).unwrap(), b"ins");
    assert_eq!(guest.stat_of(fd).map(|stat| stat.links), Ok(0));
    guest.write(fd, "x").unwrap();
    assert_eq!(guest.stat(3, "file", true), Err(errno::NOENT));
    assert_eq!(guest.unlink(3, "file"), Err(errno::NOENT));
    guest.close(fd).unwrap();
    // Another file under its name is another file.
    fs::create_dir(place.inside("file")).unwrap();
    assert_eq!(guest.create(3, "file"), Err(errno::ISDIR));
}

#[test]
fn a_directory_that_is_removed_is_empty() {
    let place = Place::new("removed-directory");
    fs::create_dir(place.inside("d")).unwrap();
    fs::write(place.inside("d/file"), "").unwrap();
    let mut guest = place.guest();
    let fd = guest.open(3, "d").unwrap();
    fs::remove_dir_all(place.inside("d")).unwrap();
    for result in [
        guest.open(fd, "file").map(drop),
        guest.create(fd, "file").map(drop),
        guest.stat(fd, ".", true).map(drop),
        guest.make_directory(fd, "x"),
        guest.unlink(fd, "file"),
        guest.rename(fd, "file", 3, "x"),
        guest.symlink("x", fd, "y"),
    ] {
        assert_eq!(result, Err(errno::NOENT));
    }
    let names = guest.readdir(fd, 0, 1000).unwrap();
    assert_eq!(names.iter().map(|(name, ..)| name.as_str()).collect::<Vec<_>>(), [".", ".."]);
}

/// The directory that is mounted is the one that was there, not what has its path now.
#[test]
fn a_mount_stays_what_it_is() {
    let place = Place::new("moved-mount");
    fs::write(place.inside("file"), "inside").unwrap();
    let mut guest = place.guest();
    fs::rename(place.inside(""), place.0.join("moved")).unwrap();
    std::os::unix::fs::symlink(place.outside(""), place.inside("").parent().unwrap().join("in")).unwrap();
    assert_eq!(fs::read_to_string(place.inside("secret")).unwrap(), "outside");
    assert_eq!(guest.contents(3, "file").unwrap(), "inside");
    assert_eq!(guest.open(3, "secret"), Err(errno::NOENT));
}

#[test]
fn a_listing_shows_what_is_there() {
    let place = Place::new("listing");
    for name in ["b", "a", "c", "B", "é", "aa"] {
        fs::write(place.inside(name), "").unwrap();
    }
    let mut guest = place.guest();
    let names = |entries: &[(String, u64, u64, u8)]| entries.iter().map(|(name, ..)| name.clone()).collect::<Vec<_>>();
    let whole = guest.readdir(3, 0, 1000).unwrap();
    assert_eq!(names(&whole), [".", "..", "B", "a", "aa", "b", "c", "é"]);
    assert_eq!(whole.iter().map(|(_, cookie, ..)| *cookie).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7, 8]);
    // By numbers of our own, in the order in which they were seen.
    assert_eq!(whole.iter().map(|(.., node, _)| *node).collect::<Vec<_>>(), [1, 1, 2, 3, 4, 5, 6, 7]);
    // What is removed meanwhile is left out, what is added waits for a new beginning, and cookies stay.
    fs::remove_file(place.inside("b")).unwrap();
    fs::write(place.inside("ab"), "").unwrap();
    assert_eq!(names(&guest.readdir(3, 4, 1000).unwrap()), ["aa", "c", "é"]);
    assert_eq!(names(&guest.readdir(3, 0, 1000).unwrap()), [".", "..", "B", "a", "aa", "ab", "c", "é"]);
    assert_eq!(guest.readdir(3, u64::MAX, 1000).unwrap(), []);
    // Removing name by name while listing, as `rm -r` does.
    let mut cookie = 0;
    let mut removed = Vec::new();
    loop {
        let entries = guest.readdir(3, cookie, 30).unwrap();
        let Some((name, next, ..)) = entries.first() else { break };
        cookie = *next;
        if !name.trim_matches('.').is_empty() {
            guest.unlink(3, name).unwrap();
            removed.push(name.clone());
        }
    }
    assert_eq!(removed, ["B", "a", "aa", "ab", "c", "é"]);
    assert_eq!(fs::read_dir(place.inside("")).unwrap().count(), 0);
}

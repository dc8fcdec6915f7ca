//! Links of the host that lead up or away, which a guest is not to put elsewhere.

use std::{fs, os::unix::ffi::OsStrExt, os::unix::fs::symlink};

use super::guest::{Guest, Place, errno, naive};

/// A mount with a link to `d/secret` in it, beside which the host has another `d/secret`.
fn with_link(name: &str) -> Place {
    let place = Place::new(name);
    fs::create_dir_all(place.inside("a/b")).unwrap();
    fs::create_dir(place.inside("d")).unwrap();
    fs::create_dir(place.inside("plain")).unwrap();
    fs::create_dir(place.0.join("d")).unwrap();
    fs::write(place.inside("d/secret"), "inside").unwrap();
    fs::write(place.0.join("d/secret"), "outside").unwrap();
    symlink("../../d/secret", place.inside("a/b/link")).unwrap();
    place
}

#[test]
fn a_link_that_leads_up_stays_where_it_is() {
    let place = with_link("link-moved");
    // Without the defence the host would do it, and be led out by it.
    fs::rename(place.inside("a/b/link"), place.inside("a/link")).unwrap();
    assert_eq!(naive(&place, "a/link").unwrap(), "outside");
    fs::rename(place.inside("a/link"), place.inside("a/b/link")).unwrap();

    let mut guest = place.guest();
    let below = guest.open(3, "a/b").unwrap();
    for (fd, from) in [(3, "a/b/link"), (below, "link"), (3, "plain/../a/b/link")] {
        for to in ["a/link", "a/b/other", "link", "plain/link", "d/secret", "a/b/link"] {
            assert_eq!(guest.rename(fd, from, 3, to), Err(errno::NOTCAPABLE), "{to}");
        }
        for to in ["a/link", "a/b/other", "link", "plain/link"] {
            assert_eq!(guest.link(fd, from, 3, to), Err(errno::NOTCAPABLE), "{to}");
        }
    }
    assert_eq!(naive(&place, "a/b/link").unwrap(), "inside");
    assert_eq!(naive(&place, "d/secret").unwrap(), "inside");
    assert_eq!(fs::read_dir(place.inside("a")).unwrap().count(), 1);
    // It is followed, read, written over and removed as ever.
    assert_eq!(guest.contents(3, "a/b/link").unwrap(), "inside");
    assert_eq!(guest.readlink(3, "a/b/link").unwrap(), "../../d/secret");
    guest.create(3, "file").unwrap();
    guest.rename(3, "file", 3, "a/b/link").unwrap();
    assert!(fs::symlink_metadata(place.inside("a/b/link")).unwrap().is_file());
}

#[test]
fn a_link_that_leads_away_stays_where_it_is() {
    let place = with_link("link-away");
    symlink(place.outside("secret"), place.inside("absolute")).unwrap();
    symlink("plain/..", place.inside("behind")).unwrap();
    symlink(std::ffi::OsStr::from_bytes(b"../\xff"), place.inside("bytes")).unwrap();
    symlink("d/secret", place.inside("down")).unwrap();
    symlink("...", place.inside("dots")).unwrap();
    let mut guest = place.guest();
    for name in ["absolute", "behind", "bytes"] {
        assert_eq!(guest.rename(3, name, 3, "plain/moved"), Err(errno::NOTCAPABLE), "{name}");
        assert_eq!(guest.link(3, name, 3, "plain/linked"), Err(errno::NOTCAPABLE), "{name}");
        guest.unlink(3, name).unwrap();
    }
    // From wherever these are, they lead down.
    for name in ["down", "dots"] {
        guest.link(3, name, 3, "plain/linked").unwrap();
        guest.rename(3, name, 3, "plain/moved").unwrap();
        guest.unlink(3, "plain/linked").unwrap();
    }
}

#[test]
fn a_directory_above_a_link_that_leads_up_stays_where_it_is() {
    let place = with_link("directory-moved");
    fs::create_dir_all(place.inside("a/b/c/e")).unwrap();
    fs::create_dir_all(place.inside("x/y")).unwrap();
    fs::rename(place.inside("a/b"), place.inside("b")).unwrap();
    assert_eq!(naive(&place, "b/link").unwrap(), "outside");
    fs::rename(place.inside("b"), place.inside("a/b")).unwrap();

    let mut guest = place.guest();
    for (from, to) in [("a/b", "b"), ("a/b", "a/other"), ("a", "other"), ("a", "x/a"), ("a/b", "x/y"), ("a/b/", "b/")] {
        assert_eq!(guest.rename(3, from, 3, to), Err(errno::NOTCAPABLE), "{from} {to}");
    }
    assert_eq!(naive(&place, "a/b/link").unwrap(), "inside");
    // Those beside and below it go where they like, and absolute links lead from everywhere to the same.
    symlink(place.outside("secret"), place.inside("a/b/c/absolute")).unwrap();
    symlink("e", place.inside("a/b/c/down")).unwrap();
    guest.rename(3, "a/b/c", 3, "c").unwrap();
    guest.rename(3, "x/y", 3, "a/b/y").unwrap();
    // Without the link the directory is one like any other.
    guest.unlink(3, "a/b/link").unwrap();
    guest.rename(3, "a", 3, "x/a").unwrap();
    assert!(place.inside("x/a/b/y").is_dir());
}

/// A directory that cannot be looked through is not moved.
#[test]
fn a_directory_with_too_much_below_stays_where_it_is() {
    let place = Place::new("deep");
    let deep = |levels: usize| format!("deep{}", "/n".repeat(levels - 1));
    fs::create_dir_all(place.inside(&deep(101))).unwrap();
    let mut guest = place.guest();
    assert_eq!(guest.rename(3, "deep", 3, "other"), Err(errno::XDEV));
    guest.rename(3, "deep/n", 3, "n").unwrap();
    fs::create_dir(place.inside("wide")).unwrap();
    for n in 0..5_000 {
        fs::create_dir(place.inside(&format!("wide/{n:0200}"))).unwrap();
    }
    assert_eq!(guest.rename(3, "wide", 3, "other"), Err(errno::XDEV));
    assert!(place.inside("wide").is_dir());
}

#[test]
fn looking_for_links_is_paid_for() {
    let place = Place::new("carry-fuel");
    fs::create_dir_all(place.inside("d/e")).unwrap();
    for n in 0..1_000 {
        fs::write(place.inside(&format!("d/e/{n}")), "").unwrap();
    }
    let mut guest: Guest = place.guest();
    let before = guest.fuel();
    guest.rename(3, "d", 3, "other").unwrap();
    let used = guest.fuel() - before;
    assert!(used > 4_000, "{used}");
}

//! Paths, links and names that lead out.

use std::{
    fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt, fs::symlink},
};

use belljar::config::HostDir;

use super::guest::{CREATE, EXCLUSIVE, Guest, Place, errno, naive};

#[test]
fn dot_dot_does_not_lead_out() {
    let place = Place::new("dot-dot");
    fs::create_dir_all(place.inside("a/b")).unwrap();
    fs::write(place.inside("file"), "inside").unwrap();
    let mut guest = place.guest();
    for path in ["../out/secret", "a/../../out/secret", "./.././out/secret", "a/b/../../../out/secret"] {
        assert_eq!(naive(&place, path).unwrap(), "outside", "{path}");
        assert_eq!(guest.open(3, path), Err(errno::NOTCAPABLE), "{path}");
        assert_eq!(guest.stat(3, path, true), Err(errno::NOTCAPABLE), "{path}");
    }
    for path in ["..", "../", "a/../..", "../in"] {
        assert_eq!(guest.open(3, path), Err(errno::NOTCAPABLE), "{path}");
    }
    // Within, it leads where it says.
    assert_eq!(guest.contents(3, "a/b/../../file").unwrap(), "inside");
    // A descriptor of a directory below is the end too.
    let below = guest.open(3, "a/b").unwrap();
    assert_eq!(guest.open(below, "../../file"), Err(errno::NOTCAPABLE));
}

#[test]
fn absolute_paths_do_not_lead_out() {
    let place = Place::new("absolute");
    let path = place.outside("secret");
    let path = path.to_str().unwrap();
    assert_eq!(naive(&place, path).unwrap(), "outside");
    let mut guest = place.guest();
    for path in [path, "/", "//", "/in"] {
        assert_eq!(guest.open(3, path), Err(errno::NOTCAPABLE), "{path}");
    }
}

/// Links that are there, to what is outside: relative, absolute, in chains, and to a directory.
fn with_links(place: &Place) {
    fs::create_dir(place.inside("sub")).unwrap();
    fs::write(place.inside("file"), "inside").unwrap();
    symlink("../out/secret", place.inside("relative")).unwrap();
    symlink(place.outside("secret"), place.inside("absolute")).unwrap();
    symlink("chain-2", place.inside("chain-1")).unwrap();
    symlink("sub/chain-3", place.inside("chain-2")).unwrap();
    symlink("../../out/secret", place.inside("sub/chain-3")).unwrap();
    symlink("../out", place.inside("directory")).unwrap();
    symlink("sub/../../out", place.inside("through")).unwrap();
}

#[test]
fn links_do_not_lead_out() {
    let place = Place::new("links");
    with_links(&place);
    let mut guest = place.guest();
    for path in ["relative", "absolute", "chain-1", "directory/secret", "through/secret", "sub/../directory/secret"] {
        assert_eq!(naive(&place, path).unwrap(), "outside", "{path}");
        assert_eq!(guest.open(3, path), Err(errno::NOTCAPABLE), "{path}");
        assert_eq!(guest.create(3, path), Err(errno::NOTCAPABLE), "{path}");
        assert_eq!(guest.stat(3, path, true), Err(errno::NOTCAPABLE), "{path}");
    }
    assert_eq!(guest.names(3, "directory"), Err(errno::NOTCAPABLE));
    assert_eq!(guest.names(3, "directory/."), Err(errno::NOTCAPABLE));
    // Not followed, a link is a link.
    assert_eq!(guest.stat(3, "relative", false).map(|stat| stat.kind), Ok(7));
    assert_eq!(guest.stat(3, "directory/", false), Err(errno::NOTCAPABLE));
    assert_eq!(guest.open_with(3, "relative", false, 0, 2), Err(errno::LOOP));
    assert_eq!(guest.readlink(3, "relative").unwrap(), "../out/secret");
    // Where things are on the host is not told.
    assert_eq!(guest.readlink(3, "absolute"), Err(errno::NOTCAPABLE));
    assert_eq!(fs::read_to_string(place.outside("secret")).unwrap(), "outside");
}

/// What makes, moves and removes goes along paths in the same way.
#[test]
fn nothing_is_made_or_removed_through_a_link_that_leads_out() {
    let place = Place::new("changes-through-links");
    with_links(&place);
    symlink("../out/made", place.inside("dangling")).unwrap();
    fs::create_dir(place.outside("empty")).unwrap();
    let before = || {
        let mut names: Vec<_> = fs::read_dir(place.outside("")).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        (names, fs::metadata(place.outside("secret")).map(|meta| (meta.mtime(), meta.nlink(), meta.len())).unwrap())
    };
    let then = before();
    let mut guest = place.guest();
    let refused = Err(errno::NOTCAPABLE);
    assert_eq!(guest.create(3, "dangling").map(drop), refused);
    assert_eq!(guest.create(3, "directory/made").map(drop), refused);
    assert_eq!(guest.make_directory(3, "directory/made"), refused);
    assert_eq!(guest.remove_directory(3, "directory/empty"), refused);
    assert_eq!(guest.unlink(3, "directory/secret"), refused);
    assert_eq!(guest.symlink("x", 3, "directory/made"), refused);
    assert_eq!(guest.rename(3, "directory/secret", 3, "taken"), refused);
    assert_eq!(guest.rename(3, "file", 3, "directory/made"), refused);
    assert_eq!(guest.link(3, "directory/secret", 3, "taken"), refused);
    assert_eq!(guest.link(3, "file", 3, "directory/made"), refused);
    for path in ["relative", "directory/secret"] {
        assert_eq!(guest.set_times(3, path, 7), refused);
    }
    // Exclusively, a link is in the way whether or not it leads anywhere.
    assert_eq!(guest.open_with(3, "dangling", true, CREATE | EXCLUSIVE, 64), Err(errno::EXIST));
    assert_eq!(then, before());
    // Removing and renaming are about the link itself.
    guest.unlink(3, "relative").unwrap();
    guest.rename(3, "chain-1", 3, "moved").unwrap();
    guest.set_times(3, "file", 7).unwrap();
    assert!(fs::symlink_metadata(place.inside("relative")).is_err());
    assert!(fs::symlink_metadata(place.inside("moved")).unwrap().is_symlink());
    assert_eq!(then, before());
}

#[test]
fn links_within_are_followed_and_end() {
    let place = Place::new("links-within");
    with_links(&place);
    symlink("../file", place.inside("sub/up")).unwrap();
    symlink("loop", place.inside("loop")).unwrap();
    symlink("b", place.inside("a")).unwrap();
    symlink("a", place.inside("b")).unwrap();
    for n in 0..40 {
        symlink(if n == 0 { "file".into() } else { format!("link-{}", n - 1) }, place.inside(&format!("link-{n}")))
            .unwrap();
    }
    let mut guest = place.guest();
    assert_eq!(guest.contents(3, "sub/up").unwrap(), "inside");
    assert_eq!(guest.contents(3, "link-31").unwrap(), "inside");
    for path in ["link-32", "loop", "loop/x", "a", "b/"] {
        assert_eq!(guest.open(3, path), Err(errno::LOOP), "{path}");
    }
}

/// A path is paid for at its end, so it has one.
#[test]
fn links_do_not_make_paths_without_an_end() {
    let place = Place::new("long-links");
    fs::write(place.inside("link-0"), "inside").unwrap();
    for n in 1..10 {
        symlink(format!("{}link-{}", "./".repeat(500), n - 1), place.inside(&format!("link-{n}"))).unwrap();
    }
    let mut guest = place.guest();
    assert_eq!(guest.contents(3, "link-8").unwrap(), "inside");
    assert_eq!(guest.open(3, "link-9"), Err(errno::NAMETOOLONG));
}

/// A link that a guest makes leads nobody out, also not another program of the host that follows it.
#[test]
fn a_guest_makes_no_links_that_lead_out() {
    let place = Place::new("made-links");
    fs::create_dir(place.inside("sub")).unwrap();
    fs::write(place.inside("file"), "inside").unwrap();
    let mut guest = place.guest();
    let absolute = place.outside("secret");
    for target in ["../out/secret", absolute.to_str().unwrap(), "sub/../../out/secret", ".."] {
        symlink(target, place.inside("naive")).unwrap();
        fs::remove_file(place.inside("naive")).unwrap();
        assert_eq!(guest.symlink(target, 3, "made"), Err(errno::NOTCAPABLE), "{target}");
    }
    // Within its directory this leads nowhere bad; moved up, it would.
    assert_eq!(guest.symlink("../out/secret", 3, "sub/made"), Err(errno::NOTCAPABLE));
    guest.symlink("file", 3, "made").unwrap();
    guest.symlink("..file", 3, "dots").unwrap();
    assert_eq!(guest.contents(3, "made").unwrap(), "inside");
    assert_eq!(guest.symlink("", 3, "none"), Err(errno::NOENT));
}

#[test]
fn hard_links_stay_within_one_mount() {
    let place = Place::new("hard-links");
    with_links(&place);
    fs::create_dir(place.0.join("other")).unwrap();
    let mut guest = Guest::new([place.write(), HostDir::write(format!("{}/other", place.host()), "/other")]);
    // Without the defence a link would do.
    fs::hard_link(fs::canonicalize(place.inside("relative")).unwrap(), place.inside("naive")).unwrap();
    assert_eq!(fs::read_to_string(place.inside("naive")).unwrap(), "outside");
    assert_eq!(guest.link(3, "file", 4, "taken"), Err(errno::XDEV));
    assert_eq!(guest.link(4, "x", 3, "taken"), Err(errno::XDEV));
    assert_eq!(guest.link(3, "../out/secret", 3, "taken"), Err(errno::NOTCAPABLE));
    assert_eq!(guest.link(3, "sub", 3, "taken"), Err(errno::PERM));
    // Of a link, another name of the link; to follow it is refused.
    guest.link(3, "chain-1", 3, "again").unwrap();
    assert_eq!(guest.open(3, "again"), Err(errno::NOTCAPABLE));
    let inode = |path| fs::symlink_metadata(place.inside(path)).unwrap().ino();
    assert_eq!(inode("again"), inode("chain-1"));
    guest.link(3, "file", 3, "sub/second").unwrap();
    assert_eq!(guest.stat(3, "file", true).map(|stat| stat.links), Ok(2));
    assert_eq!(guest.contents(3, "sub/second").unwrap(), "inside");
}

#[test]
fn nothing_is_renamed_across_mounts() {
    let place = Place::new("renames");
    fs::write(place.inside("file"), "inside").unwrap();
    fs::create_dir(place.0.join("other")).unwrap();
    let mut guest = Guest::new([place.write(), HostDir::write(format!("{}/other", place.host()), "/other")]);
    // On one device the host would do it.
    fs::rename(place.inside("file"), place.0.join("other/file")).unwrap();
    fs::rename(place.0.join("other/file"), place.inside("file")).unwrap();
    assert_eq!(guest.rename(3, "file", 4, "file"), Err(errno::XDEV));
    assert_eq!(guest.rename(3, "file", 3, "../other/file"), Err(errno::NOTCAPABLE));
    assert_eq!(fs::read_to_string(place.inside("file")).unwrap(), "inside");
    assert_eq!(fs::read_dir(place.0.join("other")).unwrap().count(), 0);
}

#[test]
fn odd_names_are_errors() {
    let place = Place::new("names");
    fs::write(place.inside("file"), "inside").unwrap();
    fs::create_dir(place.inside("sub")).unwrap();
    // Not every file system has such names.
    let odd = fs::write(place.inside("").join(std::ffi::OsStr::from_bytes(b"\xff")), "").is_ok();
    let mut guest = place.guest();
    let long = "n".repeat(256);
    let deep = "sub/../".repeat(700);
    for (path, errno) in [
        ("".as_bytes(), errno::NOENT),
        (b"a\0b", errno::INVAL),
        (b"file\0", errno::INVAL),
        (b"\xff", errno::ILSEQ),
        (long.as_bytes(), errno::NAMETOOLONG),
        (deep.as_bytes(), errno::NAMETOOLONG),
        (b"file/", errno::NOTDIR),
        (b"file/.", errno::NOTDIR),
        (b"file/x", errno::NOTDIR),
        (b"file/..", errno::NOTDIR),
        (b"none/", errno::NOENT),
        (b"none/..", errno::NOENT),
    ] {
        let shown = String::from_utf8_lossy(&path[..path.len().min(20)]).into_owned();
        assert_eq!(guest.open(3, path), Err(errno), "{shown}");
        assert_eq!(guest.stat(3, path, false), Err(errno), "{shown}");
    }
    assert_eq!(guest.create(3, "new/"), Err(errno::ISDIR));
    assert_eq!(guest.create(3, long), Err(errno::NAMETOOLONG));
    assert_eq!(guest.create(3, b"\xfe"), Err(errno::ILSEQ));
    guest.make_directory(3, "new/").unwrap();
    // What is no text has no name for the guest.
    assert_eq!(guest.names(3, ".").unwrap(), [".", "..", "file", "new", "sub"]);
    assert_eq!(fs::read_dir(place.inside("")).unwrap().count(), 3 + usize::from(odd));
}

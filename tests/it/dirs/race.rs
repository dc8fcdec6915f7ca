//! What is exchanged on the host between a look and a use.

use std::{
    fs,
    os::unix::fs::symlink,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::guest::{CREATE, Place, errno};

/// How a path ends that is exchanged while it is walked.
const MEANWHILE: [i32; 3] = [errno::NOENT, errno::NOTDIR, errno::NOTCAPABLE];

/// Lets a thread do something again and again, while the test does.
fn meanwhile<R>(again: impl Fn() + Sync, test: impl FnOnce() -> R) -> R {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                again();
            }
        });
        // It ends with the test, also with one that fails.
        struct End<'a>(&'a AtomicBool);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let end = End(&done);
        let result = test();
        drop(end);
        thread.join().unwrap();
        result
    })
}

/// A directory that is a link to the outside every other moment.
fn swapped(place: &Place) -> impl Fn() + Sync {
    fs::create_dir(place.inside("d")).unwrap();
    fs::write(place.inside("d/secret"), "inside").unwrap();
    symlink("../out", place.0.join("link")).unwrap();
    let [d, link, kept] = [place.inside("d"), place.0.join("link"), place.0.join("kept")];
    move || {
        fs::rename(&d, &kept).unwrap();
        fs::rename(&link, &d).unwrap();
        fs::rename(&d, &link).unwrap();
        fs::rename(&kept, &d).unwrap();
    }
}

#[test]
fn a_directory_that_becomes_a_link_leads_nowhere() {
    let place = Place::new("race");
    let swap = swapped(&place);
    let mut guest = place.guest();
    meanwhile(swap, || {
        // A look and then a use is led out, sooner or later.
        let start = Instant::now();
        let fooled = || {
            let looks = fs::symlink_metadata(place.inside("d")).is_ok_and(|meta| meta.is_dir());
            looks && fs::read_to_string(place.inside("d/secret")).is_ok_and(|text| text == "outside")
        };
        while !fooled() {
            assert!(start.elapsed() < Duration::from_secs(60), "nothing was exchanged");
        }
        let mut inside = 0;
        for n in 0..4_000 {
            match guest.contents(3, "d/secret") {
                Ok(text) => {
                    assert_eq!(text, "inside");
                    inside += 1;
                }
                Err(errno) => assert!(MEANWHILE.contains(&errno), "{errno}"),
            }
            let name = format!("d/made-{n}");
            match guest.open_with(3, &name, true, CREATE, 64) {
                Ok(fd) => guest.close(fd).unwrap(),
                Err(errno) => assert!(MEANWHILE.contains(&errno), "{errno}"),
            }
            match guest.unlink(3, &name) {
                Ok(()) => {}
                Err(errno) => assert!(MEANWHILE.contains(&errno), "{errno}"),
            }
        }
        assert!(inside > 0);
    });
    assert_eq!(fs::read_dir(place.outside("")).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(place.outside("secret")).unwrap(), "outside");
}

/// `..` of a directory that is moved meanwhile goes back on the path, not to where it was moved.
#[test]
fn dot_dot_of_a_moved_directory_leads_nowhere() {
    let place = Place::new("race-up");
    fs::create_dir_all(place.inside("a/b")).unwrap();
    fs::create_dir(place.outside("deep")).unwrap();
    fs::write(place.inside("secret"), "inside").unwrap();
    let (here, there) = (place.inside("a/b"), place.outside("deep/b"));
    let mut guest = place.guest();
    let swap = || {
        fs::rename(&here, &there).unwrap();
        fs::rename(&there, &here).unwrap();
    };
    meanwhile(swap, || {
        for _ in 0..4_000 {
            match guest.contents(3, "a/b/../../secret") {
                Ok(text) => assert_eq!(text, "inside"),
                Err(errno) => assert!(MEANWHILE.contains(&errno), "{errno}"),
            }
        }
    });
    // One that is open and was moved out is still the end of the way up.
    let fd = guest.open(3, "a/b").unwrap();
    fs::rename(&here, &there).unwrap();
    assert!(there.join("../../secret").exists());
    assert_eq!(guest.open(fd, "../../secret"), Err(errno::NOTCAPABLE));
}

/// A pipe that takes the place of a file would wait for a writer.
#[test]
fn a_file_that_becomes_a_pipe_does_not_block() {
    let place = Place::new("race-pipe");
    let [file, pipe, next, f] = ["file", "pipe", "next", "in/f"].map(|name| place.0.join(name));
    fs::write(&file, "inside").unwrap();
    if !super::special::make_pipe(&pipe) {
        return;
    }
    fs::hard_link(&file, &f).unwrap();
    let mut guest = place.guest();
    let (done, blocked) = (AtomicU64::new(0), AtomicBool::new(false));
    let last = Mutex::new((0, Instant::now()));
    let swap = || {
        for source in [&pipe, &file] {
            fs::hard_link(source, &next).unwrap();
            fs::rename(&next, &f).unwrap();
        }
        // Whoever waits is freed, so that the test fails and does not hang.
        let mut last = last.lock().unwrap();
        if last.0 != done.load(Ordering::Relaxed) {
            *last = (done.load(Ordering::Relaxed), Instant::now());
        } else if last.1.elapsed() > Duration::from_secs(5) {
            blocked.store(true, Ordering::Relaxed);
            let _ = fs::OpenOptions::new().read(true).write(true).open(&pipe);
        }
    };
    meanwhile(swap, || {
        let (mut read, mut refused) = (0, 0);
        for _ in 0..20_000 {
            done.fetch_add(1, Ordering::Relaxed);
            match guest.contents(3, "f") {
                Ok(text) => {
                    assert_eq!(text, "inside");
                    read += 1;
                }
                Err(errno) => {
                    assert_eq!(errno, errno::NOTCAPABLE);
                    refused += 1;
                }
            }
        }
        assert!(read > 0 && refused > 0, "{read} {refused}");
        assert!(!blocked.load(Ordering::Relaxed));
    });
}

//! What is neither a file nor a directory, and files that stand for the system.

use std::{fs, os::unix::net::UnixListener, path::Path, process::Command, sync::mpsc, thread, time::Duration};

use belljar::{
    Config, Error, Sandbox,
    config::HostDir,
    error::{ConfigProblem, DirectoryProblem},
};

use super::guest::{Guest, Place, errno};

/// Whether there is such a tool, and it could.
pub fn make_pipe(path: &Path) -> bool {
    Command::new("mkfifo").arg(path).status().is_ok_and(|status| status.success())
}

#[test]
fn pipes_and_sockets_are_not_opened() {
    let place = Place::new("pipes");
    let pipe = place.inside("pipe");
    let _listener = UnixListener::bind(place.inside("socket")).unwrap();
    let mut names = vec!["socket"];
    if make_pipe(&pipe) {
        // A plain host waits for a writer that does not come.
        let (sender, receiver) = mpsc::channel();
        let path = pipe.clone();
        let reader = thread::spawn(move || sender.send(fs::File::open(path).is_ok()));
        assert!(receiver.recv_timeout(Duration::from_millis(100)).is_err());
        drop(fs::OpenOptions::new().write(true).open(&pipe).unwrap());
        reader.join().unwrap().unwrap();
        names.push("pipe");
    }
    let mut guest = place.guest();
    if names.contains(&"pipe") {
        // Nor is it opened for a moment: somebody who waits for a reader goes on waiting.
        let (sender, receiver) = mpsc::channel();
        let path = pipe.clone();
        let writer = thread::spawn(move || sender.send(fs::OpenOptions::new().write(true).open(path).is_ok()));
        thread::sleep(Duration::from_millis(100));
        assert_eq!(guest.open(3, "pipe"), Err(errno::NOTCAPABLE));
        assert!(receiver.recv_timeout(Duration::from_millis(100)).is_err());
        drop(fs::File::open(&pipe).unwrap());
        writer.join().unwrap().unwrap();
    }
    for name in names {
        assert_eq!(guest.open(3, name), Err(errno::NOTCAPABLE), "{name}");
        assert_eq!(guest.create(3, name), Err(errno::NOTCAPABLE), "{name}");
        // They are there, of unknown type; and a name can be taken away.
        assert_eq!(guest.stat(3, name, true).map(|stat| (stat.kind, stat.size)), Ok((0, 0)));
        guest.unlink(3, name).unwrap();
    }
}

#[test]
fn devices_are_not_opened() {
    let place = Place::new("devices");
    let device = place.inside("zero");
    let made = Command::new("mknod").arg(&device).args(["c", "1", "5"]).output();
    // Only some users may make one; else there are those of the system.
    let (mut guest, name) = match made.is_ok_and(|output| output.status.success()) {
        true => (place.guest(), "zero"),
        false => (Guest::new([HostDir::read("/dev", "/dev")]), "zero"),
    };
    assert_eq!(guest.open(3, name), Err(errno::NOTCAPABLE));
}

#[cfg(target_os = "linux")]
#[test]
fn files_of_the_system_are_not_reached() {
    // They look like files, and a plain host reads them.
    assert!(fs::metadata("/proc/self/environ").unwrap().is_file());
    assert!(fs::read("/proc/self/environ").is_ok());
    for path in ["/proc", "/proc/self", "/proc/self/fd", "/sys"] {
        let Err(Error::Config(error)) = Sandbox::new(Config::default().with_dir(HostDir::read(path, "/p"))) else {
            panic!("{path} was mounted")
        };
        let why = DirectoryProblem::System;
        assert_eq!(error.problem, ConfigProblem::Directory { path: path.into(), why });
        assert_eq!(error.key, "wasi.dirs[0].host");
    }
    // Nor by a mount that has them somewhere below.
    let mut guest = Guest::new([HostDir::read("/", "/")]);
    let own = std::process::id();
    for path in ["proc", "proc/", "proc/.", "proc/version", "proc/self/environ", "proc/self/root/etc", "proc/self"] {
        assert_eq!(guest.open(3, path), Err(errno::NOTCAPABLE), "{path}");
    }
    for path in [format!("proc/{own}/mem"), format!("proc/{own}/cwd/Cargo.toml"), format!("proc/{own}/fd/0")] {
        assert_eq!(guest.open(3, &path), Err(errno::NOTCAPABLE), "{path}");
        assert_eq!(guest.stat(3, &path, false), Err(errno::NOTCAPABLE), "{path}");
        assert_eq!(guest.readlink(3, &path), Err(errno::NOTCAPABLE), "{path}");
    }
    assert!(guest.open(3, "etc").is_ok());
}

//! A key that is kept beside what it protects.

use std::{os::unix::fs::PermissionsExt, path::Path, sync::Barrier};

use belljar::cache::CacheError;

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn folder_and_key_are_for_nobody_else() {
    let place = Place::new("private");
    let open = || ModuleCache::open_private(&place.0);
    assert_eq!(load(&sandbox(), &open().unwrap(), 1), ABSENT);
    assert_eq!(load(&sandbox(), &open().unwrap(), 1), HIT);
    let key = place.0.join("key");
    assert_eq!((mode(&place.0), mode(&key), fs::read(&key).unwrap().len()), (0o700, 0o600, 32));
    assert!(place.entries().iter().all(|path| mode(path) == 0o600));

    let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let refused = |path: &Path| matches!(open(), Err(CacheError::Unsafe { path: found, .. }) if found == path);
    for wrong in [0o640, 0o604, 0o620, 0o666] {
        set(&key, wrong);
        assert!(refused(&key), "{wrong:o}");
    }
    set(&key, 0o400);
    assert_eq!(load(&sandbox(), &open().unwrap(), 1), HIT);
    for wrong in [0o720, 0o702, 0o777] {
        set(&place.0, wrong);
        assert!(refused(&place.0), "{wrong:o}");
    }
    set(&place.0, 0o755);
    assert!(open().is_ok());

    fs::remove_file(&key).unwrap();
    fs::write(&key, [1; 31]).unwrap();
    set(&key, 0o600);
    assert!(refused(&key));
    fs::remove_file(&key).unwrap();
    std::os::unix::fs::symlink("elsewhere", &key).unwrap();
    assert!(refused(&key));
    fs::remove_file(&key).unwrap();
    // Another key is made, which nothing that is there was made with.
    assert_eq!(load(&sandbox(), &open().unwrap(), 1), UNFIT);
}

#[test]
fn what_cannot_be_made_is_told() {
    let place = Place::new("private-file");
    fs::write(&place.0, b"").unwrap();
    let error = ModuleCache::open_private(place.0.join("below")).unwrap_err();
    assert!(matches!(error, CacheError::Io { .. }), "{error}");
}

#[test]
fn one_key_is_made_by_many() {
    const THREADS: usize = 8;
    for round in 0..25 {
        let place = Place::new(&format!("private-many-{round}"));
        let start = Barrier::new(THREADS);
        let open = || {
            start.wait();
            ModuleCache::open_private(&place.0).map(|cache| load(&sandbox(), &cache, 1))
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(open)).collect();
            threads.into_iter().for_each(|thread| drop(thread.join().unwrap().unwrap()));
        });
        assert_eq!(load(&sandbox(), &ModuleCache::open_private(&place.0).unwrap(), 1), HIT);
        assert_eq!(fs::read_dir(&place.0).unwrap().count(), 2, "the key, and what was learned of the module");
    }
}

//! A program of WASI that does what a test tells it, call by call, and a directory to let it loose on.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use belljar::{
    Config, Instance, Profile, Sandbox, Value, ValueType,
    abi::wasi::{FUNCTIONS, Snapshot},
    config::HostDir,
};

/// Numbers of the specification.
pub mod errno {
    pub const BADF: i32 = 8;
    pub const BUSY: i32 = 10;
    pub const DQUOT: i32 = 19;
    pub const EXIST: i32 = 20;
    pub const FBIG: i32 = 22;
    pub const ILSEQ: i32 = 25;
    pub const INVAL: i32 = 28;
    pub const ISDIR: i32 = 31;
    pub const LOOP: i32 = 32;
    pub const MFILE: i32 = 33;
    pub const NAMETOOLONG: i32 = 37;
    pub const NOENT: i32 = 44;
    pub const NOTDIR: i32 = 54;
    pub const NOTEMPTY: i32 = 55;
    pub const PERM: i32 = 63;
    pub const ROFS: i32 = 69;
    pub const XDEV: i32 = 75;
    pub const NOTCAPABLE: i32 = 76;
}

pub const CREATE: i32 = 1;
pub const DIRECTORY: i32 = 2;
pub const EXCLUSIVE: i32 = 4;
pub const TRUNCATE: i32 = 8;

/// All rights of files and directories.
const ALL: i64 = 0x0fff_ffff;
/// Those, but the right to write.
const READ: i64 = ALL & !(1 << 6) & !(1 << 8) & !(1 << 22);

/// A directory that is removed with the test: `in` is mounted, `out` is beside it.
pub struct Place(pub PathBuf);

impl Place {
    pub fn new(name: &str) -> Place {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let own = format!("dirs-{}-{}-{name}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(own);
        fs::create_dir_all(path.join("in")).unwrap();
        fs::create_dir_all(path.join("out")).unwrap();
        fs::write(path.join("out/secret"), "outside").unwrap();
        Place(path)
    }

    /// What is mounted.
    pub fn inside(&self, path: &str) -> PathBuf {
        self.0.join("in").join(path)
    }

    pub fn outside(&self, path: &str) -> PathBuf {
        self.0.join("out").join(path)
    }

    pub fn host(&self) -> &str {
        self.0.to_str().unwrap()
    }

    pub fn write(&self) -> HostDir {
        HostDir::write(format!("{}/in", self.host()), "/in")
    }

    pub fn read(&self) -> HostDir {
        HostDir::read(format!("{}/in", self.host()), "/in")
    }

    /// A guest that may write.
    pub fn guest(&self) -> Guest {
        Guest::new([self.write()])
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The guest. Directories that are mounted are descriptors from 3 on.
pub struct Guest(pub Instance);

/// A file as the guest sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    pub device: u64,
    pub node: u64,
    pub kind: u8,
    pub links: u64,
    pub size: u64,
    pub modified: u64,
}

/// Where things are in the guest's memory.
const RESULT: i32 = 0;
const LIST: i32 = 128;
const FIRST: i32 = 1 << 12;
const SECOND: i32 = 2 << 12;
const DATA: i32 = 4 << 12;

type Answer<T> = Result<T, i32>;

/// What an argument is made of.
pub trait Argument {
    fn v(self) -> Value;
}

impl Argument for i32 {
    fn v(self) -> Value {
        Value::I32(self)
    }
}

impl Argument for i64 {
    fn v(self) -> Value {
        Value::I64(self)
    }
}

/// A module with a function for each of WASI's, which calls it.
pub fn module() -> String {
    let list = |types: &[ValueType]| types.iter().map(|ty| format!("{ty} ")).collect::<String>();
    let functions = || FUNCTIONS.iter().filter(|function| function.name != "proc_exit");
    let mut text = "(module".to_owned();
    for function in functions() {
        let (name, ty) = (function.name, function.ty());
        let ty = format!("(param {}) (result {})", list(&ty.params), list(&ty.results));
        text += &format!("(import \"{}\" \"{name}\" (func ${name} {ty}))", Snapshot::Preview1.module());
    }
    text += "(memory (export \"memory\") 32)";
    for function in functions() {
        let (name, ty) = (function.name, function.ty());
        let gets: String = (0..ty.params.len()).map(|index| format!("(local.get {index})")).collect();
        let ty = format!("(param {}) (result {})", list(&ty.params), list(&ty.results));
        text += &format!("(func (export \"{name}\") {ty} (call ${name} {gets}))");
    }
    text + ")"
}

impl Guest {
    pub fn new(dirs: impl IntoIterator<Item = HostDir>) -> Guest {
        let config = Config::profile(Profile::Large);
        Guest::of(dirs.into_iter().fold(config, Config::with_dir))
    }

    pub fn of(config: Config) -> Guest {
        let sandbox = Sandbox::new(config).unwrap();
        let module = sandbox.load_text(&module()).unwrap();
        Guest(sandbox.instance(&module).unwrap())
    }

    /// Calls a function; an errno other than 0 is an error.
    pub fn call(&mut self, name: &str, args: &[Value]) -> Answer<()> {
        match self.0.call_values(name, args) {
            Ok(outcome) => match outcome.results[..] {
                [Value::I32(0)] => Ok(()),
                [Value::I32(errno)] => Err(errno),
                ref other => panic!("{other:?}"),
            },
            Err(error) => panic!("{name}: {error}"),
        }
    }

    fn put(&mut self, at: i32, bytes: &[u8]) {
        self.0.memory_mut()[at as usize..][..bytes.len()].copy_from_slice(bytes);
    }

    fn get<const N: usize>(&self, at: i32) -> [u8; N] {
        self.0.memory()[at as usize..][..N].try_into().unwrap()
    }

    fn u32(&self, at: i32) -> u32 {
        u32::from_le_bytes(self.get(at))
    }

    fn u64(&self, at: i32) -> u64 {
        u64::from_le_bytes(self.get(at))
    }

    fn path(&mut self, at: i32, path: impl AsRef<[u8]>) -> [Value; 2] {
        self.put(at, path.as_ref());
        [at.v(), (path.as_ref().len() as i32).v()]
    }

    pub fn open_with(
        &mut self,
        fd: i32,
        path: impl AsRef<[u8]>,
        follow: bool,
        oflags: i32,
        rights: i64,
    ) -> Answer<i32> {
        let [ptr, len] = self.path(FIRST, path);
        let follow = i32::from(follow);
        let args = [fd.v(), follow.v(), ptr, len, oflags.v(), rights.v(), ALL.v(), 0.v(), RESULT.v()];
        self.call("path_open", &args)?;
        Ok(self.u32(RESULT) as i32)
    }

    /// Opens to read, following links.
    pub fn open(&mut self, fd: i32, path: impl AsRef<[u8]>) -> Answer<i32> {
        self.open_with(fd, path, true, 0, READ)
    }

    /// Opens to write, and makes the file if there is none.
    pub fn create(&mut self, fd: i32, path: impl AsRef<[u8]>) -> Answer<i32> {
        self.open_with(fd, path, true, CREATE, ALL)
    }

    pub fn close(&mut self, fd: i32) -> Answer<()> {
        self.call("fd_close", &[fd.v()])
    }

    fn list(&mut self, len: usize) {
        let pair = [DATA.to_le_bytes(), (len as i32).to_le_bytes()].concat();
        self.put(LIST, &pair);
    }

    pub fn read(&mut self, fd: i32, len: usize) -> Answer<Vec<u8>> {
        self.list(len);
        self.call("fd_read", &[fd.v(), LIST.v(), 1.v(), RESULT.v()])?;
        let count = self.u32(RESULT) as usize;
        Ok(self.0.memory()[DATA as usize..][..count].to_vec())
    }

    pub fn write(&mut self, fd: i32, bytes: impl AsRef<[u8]>) -> Answer<u32> {
        self.list(bytes.as_ref().len());
        self.put(DATA, bytes.as_ref());
        self.call("fd_write", &[fd.v(), LIST.v(), 1.v(), RESULT.v()])?;
        Ok(self.u32(RESULT))
    }

    /// Writes a byte at a place.
    pub fn write_at(&mut self, fd: i32, offset: u64) -> Answer<()> {
        self.list(1);
        self.call("fd_pwrite", &[fd.v(), LIST.v(), 1.v(), (offset as i64).v(), RESULT.v()])
    }

    pub fn set_size(&mut self, fd: i32, size: u64) -> Answer<()> {
        self.call("fd_filestat_set_size", &[fd.v(), (size as i64).v()])
    }

    /// All that a file has to read.
    pub fn contents(&mut self, fd: i32, path: impl AsRef<[u8]>) -> Answer<String> {
        let opened = self.open(fd, path)?;
        let bytes = self.read(opened, 1000);
        self.close(opened)?;
        Ok(String::from_utf8(bytes?).unwrap())
    }

    fn stat_at_result(&self) -> Stat {
        Stat {
            device: self.u64(RESULT),
            node: self.u64(RESULT + 8),
            kind: self.get::<1>(RESULT + 16)[0],
            links: self.u64(RESULT + 24),
            size: self.u64(RESULT + 32),
            modified: self.u64(RESULT + 48),
        }
    }

    pub fn stat(&mut self, fd: i32, path: impl AsRef<[u8]>, follow: bool) -> Answer<Stat> {
        let [ptr, len] = self.path(FIRST, path);
        self.call("path_filestat_get", &[fd.v(), i32::from(follow).v(), ptr, len, RESULT.v()])?;
        Ok(self.stat_at_result())
    }

    pub fn stat_of(&mut self, fd: i32) -> Answer<Stat> {
        self.call("fd_filestat_get", &[fd.v(), RESULT.v()])?;
        Ok(self.stat_at_result())
    }

    /// Sets the time of modification, following links.
    pub fn set_times(&mut self, fd: i32, path: &str, modified: i64) -> Answer<()> {
        let [ptr, len] = self.path(FIRST, path);
        let args = [fd.v(), 1.v(), ptr, len, 0i64.v(), modified.v(), 4.v()];
        self.call("path_filestat_set_times", &args)
    }

    fn one(&mut self, name: &str, fd: i32, path: impl AsRef<[u8]>) -> Answer<()> {
        let [ptr, len] = self.path(FIRST, path);
        self.call(name, &[fd.v(), ptr, len])
    }

    pub fn make_directory(&mut self, fd: i32, path: impl AsRef<[u8]>) -> Answer<()> {
        self.one("path_create_directory", fd, path)
    }

    pub fn remove_directory(&mut self, fd: i32, path: impl AsRef<[u8]>) -> Answer<()> {
        self.one("path_remove_directory", fd, path)
    }

    pub fn unlink(&mut self, fd: i32, path: impl AsRef<[u8]>) -> Answer<()> {
        self.one("path_unlink_file", fd, path)
    }

    pub fn symlink(&mut self, target: &str, fd: i32, path: &str) -> Answer<()> {
        let ([a, b], [c, d]) = (self.path(FIRST, target), self.path(SECOND, path));
        self.call("path_symlink", &[a, b, fd.v(), c, d])
    }

    pub fn rename(&mut self, fd: i32, path: &str, to_fd: i32, to: &str) -> Answer<()> {
        let ([a, b], [c, d]) = (self.path(FIRST, path), self.path(SECOND, to));
        self.call("path_rename", &[fd.v(), a, b, to_fd.v(), c, d])
    }

    pub fn link(&mut self, fd: i32, path: &str, to_fd: i32, to: &str) -> Answer<()> {
        let ([a, b], [c, d]) = (self.path(FIRST, path), self.path(SECOND, to));
        self.call("path_link", &[fd.v(), 0.v(), a, b, to_fd.v(), c, d])
    }

    pub fn readlink(&mut self, fd: i32, path: &str) -> Answer<String> {
        let [ptr, len] = self.path(FIRST, path);
        self.call("path_readlink", &[fd.v(), ptr, len, DATA.v(), 4096.v(), RESULT.v()])?;
        let count = self.u32(RESULT) as usize;
        Ok(String::from_utf8(self.0.memory()[DATA as usize..][..count].to_vec()).unwrap())
    }

    /// Names, cookies, numbers and kinds, from a cookie on, as many as fit into so many bytes.
    pub fn readdir(&mut self, fd: i32, cookie: u64, room: usize) -> Answer<Vec<(String, u64, u64, u8)>> {
        let args = [fd.v(), DATA.v(), (room as i32).v(), (cookie as i64).v(), RESULT.v()];
        self.call("fd_readdir", &args)?;
        let filled = self.u32(RESULT) as usize;
        let mut rest = &self.0.memory()[DATA as usize..][..filled];
        let mut entries = Vec::new();
        while let Some((head, behind)) = rest.split_at_checked(24) {
            let number = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().unwrap());
            let len = u32::from_le_bytes(head[16..20].try_into().unwrap()) as usize;
            let Some((name, behind)) = behind.split_at_checked(len) else { break };
            entries.push((String::from_utf8(name.to_vec()).unwrap(), number(0), number(8), head[20]));
            rest = behind;
        }
        Ok(entries)
    }

    /// All names of a directory.
    pub fn names(&mut self, fd: i32, path: &str) -> Answer<Vec<String>> {
        let opened = self.open_with(fd, path, true, DIRECTORY, READ)?;
        let entries = self.readdir(opened, 0, 1 << 20);
        self.close(opened)?;
        Ok(entries?.into_iter().map(|(name, ..)| name).collect())
    }

    /// The name of a directory that is there from the start.
    pub fn prestat(&mut self, fd: i32) -> Answer<String> {
        self.call("fd_prestat_get", &[fd.v(), RESULT.v()])?;
        let len = self.u32(RESULT + 4) as i32;
        self.call("fd_prestat_dir_name", &[fd.v(), DATA.v(), len.v()])?;
        Ok(String::from_utf8(self.0.memory()[DATA as usize..][..len as usize].to_vec()).unwrap())
    }

    pub fn fuel(&mut self) -> u64 {
        self.0.usage().fuel
    }
}

/// What a program would do that only joins paths: without the defence, the secret is read.
pub fn naive(place: &Place, path: &str) -> io::Result<String> {
    fs::read_to_string(place.inside(path))
}

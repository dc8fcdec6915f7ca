//! The files of the suite.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// A file of the suite.
#[derive(Debug, Clone)]
pub struct File {
    pub path: PathBuf,
    /// Its path within the suite.
    pub name: String,
    /// The proposal it belongs to, where that is one that belljar does not run.
    pub proposal: Option<&'static str>,
}

/// Folders of the suite with what is not in WebAssembly 3.0. All other files are looked at, directive by directive.
const PROPOSALS: [(&str, &str); 5] = [
    ("legacy", "exceptions as they were before WebAssembly 3.0"),
    ("proposals/custom-descriptors", "the custom-descriptors proposal"),
    ("proposals/custom-page-sizes", "the custom-page-sizes proposal"),
    ("proposals/threads", "the threads proposal"),
    ("proposals/wide-arithmetic", "the wide-arithmetic proposal"),
];

/// Lists the files below a folder, in the order of their paths.
pub fn files(folder: &Path) -> io::Result<Vec<File>> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next)? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "wast") {
                let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().replace('\\', "/");
                found.push(File { proposal: proposal(&name), path, name });
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    match found.is_empty() {
        true => Err(io::Error::new(io::ErrorKind::NotFound, "no file `*.wast` is in it")),
        false => Ok(found),
    }
}

fn proposal(name: &str) -> Option<&'static str> {
    let within = |folder: &str| name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    PROPOSALS.iter().find(|(folder, _)| within(folder)).map(|(_, proposal)| *proposal)
}

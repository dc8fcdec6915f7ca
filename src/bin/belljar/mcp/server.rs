//! State shared by all clients: the tools, and the permits to run them.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::{catalog::Catalog, folder::Folder};
use crate::{
    console::Console,
    explain::Busy,
    net::{peer::Peer, queue::Queue},
    origin::Origins,
    show,
    turns::Bounds,
};

/// The state shared by all clients.
#[derive(Debug)]
pub struct Server {
    catalog: watch::Sender<Arc<Catalog>>,
    /// The queue for permits to run a call.
    pub permits: Queue<Peer>,
    /// Whether results have receipts.
    pub receipts: bool,
    /// With `--explain`, the flag that is set while a stop is explained.
    pub explains: Option<Busy>,
    /// The origins of the configuration, for hints.
    pub origins: Origins,
    console: Mutex<Console>,
}

impl Server {
    /// Returns a server without tools, with these limits on calls, and with receipts and explanations or without.
    pub fn new(calls: Bounds, receipts: bool, explains: bool, origins: Origins, console: Console) -> Server {
        let catalog = watch::Sender::new(Arc::default());
        Server {
            catalog,
            permits: Queue::new(calls),
            receipts,
            explains: explains.then(Busy::default),
            origins,
            console: Mutex::new(console),
        }
    }

    /// Returns the current tools.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.catalog.borrow().clone()
    }

    /// Returns a receiver of changes of the tools.
    pub fn changes(&self) -> watch::Receiver<Arc<Catalog>> {
        self.catalog.subscribe()
    }

    /// Scans the files, prints their problems, and notifies clients if the tools have changed.
    pub fn rescan(&self, folder: &mut Folder) {
        let Some((catalog, problems)) = folder.scan() else { return };
        self.with_console(|console| {
            for (path, problem) in problems {
                console.error(Some(&show::path(&path)), &problem.message, problem.hint.as_deref());
            }
            console.note(format_args!("{} served", show::count(catalog.len() as u64, "tool")));
        });
        self.catalog.send_replace(Arc::new(catalog));
    }

    /// Calls a function with the console.
    pub fn with_console(&self, print: impl FnOnce(&Console)) {
        print(&self.console.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

//! What all clients share: the tools, and the places to run them.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::{catalog::Catalog, folder::Folder};
use crate::{console::Console, peer::Peer, queue::Queue, show, turns::Bounds};

/// What all clients share.
#[derive(Debug)]
pub struct Server {
    catalog: watch::Sender<Arc<Catalog>>,
    /// Places for calls.
    pub places: Queue<Peer>,
    console: Mutex<Console>,
}

impl Server {
    /// A server without tools, which runs so many calls at once.
    pub fn new(calls: Bounds, console: Console) -> Server {
        let catalog = watch::Sender::new(Arc::default());
        Server { catalog, places: Queue::new(calls), console: Mutex::new(console) }
    }

    /// The tools as they are now.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.catalog.borrow().clone()
    }

    /// The tools as they will be.
    pub fn changes(&self) -> watch::Receiver<Arc<Catalog>> {
        self.catalog.subscribe()
    }

    /// Looks at the files, and tells what is wrong with them. Clients are told if there are others then.
    pub fn look(&self, folder: &mut Folder) {
        let Some((catalog, told)) = folder.look() else { return };
        self.tell(|console| {
            for (path, problem) in told {
                console.error(Some(&show::path(&path)), &problem.message, problem.hint.as_deref());
            }
            console.note(format_args!("{} served", show::count(catalog.len() as u64, "tool")));
        });
        self.catalog.send_replace(Arc::new(catalog));
    }

    /// Says something on stderr.
    pub fn tell(&self, say: impl FnOnce(&Console)) {
        say(&self.console.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

//! How far the server is on its way to its end.

use tokio::sync::watch;

/// How far the server is on its way to its end; it only goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Requests come and are answered.
    Serving,
    /// Requests that have come are answered; no connection is kept.
    Draining,
    /// Runs are cancelled.
    Cancelling,
}

/// Tells those who wait for it.
#[derive(Debug)]
pub struct Phases(watch::Sender<Phase>);

impl Phases {
    /// It serves.
    pub fn new() -> Phases {
        Phases(watch::Sender::new(Phase::Serving))
    }

    /// Goes on.
    pub fn enter(&self, phase: Phase) {
        self.0.send_replace(phase);
    }

    /// Waits until it is as far as that.
    pub async fn reached(&self, phase: Phase) {
        // An error would be that there is no sender, and that is here.
        let _ = self.0.subscribe().wait_for(|now| *now >= phase).await;
    }
}

//! Phases of the server's shutdown.

use tokio::sync::watch;

/// A phase of the server. Phases only advance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// New requests are accepted.
    Serving,
    /// Received requests are answered; no connection is kept.
    Draining,
    /// Runs are cancelled.
    Cancelling,
}

/// The current phase, which tasks can wait for.
#[derive(Debug)]
pub struct Phases(watch::Sender<Phase>);

impl Phases {
    /// Returns the phase `Serving`.
    pub fn new() -> Phases {
        Phases(watch::Sender::new(Phase::Serving))
    }

    /// Enters a phase, and wakes the tasks that wait for it.
    pub fn enter(&self, phase: Phase) {
        self.0.send_replace(phase);
    }

    /// Waits until this phase, or a later one, is entered.
    pub async fn reached(&self, phase: Phase) {
        // It fails only without a sender, and `self` has it.
        let _ = self.0.subscribe().wait_for(|now| *now >= phase).await;
    }
}

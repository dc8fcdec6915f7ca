//! Listening sockets.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpSocket},
    sync::Semaphore,
    time::sleep,
};

use super::{connection, phase::Phase, server::Server, service::Service};
use crate::failure::Failure;

/// Length of the system's queue of connections that are not yet accepted.
const BACKLOG: u32 = 4_096;

/// Listens on the first of these addresses that can be bound.
pub fn listen(addresses: &[SocketAddr]) -> Result<TcpListener, Failure> {
    let mut failure = None;
    for at in addresses {
        let listener = (|| {
            let socket = if at.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            // On other systems the option lets another process take over the address.
            #[cfg(unix)]
            socket.set_reuseaddr(true)?;
            socket.bind(*at)?;
            socket.listen(BACKLOG)
        })();
        match listener {
            Ok(listener) => return Ok(listener),
            Err(error) => failure = Some(Failure::io(&at.to_string(), error.to_string())),
        }
    }
    Err(failure.unwrap_or_else(|| Failure::usage("there is no address to listen on")))
}

/// Accepts connections, at most one per slot at a time, until the server drains.
pub async fn accept(server: Arc<Server>, service: Service, listener: TcpListener, slots: Arc<Semaphore>) {
    tokio::select! {
        () = accept_all(&server, service, listener, slots) => {}
        () = server.phases.reached(Phase::Draining) => {}
    }
}

async fn accept_all(server: &Arc<Server>, service: Service, listener: TcpListener, slots: Arc<Semaphore>) {
    while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
        match listener.accept().await {
            Ok((tcp, client)) => {
                let server = Arc::clone(server);
                tokio::spawn(async move {
                    let of_guest = service == Service::Guest;
                    let _open = of_guest.then(|| server.metrics.connections.increment());
                    server.metrics.accepted.add(of_guest.into());
                    connection::serve(server, service, tcp, client).await;
                    drop(slot);
                });
            }
            // The client is already gone, or file descriptors are exhausted until a connection is closed.
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}

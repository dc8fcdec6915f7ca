//! One connection, from its first byte until it is closed.

use std::{net::SocketAddr, pin::Pin, sync::Arc};

use hyper::{Error, StatusCode, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{access::Access, phase::Phase, server::Server, service::Service};
use crate::net::stream::Stream;

/// The largest head of a request; a larger one is answered with 431.
const MAX_HEAD_BYTES: usize = 32 << 10;

/// Answers the requests on a connection until it is closed.
pub async fn serve(server: Arc<Server>, service: Service, tcp: TcpStream, client: SocketAddr) {
    let stream = Stream::new(tcp, server.options.body_timeout);
    let answers = {
        let (server, watch) = (Arc::clone(&server), stream.watch());
        service_fn(move |request| service.answer(Arc::clone(&server), client, watch.clone(), request))
    };
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(server.options.header_timeout)
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(MAX_HEAD_BYTES)
        // A client that has closed its sending side may still wait for the response. `Watch` detects one that is gone.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), answers);
    let ended = tokio::select! {
        ended = &mut connection => Some(ended),
        () = server.phases.reached(Phase::Draining) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
    };
    let parts = connection.into_parts();
    let mut stream = parts.io.into_inner();
    if let Err(error) = ended {
        let begun = !parts.read_buf.is_empty();
        if let Some((status, is_sent)) = error_status(&error, begun) {
            let mut access = (service == Service::Guest).then(|| Access::new(&server, client, None));
            if let Some(access) = &mut access {
                access.set_response(status.as_u16(), 0);
            }
            if !is_sent {
                let text = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
                let _ = stream.write_all(text.as_bytes()).await;
            }
        }
    }
    stream.linger().await;
}

/// Returns the status for a malformed or late request, if it has one, and whether hyper has already sent it.
fn error_status(error: &Error, begun: bool) -> Option<(StatusCode, bool)> {
    if error.is_parse_version_h2() {
        Some((StatusCode::HTTP_VERSION_NOT_SUPPORTED, false))
    } else if error.is_parse_too_large() {
        Some((StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, true))
    } else if error.is_parse() {
        Some((StatusCode::BAD_REQUEST, true))
    } else if error.is_timeout() && begun {
        // On an idle connection no response is expected.
        Some((StatusCode::REQUEST_TIMEOUT, false))
    } else {
        None
    }
}

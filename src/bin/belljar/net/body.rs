//! Bodies of HTTP requests.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::timeout;

/// The reason why a body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// It exceeds the size limit.
    TooLarge,
    /// It ended early or is malformed.
    Incomplete,
    /// It was not received in time.
    TimedOut,
}

/// Reads a body into memory of its size. If its content length exceeds the limit, it is refused unread.
pub async fn read(mut body: Incoming, limit: u64, time: Duration) -> Result<Vec<u8>, BodyError> {
    if body.size_hint().lower() > limit {
        return Err(BodyError::TooLarge);
    }
    let whole = async {
        // No memory is reserved for a size that is only announced.
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| BodyError::Incomplete)?.into_data() else { continue };
            if (bytes.len() + data.len()) as u64 > limit {
                return Err(BodyError::TooLarge);
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes)
    };
    timeout(time, whole).await.unwrap_or(Err(BodyError::TimedOut))
}

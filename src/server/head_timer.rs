//! The time that a client has for the head of a request, from its first byte. A connection without a request may be idle for longer, so
//! the two need different limits, and the HTTP library has one for both.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Whether a request is being processed on a connection.
#[derive(Clone, Default)]
pub struct Processing(Arc<AtomicBool>);

impl Processing {
    /// The head of a request is complete.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// The reply is ready. The next bytes begin another request.
    pub fn end(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// A stream whose reads fail if the head of a request is not complete in time.
pub struct HeadTimer<S> {
    stream: S,
    limit: Duration,
    processing: Processing,
    running: Option<Pin<Box<Sleep>>>,
}

impl<S> HeadTimer<S> {
    /// A stream with a time limit for heads.
    pub fn new(stream: S, limit: Duration, processing: Processing) -> Self {
        Self { stream, limit, processing, running: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for HeadTimer<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.processing.0.load(Ordering::Relaxed) {
            this.running = None;
            return Pin::new(&mut this.stream).poll_read(context, buffer);
        }
        let before = buffer.filled().len();
        if let Poll::Ready(done) = Pin::new(&mut this.stream).poll_read(context, buffer) {
            if buffer.filled().len() > before && this.running.is_none() {
                this.running = Some(Box::pin(sleep(this.limit)));
            }
            return Poll::Ready(done);
        }
        match &mut this.running {
            None => Poll::Pending,
            Some(timer) => {
                ready!(timer.as_mut().poll(context));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HeadTimer<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::timeout;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn a_head_has_a_limit_and_an_idle_connection_has_none() {
        let (mut client, server) = duplex(64);
        let processing = Processing::default();
        let mut stream = HeadTimer::new(server, LIMIT, processing.clone());
        let mut bytes = [0; 8];
        assert!(timeout(LIMIT * 4, stream.read(&mut bytes)).await.is_err(), "idle");
        client.write_all(b"GET ").await.unwrap();
        assert_eq!(stream.read(&mut bytes).await.unwrap(), 4);
        processing.begin();
        assert!(timeout(LIMIT * 4, stream.read(&mut bytes)).await.is_err(), "processing");
        processing.end();
        client.write_all(b"P").await.unwrap();
        assert_eq!(stream.read(&mut bytes).await.unwrap(), 1);
        let ended = timeout(LIMIT * 20, stream.read(&mut bytes)).await.unwrap();
        assert_eq!(ended.map_err(|error| error.kind()), Err(io::ErrorKind::TimedOut));
    }
}

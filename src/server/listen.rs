//! Accepting connections, with limits of number and time, until the server stops.

use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::ServeError;
use super::app::App;
use super::head_timer::{HeadTimer, Processing};
use super::options::TlsFiles;

/// Largest head of a request, in bytes.
const HEAD_BYTES: usize = 32 << 10;
/// Most headers of a request.
const HEADERS: usize = 64;

/// A listening socket with the settings of its connections.
pub struct Listener {
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
}

impl Listener {
    /// Opens the socket. An address other than loopback requires TLS.
    ///
    /// # Errors
    /// The address is in use; it is not loopback and there is no TLS; the certificate or the key cannot be used.
    pub async fn open(bind: SocketAddr, tls: Option<&TlsFiles>) -> Result<Self, ServeError> {
        if !bind.ip().is_loopback() && tls.is_none() {
            return Err(ServeError::NeedsTls(bind));
        }
        let tls = tls.map(acceptor).transpose()?;
        let socket = TcpListener::bind(bind).await.map_err(|source| ServeError::Bind { bind, source })?;
        Ok(Self { socket, tls })
    }

    /// The address, with the port that the system chose for port 0.
    ///
    /// # Errors
    /// The system does not know it.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves connections until `stop` becomes true. Then waits for the accepted requests.
    pub async fn serve(self, app: Arc<App>, router: Router, mut stop: watch::Receiver<bool>) {
        let places = Arc::new(Semaphore::new(app.options.limits.connections));
        let open = GracefulShutdown::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors: wait until connections are closed.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
            let _ = stream.set_nodelay(true);
            let connection =
                Connection { app: Arc::clone(&app), router: router.clone(), watcher: open.watcher() };
            let tls = self.tls.clone();
            tokio::spawn(async move {
                connection.app.metrics.connections.fetch_add(1, Ordering::Relaxed);
                let metrics = Arc::clone(&connection.app.metrics);
                connection.serve(stream, tls).await;
                metrics.connections.fetch_sub(1, Ordering::Relaxed);
                drop(place);
            });
        }
        drop(self.socket);
        if timeout(app.options.limits.stop, open.shutdown()).await.is_err() {
            tracing::warn!("some requests were not finished");
        }
    }
}

struct Connection {
    app: Arc<App>,
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
}

impl Connection {
    async fn serve(self, stream: TcpStream, tls: Option<TlsAcceptor>) {
        match tls {
            None => self.serve_stream(stream).await,
            Some(tls) => {
                let limit = self.app.options.limits.head;
                if let Ok(Ok(stream)) = timeout(limit, tls.accept(stream)).await {
                    self.serve_stream(stream).await;
                }
            }
        }
    }

    async fn serve_stream(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let router = self.router;
        let processing = Processing::default();
        let stream = HeadTimer::new(stream, self.app.options.limits.head, processing.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let (router, processing) = (router.clone(), processing.clone());
            processing.begin();
            async move {
                let reply = answer(router, request).await;
                processing.end();
                Ok::<_, Infallible>(reply)
            }
        });
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.app.options.limits.idle)
            .max_buf_size(HEAD_BYTES)
            .max_headers(HEADERS);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        if let Err(error) = self.watcher.watch(connection).await {
            tracing::debug!(%error, "a connection ended");
        }
    }
}

async fn answer(router: Router, request: Request<Incoming>) -> axum::response::Response {
    let replied = router.oneshot(request.map(Body::new)).await;
    replied.unwrap_or_else(|never| match never {})
}

fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, ServeError> {
    let failed = |what: String| ServeError::Tls { certificate: files.certificate.clone(), what };
    for file in [&files.certificate, &files.key] {
        fs::metadata(file).map_err(|error| failed(format!("{}: {error}", file.display())))?;
    }
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(|chain| chain.collect::<Result<Vec<_>, _>>())
        .map_err(|error| failed(format!("no certificate chain in PEM: {error}")))?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| failed(format!("{}: no private key in PEM: {error}", files.key.display())))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| failed(error.to_string()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

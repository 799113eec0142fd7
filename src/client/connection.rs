//! Requests to one server, with tries after refusals that pass and after broken connections.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use ureq::http::{Response, Uri};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Timeout};

use super::Server;
use super::error::{ClientError, Result};
use crate::reply::ProblemBody;

/// Most tries of a request.
const TRIES: u32 = 5;
/// Time for a connection, and for a request with its reply.
const TIMEOUTS: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(120));
/// Bodies beyond this are sent only after the server has agreed, so that a refusal is read and not lost with the connection.
const ASK_FIRST: usize = 64 << 10;
/// Largest reply, in bytes.
const LARGEST_REPLY: u64 = 512 << 20;

/// A request.
pub(super) struct Request {
    pub path: String,
    /// The media type and the body; `None` for GET.
    pub body: Option<(String, Vec<u8>)>,
    /// The `Idempotency-Key`. With it, a repeated request has no further effect.
    pub key: Option<String>,
}

/// A server, and how long to wait for it.
pub(super) struct Connection<'a> {
    agent: Agent,
    base: String,
    authorization: String,
    /// Whether the server has replied before.
    is_known: AtomicBool,
    notice: &'a dyn Fn(&str),
    stop: &'a AtomicBool,
}

impl<'a> Connection<'a> {
    /// A connection that is opened by the first request. `notice` gets a message before each wait. `stop` ends a wait.
    pub fn new(server: &Server, notice: &'a dyn Fn(&str), stop: &'a AtomicBool) -> Result<Self> {
        let is_local = check(&server.url)?;
        if !server.token.bytes().all(|byte| byte.is_ascii_graphic()) || server.token.is_empty() {
            return Err(ClientError::Token);
        }
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("gallerist/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(TIMEOUTS.0))
            .timeout_global(Some(TIMEOUTS.1));
        if is_local {
            config = config.proxy(None);
        }
        if let Some(path) = &server.authority {
            let roots = RootCerts::new_with_certs(&certificates(path)?);
            config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
        }
        Ok(Self {
            agent: config.build().new_agent(),
            base: server.url.trim_end_matches('/').to_owned(),
            authorization: format!("Bearer {}", server.token),
            is_known: AtomicBool::new(false),
            notice,
            stop,
        })
    }

    /// Sends a request until it has a reply, a few times.
    ///
    /// # Errors
    /// The server cannot be reached, or refused the request.
    pub fn send<T: DeserializeOwned>(&self, request: &Request) -> Result<T> {
        let mut tries = 0;
        loop {
            let error = match self.once(request) {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            tries += 1;
            // Nothing listens at the URL: more tries help only if something did before.
            let is_absent = matches!(error, ClientError::Connection { was_connected: false, .. });
            let wait = error.wait(tries).filter(|_| tries < TRIES && (self.is_known() || !is_absent));
            let Some(wait) = wait else { return Err(error) };
            (self.notice)(&format!("{error}; trying again in {:.1} s", wait.as_secs_f64()));
            let until = Instant::now() + wait;
            while Instant::now() < until {
                if self.stop.load(Ordering::Relaxed) {
                    return Err(error);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    fn is_known(&self) -> bool {
        self.is_known.load(Ordering::Relaxed)
    }

    fn once<T: DeserializeOwned>(&self, request: &Request) -> Result<T> {
        let url = format!("{}{}", self.base, request.path);
        let sent = match &request.body {
            None => self.agent.get(&url).header("authorization", &self.authorization).call(),
            Some((kind, body)) => {
                let mut post =
                    self.agent.post(&url).header("authorization", &self.authorization).content_type(kind);
                if let Some(key) = &request.key {
                    post = post.header("idempotency-key", key);
                }
                if body.len() > ASK_FIRST {
                    post = post.header("expect", "100-continue");
                }
                post.send(&body[..])
            }
        };
        let reply = sent.map_err(|error| self.lost(&error))?;
        self.is_known.store(true, Ordering::Relaxed);
        self.read(reply)
    }

    fn read<T: DeserializeOwned>(&self, mut reply: Response<ureq::Body>) -> Result<T> {
        let status = reply.status().as_u16();
        let header = |name: &str| reply.headers().get(name).and_then(|value| value.to_str().ok());
        let is_problem =
            header("content-type").is_some_and(|kind| kind.starts_with("application/problem+json"));
        let retry_after =
            header("retry-after").and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
        let body = reply.body_mut().with_config().limit(LARGEST_REPLY).read_to_vec();
        let body = body.map_err(|error| self.lost(&error))?;
        let unexpected = |reason: String| ClientError::Reply { url: self.base.clone(), status, reason };
        if (200..300).contains(&status) {
            return serde_json::from_slice(&body).map_err(|error| unexpected(error.to_string()));
        }
        if !is_problem {
            return Err(unexpected("expected a server of galleries".into()));
        }
        let problem: ProblemBody =
            serde_json::from_slice(&body).map_err(|error| unexpected(error.to_string()))?;
        Err(ClientError::Problem { problem: Box::new(problem), retry_after })
    }

    fn lost(&self, error: &ureq::Error) -> ClientError {
        let (url, reason) = (self.base.clone(), error.to_string());
        match reason.split_once("invalid peer certificate: ") {
            Some((_, reason)) => ClientError::Untrusted { url, reason: untrusted(reason).into() },
            None => ClientError::Connection { url, reason, was_connected: was_connected(error) },
        }
    }
}

/// Whether an error came after the connection was made.
fn was_connected(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Io(error) => !matches!(
            error.kind(),
            ErrorKind::ConnectionRefused
                | ErrorKind::HostUnreachable
                | ErrorKind::NetworkUnreachable
                | ErrorKind::InvalidData
                | ErrorKind::InvalidInput
        ),
        ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => false,
        ureq::Error::Timeout(_) | ureq::Error::Protocol(_) => true,
        _ => false,
    }
}

/// Checks a URL. Returns whether it is of this machine.
fn check(url: &str) -> Result<bool> {
    let refused =
        |reason| ClientError::Url { url: url.split(['#', '?']).next().unwrap_or_default().into(), reason };
    if url.contains(['#', '?', '@']) {
        return Err(refused("expected http://HOST:PORT or https://HOST, without a token or a query"));
    }
    let uri: Uri = url.parse().map_err(|_| refused("it is not a URL"))?;
    let (scheme, host) = (uri.scheme_str(), uri.host().unwrap_or_default());
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    let is_local = address.map_or(host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback());
    match scheme {
        _ if host.is_empty() => Err(refused("expected http://HOST:PORT or https://HOST")),
        Some("https") => Ok(is_local),
        Some("http") if is_local => Ok(true),
        Some("http") => Err(refused("to another machine the token and the photos need https")),
        _ => Err(refused("expected http://HOST:PORT or https://HOST")),
    }
}

/// The certificates in a PEM file.
fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>> {
    let refused = |reason: String| ClientError::Authority { path: path.to_owned(), reason };
    let text = std::fs::read(path).map_err(|error| refused(error.to_string()))?;
    let mut found = Vec::new();
    for item in parse_pem(&text) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| refused(error.to_string()))? {
            found.push(certificate);
        }
    }
    if found.is_empty() { Err(refused("it contains no certificate in PEM".into())) } else { Ok(found) }
}

/// Why a certificate is not trusted, in words.
fn untrusted(reason: &str) -> &str {
    let known = [
        (
            "CaUsedAsEndEntity",
            "it is the certificate of an authority; the server needs one of its own, made with basicConstraints CA:FALSE",
        ),
        ("UnknownIssuer", "it was not issued by a known authority"),
        ("BadSignature", "it was not issued by the given authority"),
        ("Expired", "it has expired"),
        ("NotValidForName", "it is for another name"),
    ];
    known.iter().find(|(code, _)| reason.contains(code)).map_or(reason, |(_, words)| words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_sent_in_the_clear_to_this_machine_only() {
        for local in ["http://127.0.0.1:7878", "http://localhost:1/", "http://[::1]:1", "https://localhost"] {
            assert!(check(local).unwrap(), "{local}");
        }
        assert!(!check("https://faces.example/gallerist").unwrap());
        for wrong in [
            "http://faces.example",
            "http://127.0.0.1.faces.example",
            "ftp://localhost",
            "localhost:7878",
            "http://",
            "",
            "https://a@faces.example",
            "http://127.0.0.1:7878/#token=glr_secret",
        ] {
            let error = check(wrong).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_token_that_breaks_a_header_is_refused() {
        let stop = AtomicBool::new(false);
        for token in ["", "a b", "a\r\nX: y", "é"] {
            let server = Server { url: "http://localhost:1".into(), token: token.into(), authority: None };
            assert!(matches!(Connection::new(&server, &|_| (), &stop), Err(ClientError::Token)), "{token:?}");
        }
    }
}

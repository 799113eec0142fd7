//! What happens to every request: its origin, its token and its scope are checked, its body is read within the limits, its reply is
//! limited in time, counted and logged. A log line contains the route, the status and the name of the token; no names, photos or templates.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{FromRequestParts, Path};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Uri, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::time::{Instant as Deadline, timeout, timeout_at};

use super::app::{App, BODY_UNIT};
use super::call::{Call, Reply};
use super::metrics::{Metrics, Stage};
use super::problem::{Problem, Result};
use super::route::{Access, Route};
use super::token::{Scope, Token};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Only parts of the page and pictures made by the page are loaded; nothing embeds the page.
const CONTENT_POLICY: &str = "default-src 'self'; img-src 'self' blob:; media-src 'self' blob:; connect-src 'self'; object-src 'none'; \
                              base-uri 'none'; frame-ancestors 'none'; form-action 'none'";

/// Replies to a request.
pub async fn dispatch(app: Arc<App>, route: Arc<Route>, request: Request<Body>) -> Reply {
    let received = Instant::now();
    let id = request_id();
    let metrics = Arc::clone(&app.metrics);
    let _in_flight = InFlight::enter(&metrics);
    let mut token_name = String::new();
    let replied = checked(Arc::clone(&app), &route, request, (&id, received), &mut token_name).await;
    let reply = match replied {
        Ok(reply) => reply,
        Err(problem) => {
            if problem.status == StatusCode::TOO_MANY_REQUESTS {
                metrics.overloaded.fetch_add(1, Ordering::Relaxed);
            }
            problem.response(&id)
        }
    };
    metrics.count_reply(reply.status().as_u16());
    metrics.stage(Stage::Total).record(received.elapsed());
    let milliseconds = received.elapsed().as_secs_f64() * 1e3;
    tracing::info!(id, method = %route.method, route = route.path, status = reply.status().as_u16(), token = token_name, milliseconds);
    with_headers(reply, &id)
}

/// A request in progress. It ends when this is dropped, also if the client has left.
struct InFlight(Arc<Metrics>);

impl InFlight {
    fn enter(metrics: &Arc<Metrics>) -> Self {
        metrics.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(metrics))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn checked(
    app: Arc<App>,
    route: &Route,
    request: Request<Body>,
    (id, received): (&str, Instant),
    token_name: &mut String,
) -> Result<Reply> {
    let (mut parts, body) = request.into_parts();
    app.hosts.check(&parts.method, &parts.headers)?;
    let token = match route.access {
        Access::Open => None,
        access => Some(permitted(&app, &parts.headers, access, token_name)?),
    };
    if route.access != Access::Open && !app.is_ready() {
        return Err(Problem::unavailable("the server is starting"));
    }
    let parameters = Path::<Vec<(String, String)>>::from_request_parts(&mut parts, &()).await;
    let parameters = parameters
        .map(|Path(parameters)| parameters)
        .map_err(|_| Problem::not_found("not_found", "a parameter of the path is not UTF-8 text"))?;
    require_no_query(route, &parts.uri)?;
    require_no_coding(&parts.headers)?;
    let (body, _memory) = read(&app, &parts.headers, body).await?;
    // Many clients send an empty object where there is nothing to send.
    if route.bodies.is_empty() && !matches!(body.trim_ascii(), b"" | b"{}") {
        return Err(Problem::field("body", "this operation takes no body"));
    }
    let limit = app.options.limits.reply;
    let (uri, headers) = (parts.uri, parts.headers);
    let call = Call { app, token, parameters, uri, headers, body, received, id: id.to_owned() };
    timeout(limit, (route.handler)(call)).await.unwrap_or_else(|_| {
        let detail = format!("no reply within {} seconds", limit.as_secs());
        Err(Problem {
            retry_after: Some(1),
            ..Problem::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", detail)
        })
    })
}

/// A field that is ignored may have been meant as a limit: `?dry_run=true`.
fn require_no_query(route: &Route, uri: &Uri) -> Result<()> {
    match uri.query() {
        Some(query) if route.query.is_none() && !query.is_empty() => {
            let field = query.split(['=', '&']).next().unwrap_or_default();
            Err(Problem::field(field, "this operation takes no query"))
        }
        _ => Ok(()),
    }
}

fn require_no_coding(headers: &HeaderMap) -> Result<()> {
    match headers.get(header::CONTENT_ENCODING) {
        Some(coding) if coding != "identity" => {
            let detail = "Content-Encoding: expected none; send the body as it is";
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail))
        }
        _ => Ok(()),
    }
}

/// The token of a request, if it allows the access.
fn permitted(app: &App, headers: &HeaderMap, access: Access, name: &mut String) -> Result<Arc<Token>> {
    let unauthorized = |detail: &str| Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail);
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let Some(first) = given.next() else {
        return Err(unauthorized("a token is needed: Authorization: Bearer TOKEN"));
    };
    if given.next().is_some() {
        return Err(unauthorized("expected one Authorization header"));
    }
    let text = first.to_str().unwrap_or_default();
    let bearer = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, token)) = bearer else { return Err(unauthorized("expected Authorization: Bearer TOKEN")) };
    let token = app.tokens.find(token.trim()).ok_or_else(|| unauthorized("the token is not valid"))?;
    name.clone_from(&token.record.name);
    let needed = match access {
        Access::Scope(scope) => scope,
        Access::Open | Access::Token => Scope::Identify,
    };
    if !token.allows(needed) {
        let detail = format!("this needs a token with the scope {}", needed.name());
        return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail));
    }
    if !token.may_ask() {
        let detail = "the token has used its requests for this second";
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail);
        return Err(Problem { retry_after: Some(1), ..problem });
    }
    Ok(token)
}

/// The memory of a body. Dropping it makes room for others.
type Memory<'a> = Option<tokio::sync::OwnedSemaphorePermit>;

/// Reads a body within the limits of size, time and memory.
async fn read(app: &App, headers: &HeaderMap, mut body: Body) -> Result<(Bytes, Memory<'static>)> {
    let limits = &app.options.limits;
    let too_large = || {
        let detail = format!("the body has more than {} bytes", limits.body_bytes);
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
    };
    let length =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > limits.body_bytes as u64) {
        return Err(too_large());
    }
    let deadline = Deadline::now() + limits.body;
    let (mut read, mut memory): (BytesMut, Memory<'_>) = (BytesMut::new(), None);
    let mut whole: Option<Bytes> = None;
    while let Some(frame) =
        timeout_at(deadline, body.frame()).await.map_err(|_| slow(limits.body.as_secs()))?
    {
        let frame = frame.map_err(|_| Problem::malformed("the body ended early"))?;
        let Ok(data) = frame.into_data() else { continue };
        let length = read.len() + whole.as_ref().map_or(0, Bytes::len) + data.len();
        if length > limits.body_bytes {
            return Err(too_large());
        }
        reserve(app, &mut memory, length)?;
        match whole.take() {
            None if read.is_empty() => whole = Some(data),
            first => {
                read.extend(first);
                read.extend_from_slice(&data);
            }
        }
    }
    Ok((whole.unwrap_or_else(|| read.freeze()), memory))
}

/// Reserves memory for a body of this length.
fn reserve(app: &App, memory: &mut Memory<'static>, length: usize) -> Result<()> {
    let held = memory.as_ref().map_or(0, |held| held.num_permits());
    let more = length.div_ceil(BODY_UNIT).saturating_sub(held);
    let more = u32::try_from(more).map_err(|_| Problem::overloaded())?;
    let reserved = Arc::clone(&app.bodies).try_acquire_many_owned(more).map_err(|_| Problem::overloaded())?;
    match memory {
        Some(held) => held.merge(reserved),
        None => *memory = Some(reserved),
    }
    Ok(())
}

fn slow(seconds: u64) -> Problem {
    let detail = format!("the body did not arrive within {seconds} seconds");
    Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", detail)
}

/// A random id.
pub fn request_id() -> String {
    let mut bytes = [0; 8];
    // An id that is not random is not a danger: it only names a line of the log.
    let _ = getrandom::fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The reply with the headers that every reply has.
pub fn with_headers(mut reply: Reply, id: &str) -> Reply {
    let closes = matches!(reply.status(), StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT);
    let headers = reply.headers_mut();
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    if closes {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_POLICY));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert(
        "permissions-policy",
        HeaderValue::from_static("camera=(self), microphone=(), geolocation=()"),
    );
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    reply
}

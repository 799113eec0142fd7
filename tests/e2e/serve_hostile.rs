//! Hostile requests: each gets the right refusal, quickly, without a failure of the server and without a path of its files.

use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::program::House;
use crate::serve::{Server, form};
use crate::serve_hostile_bodies::{forms, identifications, operations, row};

pub const G: &str = "/v1/galleries/gallery";
const JSON: &str = "application/json";
/// Longest time for a reply.
const SLOWEST: Duration = Duration::from_secs(2);

/// Requests with the statuses that are right for them. 0 means that the connection is closed without a reply.
pub struct Cases {
    host: String,
    token: String,
    all: Vec<(String, Vec<u8>, Vec<u16>)>,
}

impl Cases {
    /// Bytes as they are.
    pub fn raw(&mut self, name: &str, bytes: impl Into<Vec<u8>>, statuses: &[u16]) {
        self.all.push((name.to_owned(), bytes.into(), statuses.to_vec()));
    }

    /// A request with these headers beside `Host` and `Authorization`.
    pub fn with(&mut self, line: &str, headers: &[(&str, &str)], body: &[u8], statuses: &[u16]) {
        let auth = format!("Bearer {}", self.token);
        let own = [("Host", self.host.clone()), ("Authorization", auth)];
        let own: Vec<(&str, &str)> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let name = format!("{line} {headers:.60?} {:.60}", String::from_utf8_lossy(body));
        self.exact(&name, line, &own.iter().chain(headers).copied().collect::<Vec<_>>(), body, statuses);
    }

    /// A request with exactly these headers, and a length.
    pub fn exact(&mut self, name: &str, line: &str, headers: &[(&str, &str)], body: &[u8], statuses: &[u16]) {
        let mut head = format!("{line} HTTP/1.1\r\n");
        for (name, value) in headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        write!(head, "Connection: close\r\nContent-Length: {}\r\n\r\n", body.len()).unwrap();
        self.raw(name, [head.as_bytes(), body].concat(), statuses);
    }

    pub fn json(&mut self, line: &str, body: impl AsRef<[u8]>, statuses: &[u16]) {
        self.with(line, &[("Content-Type", JSON)], body.as_ref(), statuses);
    }

    pub fn get(&mut self, path: &str, statuses: &[u16]) {
        self.with(&format!("GET {path}"), &[], b"", statuses);
    }

    pub fn form(&mut self, line: &str, parts: &[(&str, &[u8])], statuses: &[u16]) {
        let (kind, body) = form(parts);
        self.with(line, &[("Content-Type", &kind)], &body, statuses);
    }
}

/// Who asks, and from where.
fn senders(cases: &mut Cases, removed: &str) {
    let (host, token) = (cases.host.clone(), cases.token.clone());
    let long = "a".repeat(20_000);
    let values = [
        String::new(),
        "Bearer".into(),
        "Bearer ".into(),
        "Bearer  ".into(),
        token.clone(),
        format!("Basic {token}"),
        format!("Token {token}"),
        format!("Bearer {token}x"),
        format!("Bearer {}", &token[..token.len() - 1]),
        format!("Bearer {}", token.to_uppercase()),
        format!("Bearer {token},{token}"),
        format!("Bearer {token} {token}"),
        format!("Bearer \"{token}\""),
        format!("Bearer {long}"),
        format!("Bearer {removed}"),
        "Bearer é".into(),
        "Bearer null".into(),
        "Bearer ' OR 1=1 --".into(),
    ];
    for value in &values {
        let name = format!("authorization {value:.40}");
        cases.exact(&name, "GET /v1/galleries", &[("Host", &host), ("Authorization", value)], b"", &[401]);
    }
    let bearer = format!("Bearer {token}");
    cases.exact("no token", "GET /v1/galleries", &[("Host", &host)], b"", &[401]);
    cases.exact("token in the query", &format!("GET /v1/me?token={token}"), &[("Host", &host)], b"", &[401]);
    cases.exact(
        "token in a cookie",
        "GET /v1/me",
        &[("Host", &host), ("Cookie", &format!("token={token}"))],
        b"",
        &[401],
    );
    let twice = [("Host", &*host), ("Authorization", &*bearer), ("Authorization", &*bearer)];
    cases.exact("two tokens", "GET /v1/me", &twice, b"", &[401]);

    cases.exact("no host", "GET /v1/me", &[("Authorization", &bearer)], b"", &[400, 421]);
    for wrong in [
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil.example",
        "localhost.evil",
        "[::2]:80",
        "127.0.0.1:80:80",
        "0.0.0.0",
        "*",
        "127.0.0.2",
    ] {
        cases.exact(
            &format!("host {wrong}"),
            "GET /v1/me",
            &[("Host", wrong), ("Authorization", &bearer)],
            b"",
            &[400, 421],
        );
        cases.exact(&format!("host {wrong} of the page"), "GET /", &[("Host", wrong)], b"", &[400, 421]);
    }
    let twice = [("Host", &*host), ("Host", "evil.example"), ("Authorization", &*bearer)];
    cases.exact("two hosts", "GET /v1/me", &twice, b"", &[400, 421]);
    for origin in
        ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1", "file://", "", "127.0.0.1"]
    {
        cases.with("GET /v1/me", &[("Origin", origin)], b"", &[403]);
        cases.with(
            &format!("POST {G}/identify"),
            &[("Origin", origin), ("Content-Type", JSON)],
            b"{}",
            &[403],
        );
    }
    for site in ["cross-site", "same-site", "nonsense"] {
        cases.with("GET /v1/me", &[("Sec-Fetch-Site", site)], b"", &[403]);
    }
    let preflight = [("Origin", "http://evil.example"), ("Access-Control-Request-Method", "POST")];
    cases.with(&format!("OPTIONS {G}/identify"), &preflight, b"", &[405]);
}

/// Requests that break HTTP.
fn protocol(cases: &mut Cases) {
    let (host, token) = (cases.host.clone(), cases.token.clone());
    let head = format!(
        "Host: {host}\r\nAuthorization: Bearer {token}\r\nContent-Type: {JSON}\r\nConnection: close\r\n"
    );
    let many: String = (0..200).map(|n| format!("X-{n}: y\r\n")).collect();
    let line = format!("POST {G}/identify HTTP/1.1\r\n");
    for (name, text, statuses) in [
        ("garbage", "\x16\x03\x01\x02\0\x01".to_owned(), &[0, 400][..]),
        ("no version", format!("GET /v1/me\r\n{head}\r\n"), &[0, 400]),
        ("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), &[0, 400]),
        ("unknown version", format!("GET /v1/me HTTP/3.0\r\n{head}\r\n"), &[0, 400, 505]),
        ("many headers", format!("GET /v1/me HTTP/1.1\r\n{head}{many}\r\n"), &[400, 431]),
        (
            "large header",
            format!("GET /v1/me HTTP/1.1\r\n{head}X: {}\r\n\r\n", "y".repeat(100_000)),
            &[400, 431],
        ),
        ("long path", format!("GET /{} HTTP/1.1\r\n{head}\r\n", "a".repeat(70_000)), &[400, 404, 414, 431]),
        ("header without colon", format!("GET /v1/me HTTP/1.1\r\n{head}nonsense\r\n\r\n"), &[400]),
        ("header with a blank", format!("GET /v1/me HTTP/1.1\r\n{head}X y: z\r\n\r\n"), &[400]),
        ("header with NUL", format!("GET /v1/me HTTP/1.1\r\n{head}X: a\0b\r\n\r\n"), &[400]),
        ("folded header", format!("GET /v1/me HTTP/1.1\r\n{head}X: a\r\n b\r\n\r\n"), &[400]),
        ("path with a blank", format!("GET /v1/ me HTTP/1.1\r\n{head}\r\n"), &[400]),
        ("path with NUL", format!("GET /v1/\0me HTTP/1.1\r\n{head}\r\n"), &[400]),
        ("unknown method", format!("STEAL /v1/me HTTP/1.1\r\n{head}\r\n"), &[405]),
        ("lower case method", format!("get /v1/me HTTP/1.1\r\n{head}\r\n"), &[405]),
        ("TRACE", format!("TRACE /v1/me HTTP/1.1\r\n{head}\r\n"), &[405]),
        ("CONNECT", format!("CONNECT evil.example:80 HTTP/1.1\r\n{head}\r\n"), &[400, 404, 405, 421]),
        ("negative length", format!("{line}{head}Content-Length: -1\r\n\r\n"), &[400]),
        ("length with a sign", format!("{line}{head}Content-Length: +2\r\n\r\n{{}}"), &[400]),
        ("length as a float", format!("{line}{head}Content-Length: 1e3\r\n\r\n"), &[400]),
        ("length beyond u64", format!("{line}{head}Content-Length: 99999999999999999999999\r\n\r\n"), &[400]),
        ("huge length", format!("{line}{head}Content-Length: 9999999999999\r\n\r\n"), &[413]),
        ("two lengths", format!("{line}{head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}"), &[400]),
        ("length list", format!("{line}{head}Content-Length: 2, 3\r\n\r\n{{}}"), &[400]),
        ("unknown coding", format!("{line}{head}Transfer-Encoding: gzip\r\n\r\n"), &[400]),
        (
            "chunked is not last",
            format!("{line}{head}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
            &[400],
        ),
        (
            "chunked twice",
            format!("{line}{head}Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n"),
            &[400],
        ),
        (
            "chunk size of letters",
            format!("{line}{head}Transfer-Encoding: chunked\r\n\r\nzz\r\n{{}}\r\n0\r\n\r\n"),
            &[400],
        ),
        (
            "chunk size overflow",
            format!("{line}{head}Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n{{}}\r\n0\r\n\r\n"),
            &[400],
        ),
        (
            "chunk size negative",
            format!("{line}{head}Transfer-Encoding: chunked\r\n\r\n-1\r\n{{}}\r\n0\r\n\r\n"),
            &[400],
        ),
        (
            "chunk without end",
            format!("{line}{head}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}X\r\n0\r\n\r\n"),
            &[400],
        ),
        (
            "chunk extensions",
            format!(
                "{line}{head}Transfer-Encoding: chunked\r\n\r\n2;{}\r\n{{}}\r\n0\r\n\r\n",
                "x".repeat(40_000)
            ),
            &[400],
        ),
        (
            "both lengths",
            format!(
                "{line}{head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"
            ),
            &[400, 422],
        ),
        (
            "chunk of one byte each",
            format!("{line}{head}Transfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n", "1\r\n[\r\n".repeat(20_000)),
            &[400, 422],
        ),
        (
            "large trailers",
            format!("{line}{head}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n{many}\r\n"),
            &[0, 400, 422, 431],
        ),
        (
            "unknown expectation",
            format!("{line}{head}Expect: 200-maybe\r\nContent-Length: 2\r\n\r\n{{}}"),
            &[400, 417, 422],
        ),
        ("upgrade", format!("GET /v1/nothing HTTP/1.1\r\n{head}Upgrade: websocket\r\n\r\n"), &[404]),
    ] {
        cases.raw(name, text, statuses);
    }
}

/// Paths, parameters of paths, and queries.
fn paths(cases: &mut Cases) {
    for path in [
        "/v1",
        "/v1/",
        "//",
        "/v1//galleries",
        "/v1/galleries/",
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/assets/../../etc/passwd",
        "/assets/%2e%2e%2fserver.rs",
        "/assets/..%5c..%5cx",
        "/assets/",
        "/assets/style.css/..",
        "/etc/passwd",
        "/v1/galleries/..%2f..%2fetc%2fpasswd",
        "/v1/galleries/%2e%2e",
        "/v1/galleries/gallery%00",
        "/v1/galleries/%ff%fe",
        "/v1/galleries/%",
        "/v1/galleries/%zz",
        "/v1/galleries/GALLERY",
        "/v1/galleries/gallery%2fsubjects",
        "/v1/galleries/gallery;x=1",
        "/v1/galleries/%F0%9F%98%80",
        "/v1/jobs/..",
        "/v1/jobs/job-0",
        "/v1/jobs/job--1",
        "/v1/jobs/job-99999999999999999999999",
        "/v1/jobs/%00",
        "/v1/galleries/gallery/faces/1/picture/..",
        "/openapi.json/",
        "/metrics/../v1/x",
        "/.git/config",
        "/admin",
    ] {
        cases.get(path, &[404]);
    }
    for id in [
        "-1",
        "0",
        "999",
        "1e3",
        "abc",
        "0x1",
        "99999999999999999999",
        "9223372036854775808",
        "18446744073709551615",
        "%00",
        "1%2F2",
        "..",
        "1.0",
        "%2B1",
    ] {
        cases.get(&format!("{G}/subjects/{id}"), &[404]);
        cases.with(&format!("DELETE {G}/subjects/{id}"), &[], b"", &[404]);
        cases.with(&format!("DELETE {G}/faces/{id}"), &[], b"", &[404]);
        cases.with(&format!("POST {G}/journal/{id}/undo"), &[], b"", &[404]);
    }
    for query in [
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=abc",
        "limit=1e3",
        "limit=99999999999999999999",
        "limit=1&limit=2",
        "cursor=zz",
        "cursor=-1",
        "cursor=99999999999999999999",
        "unknown=1",
        "limit=%00",
    ] {
        cases.get(&format!("{G}/subjects?{query}"), &[400, 422]);
    }
    for query in [
        "top_k=abc",
        "top_k=0",
        "top_k=1001",
        "top_k=-1",
        "threshold=2",
        "threshold=nan",
        "target_fpir=0",
        "target_fpir=1e400",
        "target_fpir=1&threshold=1",
        "x=1",
    ] {
        cases.with(
            &format!("POST {G}/identify?{query}"),
            &[("Content-Type", "application/octet-stream")],
            &row(),
            &[400, 409, 422],
        );
    }
    for header in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"] {
        cases.with(&format!("POST {G}/subjects/1"), &[(header, "DELETE")], b"", &[405]);
    }
    cases.with(&format!("POST {G}/subjects/1?_method=DELETE"), &[], b"", &[405]);
    cases.with(&format!("PUT {G}/identify"), &[], b"", &[405]);
    cases.with("DELETE /openapi.json", &[], b"", &[405]);
    for (header, value) in [
        ("X-Forwarded-Host", "evil.example"),
        ("X-Original-URL", "/v1/me"),
        ("X-Rewrite-URL", "/v1/me"),
        ("X-Forwarded-For", "127.0.0.1"),
    ] {
        cases.with("GET /v1/nothing", &[(header, value)], b"", &[404]);
    }
}

#[test]
fn hostile_requests_are_refused_quickly() {
    let house = House::new();
    for (name, seed) in [("Ada", 1), ("Bob", 2)] {
        house.photo(format!("people/{name}/1.png"), seed);
    }
    house.enroll("people").ends(0);
    std::fs::create_dir(house.path("root")).unwrap();
    let server = Server::start(&house, &["--root", house.path("root").to_str().unwrap()]);
    let removed = Server::token(&house, "removed", "admin", &[]);
    let tokens = house.path("tokens.json");
    crate::program::gallerist(["token", "remove", "removed", "--tokens", tokens.to_str().unwrap()]).ends(0);
    let before = server.get(&format!("{G}/subjects")).is(200);

    let (host, token) = (server.address().to_string(), server.token.clone());
    let mut cases = Cases { host, token, all: Vec::new() };
    senders(&mut cases, &removed);
    protocol(&mut cases);
    paths(&mut cases);
    identifications(&mut cases);
    forms(&mut cases);
    operations(&mut cases);
    assert!(cases.all.len() >= 150, "{} requests", cases.all.len());

    let (mut wrong, mut slowest) = (Vec::new(), (Duration::ZERO, String::new()));
    let private = [
        house.path("").display().to_string(),
        "/tmp".into(),
        ".rs".into(),
        "panicked".into(),
        "sqlite".into(),
    ];
    for (name, bytes, statuses) in &cases.all {
        let started = Instant::now();
        let (status, text) = server.raw(bytes);
        let took = started.elapsed();
        if took > slowest.0 {
            slowest = (took, name.clone());
        }
        // The reply may repeat what the request said.
        let request = String::from_utf8_lossy(bytes);
        let shown = private.iter().find(|word| text.contains(*word) && !request.contains(*word));
        let is_allowed = text.to_ascii_lowercase().contains("access-control-allow");
        if !statuses.contains(&status) || shown.is_some() || is_allowed || took > SLOWEST {
            wrong.push(format!(
                "{name}\n  expected {statuses:?}, got {status} in {took:?}, shows {shown:?}\n  {text:.700}"
            ));
        }
    }
    println!("{} requests, the slowest took {:?}: {}", cases.all.len(), slowest.0, slowest.1);
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.all.len(), wrong.join("\n"));
    assert_eq!(server.get(&format!("{G}/subjects")).is(200), before, "no request changed the gallery");
    let status = server.get("/v1/status").is(200);
    assert_eq!(status["requests"]["failed"], 0, "{status}");
    assert_eq!(std::fs::read_dir(house.path("root")).unwrap().count(), 0);
    server.stop();
    house.holds(2);
}

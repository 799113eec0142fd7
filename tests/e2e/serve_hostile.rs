//! Hostile requests: each gets the right refusal, quickly, without a failure of the server and without a path of its files.

use std::fmt::Write;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::program::{House, photo};
use crate::serve::{Server, form};

const G: &str = "/v1/galleries/gallery";
const JSON: &str = "application/json";
/// Longest time for a reply.
const SLOWEST: Duration = Duration::from_secs(2);

/// Requests with the statuses that are right for them. 0 means that the connection is closed without a reply.
struct Cases {
    host: String,
    token: String,
    all: Vec<(String, Vec<u8>, Vec<u16>)>,
}

impl Cases {
    /// Bytes as they are.
    fn raw(&mut self, name: &str, bytes: impl Into<Vec<u8>>, statuses: &[u16]) {
        self.all.push((name.to_owned(), bytes.into(), statuses.to_vec()));
    }

    /// A request with these headers beside `Host` and `Authorization`.
    fn with(&mut self, line: &str, headers: &[(&str, &str)], body: &[u8], statuses: &[u16]) {
        let auth = format!("Bearer {}", self.token);
        let own = [("Host", self.host.clone()), ("Authorization", auth)];
        let own: Vec<(&str, &str)> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let name = format!("{line} {headers:.60?} {:.60}", String::from_utf8_lossy(body));
        self.exact(&name, line, &own.iter().chain(headers).copied().collect::<Vec<_>>(), body, statuses);
    }

    /// A request with exactly these headers, and a length.
    fn exact(&mut self, name: &str, line: &str, headers: &[(&str, &str)], body: &[u8], statuses: &[u16]) {
        let mut head = format!("{line} HTTP/1.1\r\n");
        for (name, value) in headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        write!(head, "Connection: close\r\nContent-Length: {}\r\n\r\n", body.len()).unwrap();
        self.raw(name, [head.as_bytes(), body].concat(), statuses);
    }

    fn json(&mut self, line: &str, body: impl AsRef<[u8]>, statuses: &[u16]) {
        self.with(line, &[("Content-Type", JSON)], body.as_ref(), statuses);
    }

    fn get(&mut self, path: &str, statuses: &[u16]) {
        self.with(&format!("GET {path}"), &[], b"", statuses);
    }

    fn form(&mut self, line: &str, parts: &[(&str, &[u8])], statuses: &[u16]) {
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
    cases.exact("token in a cookie", "GET /v1/me", &[("Host", &host), ("Cookie", &format!("token={token}"))], b"", &[401]);
    let twice = [("Host", &*host), ("Authorization", &*bearer), ("Authorization", &*bearer)];
    cases.exact("two tokens", "GET /v1/me", &twice, b"", &[401]);

    cases.exact("no host", "GET /v1/me", &[("Authorization", &bearer)], b"", &[400, 421]);
    for wrong in ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "localhost.evil", "[::2]:80", "127.0.0.1:80:80", "0.0.0.0", "*", "127.0.0.2"] {
        cases.exact(&format!("host {wrong}"), "GET /v1/me", &[("Host", wrong), ("Authorization", &bearer)], b"", &[400, 421]);
        cases.exact(&format!("host {wrong} of the page"), "GET /", &[("Host", wrong)], b"", &[400, 421]);
    }
    let twice = [("Host", &*host), ("Host", "evil.example"), ("Authorization", &*bearer)];
    cases.exact("two hosts", "GET /v1/me", &twice, b"", &[400, 421]);
    for origin in ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1", "file://", "", "127.0.0.1"] {
        cases.with("GET /v1/me", &[("Origin", origin)], b"", &[403]);
        cases.with(&format!("POST {G}/identify"), &[("Origin", origin), ("Content-Type", JSON)], b"{}", &[403]);
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
    let head = format!("Host: {host}\r\nAuthorization: Bearer {token}\r\nContent-Type: {JSON}\r\nConnection: close\r\n");
    let many: String = (0..200).map(|n| format!("X-{n}: y\r\n")).collect();
    let line = format!("POST {G}/identify HTTP/1.1\r\n");
    for (name, text, statuses) in [
        ("garbage", "\x16\x03\x01\x02\0\x01".to_owned(), &[0, 400][..]),
        ("no version", format!("GET /v1/me\r\n{head}\r\n"), &[0, 400]),
        ("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), &[0, 400]),
        ("unknown version", format!("GET /v1/me HTTP/3.0\r\n{head}\r\n"), &[0, 400, 505]),
        ("many headers", format!("GET /v1/me HTTP/1.1\r\n{head}{many}\r\n"), &[400, 431]),
        ("large header", format!("GET /v1/me HTTP/1.1\r\n{head}X: {}\r\n\r\n", "y".repeat(100_000)), &[400, 431]),
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
        ("chunked is not last", format!("{line}{head}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"), &[400]),
        ("chunked twice", format!("{line}{head}Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n"), &[400]),
        ("chunk size of letters", format!("{line}{head}Transfer-Encoding: chunked\r\n\r\nzz\r\n{{}}\r\n0\r\n\r\n"), &[400]),
        ("chunk size overflow", format!("{line}{head}Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n{{}}\r\n0\r\n\r\n"), &[400]),
        ("chunk size negative", format!("{line}{head}Transfer-Encoding: chunked\r\n\r\n-1\r\n{{}}\r\n0\r\n\r\n"), &[400]),
        ("chunk without end", format!("{line}{head}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}X\r\n0\r\n\r\n"), &[400]),
        ("chunk extensions", format!("{line}{head}Transfer-Encoding: chunked\r\n\r\n2;{}\r\n{{}}\r\n0\r\n\r\n", "x".repeat(40_000)), &[400]),
        ("both lengths", format!("{line}{head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"), &[400, 422]),
        ("chunk of one byte each", format!("{line}{head}Transfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n", "1\r\n[\r\n".repeat(20_000)), &[400]),
        ("large trailers", format!("{line}{head}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n{many}\r\n"), &[0, 400, 422, 431]),
        ("unknown expectation", format!("{line}{head}Expect: 200-maybe\r\nContent-Length: 2\r\n\r\n{{}}"), &[400, 417, 422]),
        ("upgrade", format!("GET /v1/nothing HTTP/1.1\r\n{head}Upgrade: websocket\r\n\r\n"), &[404]),
    ] {
        cases.raw(name, text, statuses);
    }
}

/// Paths, parameters of paths, and queries.
fn paths(cases: &mut Cases) {
    for path in [
        "/v1", "/v1/", "//", "/v1//galleries", "/v1/galleries/", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
        "/assets/../../etc/passwd", "/assets/%2e%2e%2fserver.rs", "/assets/..%5c..%5cx", "/assets/", "/assets/style.css/..", "/etc/passwd",
        "/v1/galleries/..%2f..%2fetc%2fpasswd", "/v1/galleries/%2e%2e", "/v1/galleries/gallery%00", "/v1/galleries/%ff%fe",
        "/v1/galleries/%", "/v1/galleries/%zz", "/v1/galleries/GALLERY", "/v1/galleries/gallery%2fsubjects",
        "/v1/galleries/gallery;x=1", "/v1/galleries/%F0%9F%98%80", "/v1/jobs/..", "/v1/jobs/job-0", "/v1/jobs/job--1",
        "/v1/jobs/job-99999999999999999999999", "/v1/jobs/%00", "/v1/galleries/gallery/faces/1/picture/..",
        "/openapi.json/", "/metrics/../v1/x", "/.git/config", "/admin",
    ] {
        cases.get(path, &[404]);
    }
    for id in ["-1", "0", "999", "1e3", "abc", "0x1", "99999999999999999999", "9223372036854775808", "18446744073709551615", "%00", "1%2F2", "..", "1.0", "%2B1"] {
        cases.get(&format!("{G}/subjects/{id}"), &[404]);
        cases.with(&format!("DELETE {G}/subjects/{id}"), &[], b"", &[404]);
        cases.with(&format!("DELETE {G}/faces/{id}"), &[], b"", &[404]);
        cases.with(&format!("POST {G}/journal/{id}/undo"), &[], b"", &[404]);
    }
    for query in [
        "limit=0", "limit=1001", "limit=-1", "limit=abc", "limit=1e3", "limit=99999999999999999999", "limit=1&limit=2", "cursor=zz",
        "cursor=-1", "cursor=99999999999999999999", "unknown=1", "limit=%00",
    ] {
        cases.get(&format!("{G}/subjects?{query}"), &[400, 422]);
    }
    for query in ["top_k=abc", "top_k=0", "top_k=1001", "top_k=-1", "threshold=2", "threshold=nan", "target_fpir=0", "target_fpir=1e400", "target_fpir=1&threshold=1", "x=1"] {
        cases.with(&format!("POST {G}/identify?{query}"), &[("Content-Type", "application/octet-stream")], &row(), &[400, 409, 422]);
    }
    for header in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"] {
        cases.with(&format!("POST {G}/subjects/1"), &[(header, "DELETE")], b"", &[405]);
    }
    cases.with(&format!("POST {G}/subjects/1?_method=DELETE"), &[], b"", &[405]);
    cases.with(&format!("PUT {G}/identify"), &[], b"", &[405]);
    cases.with("DELETE /openapi.json", &[], b"", &[405]);
    for (header, value) in [("X-Forwarded-Host", "evil.example"), ("X-Original-URL", "/v1/me"), ("X-Rewrite-URL", "/v1/me"), ("X-Forwarded-For", "127.0.0.1")] {
        cases.with("GET /v1/nothing", &[(header, value)], b"", &[404]);
    }
}

/// A row of 64 numbers.
fn row() -> Vec<u8> {
    (0..64).flat_map(|n| (n as f32 - 31.5).to_le_bytes()).collect()
}

/// Bodies of identifications.
fn identifications(cases: &mut Cases) {
    let line = format!("POST {G}/identify");
    let numbers = |count: usize, number: &str| format!("[{}]", vec![number; count].join(","));
    let probe = |embedding: &str| format!(r#"{{"probes":[{{"embedding":{embedding}}}]}}"#);
    let good = numbers(64, "0.5");
    let with = |more: &str| format!(r#"{{"probes":[{{"embedding":{good}}}],{more}}}"#);
    for text in ["", " ", "{", "[", "}", "nonsense", "{\"probes\":", "\u{feff}{}", "{'probes':[]}", "{} {}", "{\"probes\":[]} x", "{\"a\":\u{0}}"] {
        cases.json(&line, text, &[400, 422]);
    }
    cases.json(&line, b"\xff\xfe{}", &[400]);
    cases.json(&line, "[".repeat(200_000), &[400, 422]);
    cases.json(&line, "{\"a\":".repeat(100_000), &[400, 422]);
    cases.json(&line, format!("{{\"probes\":{}", "[".repeat(100_000)), &[400, 422]);
    cases.json(&line, probe(&"[".repeat(100_000)), &[400, 422]);
    for text in ["null", "[]", "1", "\"x\"", "{}", r#"{"probes":null}"#, r#"{"probes":{}}"#, r#"{"probes":[]}"#, r#"{"probes":[],"probes":[]}"#, r#"{"probes":[{}]}"#, r#"{"probes":[1]}"#, r#"{"probes":[null]}"#, r#"{"probes":[{"image":1}]}"#, r#"{"probes":[{"image":"***"}]}"#, r#"{"probes":[{"image":"","embedding":[]}]}"#, r#"{"probes":[{"url":"http://169.254.169.254/"}]}"#, r#"{"probes":[{"path":"/etc/passwd"}]}"#, r#"{"probes":[{"image":"data:text/plain;base64,***"}]}"#] {
        cases.json(&line, text, &[400, 422]);
    }
    for count in [0, 1, 63, 65, 5000] {
        cases.json(&line, probe(&numbers(count, "0.5")), &[422]);
    }
    for number in ["0", "1e-30", "1e400", "-1e400", "1e39", "NaN", "Infinity", "\"0.5\"", "null", "[0.5]", "true", "0x10", "1e", "--1", ".5"] {
        cases.json(&line, probe(&numbers(64, number)), &[400, 422]);
    }
    let many = vec![format!(r#"{{"embedding":{good}}}"#); 1025].join(",");
    cases.json(&line, format!(r#"{{"probes":[{many}]}}"#), &[422]);
    for more in [
        r#""top_k":0"#, r#""top_k":-1"#, r#""top_k":1001"#, r#""top_k":4294967296"#, r#""top_k":1e9"#, r#""top_k":1.5"#, r#""top_k":"5""#, r#""top_k":null"#,
        r#""topk":5"#, r#""__proto__":{}"#, r#""with_template":1"#, r#""search":{"width":0}"#, r#""search":{"width":1000000}"#, r#""search":{"way":"fast"}"#,
        r#""search":{"way":"graph","certify":"exact"}"#, r#""search":{"fusion":"x"}"#, r#""search":5"#,
        r#""decision":{"threshold":[2]}"#, r#""decision":{"threshold":[0.9,0.1]}"#, r#""decision":{"threshold":[0.1,0.2,0.3]}"#, r#""decision":{"threshold":[1e400]}"#,
        r#""decision":{"threshold":[0.5],"target_fpir":[0.1]}"#, r#""decision":{"target_fpir":[0]}"#, r#""decision":{"target_fpir":[1]}"#, r#""decision":{"target_fpir":[-1]}"#,
        r#""decision":{"target_fpir":[0.1,0.1]}"#, r#""decision":{"target_fpir":["x"]}"#, r#""among":{"subjects":[999]}"#, r#""among":{"subjects":[-1]}"#,
        r#""among":{"subjects":[18446744073709551615]}"#, r#""among":{"not_subjects":[999]}"#, r#""among":{"names":[]}"#,
        r#""photos":{"min_face":1}"#, r#""photos":{"min_face":1e9}"#, r#""photos":{"min_quality":101}"#, r#""photos":{"min_quality":-1}"#, r#""photos":{"faces":"some"}"#, r#""photos":{"max_pixels":1}"#,
    ] {
        cases.json(&line, with(more), &[400, 422]);
    }
    for more in [r#""decision":{"target_fpir":[0.1]}"#] {
        cases.json(&line, with(more), &[409]);
    }
    for more in [r#""among":{"lists":["../x"]}"#, r#""among":{"not_lists":["none"]}"#] {
        cases.json(&line, with(more), &[404]);
    }
    for kind in ["text/plain", "", "application/xml", "application/x-www-form-urlencoded", "application/json5", "json", "*/*", "application/json/../x"] {
        cases.with(&line, &[("Content-Type", kind)], with(r#""top_k":1"#).as_bytes(), &[415]);
    }
    cases.with(&line, &[], b"{}", &[415]);
    for length in [0, 1, 3, 255, 257] {
        cases.with(&line, &[("Content-Type", "application/octet-stream")], &vec![0x3e; length], &[422]);
    }
    cases.with(&line, &[("Content-Type", "application/octet-stream")], &[0xff; 256], &[422]);
    cases.with(&line, &[("Content-Type", "application/octet-stream")], &[0; 256], &[422]);
}

/// Forms.
fn forms(cases: &mut Cases) {
    let (identify, faces) = (format!("POST {G}/identify"), format!("POST {G}/faces"));
    let picture = photo(1);
    let parts: Vec<(&str, &[u8])> = vec![("image", &picture[..8]); 1000];
    cases.form(&identify, &parts, &[400]);
    cases.form(&faces, &parts, &[400]);
    cases.form(&identify, &[], &[400, 422]);
    for (name, content) in [("", &b"x"[..]), ("unknown", b"x"), ("probes", b"[]"), ("subject", b"Ada"), ("image[]", b"x"), ("\0", b"x"), ("../image", b"x")] {
        cases.form(&identify, &[(name, content)], &[400, 422]);
    }
    for request in [&b""[..], b"{", b"[]", b"null", br#"{"probes":[]}"#, br#"{"top_k":0}"#, b"\xff"] {
        cases.form(&identify, &[("request", request), ("image", &picture)], &[400, 422]);
    }
    for request in [&b"{"[..], br#"{"faces":[]}"#, br#"{"names":"any"}"#, br#"{"photos":{"faces":"all"}}"#, br#"{"photos":{"min_face":0}}"#] {
        cases.form(&faces, &[("request", request), ("subject", b"Mallory"), ("image", &picture)], &[400, 422]);
    }
    for subject in [&b""[..], b" ", b" a", b"a ", b"a\0b", b"a\nb", b"\x1b[31m", "\u{202e}a".as_bytes(), "\u{200b}".as_bytes(), "\u{301}a".as_bytes(), b"\xff\xfe", &[b'a'; 513], &[b'a'; 100_000]] {
        cases.form(&faces, &[("subject", subject), ("image", &picture)], &[422]);
    }
    cases.form(&faces, &[("image", &picture), ("subject", b"Mallory")], &[422]);
    cases.form(&faces, &[("subject", b"Mallory")], &[422]);
    cases.form(&faces, &[("subject", b"Mallory"), ("image", b"")], &[422]);
    cases.form(&faces, &[("subject", b"Mallory"), ("image", b"no photo")], &[422]);
    cases.form(&faces, &[("subject", b"Mallory"), ("embedding", b"[1]"), ("image", &picture)], &[422]);
    cases.form(&format!("POST {G}/verify"), &[("a", &picture)], &[422]);
    cases.form(&format!("POST {G}/verify"), &[("a", &picture), ("b", &picture), ("threshold", b"2")], &[422]);
    cases.form(&format!("POST {G}/verify"), &[("a", &picture), ("b", &picture), ("threshold", b"1e400")], &[400, 422]);
    let (kind, body) = form(&[("subject", b"Mallory"), ("image", &picture)]);
    for cut in [0, 1, 20, 60, 150, 400, body.len() - 30, body.len() - 4] {
        cases.with(&faces, &[("Content-Type", &kind)], &body[..cut], &[400, 422]);
    }
    let long = format!("multipart/form-data; boundary={}", "b".repeat(1000));
    for kind in ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"", "multipart/form-data; boundary=other", &long] {
        cases.with(&faces, &[("Content-Type", kind)], &body, &[400, 422]);
    }
    cases.with(&faces, &[("Content-Type", "multipart/mixed; boundary=x")], &body, &[415]);
    let huge = format!("--x\r\nContent-Disposition: form-data; name=\"image\"\r\nX: {}\r\n\r\nx\r\n--x--\r\n", "y".repeat(500_000));
    cases.with(&faces, &[("Content-Type", "multipart/form-data; boundary=x")], huge.as_bytes(), &[400, 422]);
    let headers: String = (0..5000).map(|n| format!("X-{n}: y\r\n")).collect();
    let many = format!("--x\r\nContent-Disposition: form-data; name=\"image\"\r\n{headers}\r\nx\r\n--x--\r\n");
    cases.with(&faces, &[("Content-Type", "multipart/form-data; boundary=x")], many.as_bytes(), &[400, 422]);
    let traversal = "--x\r\nContent-Disposition: form-data; name=\"subject\"; filename=\"../../etc/passwd\"\r\n\r\n\r\n--x--\r\n";
    cases.with(&faces, &[("Content-Type", "multipart/form-data; boundary=x")], traversal.as_bytes(), &[422]);
    for key in ["", &"k".repeat(201), "é"] {
        cases.with(&faces, &[("Content-Type", &kind), ("Idempotency-Key", key)], &body, &[422]);
    }
}

/// Other operations.
fn operations(cases: &mut Cases) {
    let faces = format!("POST {G}/faces");
    let good = json!((0..64).map(|n| n as f32 - 31.5).collect::<Vec<_>>()).to_string();
    for face in [
        r#"{"subject":"Mallory"}"#.to_owned(),
        format!(r#"{{"embedding":{good}}}"#),
        format!(r#"{{"subject":1,"embedding":{good}}}"#),
        format!(r#"{{"subject":"a\u0000b","embedding":{good}}}"#),
        format!(r#"{{"subject":"a\ud800","embedding":{good}}}"#),
        format!(r#"{{"subject":"Mallory","embedding":{good},"image":""}}"#),
        format!(r#"{{"subject":"Mallory","embedding":{good},"subject_id":1}}"#),
        r#"{"subject":"Mallory","embedding":[1,2,3]}"#.to_owned(),
        r#"{"subject":"Mallory","image":"/etc/passwd"}"#.to_owned(),
    ] {
        cases.json(&faces, format!(r#"{{"faces":[{face}]}}"#), &[400, 422]);
    }
    cases.json(&faces, format!(r#"{{"faces":[{{"subject":"Mallory","embedding":{good}}}],"names":"generated"}}"#), &[422]);
    cases.with(&faces, &[("Content-Type", "application/octet-stream")], &row(), &[422]);
    let (one, two) = (format!("{G}/subjects/1"), format!("{G}/subjects/2"));
    for (line, body, statuses) in [
        (format!("PATCH {one}"), r#"{"name":""}"#, &[422][..]),
        (format!("PATCH {one}"), r#"{"name":"Ada"}"#, &[409]),
        (format!("PATCH {one}"), r#"{"name":"Bob"}"#, &[409]),
        (format!("PATCH {one}"), r#"{"name":"a\u0000"}"#, &[422]),
        (format!("PATCH {one}"), r#"{"name":["Ada"]}"#, &[422]),
        (format!("PATCH {one}"), r#"{"name":"X","admin":true}"#, &[422]),
        (format!("PATCH {one}"), "{}", &[422]),
        (format!("PATCH {G}/subjects/999"), r#"{"name":"X"}"#, &[404]),
        (format!("POST {one}/merge"), r#"{"into":1}"#, &[422]),
        (format!("POST {one}/merge"), r#"{"into":999}"#, &[404]),
        (format!("POST {one}/merge"), r#"{"into":-1}"#, &[422]),
        (format!("POST {two}/merge"), r#"{"into":"1"}"#, &[422]),
        (format!("POST {G}/faces/move"), r#"{"face_ids":[],"to":"X"}"#, &[422]),
        (format!("POST {G}/faces/move"), r#"{"face_ids":[999],"to":"X"}"#, &[404]),
        (format!("POST {G}/faces/move"), r#"{"face_ids":[1],"to":""}"#, &[422]),
        (format!("POST {G}/faces/move"), r#"{"face_ids":[1.5],"to":"X"}"#, &[422]),
        (format!("PUT {G}/lists/vip"), r#"{"subjects":[999]}"#, &[404, 422]),
        (format!("PUT {G}/lists/%00"), r#"{"subjects":[]}"#, &[422]),
        (format!("PUT {G}/lists/{}", "a".repeat(600)), r#"{"subjects":[]}"#, &[422]),
        (format!("PATCH {G}/lists/none"), r#"{"add":[1],"remove":[]}"#, &[404]),
        (format!("DELETE {G}/lists/none"), "", &[404]),
        (format!("POST {G}/search"), r#"{"embeddings":[[1,2]]}"#, &[422]),
        (format!("POST {G}/search"), r#"{"embeddings":[],"top_k":5}"#, &[422]),
        (format!("POST {G}/search"), r#"{"embeddings":[[]],"top_k":1e99}"#, &[422]),
        (format!("POST {G}/search/groups"), r#"{"embeddings":[[1e400]]}"#, &[400, 422]),
        (format!("POST {G}/range"), r#"{"embeddings":[[1,2]],"min_score":2}"#, &[422]),
        (format!("POST {G}/calibrations"), r#"{"target_fpir":[0]}"#, &[422]),
        (format!("POST {G}/calibrations"), r#"{"people":0}"#, &[422]),
        (format!("POST {G}/calibrations"), r#"{"nonmated":[[1,2]]}"#, &[422]),
        (format!("POST {G}/calibrations"), r#"{"fusion":"none"}"#, &[422]),
        (format!("POST {G}/audits"), r#"{"max_loss":2}"#, &[422]),
        (format!("POST {G}/audits"), r#"{"mated":[{"subject":"Ada","embedding":[1]}]}"#, &[422]),
        (format!("POST {G}/evaluations"), "{}", &[422]),
        (format!("POST {G}/evaluations"), r#"{"mated":[],"nonmated":[]}"#, &[422]),
        (format!("POST {G}/backups"), r#"{"to":"/etc/passwd"}"#, &[409]),
        (format!("POST {G}/detect"), r#"{"images":[]}"#, &[422]),
        (format!("POST {G}/embed"), r#"{"images":["***"]}"#, &[422]),
        (format!("POST {G}/quality"), r#"{"images":[1]}"#, &[422]),
        ("POST /v1/galleries/nowhere/identify".into(), "{}", &[404, 422]),
        ("PUT /v1/galleries/%2e%2e".into(), "{}", &[404, 422]),
        ("PUT /v1/galleries/.hidden".into(), "{}", &[422]),
        ("PUT /v1/galleries/a%2fb".into(), "{}", &[404, 422]),
        (format!("PUT /v1/galleries/{}", "a".repeat(65)), "{}", &[422]),
        ("PUT /v1/galleries/gallery".into(), "{}", &[409]),
        ("PUT /v1/galleries/new".into(), r#"{"model":"/etc/passwd"}"#, &[422]),
        ("PUT /v1/galleries/new".into(), r#"{"model":"../x.toml"}"#, &[422]),
        ("PUT /v1/galleries/new".into(), r#"{"dimension":0}"#, &[422]),
        ("PUT /v1/galleries/new".into(), r#"{"dimension":1000000000}"#, &[422]),
        ("PUT /v1/galleries/new".into(), r#"{"dimension":1e400}"#, &[400, 422]),
        ("PUT /v1/galleries/new".into(), r#"{"dimension":8,"model":"stand-in"}"#, &[422]),
        ("DELETE /v1/galleries/nowhere".into(), "", &[404]),
        ("DELETE /v1/galleries/gallery".into(), "", &[409]),
    ] {
        cases.json(&line, body, statuses);
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
    let private = [house.path("").display().to_string(), "/tmp".into(), ".rs".into(), "panicked".into(), "sqlite".into()];
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
            wrong.push(format!("{name}\n  expected {statuses:?}, got {status} in {took:?}, shows {shown:?}\n  {text:.700}"));
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

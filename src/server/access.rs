//! Which names the server has, and from which pages requests may come. A page of another origin cannot use the server, even if its name
//! leads to this address (DNS rebinding).

use axum::http::{HeaderMap, Method, StatusCode, header};

use super::options::Options;
use super::problem::{Problem, Result};

/// The names of a server.
pub struct Hosts(Vec<String>);

impl Hosts {
    /// The names of a server with these options.
    pub fn new(options: &Options) -> Self {
        let ip = options.bind.ip();
        let mut names = vec![ip.to_string(), format!("[{ip}]")];
        if ip.is_loopback() {
            names.extend(["localhost", "127.0.0.1", "[::1]"].map(String::from));
        }
        names.extend(options.hosts.iter().map(|name| name.to_ascii_lowercase()));
        Self(names)
    }

    /// Checks the `Host` and `Origin` headers of a request.
    ///
    /// # Errors
    /// They name another server (421), or a page of another origin (403).
    pub fn check(&self, method: &Method, headers: &HeaderMap) -> Result<()> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let mut hosts = headers.get_all(header::HOST).iter();
        let host = hosts.next().and_then(|host| host.to_str().ok()).unwrap_or_default();
        if hosts.next().is_some() || !self.is_own(host) {
            let detail = "the Host header does not name this server";
            return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, "unknown_host", detail));
        }
        let foreign = || {
            let detail = "requests from pages of other origins are refused";
            Err(Problem::new(StatusCode::FORBIDDEN, "foreign_origin", detail))
        };
        let is_navigation = *method == Method::GET && text("sec-fetch-mode") == Some("navigate");
        if text("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
            && !is_navigation
        {
            return foreign();
        }
        match text("origin") {
            Some(origin) => {
                let own = origin.split_once("://").is_some_and(|(_, of)| of.eq_ignore_ascii_case(host));
                if own { Ok(()) } else { foreign() }
            }
            None if headers.contains_key(header::ORIGIN) => foreign(),
            None => Ok(()),
        }
    }

    fn is_own(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if !name.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit()) => {
                name
            }
            _ => host,
        };
        self.0.iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn check(headers: &[(&str, &str)]) -> u16 {
        let hosts = Hosts(["localhost", "127.0.0.1", "[::1]", "faces.example"].map(String::from).into());
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
        }
        hosts.check(&Method::POST, &map).map_or_else(|problem| problem.status.as_u16(), |()| 200)
    }

    #[test]
    fn only_own_names_and_origins_pass() {
        for host in ["localhost", "LOCALHOST:7878", "127.0.0.1:7878", "[::1]:1", "[::1]", "faces.example"] {
            assert_eq!(check(&[("host", host)]), 200, "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil",
            "localhost:x",
            ":80",
            "a@localhost",
        ] {
            assert_eq!(check(&[("host", host)]), 421, "{host}");
        }
        assert_eq!(check(&[]), 421);
        assert_eq!(check(&[("host", "localhost"), ("host", "localhost")]), 421);
        let own = ("host", "localhost:7878");
        assert_eq!(check(&[own, ("origin", "http://localhost:7878")]), 200);
        for origin in ["null", "http://localhost:1", "https://evil.example", "localhost:7878", ""] {
            assert_eq!(check(&[own, ("origin", origin)]), 403, "{origin}");
        }
        assert_eq!(check(&[own, ("sec-fetch-site", "same-origin")]), 200);
        assert_eq!(check(&[own, ("sec-fetch-site", "none")]), 200);
        assert_eq!(check(&[own, ("sec-fetch-site", "cross-site")]), 403);
        assert_eq!(check(&[own, ("sec-fetch-site", "same-site")]), 403);
    }
}

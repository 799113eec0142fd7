//! Runs `gallerist serve` and speaks HTTP with it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Request;

use crate::program::{House, Said, command, gallerist};

/// Longest time for a start and for a stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server. It is killed when it is dropped.
pub struct Server {
    child: Child,
    out: BufReader<ChildStdout>,
    log: std::path::PathBuf,
    pub url: String,
    /// A token with all scopes.
    pub token: String,
    agent: Arc<Agent>,
}

/// A reply.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub kind: String,
    pub body: Vec<u8>,
}

impl Reply {
    /// Checks the status. Shows the body if it is another one.
    #[track_caller]
    pub fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).expect("the reply is JSON")
    }
}

impl Server {
    /// Serves the gallery of a house, and waits until it is ready.
    #[track_caller]
    pub fn start(house: &House, more: &[&str]) -> Self {
        let mut command = house.command("serve", [] as [&str; 0]);
        let tokens = house.path("tokens.json");
        let log = house.path("serve.log");
        let file = std::fs::File::options().create(true).append(true).open(&log).unwrap();
        command.args(["--bind", "127.0.0.1:0", "--format", "json", "--tokens"]).arg(&tokens).args(more);
        let mut child = command.stdout(Stdio::piped()).stderr(file).spawn().expect("the program starts");
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = || {
            let mut line = String::new();
            out.read_line(&mut line).unwrap();
            let event: Value = serde_json::from_str(&line)
                .unwrap_or_else(|_| panic!("{line:?} {}", std::fs::read_to_string(&log).unwrap()));
            event
        };
        let serving = line();
        assert_eq!(line()["event"], "ready");
        let url = serving["url"].as_str().unwrap().to_owned();
        // The first start makes a token, later ones do not.
        let token = match serving["token"].as_str() {
            Some(token) => {
                house.write("token", token.as_bytes());
                token.to_owned()
            }
            None => std::fs::read_to_string(house.path("token")).unwrap(),
        };
        let config = Agent::config_builder().http_status_as_error(false).proxy(None);
        let agent = config.timeout_global(Some(PATIENCE)).build().new_agent();
        Self { child, out, log, url, token, agent: Arc::new(agent) }
    }

    pub fn address(&self) -> SocketAddr {
        self.url.split_once("://").unwrap().1.parse().unwrap()
    }

    /// What the server has written to the standard error.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Makes a token of a scope with the options.
    #[track_caller]
    pub fn token(house: &House, name: &str, scope: &str, more: &[&str]) -> String {
        let tokens = house.path("tokens.json");
        let words = ["token", "make", name, "--scope", scope, "--tokens", tokens.to_str().unwrap()];
        gallerist(words.iter().chain(more)).ends(0).out.trim().to_owned()
    }

    /// Sends a request with a token and a body.
    #[track_caller]
    pub fn send(&self, method: &str, path: &str, token: &str, body: Option<(&str, Vec<u8>)>) -> Reply {
        self.try_send(method, path, token, body).expect("the server replies")
    }

    /// As [`send`](Self::send). An error if the server does not reply.
    pub fn try_send(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: Option<(&str, Vec<u8>)>,
    ) -> Result<Reply, ureq::Error> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut reply = match body {
            None => self.agent.run(request.body(()).unwrap())?,
            Some((kind, body)) => self.agent.run(request.header("content-type", kind).body(body).unwrap())?,
        };
        let kind = reply.headers().get("content-type").map_or("", |kind| kind.to_str().unwrap()).to_owned();
        Ok(Reply { status: reply.status().as_u16(), kind, body: reply.body_mut().read_to_vec()? })
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &self.token, None)
    }

    /// Sends JSON with the token of all scopes.
    #[track_caller]
    pub fn json(&self, method: &str, path: &str, body: &Value) -> Reply {
        self.send(method, path, &self.token, Some(("application/json", body.to_string().into_bytes())))
    }

    /// Sends a form with the token of all scopes.
    #[track_caller]
    pub fn form(&self, path: &str, parts: &[(&str, &[u8])]) -> Reply {
        let (kind, body) = form(parts);
        self.send("POST", path, &self.token, Some((&kind, body)))
    }

    /// Posts a body with an idempotency key.
    #[track_caller]
    pub fn keyed(&self, path: &str, key: &str, (kind, body): (&str, Vec<u8>)) -> Reply {
        let request = Request::builder().method("POST").uri(format!("{}{path}", self.url));
        let request = request.header("authorization", format!("Bearer {}", self.token));
        let request = request.header("content-type", kind).header("idempotency-key", key);
        let mut reply = self.agent.run(request.body(body).unwrap()).expect("the server replies");
        let status = reply.status().as_u16();
        Reply { status, kind: String::new(), body: reply.body_mut().read_to_vec().unwrap() }
    }

    /// Waits until a job has ended. Returns it.
    #[track_caller]
    pub fn job(&self, id: &str) -> Value {
        let started = Instant::now();
        loop {
            let job = self.get(&format!("/v1/jobs/{id}")).is(200);
            if !["queued", "running"].contains(&job["state"].as_str().unwrap()) {
                return job;
            }
            assert!(started.elapsed() < PATIENCE, "{job}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A command of the program that asks this server.
    pub fn command<S: AsRef<std::ffi::OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        let mut command = command(words);
        command.args(["--server", &self.url]).env("GALLERIST_TOKEN", &self.token);
        command
    }

    /// Runs the program with a command that asks this server.
    #[track_caller]
    pub fn run<S: AsRef<std::ffi::OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Said {
        Said::of(self.command(words).output().expect("the program starts"))
    }

    /// Sends bytes, and returns the status and the text of the reply. The status is 0 if the server closes the connection without one.
    pub fn raw(&self, request: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // The server may refuse a request before it has read all of it.
        let _ = stream.write_all(request);
        read(&mut stream)
    }

    /// Asks the server to stop.
    pub fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    /// Stops the server and waits for its end.
    #[track_caller]
    pub fn stop(mut self) {
        self.terminate();
        self.ends();
    }

    /// Waits for the end of a server that was asked to stop.
    #[track_caller]
    pub fn ends(&mut self) {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert_eq!(status.code(), Some(0), "{}", self.log());
                let mut rest = String::new();
                self.out.read_to_string(&mut rest).unwrap();
                assert!(!self.log().contains("panicked"), "{}", self.log());
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the server does not stop: {}", self.log());
    }

    /// The id of the process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads a whole reply: up to its length, or to the end of the connection.
pub fn read(stream: &mut TcpStream) -> (u16, String) {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if length.is_some_and(|length: usize| body.len() >= length) {
                break;
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(count) => bytes.extend(&buffer[..count]),
        }
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let status = text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    (status.unwrap_or(0), text)
}

/// A multipart form: its media type and its bytes.
pub fn form(parts: &[(&str, &[u8])]) -> (String, Vec<u8>) {
    form_with("a-boundary-of-tests", parts)
}

/// As [`form`], with this boundary.
pub fn form_with(boundary: &str, parts: &[(&str, &[u8])]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for (name, content) in parts {
        let file = if *name == "image" { "; filename=\"x\"" } else { "" };
        let head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        body.extend(head.as_bytes());
        body.extend(*content);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}

/// A template of `dimension` numbers. Different seeds give different directions.
pub fn embedding(dimension: usize, seed: u64) -> Value {
    let file = crate::program::vectors(1, dimension, seed);
    let (numbers, _) = file[file.len() - 4 * dimension..].as_chunks::<4>();
    json!(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect::<Vec<_>>())
}

//! The end of a server: kill -9 under load, and a stop that finishes requests.
//!
//! `GALLERIST_KILLS` sets the number of kills (default 2).

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::program::{House, photo};
use crate::serve::{Server, embedding, form, read};

const FACES: &str = "/v1/galleries/gallery/faces";
/// Threads that enroll at the same time.
const THREADS: u64 = 4;

fn kills() -> u64 {
    std::env::var("GALLERIST_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(2)
}

/// An enrollment of one face: templates and photos in turn.
struct Enrollment {
    name: String,
    seed: u64,
}

impl Enrollment {
    fn new(round: u64, thread: u64, number: u64) -> Self {
        let seed = (round * THREADS + thread) * 1_000_000 + number;
        Self { name: format!("Person {round}-{thread}-{number}"), seed }
    }

    fn body(&self) -> (String, Vec<u8>) {
        if self.seed.is_multiple_of(2) {
            let face = json!({ "faces": [{ "subject": self.name, "embedding": embedding(64, self.seed) }] });
            return ("application/json".into(), face.to_string().into_bytes());
        }
        form(&[("subject", self.name.as_bytes()), ("image", &photo(self.seed))])
    }

    /// The result of the face, if the server replied.
    fn send(&self, server: &Server) -> Option<Value> {
        let (kind, body) = self.body();
        let reply = server.try_send("POST", FACES, &server.token, Some((&kind, body))).ok()?;
        assert!([200, 201].contains(&reply.status), "{}", String::from_utf8_lossy(&reply.body));
        Some(serde_json::from_slice::<Value>(&reply.body).unwrap()["faces"][0].clone())
    }
}

/// Enrolls until the server is killed. Returns the acknowledged faces with their ids.
fn load(server: &Server, round: u64, thread: u64, stop: &AtomicBool) -> Vec<(Enrollment, u64)> {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        let enrollment = Enrollment::new(round, thread, number);
        match enrollment.send(server) {
            Some(face) => {
                assert_eq!(face["result"], "enrolled", "{face}");
                acknowledged.push((enrollment, face["face_ids"][0].as_u64().unwrap()));
            }
            None => break,
        }
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    acknowledged
}

/// Every subject in the gallery with the id of a template.
fn subjects(server: &Server) -> std::collections::HashMap<String, u64> {
    let (mut all, mut cursor) = (std::collections::HashMap::new(), String::new());
    loop {
        let page = server.get(&format!("/v1/galleries/gallery/subjects?limit=1000{cursor}")).is(200);
        for one in page["subjects"].as_array().unwrap() {
            all.insert(one["subject"].as_str().unwrap().to_owned(), one["face_id"].as_u64().unwrap());
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

#[test]
fn a_killed_server_loses_nothing_that_was_acknowledged() {
    let house = House::new();
    let mut acknowledged = Vec::new();
    for round in 0..kills() {
        let server = Server::start(&house, &[]);
        let stop = AtomicBool::new(false);
        let pid = server.pid().to_string();
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|thread| {
                    let (server, stop) = (&server, &stop);
                    scope.spawn(move || load(server, round, thread, stop))
                })
                .collect();
            std::thread::sleep(Duration::from_millis(800 + 137 * round));
            assert!(std::process::Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
            stop.store(true, Ordering::Relaxed);
            threads.into_iter().for_each(|thread| acknowledged.extend(thread.join().unwrap()));
        });
        drop(server);

        let server = Server::start(&house, &[]);
        let there = subjects(&server);
        for (enrollment, id) in &acknowledged {
            assert_eq!(there.get(&enrollment.name), Some(id), "{} was acknowledged", enrollment.name);
        }
        for (enrollment, id) in acknowledged.iter().rev().take(20) {
            let face = enrollment.send(&server).unwrap();
            assert_eq!((&face["result"], &face["face_ids"]), (&json!("unchanged"), &json!([id])), "{face}");
            assert_eq!(face["subject"], json!(enrollment.name));
        }
        server.stop();
    }
    assert!(acknowledged.len() as u64 >= THREADS * kills(), "{} faces were enrolled", acknowledged.len());
    let found = house.run("check", ["--deep", "--format", "json"]).ends(0).json();
    assert_eq!(found[0]["problems"], json!([]));
    assert!(found[0]["templates"].as_u64().unwrap() >= acknowledged.len() as u64);
}

#[test]
fn a_stop_finishes_a_request_that_has_begun() {
    let house = House::new();
    let mut server = Server::start(&house, &[]);
    let enrollment = Enrollment::new(0, 0, 1);
    let (kind, body) = enrollment.body();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let head = format!(
        "POST {FACES} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        server.address(),
        server.token,
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body[..body.len() / 2]).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    server.terminate();
    std::thread::sleep(Duration::from_millis(300));
    assert!(TcpStream::connect(server.address()).is_err(), "a stopping server accepts no connection");
    stream.write_all(&body[body.len() / 2..]).unwrap();
    let (status, text) = read(&mut stream);
    assert_eq!(status, 201, "{text}");
    assert!(text.contains("\"result\":\"enrolled\""), "{text}");
    server.ends();
    house.holds(1);
}

#[test]
fn an_idle_server_stops_at_once_and_frees_the_gallery() {
    let house = House::new();
    let server = Server::start(&house, &[]);
    // A connection without a request does not keep the server.
    let idle = TcpStream::connect(server.address()).unwrap();
    let said = house.run("enroll", [house.photo("a.png", 1).to_str().unwrap(), "--subject", "Ada"]).ends(1);
    assert!(said.err.contains("in use"), "{}", said.err);
    let started = std::time::Instant::now();
    server.stop();
    assert!(started.elapsed() < Duration::from_secs(10));
    drop(idle);
    house.run("enroll", [house.path("a.png").to_str().unwrap(), "--subject", "Ada"]).ends(0);
    house.holds(1);
}

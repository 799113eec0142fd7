//! `load ADDRESS PATH PROBES CONNECTIONS RATE SECONDS [HEADER...]`: the load of a look-up service over HTTP/1.1.
//!
//! PROBES is a `.npy` file: each row is a request whose body is its components as little-endian `f32`; or a photo, which is sent as a form. With RATE 0 each connection sends its next request when it has
//! the reply: the capacity. With a rate the requests have fixed times, evenly spread over the connections, and a latency is measured from that
//! time: a service that falls behind has the waiting in its latencies (open loop). Prints a JSON line: requests by status, the rate, and
//! quantiles of the latency in milliseconds. A tenth of the time before is not measured.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use gallerist::session::probes::is_vectors;
use gallerist::vectors::VectorFile;
use serde_json::json;

/// The requests of all probes, ready to be sent.
struct Requests {
    address: String,
    all: Vec<Vec<u8>>,
}

/// One measured request.
struct Measured {
    status: u16,
    latency: Duration,
}

/// Runs the benchmark.
///
/// # Errors
/// An argument is missing or invalid; the service does not reply.
pub fn run(arguments: &[String]) -> Result<()> {
    let [address, path, probes, connections, rate, seconds, headers @ ..] = arguments else {
        bail!("load ADDRESS PATH PROBES CONNECTIONS RATE SECONDS [HEADER...]");
    };
    let requests = requests(address, path, Path::new(probes), headers)?;
    let (connections, rate): (usize, f64) = (connections.parse()?, rate.parse()?);
    let seconds: f64 = seconds.parse()?;
    ensure!(connections > 0 && rate >= 0.0 && seconds > 0.0, "expected positive numbers");
    let started = Instant::now() + Duration::from_millis(50);
    let measured_from = started + Duration::from_secs_f64(seconds * 0.1);
    let end = started + Duration::from_secs_f64(seconds * 1.1);
    let all = Mutex::new(Vec::new());
    thread::scope(|scope| -> Result<()> {
        let workers: Vec<_> = (0..connections)
            .map(|number| {
                let (requests, all) = (&requests, &all);
                scope.spawn(move || -> Result<()> {
                    let every = (rate > 0.0).then(|| Duration::from_secs_f64(connections as f64 / rate));
                    let shift = every
                        .map_or(Duration::ZERO, |every| every.mul_f64(number as f64 / connections as f64));
                    let times = (started + shift, measured_from, end);
                    let measured = Connection::open(requests)?.ask(number * 7919, every, times)?;
                    if let Ok(mut all) = all.lock() {
                        all.extend(measured);
                    }
                    Ok(())
                })
            })
            .collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| anyhow::anyhow!("a thread panicked"))?)
    })?;
    let measured = all.into_inner().map_err(|_| anyhow::anyhow!("a thread panicked"))?;
    report(arguments, &measured, seconds)
}

fn requests(address: &str, path: &str, probes: &Path, headers: &[String]) -> Result<Requests> {
    let mut bodies = Vec::new();
    let media_type = if is_vectors(probes) {
        let file = VectorFile::open(probes)?;
        for (_, template) in file.valid(0, file.rows as usize)? {
            bodies.push(template.as_slice().iter().flat_map(|number| number.to_le_bytes()).collect());
        }
        "application/octet-stream"
    } else {
        let photo = fs::read(probes).with_context(|| probes.display().to_string())?;
        let head = "--part\r\nContent-Disposition: form-data; name=\"image\"; filename=\"photo\"\r\n\r\n";
        bodies.push([head.as_bytes(), &photo, b"\r\n--part--\r\n"].concat());
        "multipart/form-data; boundary=part"
    };
    ensure!(!bodies.is_empty(), "there is no probe");
    let request = |body: Vec<u8>| {
        let mut head = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n",
            body.len()
        );
        headers.iter().for_each(|header| head += &format!("{header}\r\n"));
        head += "\r\n";
        [head.as_bytes(), &body].concat()
    };
    Ok(Requests { address: address.into(), all: bodies.into_iter().map(request).collect() })
}

struct Connection<'a> {
    requests: &'a Requests,
    stream: BufReader<TcpStream>,
}

impl<'a> Connection<'a> {
    fn open(requests: &'a Requests) -> Result<Self> {
        let stream = TcpStream::connect(&requests.address).with_context(|| requests.address.clone())?;
        stream.set_nodelay(true)?;
        Ok(Self { requests, stream: BufReader::new(stream) })
    }

    fn ask(
        mut self,
        first: usize,
        every: Option<Duration>,
        (started, measured_from, end): (Instant, Instant, Instant),
    ) -> Result<Vec<Measured>> {
        let mut measured = Vec::new();
        let mut due = started;
        for number in first.. {
            if let Some(early) = due.checked_duration_since(Instant::now()) {
                thread::sleep(early);
            }
            let asked = if every.is_some() { due } else { Instant::now() };
            if asked >= end {
                break;
            }
            let status = self.one(&self.requests.all[number % self.requests.all.len()])?;
            if asked >= measured_from {
                measured.push(Measured { status, latency: asked.elapsed() });
            }
            due += every.unwrap_or_default();
        }
        Ok(measured)
    }

    /// Sends a request and reads the reply. Returns its status.
    fn one(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.get_mut().write_all(request)?;
        let (mut status, mut length, mut line) = (None, 0, String::new());
        loop {
            line.clear();
            ensure!(self.stream.read_line(&mut line)? > 0, "the service closed the connection");
            let text = line.trim_end();
            if text.is_empty() {
                break;
            }
            if status.is_none() {
                status = text.split(' ').nth(1).and_then(|code| code.parse().ok());
            } else if let Some((name, value)) = text.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        status.context("the service did not speak HTTP")
    }
}

#[expect(clippy::print_stdout, reason = "a program prints")]
fn report(arguments: &[String], measured: &[Measured], seconds: f64) -> Result<()> {
    let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
    let mut latencies = Vec::new();
    for one in measured {
        *statuses.entry(one.status).or_default() += 1;
        if (200..300).contains(&one.status) {
            latencies.push(one.latency.as_secs_f64() * 1e3);
        }
    }
    latencies.sort_by(f64::total_cmp);
    let quantile = |share: f64| {
        let at = (latencies.len() as f64 * share).ceil() as usize;
        latencies.get(at.saturating_sub(1)).copied()
    };
    let line = json!({
        "connections": arguments[3], "asked_per_second": arguments[4], "seconds": seconds, "statuses": statuses,
        "replies_per_second": latencies.len() as f64 / seconds,
        "p50_ms": quantile(0.5), "p90_ms": quantile(0.9), "p99_ms": quantile(0.99), "p999_ms": quantile(0.999), "max_ms": quantile(1.0),
    });
    println!("{line}");
    Ok(())
}

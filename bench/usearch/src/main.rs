//! `usearch-service ADDRESS ROWS.npy DIMENSION WIDTH [INDEX]`: the ten nearest rows of a file of vectors, by usearch's HNSW (M 16, efConstruction
//! 128, cosine, half precision), over HTTP/1.1. A request is the components of a probe as little-endian `f32`; a reply is JSON. With INDEX the
//! graph is read from that file if it exists, and stored there otherwise.

use std::convert::Infallible;
use std::sync::Arc;

use anyhow::{Result, bail};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use usearch::{Index, IndexOptions, MetricKind, ScalarKind};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, rows, dimension, width, file @ ..] = arguments.as_slice() else {
        bail!("usearch-service ADDRESS ROWS.npy DIMENSION WIDTH [INDEX]");
    };
    let dimension: usize = dimension.parse()?;
    let index = Arc::new(index(rows, dimension, width.parse()?, file.first())?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_io().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await?;
        println!("ready");
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let index = Arc::clone(&index);
            tokio::spawn(async move {
                let service = service_fn(move |request| answer(Arc::clone(&index), request));
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    })
}

async fn answer(index: Arc<Index>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let probe: Vec<f32> = body.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let text = match index.search(&probe, 10) {
        Ok(found) => serde_json::json!({ "keys": found.keys, "distances": found.distances }).to_string(),
        Err(error) => error.to_string(),
    };
    Ok(Response::new(Full::new(text.into())))
}

/// The index of the rows, built with all cores.
fn index(rows: &str, dimension: usize, width: usize, file: Option<&String>) -> Result<Index> {
    let options = IndexOptions {
        dimensions: dimension,
        metric: MetricKind::Cos,
        quantization: ScalarKind::F16,
        connectivity: 16,
        expansion_add: 128,
        expansion_search: width,
        multi: false,
    };
    let index = Index::new(&options)?;
    if let Some(file) = file.filter(|file| std::path::Path::new(file).exists()) {
        index.load(file)?;
        index.change_expansion_search(width);
        return Ok(index);
    }
    let bytes = std::fs::read(rows)?;
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let numbers: Vec<f32> = bytes[header..].as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let count = numbers.len() / dimension;
    index.reserve(count)?;
    let threads = std::thread::available_parallelism()?.get();
    std::thread::scope(|scope| {
        let index = &index;
        let workers: Vec<_> = numbers
            .chunks(count.div_ceil(threads) * dimension)
            .enumerate()
            .map(|(part, rows)| {
                scope.spawn(move || -> Result<()> {
                    let first = part * count.div_ceil(threads);
                    for (at, row) in rows.chunks_exact(dimension).enumerate() {
                        index.add((first + at) as u64, row)?;
                    }
                    Ok(())
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a thread panicked"))
    })?;
    if let Some(file) = file {
        index.save(file)?;
    }
    Ok(index)
}

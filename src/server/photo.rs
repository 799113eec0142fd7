//! Processing of the photos of a request.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::call::Call;
use super::metrics::Stage;
use super::pool::Working;
use super::problem::{Problem, Result};
use super::served::Served;
use crate::encoder::Engine;
use crate::ingest::{Detected, Look, Options, Times};
use crate::reply::Timings;

/// Photos of one request that are processed at the same time.
const TOGETHER: usize = 8;

/// A processed photo, and the time that it waited.
pub struct Processed<T> {
    /// The result.
    pub result: T,
    /// Time before the processing.
    pub waited: Duration,
}

/// A result with the durations of its steps.
pub trait Timed: Send + 'static {
    /// The durations.
    fn times(&self) -> Times;
}

impl Timed for Look {
    fn times(&self) -> Times {
        self.times
    }
}

impl Timed for Detected {
    fn times(&self) -> Times {
        self.times
    }
}

/// The results of `process` for photos, in the order of the photos.
///
/// # Errors
/// Too many photos are waiting; the gallery has templates of another program.
pub async fn each<T: Timed>(
    call: &Call,
    served: &Arc<Served>,
    photos: Vec<Bytes>,
    options: Options,
    process: fn(&Engine, &[u8], &Options) -> T,
) -> Result<Vec<Processed<T>>> {
    if photos.is_empty() {
        return Ok(Vec::new());
    }
    if !served.encodes() {
        let detail = "the gallery has templates of another program; send templates of the same model";
        return Err(Problem::conflict("templates_only", detail));
    }
    let options = Arc::new(options);
    let pool = &call.app.photos;
    let mut place = Some(pool.admit()?);
    let mut running: VecDeque<Working<Result<T>>> = VecDeque::new();
    let mut processed = Vec::with_capacity(photos.len());
    for bytes in photos {
        if running.len() >= TOGETHER
            && let Some(oldest) = running.pop_front()
        {
            processed.push(finished(call, oldest).await?);
        }
        let place = match place.take() {
            Some(place) => place,
            None => pool.admit_another().await?,
        };
        let (served, options) = (Arc::clone(served), Arc::clone(&options));
        running.push_back(pool.start_work(place, move || {
            let engine = served.session.engine().map_err(Problem::from)?;
            Ok(process(engine, &bytes, &options))
        })?);
    }
    for working in running {
        processed.push(finished(call, working).await?);
    }
    Ok(processed)
}

async fn finished<T: Timed>(call: &Call, working: Working<Result<T>>) -> Result<Processed<T>> {
    let (done, waited) = working.done().await?;
    let result = done?;
    let times = result.times();
    let metrics = &call.app.metrics;
    metrics.stage(Stage::Queue).record(waited);
    let steps = [(Stage::Decode, times.decode), (Stage::Detect, times.detect), (Stage::Encode, times.encode)];
    for (stage, time) in steps.into_iter().filter(|(_, time)| !time.is_zero()) {
        metrics.stage(stage).record(time);
    }
    Ok(Processed { result, waited })
}

/// Milliseconds.
pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Enters the longest duration of each step.
pub fn enter<T: Timed>(timings: &mut Timings, processed: &[Processed<T>]) {
    for Processed { result, waited } in processed {
        let times = result.times();
        let steps = [
            (&mut timings.queue_ms, *waited),
            (&mut timings.decode_ms, times.decode),
            (&mut timings.detect_ms, times.detect),
            (&mut timings.encode_ms, times.encode),
        ];
        for (longest, duration) in steps {
            *longest = longest.max(milliseconds(duration));
        }
    }
}

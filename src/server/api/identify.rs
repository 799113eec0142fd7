//! Identification.

use std::sync::Arc;

use axum::http::{Method, StatusCode};

use super::handler;
use crate::gallery::TOGETHER;
use crate::ingest::look;
use crate::reply::{
    Identification, IdentifiedFaces, IdentifyFaces, IdentifyRequest, Probe, Refusal, Reply as Answer,
    Timings, VERSION,
};
use crate::server::call::{Call, Reply, json};
use crate::server::decision_log::Entry;
use crate::server::input::{self, Face, Identify, IdentifyQuery, Octets, PhotoForm};
use crate::server::photo::{self, milliseconds};
use crate::server::problem::{Problem, Result};
use crate::server::route::{Access, Route};
use crate::server::searcher::Found;
use crate::server::served::Served;
use crate::server::token::Scope;
use crate::template::Template;

/// Longest candidate list for a sender who may not see scores.
const FEW: u32 = 5;
/// Bands of scores from 0 to 1 for such a sender.
const BANDS: f32 = 20.0;

/// The lower end of the band of a score.
pub fn band(score: f32) -> f32 {
    (score * BANDS).floor() / BANDS
}

pub fn routes() -> Vec<Route> {
    let words = ("identify", "Identify faces: a candidate list and a decision for each probe");
    let access = Access::Scope(Scope::Identify);
    let path = "/v1/galleries/{gallery}/identify";
    vec![
        Route::new(Method::POST, path, access, words, handler!(identify))
            .query::<IdentifyQuery>()
            .takes::<IdentifyFaces>()
            .takes_as::<PhotoForm>("multipart/form-data")
            .takes_as::<Octets>("application/octet-stream")
            .gives::<IdentifiedFaces>(200),
    ]
}

/// A reply, or the place of a probe whose reply is being searched.
enum Slot {
    Searched,
    Refused(Box<Refusal>),
}

async fn identify(call: Call) -> Result<Reply> {
    let served = call.gallery()?;
    let arriving = served.searcher.announce();
    let Identify { faces, request, photos } = input::identify(&call, &served).await?;
    require_scope(&call, &request)?;
    let (_, mut options) = served.photos(&photos)?;
    options.measure_authenticity = served.session.guard().is_some();
    let mut timings = Timings::default();
    let bytes: Vec<_> = faces.iter().filter_map(Face::photo).collect();
    let (mut slots, mut probes) = (Vec::new(), Vec::new());
    let mut looks = Vec::new();
    let arriving = if bytes.is_empty() {
        Some(arriving)
    } else {
        drop(arriving);
        looks = photo::each(&call, &served, bytes, options, look).await?;
        photo::enter(&mut timings, &looks);
        None
    };
    let mut looks = looks.into_iter();
    for (row, face) in (0..).zip(faces) {
        match face {
            Face::Template(template) => {
                probes.push((Probe { row: Some(row), ..Probe::default() }, template));
                slots.push(Slot::Searched);
            }
            Face::Photo(_) => {
                let Some(look) = looks.next() else {
                    return Err(Problem::internal(&"a photo was not processed"));
                };
                let seen = look.result;
                let found = served.session.probes_of("", &seen.finding, &seen.census);
                for (probe, template) in found.probes {
                    probes.push((Probe { row: Some(row), ..probe }, Template::clone(template)));
                    slots.push(Slot::Searched);
                }
                for mut refusal in found.refused {
                    refusal.probe.row = Some(row);
                    slots.push(Slot::Refused(Box::new(refusal)));
                }
            }
        }
    }
    let found = search(&served, probes, request, &mut timings).await;
    drop(arriving);
    let mut found = found?.into_iter();
    let replies = slots.into_iter().filter_map(|slot| match slot {
        Slot::Refused(refusal) => Some(Answer::Refused(refusal)),
        Slot::Searched => found.next().map(Box::new).map(Answer::Identified),
    });
    let mut replies: Vec<Answer> = replies.collect();
    log(&call, &served, &replies)?;
    if !call.sees_scores() {
        replies.iter_mut().for_each(hide_scores);
    }
    timings.total_ms = milliseconds(call.received.elapsed());
    json(StatusCode::OK, &IdentifiedFaces { version: VERSION, replies, timings })
}

/// Searches for probes, in parts that fit one pass, so that a request with many does not delay others.
async fn search(
    served: &Arc<Served>,
    probes: Vec<(Probe, Template)>,
    request: IdentifyRequest,
    timings: &mut Timings,
) -> Result<Vec<Identification>> {
    let request = Arc::new(request);
    let mut replies = Vec::with_capacity(probes.len());
    let mut probes = probes.into_iter().peekable();
    while probes.peek().is_some() {
        let part = probes.by_ref().take(TOGETHER).collect();
        let Found { replies: found, waited, searched } = served.searcher.search(part, &request).await?;
        replies.extend(found);
        timings.queue_ms += milliseconds(waited);
        timings.search_ms += milliseconds(searched);
    }
    Ok(replies)
}

/// Senders who may not see scores get short lists, and no templates.
fn require_scope(call: &Call, request: &IdentifyRequest) -> Result<()> {
    let forbidden = |what: &str| Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", what));
    if call.sees_scores() {
        return Ok(());
    }
    if request.with_template {
        return forbidden("this token does not allow templates in replies");
    }
    if request.top_k > FEW {
        return forbidden("this token allows candidate lists of at most 5");
    }
    if !request.decision.threshold.is_empty() {
        return forbidden("this token does not allow thresholds of its own; the gallery's apply");
    }
    Ok(())
}

/// Leaves the verdict of a gate without its details, which would show how to change a picture until it passes. Leaves the decision and the matching candidates, with their scores in bands. With exact scores a client could approach a face in the
/// gallery step by step.
fn hide_scores(reply: &mut Answer) {
    let Answer::Identified(reply) = reply else { return };
    if let Some(judgement) = reply.probe.authenticity.as_mut().and_then(|one| one.judgement.as_mut()) {
        *judgement = judgement.without_details();
    }
    reply.matches.retain(|candidate| candidate.is_match);
    for candidate in &mut reply.matches {
        candidate.similarity = band(candidate.similarity);
        candidate.distance = 1.0 - candidate.similarity;
        candidate.false_alarm_rate = None;
    }
    reply.certificate.max_similarity = None;
}

/// Logs the decisions, before the sender gets them.
fn log(call: &Call, served: &Served, replies: &[Answer]) -> Result<()> {
    let Some(log) = &call.app.decisions else { return Ok(()) };
    let entries: Vec<Entry<'_>> = replies
        .iter()
        .map(|reply| {
            let (probe, decision, threshold) = match reply {
                Answer::Identified(reply) => (&reply.probe, reply.decision, Some(reply.threshold)),
                Answer::Refused(reply) => (&reply.probe, reply.decision, None),
            };
            let subject_id = match reply {
                Answer::Identified(reply) => {
                    reply.matches.first().filter(|best| best.is_match).map(|best| best.subject_id)
                }
                Answer::Refused(_) => None,
            };
            let (token, gallery, request) = (call.token_name(), &*served.name, &*call.id);
            Entry { token, gallery, request, probe: probe.row.unwrap_or(0), decision, subject_id, threshold }
        })
        .collect();
    log.append(&entries).map_err(|error| Problem::internal(&error))
}

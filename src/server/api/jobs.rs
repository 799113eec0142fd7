//! Long operations: purges, compactions, backups; and jobs.

use std::path::PathBuf;
use std::sync::Arc;

use axum::http::{Method, StatusCode};
use time::OffsetDateTime;

use super::handler;
use crate::reply::{ErasedSubject, JobKind, JobResult, JobShown, JobsListed, PurgeReceipt, VERSION};
use crate::server::app::App;
use crate::server::call::{Call, Reply, json};
use crate::server::job::Job;
use crate::server::problem::{Problem, Result};
use crate::server::route::{Access, Route};
use crate::server::served::Served;
use crate::server::token::Scope;
use crate::session::maintenance;

pub fn routes() -> Vec<Route> {
    let admin = Access::Scope(Scope::Admin);
    let start =
        |path, words, handler| Route::new(Method::POST, path, admin, words, handler).gives::<JobShown>(202);
    let purge = ("purge", "Erase the bytes of removed templates from all files");
    let compact = ("compact", "Merge the segments of the gallery");
    let backup = ("backup", "Copy the gallery into the folder for backups of the server");
    let list = ("listJobs", "All jobs, newest first");
    let (show, cancel) = (("showJob", "A job"), ("cancelJob", "Cancel a job; what it has done stays"));
    vec![
        start("/v1/galleries/{gallery}/purge", purge, handler!(self::purge)),
        start("/v1/galleries/{gallery}/compact", compact, handler!(self::compact)),
        start("/v1/galleries/{gallery}/backups", backup, handler!(self::backup)),
        Route::new(Method::GET, "/v1/jobs", admin, list, handler!(self::list)).gives::<JobsListed>(200),
        Route::new(Method::GET, "/v1/jobs/{job}", admin, show, handler!(self::show)).gives::<JobShown>(200),
        Route::new(Method::DELETE, "/v1/jobs/{job}", admin, cancel, handler!(self::cancel))
            .gives::<JobShown>(200),
    ]
}

/// The reply for a job that was started.
pub fn accepted(job: &Job) -> Result<Reply> {
    json(StatusCode::ACCEPTED, &job.shown())
}

/// Starts a purge. `erased` is the subject whose removal is the reason.
pub fn purge_job(app: &App, served: &Arc<Served>, erased: Option<ErasedSubject>) -> Result<Arc<Job>> {
    let (turn, session) = (Arc::clone(&served.turn), Arc::clone(&served.session));
    app.jobs.start(JobKind::Purge, &served.name, turn, move |_| {
        let purged = maintenance::purge(session.gallery())?;
        if purged.is_whole() {
            return Ok(Some(JobResult::Purge(PurgeReceipt { purged, subject: erased })));
        }
        let detail = "a search or another program still uses old files; purge again later";
        Err(Problem::conflict("not_erased_yet", detail))
    })
}

async fn purge(call: Call) -> Result<Reply> {
    accepted(&*purge_job(&call.app, &call.gallery()?, None)?)
}

async fn compact(call: Call) -> Result<Reply> {
    let served = call.gallery()?;
    let (turn, session) = (Arc::clone(&served.turn), Arc::clone(&served.session));
    let work = move |_: &crate::session::Control<'_>| {
        Ok(Some(JobResult::Compact(maintenance::compact(session.gallery())?)))
    };
    accepted(&call.app.jobs.start(JobKind::Compact, &served.name, turn, work)?.clone())
}

async fn backup(call: Call) -> Result<Reply> {
    let served = call.gallery()?;
    let Some(folder) = call.app.options.backups.clone() else {
        let detail = "the server has no folder for backups";
        return Err(Problem::conflict("no_backups", detail));
    };
    let (turn, session) = (Arc::clone(&served.turn), Arc::clone(&served.session));
    let name =
        format!("{}-{}.tar", served.name, OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000);
    let job = call.app.jobs.start(JobKind::Backup, &served.name, turn, move |control| {
        let to: PathBuf = folder.join(&name);
        let mut made = maintenance::backup(session.gallery().directory(), &to, control)?;
        made.to = name; // the folder is the server's own matter
        Ok(Some(JobResult::Backup(made)))
    })?;
    accepted(&job)
}

async fn list(call: Call) -> Result<Reply> {
    json(StatusCode::OK, &JobsListed { version: VERSION, jobs: call.app.jobs.list() })
}

fn job(call: &Call) -> Result<Arc<Job>> {
    call.app
        .jobs
        .find(call.parameter("job"))
        .ok_or_else(|| Problem::not_found("unknown_job", "there is no such job"))
}

async fn show(call: Call) -> Result<Reply> {
    json(StatusCode::OK, &job(&call)?.shown())
}

async fn cancel(call: Call) -> Result<Reply> {
    let job = job(&call)?;
    job.cancel();
    json(StatusCode::OK, &job.shown())
}

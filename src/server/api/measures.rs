//! Calibrations, audits and evaluations, as jobs.

use std::sync::Arc;

use axum::http::{Method, StatusCode};

use super::handler;
use super::jobs::accepted;
use crate::experiment::Probe;
use crate::reply::{
    AuditGallery, Calibrate, Evaluate, Evaluated, JobKind, JobResult, JobShown, MatedProbe, PhotoRequest,
    StatsCalibration, VERSION, Versioned,
};
use crate::server::call::{Call, Reply, json};
use crate::server::input::template;
use crate::server::problem::{Problem, Result};
use crate::server::route::{Access, Route};
use crate::server::served::Served;
use crate::server::token::Scope;
use crate::session::{
    AuditRequest, CalibrateRequest, EvaluateRequest, Mated, Strangers, maintenance, policy::require_rates,
};
use crate::template::Template;

/// Most probes of a measurement.
const PROBES: usize = 100_000;

pub fn routes() -> Vec<Route> {
    const CALIBRATIONS: &str = "/v1/galleries/{gallery}/calibrations";
    let admin = Access::Scope(Scope::Admin);
    let calibrate = ("calibrate", "Measure error rates and derive thresholds; the gallery keeps the result");
    let calibration = ("showCalibration", "The present calibration in short; `null` if there is none");
    let audit = ("audit", "Measure the misses of a search, and list duplicates and wrong faces");
    let evaluate = ("evaluate", "Measure error rates with mated and non-mated probes");
    vec![
        Route::new(Method::POST, CALIBRATIONS, admin, calibrate, handler!(self::calibrate))
            .may_take::<Calibrate>()
            .gives::<JobShown>(202),
        Route::new(Method::GET, CALIBRATIONS, admin, calibration, handler!(self::show))
            .gives::<Option<StatsCalibration>>(200),
        Route::new(Method::POST, "/v1/galleries/{gallery}/audits", admin, audit, handler!(self::audit))
            .may_take::<AuditGallery>()
            .gives::<JobShown>(202),
        Route::new(
            Method::POST,
            "/v1/galleries/{gallery}/evaluations",
            admin,
            evaluate,
            handler!(self::evaluate),
        )
        .takes::<Evaluate>()
        .gives::<JobShown>(202),
    ]
}

fn require_number(number: usize, field: &str) -> Result<()> {
    if number <= PROBES {
        return Ok(());
    }
    Err(Problem::field(field, format!("expected at most {PROBES}, got {number}")))
}

fn strangers(given: &[Vec<f32>], served: &Served) -> Result<Vec<Probe>> {
    require_number(given.len(), "nonmated")?;
    let probe = |(at, numbers): (usize, &Vec<f32>)| {
        let name = format!("nonmated[{at}]");
        let template = template(numbers, served, || name.clone())?;
        Ok(Probe { name, person: None, template })
    };
    given.iter().enumerate().map(probe).collect()
}

fn mated(given: Vec<MatedProbe>, served: &Served) -> Result<Vec<(Template, String)>> {
    require_number(given.len(), "mated")?;
    let probe = |(at, MatedProbe { subject, embedding }): (usize, MatedProbe)| {
        Ok((template(&embedding, served, || format!("mated[{at}].embedding"))?, subject))
    };
    given.into_iter().enumerate().map(probe).collect()
}

async fn calibrate(call: Call) -> Result<Reply> {
    let served = call.gallery()?;
    let Calibrate { target_fpir, fusion, nonmated, people, seed } = call.json_or_default()?;
    require_rates(&target_fpir)?;
    if target_fpir.is_empty() || people < 20 {
        return Err(Problem::field("target_fpir", "expected at least one rate, and at least 20 people"));
    }
    let strangers = match nonmated {
        Some(given) => Strangers::Probes(strangers(&given, &served)?),
        None => Strangers::LeftOut { people, seed },
    };
    let photos = PhotoRequest::default();
    let request = CalibrateRequest { strangers, target_fpir, fusion, photos, skip_invalid: false };
    let (turn, session) = (Arc::clone(&served.turn), Arc::clone(&served.session));
    let job = call.app.jobs.start(JobKind::Calibration, &served.name, turn, move |control| {
        let Ok(measured) = session.calibrate(&request, control)? else { return Ok(None) };
        let calibration = measured.calibration.clone();
        // Unreachable targets must be an error before anything is stored.
        let mut reply = measured.reply(None, session.gallery().counts()?.0)?;
        reply.id = Some(session.keep_calibration(&calibration)?);
        Ok(Some(JobResult::Calibration(Box::new(reply))))
    })?;
    accepted(&job)
}

async fn show(call: Call) -> Result<Reply> {
    let served = call.gallery()?;
    let shown = call.work(move || maintenance::calibration(served.session.gallery())).await?;
    json(StatusCode::OK, &shown)
}

async fn audit(call: Call) -> Result<Reply> {
    let served = call.gallery()?;
    let AuditGallery { mated: given, sample, seed, max_loss, top_k, search, decision } =
        call.json_or_default()?;
    if sample == 0 || top_k == 0 || !(0.0..=1.0).contains(&max_loss) {
        return Err(Problem::field(
            "sample",
            "expected a sample and a list of at least 1, and a share from 0 to 1",
        ));
    }
    let mated = match given {
        Some(given) => Mated::Probes(mated(given, &served)?),
        None => Mated::Own,
    };
    let photos = PhotoRequest::default();
    let request = AuditRequest {
        mated,
        sample,
        seed,
        max_loss,
        doubles_above: None,
        top_k,
        photos,
        skip_invalid: false,
    };
    let keeps = search.way == crate::reply::Way::Graph;
    let (turn, session) = (Arc::clone(&served.turn), Arc::clone(&served.session));
    let job = call.app.jobs.start(JobKind::Audit, &served.name, turn, move |control| {
        let policy = session.policy(&search, &decision)?;
        let Ok(audited) = session.audit(&request, &policy, control)? else { return Ok(None) };
        if keeps {
            session.keep_audit(&audited.audit)?;
        }
        Ok(Some(JobResult::Audit(Box::new(Versioned::new(audited.audit)))))
    })?;
    accepted(&job)
}

async fn evaluate(call: Call) -> Result<Reply> {
    let served = call.gallery()?;
    let Evaluate { mated: given, nonmated, target_fpir, seed, repetitions, search } = call.json()?;
    require_rates(&target_fpir)?;
    if given.is_empty() && nonmated.is_empty() {
        return Err(Problem::field("mated", "expected mated or non-mated probes, got none"));
    }
    let (mated, strangers) = (mated(given, &served)?, strangers(&nonmated, &served)?);
    let request = EvaluateRequest { mated, strangers, target_fpir, seed, repetitions, search };
    let (turn, session) = (Arc::clone(&served.turn), Arc::clone(&served.session));
    let job = call.app.jobs.start(JobKind::Evaluation, &served.name, turn, move |control| {
        let evaluated = session.evaluate(&request, control)?;
        Ok(evaluated.map(|(identification, warnings)| {
            JobResult::Evaluation(Box::new(Evaluated { version: VERSION, identification, warnings }))
        }))
    })?;
    accepted(&job)
}

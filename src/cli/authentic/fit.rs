//! `gallerist authentic fit` and `gallerist authentic evaluate`

use std::path::Path;

use anyhow::Result;

use super::{EvaluateArguments, FitArguments};
use crate::authenticity::{self, Class, ErrorRates, MEASURES, Rate};
use crate::cli::screen::{Bar, Screen, Table, count, interval, percent, plural, print_error};
use crate::cli::{ExitStatus, NothingUsable, interrupt};
use crate::reply::{GateEvaluated, GateFitted, GateMeasure, PhotoRequest, VERSION};
use crate::session::{
    Control, Examples, Networks, Stopped, error_rates, examples, read_gate, require_gate_place, write_gate,
};

/// Measures with the largest weights that are printed.
const NAMED: usize = 8;
/// Photos without a face that are printed.
const LISTED: usize = 10;

pub fn fit(arguments: &FitArguments, screen: Screen) -> Result<ExitStatus> {
    require_gate_place(&arguments.out)?;
    let networks = Networks::of_request(arguments.engine.request());
    let folders = [Some(&*arguments.genuine), Some(&*arguments.attack)];
    let found = match measured(&networks, folders, &arguments.photo_options.largest())? {
        Ok(found) => found,
        Err(stopped) => return interrupt::report(stopped, screen),
    };
    report(&found);
    let gate = authenticity::fit(&found.examples, &arguments.describe)
        .map_err(|error| NothingUsable(error.to_string()))?;
    write_gate(&gate, &arguments.out)?;
    let document = gate.document();
    let mut measures: Vec<GateMeasure> = document
        .measures
        .iter()
        .zip(&document.weights)
        .filter_map(|(name, &weight)| {
            let meaning = MEASURES.iter().find(|measure| measure.name == name)?.meaning.to_owned();
            Some(GateMeasure { measure: name.clone(), meaning, weight })
        })
        .collect();
    measures.sort_by(|one, other| other.weight.abs().total_cmp(&one.weight.abs()));
    measures.truncate(NAMED);
    let reply = GateFitted {
        version: VERSION,
        fitted_to: document.fitted_to.clone(),
        left_out: found.left_out.len() as u64,
        threshold: gate.threshold(),
        unseen_people: document.unseen_people.clone(),
        measures,
    };
    screen.json(&reply)?;
    print_fitted(&reply, &arguments.out, screen)?;
    Ok(ExitStatus::Done)
}

pub fn evaluate(arguments: &EvaluateArguments, screen: Screen) -> Result<ExitStatus> {
    let gate = read_gate(&arguments.gate)?;
    let networks = Networks::of_request(arguments.engine.request());
    let folders = [arguments.genuine.as_deref(), arguments.attack.as_deref()];
    let found = match measured(&networks, folders, &arguments.photo_options.largest())? {
        Ok(found) => found,
        Err(stopped) => return interrupt::report(stopped, screen),
    };
    report(&found);
    if found.examples.is_empty() {
        return Err(NothingUsable("no face in the given folders can be measured".into()).into());
    }
    let (rates, unlike_fit) = error_rates(&gate, &found.examples);
    let left_out = found.left_out.len() as u64;
    let threshold = gate.threshold();
    let reply = GateEvaluated { version: VERSION, error_rates: rates, left_out, unlike_fit, threshold };
    screen.json(&reply)?;
    print_rates(&reply.error_rates, screen)?;
    let faces = reply.error_rates.genuine + reply.error_rates.attacks;
    screen.text(format!(
        "{} of {} unlike the photos of the fit",
        count(unlike_fit),
        plural(faces, "face")
    ))?;
    Ok(ExitStatus::Done)
}

/// The faces of both folders. The inner error means that it was stopped.
fn measured(
    networks: &Networks,
    folders: [Option<&Path>; 2],
    photos: &PhotoRequest,
) -> Result<Result<Examples, Stopped>> {
    let bar = Bar::new();
    let control = Control { stop: interrupt::stop_flag(), progress: &|progress| bar.show(progress) };
    Ok(examples(networks, folders, photos, &control)?)
}

/// Lists the photos that are left out, and warns if the classes differ in more than the attack.
fn report(found: &Examples) {
    let left_out = &found.left_out;
    for (path, skip) in left_out.iter().take(LISTED) {
        print_error(format!("left out: {path}: {skip}"));
    }
    if left_out.len() > LISTED {
        print_error(format!("left out: {} more", left_out.len() - LISTED));
    }
    for warning in found.warnings() {
        print_error(format!("warning: {warning}"));
    }
}

fn print_fitted(reply: &GateFitted, out: &Path, screen: Screen) -> Result<()> {
    let class = |Class { photos, people }: Class, what: &str| {
        format!(
            "{} {what} of {}",
            count(photos),
            if people == 1 { "1 person".into() } else { format!("{} people", count(people)) }
        )
    };
    let (genuine, attack) = (reply.fitted_to.genuine, reply.fitted_to.attack);
    screen.text(format!("{}, {}", class(genuine, "genuine faces"), class(attack, "attacks")))?;
    screen.text("on people that the gate was not fitted to, by cross-validation:")?;
    print_rates(&reply.unseen_people, screen)?;
    screen.text("the measures with the largest weights (positive: speaks for an attack):")?;
    let mut table = Table::new(&[1]);
    // The others were not selected.
    for one in reply.measures.iter().filter(|one| one.weight != 0.0) {
        table.row([one.measure.clone(), format!("{:+.2}", one.weight), one.meaning.clone()]);
    }
    table.lines(2).iter().try_for_each(|line| screen.text(line))?;
    screen.text("The error rates hold for the cameras, the light and the attacks of these examples only.")?;
    Ok(screen.text(format!("wrote {}", out.display()))?)
}

fn print_rates(rates: &ErrorRates, screen: Screen) -> Result<()> {
    let mut table = Table::new(&[1]);
    let mut row = |name: &str, rate: Option<Rate>, meaning: &str| {
        if let Some(Rate { rate, ci95 }) = rate {
            table.row([name.to_owned(), percent(rate), format!("({})", interval(ci95)), meaning.to_owned()]);
        }
    };
    row("EER", rates.eer, "");
    row("APCER", rates.apcer, "attacks that are accepted");
    row("BPCER", rates.bpcer, "genuine faces that are refused");
    row("BPCER at APCER 5 %", rates.bpcer_at_apcer_5, "");
    Ok(table.lines(2).iter().try_for_each(|line| screen.text(line))?)
}

//! The receiver operating characteristic: true accepts over false matches.

use super::Chart;
use super::axis::Axis;
use super::det::telling;
use super::frame::{Entry, Frame, Sample, thinned};
use super::zoom::zoomed;
use crate::evaluation::report::{DetPoint, Verification, VerificationPoint};
use crate::number::{aim, percent, score};

/// TAR over FMR.
pub fn chart(verification: &Verification) -> Option<Chart> {
    let finite = |point: &&VerificationPoint| point.fmr.value.is_finite() && point.fnmr.value.is_finite();
    let marked: Vec<&VerificationPoint> = verification.points.iter().filter(finite).collect();
    let curve = telling(&verification.det, marked.iter().any(|point| point.fmr.value <= 0.0));
    if curve.is_empty() && marked.is_empty() {
        return None;
    }
    let mut frame = frame(&curve, &marked);
    draw(&mut frame, &curve);
    mark(&mut frame, &marked);
    let reading = "The curve says how many pairs of one person are recognised (TAR, which is 1 minus FNMR) at each rate of false \
                   matches. Higher and further left is better; the scale of false matches is logarithmic, because useful rates \
                   are small.";
    Some(Chart::new(
        "roc",
        "Recognised pairs at each rate of false matches",
        description(&marked),
        reading,
        frame,
    ))
}

fn frame(curve: &[DetPoint], marked: &[&VerificationPoint]) -> Frame {
    let marks = || marked.iter().map(|point| [point.fmr.value, point.fnmr.value]);
    let both = || curve.iter().map(|point| [point.false_positive, point.false_negative]).chain(marks());
    let lowest = 1.0 - both().map(|[_, miss]| miss).fold(0.0, f64::max);
    let x = Axis::rates("Pairs of strangers taken for one person (FMR)", both().map(|[alarm, _]| alarm));
    let y = zoomed("Pairs of one person that are recognised (TAR)", lowest);
    let key = [
        Entry::new(Sample::Line("curve line-0"), "observed"),
        Entry::new(Sample::Area("band fill-0"), "95\u{a0}% interval"),
        Entry::new(Sample::Marker("point", 0), "operating point"),
    ];
    Frame::new(&key[..if marked.is_empty() { 2 } else { 3 }], 0.0, x, y)
}

fn draw(frame: &mut Frame, curve: &[DetPoint]) {
    let accepted = |end: usize| {
        curve
            .iter()
            .filter(|point| point.interval.iter().all(|end| end.is_finite()))
            .map(|point| frame.at(point.false_positive, 1.0 - point.interval[end]))
            .collect::<Vec<_>>()
    };
    let [upper, lower] = [accepted(0), accepted(1)];
    frame.band("band fill-0", &upper, &lower);
    let line: Vec<[f64; 2]> =
        curve.iter().map(|point| frame.at(point.false_positive, 1.0 - point.false_negative)).collect();
    frame.curve("curve line-0", &line);
    let shown = thinned(&line, 10.0);
    for (at, point) in line.iter().zip(curve).filter(|(at, _)| shown.contains(at)) {
        let hint = hint(point.threshold, point.false_positive, point.false_negative);
        if line.len() == 1 {
            frame.marker("dot fill-0", *at, 0, &hint);
        } else {
            frame.canvas.circle("hover", *at, 7.0, &hint);
        }
    }
}

fn mark(frame: &mut Frame, marked: &[&VerificationPoint]) {
    for point in marked {
        let at = frame.at(point.fmr.value, 1.0 - point.fnmr.value);
        frame.marker("point", at, 0, &hint(point.threshold, point.fmr.value, point.fnmr.value));
        let none = if point.fmr.value > 0.0 { "" } else { ", 0 observed" };
        let recognised = percent(1.0 - point.fnmr.value);
        frame.label(at, format!("{recognised} at FMR {}{none}", aim(point.target_fmr)));
    }
}

fn hint(threshold: f32, alarm: f64, miss: f64) -> String {
    format!("threshold {}: FMR {}, TAR {}", score(threshold), percent(alarm), percent(1.0 - miss))
}

fn description(marked: &[&VerificationPoint]) -> String {
    let said: Vec<String> = marked
        .iter()
        .map(|point| format!("TAR {} at FMR {}", percent(1.0 - point.fnmr.value), aim(point.target_fmr)))
        .collect();
    format!("TAR over FMR, which is on a logarithmic axis. {}", said.join("; "))
}

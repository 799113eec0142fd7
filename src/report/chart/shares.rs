//! Charts of shares near 1: the cumulative match characteristic (CMC), the share of mates among the first R candidates, and the receiver
//! operating characteristic (ROC), the true accept rate over the FMR.

use super::Chart;
use super::axis::Axis;
use super::det::informative;
use super::frame::{Entry, Frame, Sample, thinned};
use crate::evaluation::{CmcPoint, DetPoint, Verification, VerificationPoint};
use crate::number::{aim, interval, percent, score};

/// The last rank in the chart.
const LAST: u32 = 50;

/// CMC: the share of identified mates over the rank.
pub fn cmc(cmc: &[CmcPoint]) -> Option<Chart> {
    let drawn: Vec<&CmcPoint> = cmc
        .iter()
        .filter(|point| (1..=LAST).contains(&point.rank) && point.identified.value.is_finite())
        .collect();
    let (first, last) = (*drawn.first()?, *drawn.last()?);
    let lowest = drawn.iter().flat_map(|point| [point.identified.value, point.identified.interval[0]]);
    let y = zoomed("Mate among the first R", lowest.fold(1.0, f64::min));
    let key = [
        Entry::new(Sample::Marker("dot fill-0", 0), "observed"),
        Entry::new(Sample::Area("band fill-0"), "95\u{a0}% interval"),
    ];
    let mut frame = Frame::new(&key, 0.0, Axis::ranks("Rank R", last.rank), y);
    let banded = || drawn.iter().filter(|point| point.identified.interval.iter().all(|end| end.is_finite()));
    let ends = |end: usize| {
        banded()
            .map(|point| frame.at(f64::from(point.rank), point.identified.interval[end]))
            .collect::<Vec<_>>()
    };
    let [lower, upper] = [ends(0), ends(1)];
    frame.band("band fill-0", &upper, &lower);
    let line: Vec<_> =
        drawn.iter().map(|point| frame.at(f64::from(point.rank), point.identified.value)).collect();
    frame.curve("curve line-0", &line);
    for (at, point) in line.iter().zip(&drawn) {
        let (share, around) = (percent(point.identified.value), interval(point.identified.interval));
        let hint = format!("rank {}: {share} (95\u{a0}%: {around})", point.rank);
        frame.canvas.circle("dot fill-0", *at, 3.2, &hint);
    }
    frame.label(line[0], format!("rank {}: {}", first.rank, percent(first.identified.value)));
    if line.len() > 1 {
        let text = format!("rank {}: {}", last.rank, percent(last.identified.value));
        frame.label(line[line.len() - 1], text);
    }
    let description = format!(
        "The mate is at rank {} in {} of the searches, within rank {} in {}.",
        first.rank,
        percent(first.identified.value),
        last.rank,
        percent(last.identified.value)
    );
    let reading = "The curve shows how often the mate is among the first R candidates in mated searches, for any score. \
                   Higher is better. A curve that is high further to the left means that an examiner has to look at fewer \
                   candidates.";
    Some(Chart::new("cmc", "The mate among the first candidates", description, reading, frame))
}

/// TAR over FMR.
pub fn roc(verification: &Verification) -> Option<Chart> {
    let finite = |point: &&VerificationPoint| point.fmr.value.is_finite() && point.fnmr.value.is_finite();
    let marked: Vec<&VerificationPoint> = verification.points.iter().filter(finite).collect();
    let curve = informative(&verification.det, marked.iter().any(|point| point.fmr.value <= 0.0));
    if curve.is_empty() && marked.is_empty() {
        return None;
    }
    let mut frame = roc_frame(&curve, &marked);
    draw_roc(&mut frame, &curve);
    mark_roc(&mut frame, &marked);
    let reading = "The curve shows the share of mated pairs that match (TAR, which is 1 minus FNMR) for each FMR. Higher and \
                   further left is better. The scale of the FMR is logarithmic, because useful rates \
                   are small.";
    Some(Chart::new(
        "roc",
        "Matching mated pairs for each false match rate",
        roc_description(&marked),
        reading,
        frame,
    ))
}

fn roc_frame(curve: &[DetPoint], marked: &[&VerificationPoint]) -> Frame {
    let marks = || marked.iter().map(|point| [point.fmr.value, point.fnmr.value]);
    let both = || curve.iter().map(|point| [point.false_positive, point.false_negative]).chain(marks());
    let lowest = 1.0 - both().map(|[_, miss]| miss).fold(0.0, f64::max);
    let x = Axis::rates("Non-mated pairs that match (FMR)", both().map(|[alarm, _]| alarm));
    let y = zoomed("Mated pairs that match (TAR)", lowest);
    let key = [
        Entry::new(Sample::Line("curve line-0"), "observed"),
        Entry::new(Sample::Area("band fill-0"), "95\u{a0}% interval"),
        Entry::new(Sample::Marker("point", 0), "operating point"),
    ];
    Frame::new(&key[..if marked.is_empty() { 2 } else { 3 }], 0.0, x, y)
}

fn draw_roc(frame: &mut Frame, curve: &[DetPoint]) {
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
        let hint = roc_hint(point.threshold, point.false_positive, point.false_negative);
        if line.len() == 1 {
            frame.marker("dot fill-0", *at, 0, &hint);
        } else {
            frame.canvas.circle("hover", *at, 7.0, &hint);
        }
    }
}

fn mark_roc(frame: &mut Frame, marked: &[&VerificationPoint]) {
    for point in marked {
        let at = frame.at(point.fmr.value, 1.0 - point.fnmr.value);
        frame.marker("point", at, 0, &roc_hint(point.threshold, point.fmr.value, point.fnmr.value));
        let none = if point.fmr.value > 0.0 { "" } else { ", 0 observed" };
        let recognised = percent(1.0 - point.fnmr.value);
        frame.label(at, format!("{recognised} at FMR {}{none}", aim(point.target_fmr)));
    }
}

fn roc_hint(threshold: f32, alarm: f64, miss: f64) -> String {
    format!("threshold {}: FMR {}, TAR {}", score(threshold), percent(alarm), percent(1.0 - miss))
}

fn roc_description(marked: &[&VerificationPoint]) -> String {
    let said: Vec<String> = marked
        .iter()
        .map(|point| format!("TAR {} at FMR {}", percent(1.0 - point.fnmr.value), aim(point.target_fmr)))
        .collect();
    format!("TAR over FMR, which is on a logarithmic axis. {}", said.join("; "))
}

/// An axis of shares from the highest of a few round values below all of them. The title states a start other than zero.
pub(super) fn zoomed(title: &str, lowest: f64) -> Axis {
    let start = [0.99, 0.98, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5]
        .into_iter()
        .find(|start| lowest > *start)
        .unwrap_or(0.0);
    let title =
        if start > 0.0 { format!("{title} · axis starts at {}", aim(start)) } else { title.to_owned() };
    Axis::shares(title, start, 1.0)
}

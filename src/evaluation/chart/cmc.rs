//! The cumulative match characteristic: how often the right person is among the first R.

use super::Chart;
use super::axis::Axis;
use super::frame::{Entry, Frame, Sample};
use super::zoom::zoomed;
use crate::evaluation::report::CmcPoint;
use crate::number::{interval, percent};

/// Ranks that are drawn.
const LAST: u32 = 50;

/// Identified over rank.
pub fn chart(cmc: &[CmcPoint]) -> Option<Chart> {
    let drawn: Vec<&CmcPoint> = cmc
        .iter()
        .filter(|point| (1..=LAST).contains(&point.rank) && point.identified.value.is_finite())
        .collect();
    let (first, last) = (*drawn.first()?, *drawn.last()?);
    let lowest = drawn.iter().flat_map(|point| [point.identified.value, point.identified.interval[0]]);
    let y = zoomed("Right person among the first R", lowest.fold(1.0, f64::min));
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
        "The right person is at rank {} in {} of the searches, within rank {} in {}.",
        first.rank,
        percent(first.identified.value),
        last.rank,
        percent(last.identified.value)
    );
    let reading = "The curve says how often the right person is among the first R candidates, whatever the score, in searches for \
                   people who are in the gallery. Higher is better, and the nearer to the left the curve is high, the fewer \
                   candidates somebody has to look at.";
    Some(Chart::new("cmc", "The right person among the first candidates", description, reading, frame))
}

//! The chart of FPIR over the size of the gallery.

use std::collections::BTreeSet;

use super::Chart;
use super::axis::Axis;
use super::frame::{Entry, Frame, Sample};
use crate::evaluation::{FpirBySize, SizePoint};
use crate::number::{aim, count, interval, percent, score};

/// Classes for markers, lines and bars of each series. If there are more series than colours, colours repeat.
const SERIES: [[&str; 3]; 6] = [
    ["dot fill-0", "curve dashed line-0", "bar line-0"],
    ["dot fill-1", "curve dashed line-1", "bar line-1"],
    ["dot fill-2", "curve dashed line-2", "bar line-2"],
    ["dot fill-3", "curve dashed line-3", "bar line-3"],
    ["dot fill-4", "curve dashed line-4", "bar line-4"],
    ["dot fill-5", "curve dashed line-5", "bar line-5"],
];

/// FPIR over the size of the gallery, a series for each threshold.
pub fn chart(growth: &[FpirBySize]) -> Option<Chart> {
    let series: Vec<(&FpirBySize, Vec<&SizePoint>)> = growth
        .iter()
        .map(|growth| (growth, growth.points.iter().filter(|point| point.fpir.value.is_finite()).collect()))
        .filter(|(_, points): &(_, Vec<_>)| !points.is_empty())
        .collect();
    let all = || series.iter().flat_map(|(_, points)| points.iter());
    all().next()?;
    let rates = all().flat_map(|point| [point.fpir.value, point.predicted, point.fpir.interval[1].min(1.0)]);
    let x = Axis::sizes("Subjects in the gallery (N)", all().map(|point| point.subjects));
    let y = Axis::rates("Non-mated searches with a false alarm (FPIR)", rates);
    let mut frame = Frame::new(&key(&series), 0.0, x, y);
    for (index, (_, points)) in series.iter().enumerate() {
        let offset = 7.0 * (index as f64 - 0.5 * (series.len() - 1) as f64);
        draw(&mut frame, index, offset.clamp(-20.0, 20.0), points);
    }
    for at in without_alarms(&frame, &series) {
        frame.label(at, "0 observed".to_owned());
    }
    let reading = "The threshold of each colour is the same for all gallery sizes. Points with bars are observed. The dashed line \
                   is the prediction from the rate of the whole gallery, if searches of parts are independent. Lower is better. If the \
                   points follow the line, the rate can be predicted for other sizes.";
    let title = "False alarms while the gallery grows";
    Some(Chart::new("growth", title, description(&series), reading, frame))
}

/// The sizes of the gallery without false alarms, once for all thresholds.
fn without_alarms(frame: &Frame, series: &[(&FpirBySize, Vec<&SizePoint>)]) -> Vec<[f64; 2]> {
    let points = series.iter().flat_map(|(_, points)| points).filter(|point| point.fpir.value <= 0.0);
    let sizes: BTreeSet<u64> = points.map(|point| point.subjects).collect();
    sizes.into_iter().map(|subjects| frame.at(subjects as f64, 0.0)).collect()
}

fn key(series: &[(&FpirBySize, Vec<&SizePoint>)]) -> Vec<Entry> {
    let mut key: Vec<Entry> = series
        .iter()
        .enumerate()
        .map(|(index, (growth, _))| {
            let text = format!("FPIR {}, threshold {}", aim(growth.target_fpir), score(growth.threshold));
            Entry::new(Sample::Marker(SERIES[index % SERIES.len()][0], index), text)
        })
        .collect();
    key.push(Entry::new(Sample::Line("any-line bar"), "95\u{a0}% interval"));
    key.push(Entry::new(Sample::Line("any-line curve dashed"), "predicted"));
    key
}

/// Points of different series at the same size are drawn side by side.
fn draw(frame: &mut Frame, index: usize, offset: f64, points: &[&SizePoint]) {
    let [dot, dashed, bar] = SERIES[index % SERIES.len()];
    let predicted: Vec<_> = points
        .iter()
        .filter(|point| point.predicted.is_finite())
        .map(|point| frame.at(point.subjects as f64, point.predicted))
        .collect();
    frame.curve(dashed, &predicted);
    let shift = |[x, y]: [f64; 2]| [x + offset, y];
    for point in points {
        let size = point.subjects as f64;
        if point.fpir.interval.iter().all(|end| end.is_finite()) {
            let [low, high] = point.fpir.interval.map(|end| shift(frame.at(size, end)));
            frame.bar(bar, low, high);
        }
    }
    for point in points {
        let at = shift(frame.at(point.subjects as f64, point.fpir.value));
        let (rate, around) = (percent(point.fpir.value), interval(point.fpir.interval));
        let hint = format!("{} people: {rate} (95\u{a0}%: {around})", count(point.subjects));
        frame.marker(dot, at, index, &hint);
    }
}

fn description(series: &[(&FpirBySize, Vec<&SizePoint>)]) -> String {
    let said: Vec<String> = series
        .iter()
        .filter_map(|(growth, points)| {
            let (first, last) = (points.first()?, points.last()?);
            Some(format!(
                "threshold {}: {} with {} people, {} with {}",
                score(growth.threshold),
                percent(first.fpir.value),
                count(first.subjects),
                percent(last.fpir.value),
                count(last.subjects)
            ))
        })
        .collect();
    format!("FPIR over gallery size, both on logarithmic axes. {}", said.join("; "))
}

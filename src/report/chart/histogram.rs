//! Histograms of mated and non-mated scores.

use super::Chart;
use super::axis::Axis;
use super::canvas::{Anchor, LINE};
use super::frame::{Entry, Frame, Sample, WIDTH};
use super::labels::{LineLabel, rows};
use crate::evaluation::{Histogram, Identification, Verification};
use crate::number::{aim, score};

/// Scores of mates and best scores of non-mated searches.
pub fn identification(identification: &Identification) -> Option<Chart> {
    let thresholds = identification
        .points
        .iter()
        .map(|point| (point.threshold, format!("FPIR {}", aim(point.target_fpir))));
    let names = ["mate (mated searches)", "best candidate (non-mated searches)"];
    let frame = frame(&identification.histogram, names, "Share of the searches", thresholds.collect())?;
    let reading = "One area shows the score of the mate in mated searches, the other the best \
                   score in non-mated searches. At a threshold, non-mated searches to the right of the line raise a false alarm, and \
                   mated searches to the left of it miss. The less the two areas overlap the better.";
    let title = "Scores of mated and non-mated searches";
    Some(Chart::new(
        "identification-histogram",
        title,
        description(&identification.histogram),
        reading,
        frame,
    ))
}

/// Scores of mated and non-mated pairs.
pub fn verification(verification: &Verification) -> Option<Chart> {
    let thresholds =
        verification.points.iter().map(|point| (point.threshold, format!("FMR {}", aim(point.target_fmr))));
    let names = ["one person (mated pairs)", "two people (non-mated pairs)"];
    let frame = frame(&verification.histogram, names, "Share of the pairs", thresholds.collect())?;
    let reading = "One area shows the scores of mated pairs, the other those of non-mated pairs. At a threshold, \
                   non-mated pairs to the right of the line are false matches, and mated pairs to the left of it are false non-matches. \
                   The less the two areas overlap the better.";
    let title = "Scores of mated and non-mated pairs";
    Some(Chart::new("verification-histogram", title, description(&verification.histogram), reading, frame))
}

fn frame(histogram: &Histogram, names: [&str; 2], y: &str, thresholds: Vec<(f32, String)>) -> Option<Frame> {
    let thresholds: Vec<_> = thresholds.into_iter().filter(|(threshold, _)| threshold.is_finite()).collect();
    let [low, high] = extent(histogram, &thresholds)?;
    let most = shares(&histogram.mated).chain(shares(&histogram.non_mated)).fold(0.0, f64::max);
    let mut x = Axis::scores("Score (cosine)", low, high);
    let key = [
        Entry::new(Sample::Area("area fill-0 line-0"), names[0]),
        Entry::new(Sample::Area("area fill-1 line-1"), names[1]),
    ];
    let y = Axis::shares(y, 0.0, if most > 0.0 { most } else { 1.0 });
    let mut labels: Vec<LineLabel> = Vec::new();
    // The plot starts below the rows of labels, so the labels are placed first.
    let plot = Frame::new(&key, 0.0, x.clone(), y.clone()).plot;
    x.span(plot.x, plot.right());
    for (threshold, text) in &thresholds {
        labels.push(LineLabel::new(x.at(f64::from(*threshold)), format!("{text}: {}", score(*threshold))));
    }
    let rows = rows(&mut labels, [2.0, WIDTH - 2.0]);
    let mut frame = Frame::new(&key, LINE * rows as f64, x, y);
    draw(&mut frame, histogram, &histogram.non_mated, "area fill-1 line-1");
    draw(&mut frame, histogram, &histogram.mated, "area fill-0 line-0");
    let (top, bottom) = (frame.plot.y, frame.plot.bottom());
    for label in labels {
        let end = label.row.map_or(top, |row| top - LINE * (row + 1) as f64);
        frame.canvas.line("pole", [label.at, end], [label.at, bottom]);
        frame.canvas.circle("hover", [label.at, 0.5 * (top + bottom)], 6.0, &label.text);
        if label.row.is_some() {
            frame.canvas.text("flag", [label.start, end + 0.75 * LINE], Anchor::Start, &label.text);
        }
    }
    Some(frame)
}

fn shares(bins: &[f64]) -> impl Iterator<Item = f64> + '_ {
    bins.iter().map(|share| if share.is_finite() { share.max(0.0) } else { 0.0 })
}

/// The range of scores to show: bins with counts, and the thresholds.
fn extent(histogram: &Histogram, thresholds: &[(f32, String)]) -> Option<[f64; 2]> {
    if !(histogram.start.is_finite() && histogram.width.is_finite() && histogram.width > 0.0) {
        return None;
    }
    let filled = [&histogram.mated, &histogram.non_mated].into_iter().flat_map(|bins| {
        shares(bins).enumerate().filter(|(_, share)| *share > 0.0).map(|(index, _)| index as f64)
    });
    let mut ends: Option<[f64; 2]> = None;
    let mut include = |low: f64, high: f64| {
        ends = Some(ends.map_or([low, high], |[l, h]| [l.min(low), h.max(high)]));
    };
    for index in filled {
        let low = histogram.start + index * histogram.width;
        include(low, low + histogram.width);
    }
    for (threshold, _) in thresholds {
        include(f64::from(*threshold), f64::from(*threshold));
    }
    let [low, high] = ends?;
    let margin = (0.03 * (high - low)).max(histogram.width);
    Some([low - margin, high + margin])
}

fn draw(frame: &mut Frame, histogram: &Histogram, bins: &[f64], class: &str) {
    let bins: Vec<f64> = shares(bins).collect();
    let (Some(first), Some(last)) =
        (bins.iter().position(|share| *share > 0.0), bins.iter().rposition(|share| *share > 0.0))
    else {
        return;
    };
    let edge = |index: usize| histogram.start + index as f64 * histogram.width;
    let mut points = vec![frame.at(edge(first), 0.0)];
    for (index, share) in bins.iter().enumerate().take(last + 1).skip(first) {
        points.push(frame.at(edge(index), *share));
        points.push(frame.at(edge(index + 1), *share));
    }
    points.push(frame.at(edge(last + 1), 0.0));
    frame.canvas.area(class, &points);
}

fn description(histogram: &Histogram) -> String {
    let centre = |bins: &[f64]| {
        let total: f64 = shares(bins).sum();
        let middle = |index: usize| histogram.start + (index as f64 + 0.5) * histogram.width;
        let sum: f64 = shares(bins).enumerate().map(|(index, share)| share * middle(index)).sum();
        if total > 0.0 { crate::number::plain(sum / total, 2) } else { crate::number::UNKNOWN.to_owned() }
    };
    format!(
        "Two histograms of scores. The mean of the mated scores is {}, that of the non-mated scores {}.",
        centre(&histogram.mated),
        centre(&histogram.non_mated)
    )
}

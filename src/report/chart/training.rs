//! The chart of a training.

use super::Chart;
use super::axis::Axis;
use super::frame::{Entry, Frame, Sample};
use crate::evaluation::DetPoint;
use crate::number::percent;
use crate::train::course::Epoch;

/// Name, classes of markers and lines, and value of each series. The last argument is the largest loss.
type Series = (&'static str, [&'static str; 2], fn(&Epoch, f64) -> f64);
const SERIES: [Series; 3] = [
    ("true accept rate", ["dot fill-0", "curve line-0"], |epoch, _| epoch.tar),
    ("active pairs or triplets", ["dot fill-1", "curve line-1"], |epoch, _| epoch.active),
    ("loss / largest loss", ["dot fill-2", "curve line-2"], |epoch, largest| epoch.loss / largest),
];

/// Loss, share of active pairs or triplets, and true accept rate over the epochs. `None` for fewer than two epochs.
pub fn curve(loss: &str, epochs: &[Epoch]) -> Option<Chart> {
    let trained = epochs.get(1..).filter(|trained| trained.len() > 1)?;
    let largest = trained.iter().map(|epoch| epoch.loss).fold(f64::MIN_POSITIVE, f64::max);
    let last = trained.last()?;
    let x = Axis::ranks("Epoch", last.epoch as u32);
    let key = SERIES.map(|(name, [marker, _], _)| Entry::new(Sample::Marker(marker, 0), name));
    let mut frame = Frame::new(&key, 0.0, x, Axis::shares("Share", 0.0, 1.0));
    for (name, [marker, line], value) in SERIES {
        let places: Vec<[f64; 2]> =
            trained.iter().map(|epoch| frame.at(epoch.epoch as f64, value(epoch, largest))).collect();
        frame.curve(line, &places);
        for (place, epoch) in places.into_iter().zip(trained) {
            frame.marker(
                marker,
                place,
                0,
                &format!("epoch {}: {name} {}", epoch.epoch, percent(value(epoch, largest))),
            );
        }
    }
    let best = epochs.iter().max_by(|one, other| one.tar.total_cmp(&other.tar))?;
    let description = format!(
        "Loss, active share and true accept rate of {loss} over {} epochs. The best true accept rate on the people of the validation is {} \
         after epoch {}; at the start it was {}",
        last.epoch,
        percent(best.tar),
        best.epoch,
        percent(epochs[0].tar)
    );
    let reading = "The true accept rate is that of people who are not trained with. It is what the training is for: when it no longer rises, \
                   a smaller loss only means that the people of the training are learned by heart.";
    Some(Chart::new("curve", &format!("Training with {loss}"), description, reading, frame))
}

/// The FMRs that are shown: beyond them all curves meet.
const SHOWN: std::ops::RangeInclusive<f64> = 1e-5..=0.1;

/// The lines of the curves, in their order.
const LINES: [&str; 6] =
    ["curve line-0", "curve line-1", "curve line-2", "curve line-3", "curve line-4", "curve line-5"];

/// The DET curves of several encoders, up to six. `None` if none has two points.
pub fn compared(curves: &[(String, Vec<DetPoint>)]) -> Option<Chart> {
    let within = |point: &&DetPoint| SHOWN.contains(&point.false_positive);
    let drawn: Vec<(&String, Vec<&DetPoint>)> = curves
        .iter()
        .map(|(name, points)| (name, points.iter().filter(within).collect::<Vec<_>>()))
        .filter(|(_, points)| points.len() > 1)
        .take(LINES.len())
        .collect();
    if drawn.is_empty() {
        return None;
    }
    let points = || drawn.iter().flat_map(|(_, points)| points.iter().copied());
    let x = Axis::rates("Non-mated pairs that match (FMR)", points().map(|point| point.false_positive));
    let y = Axis::rates("Mated pairs that do not match (FNMR)", points().map(|point| point.false_negative));
    let key: Vec<Entry> = drawn
        .iter()
        .zip(LINES)
        .map(|((name, _), line)| Entry::new(Sample::Line(line), name.as_str()))
        .collect();
    let mut frame = Frame::new(&key, 0.0, x, y);
    for ((_, points), line) in drawn.iter().zip(LINES) {
        let places: Vec<[f64; 2]> =
            points.iter().map(|point| frame.at(point.false_positive, point.false_negative)).collect();
        frame.curve(line, &places);
    }
    let names: Vec<&str> = drawn.iter().map(|(name, _)| name.as_str()).collect();
    let description = format!("FNMR over FMR of {}", names.join(", "));
    let reading = "Each point of a curve is one threshold. Lower and further left is better. Curves that cross are better in one part and worse \
                   in another; the intervals in the table say which differences are more than chance.";
    Some(Chart::new("det", "Misses against false matches", description, reading, frame))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chart_shows_every_epoch() {
        let epoch = |epoch: usize| Epoch {
            epoch,
            step: 10 * epoch as u64,
            loss: 1.0 / (1.0 + epoch as f64),
            active: 0.5,
            spread: 1.9,
            rate: 1e-4,
            tar: 0.8 + 0.01 * epoch as f64,
            fmr: 1e-3,
        };
        let epochs: Vec<Epoch> = (0..5).map(epoch).collect();
        let chart = curve("margin", &epochs).unwrap();
        let file = chart.file();
        assert_eq!(file.matches(">epoch ").count(), 3 * 4, "{file}");
        assert!(
            chart.description.contains("84.0\u{a0}%") || chart.description.contains("84"),
            "{}",
            chart.description
        );
        assert_eq!(curve("margin", &epochs[..2]), None);
    }
}

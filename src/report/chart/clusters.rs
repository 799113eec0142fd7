//! The charts of clusters: their agreement with the people over the number of faces and over the threshold.

use super::Chart;
use super::axis::Axis;
use super::frame::{Entry, Frame, Sample};
use super::shares::zoomed;
use crate::evaluation::{Agreement, ClusteringPoint};
use crate::number::{count, percent, score};

/// Names of all charts of clusters.
pub const NAMES: [&str; 2] = ["clusters-strangers", "clusters-threshold"];

/// Name, classes of markers and lines, and value of each series.
type Series = (&'static str, [&'static str; 2], fn(&Agreement) -> f64);
const SERIES: [Series; 3] = [
    ("F", ["dot fill-0", "curve line-0"], |one| one.f),
    ("precision", ["dot fill-1", "curve line-1"], |one| one.precision),
    ("recall", ["dot fill-2", "curve line-2"], |one| one.recall),
];

/// BCubed precision, recall and F over the number of strangers. `None` for fewer than two points.
pub fn by_strangers(points: &[ClusteringPoint]) -> Option<Chart> {
    let x = Axis::sizes("Faces in the gallery", points.iter().map(|point| point.faces));
    let frame = draw(points, x, |point| point.faces as f64)?;
    let reading = "The same named faces, clustered with more and more faces of other people. Higher is better. A line that does not \
                   fall means that strangers are kept apart.";
    let said: Vec<String> = points
        .iter()
        .map(|point| format!("F {} with {} faces", percent(point.bcubed.f), count(point.faces)))
        .collect();
    let description = format!("BCubed precision, recall and F over the number of faces. {}", said.join("; "));
    Some(Chart::new("clusters-strangers", "Agreement while strangers are added", description, reading, frame))
}

/// BCubed precision, recall and F over the threshold, with the chosen threshold. `None` for fewer than two points.
pub fn by_threshold(points: &[ClusteringPoint], chosen: f32) -> Option<Chart> {
    let [low, high] = [points.first()?, points.last()?].map(|point| f64::from(point.threshold));
    let x = Axis::scores("Threshold", low, high);
    let mut frame = draw(points, x, |point| f64::from(point.threshold))?;
    let (at, plot) = (frame.x.at(f64::from(chosen)), frame.plot);
    frame.bar("bar line-3", [at, plot.y], [at, plot.bottom()]);
    frame.label([at, plot.bottom() - 12.0], format!("chosen: {}", score(chosen)));
    let best = points.iter().max_by(|x, y| x.bcubed.f.total_cmp(&y.bcubed.f))?;
    let reading = "The vertical line is the threshold that was chosen without the names. Lower thresholds merge people, higher ones split \
                   them. The closer the highest F is to the line, the better the threshold fits these faces.";
    let (highest, where_it_is) = (percent(best.bcubed.f), score(best.threshold));
    let description = format!(
        "BCubed precision, recall and F over the threshold. The highest F is {highest} at {where_it_is}; {} was chosen",
        score(chosen)
    );
    Some(Chart::new("clusters-threshold", "Agreement at other thresholds", description, reading, frame))
}

fn draw(points: &[ClusteringPoint], x: Axis, at: impl Fn(&ClusteringPoint) -> f64) -> Option<Frame> {
    if points.len() < 2 {
        return None;
    }
    let values = || points.iter().flat_map(|point| SERIES.map(|(_, _, value)| value(&point.bcubed)));
    let y = zoomed("BCubed agreement with the names", values().fold(1.0, f64::min));
    let key = SERIES.map(|(name, [marker, _], _)| Entry::new(Sample::Marker(marker, 0), name));
    let mut frame = Frame::new(&key, 0.0, x, y);
    for (name, [marker, line], value) in SERIES {
        let places: Vec<[f64; 2]> =
            points.iter().map(|point| frame.at(at(point), value(&point.bcubed))).collect();
        frame.curve(line, &places);
        for (place, point) in places.into_iter().zip(points) {
            let hint = format!(
                "{name} {}, {} faces, threshold {}",
                percent(value(&point.bcubed)),
                count(point.faces),
                score(point.threshold)
            );
            frame.marker(marker, place, 0, &hint);
        }
    }
    Some(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(several: &[(u64, f32, f64)]) -> Vec<ClusteringPoint> {
        let point = |&(faces, threshold, f): &(u64, f32, f64)| ClusteringPoint {
            faces,
            strangers: faces - 100,
            threshold,
            bcubed: Agreement { precision: f, recall: f, f },
        };
        several.iter().map(point).collect()
    }

    #[test]
    fn nothing_is_drawn_of_a_single_point() {
        assert_eq!(by_strangers(&points(&[(100, 0.5, 0.9)])), None);
        assert_eq!(by_threshold(&points(&[(100, 0.5, 0.9)]), 0.5), None);
        assert_eq!(by_threshold(&[], 0.5), None);
    }

    #[test]
    fn the_charts_name_the_highest_f_and_mark_the_chosen_threshold() {
        let chart =
            by_threshold(&points(&[(100, 0.4, 0.8), (100, 0.5, 0.97), (100, 0.6, 0.9)]), 0.45).unwrap();
        assert!(chart.description.contains("at 0.5000; 0.4500 was chosen"), "{}", chart.description);
        assert!(chart.inline().contains("chosen: 0.4500"), "{}", chart.inline());
        let chart = by_strangers(&points(&[(100, 0.5, 0.98), (400, 0.5, 0.95), (1_700, 0.5, 0.9)])).unwrap();
        assert!(chart.description.contains("with 1,700 faces"), "{}", chart.description);
        assert_eq!(chart.inline().matches("curve line-").count(), 3);
    }
}

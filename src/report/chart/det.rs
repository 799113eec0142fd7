//! The detection error trade-off (DET): false negatives over false positives, both on logarithmic scales.

use super::Chart;
use super::axis::Axis;
use super::frame::{Entry, Frame, Sample, thinned};
use crate::evaluation::{DetPoint, Identification, Rate, Verification};
use crate::number::{aim, interval, percent, score};

/// Names of the two error rates.
struct Errors {
    alarm: &'static str,
    miss: &'static str,
}

/// A marked operating point.
struct Operating {
    aim: f64,
    alarm: f64,
    miss: f64,
    hint: String,
}

/// FNIR over FPIR.
pub fn identification(identification: &Identification) -> Option<Chart> {
    let errors = Errors { alarm: "FPIR", miss: "FNIR" };
    let points = identification.points.iter();
    let marked: Vec<Operating> = points
        .map(|point| errors.operating(point.target_fpir, point.threshold, &point.fpir, &point.fnir))
        .collect();
    let frame = errors.frame(
        &identification.det,
        &marked,
        "Non-mated searches with a false alarm (FPIR)",
        "Mated searches with a miss (FNIR)",
    )?;
    let reading = "Each point of the curve is one threshold. Further right, more non-mated searches raise a false alarm; further up, more \
                   mated searches miss. Lower and further left is better. The band is the 95\u{a0}% interval of the misses, \
                   and the marked points are the rows of the table.";
    let description = errors.description(&marked);
    Some(Chart::new("identification-det", "Misses against false alarms", description, reading, frame))
}

/// FNMR over FMR.
pub fn verification(verification: &Verification) -> Option<Chart> {
    let errors = Errors { alarm: "FMR", miss: "FNMR" };
    let points = verification.points.iter();
    let marked: Vec<Operating> = points
        .map(|point| errors.operating(point.target_fmr, point.threshold, &point.fmr, &point.fnmr))
        .collect();
    let frame = errors.frame(
        &verification.det,
        &marked,
        "Non-mated pairs that match (FMR)",
        "Mated pairs that do not match (FNMR)",
    )?;
    let reading = "Each point of the curve is one threshold. Further right, more non-mated pairs match; \
                   further up, more mated pairs do not match. Lower and further left is better. The band is the 95\u{a0}% interval \
                   of the misses, and the marked points are the rows of the table.";
    let description = errors.description(&marked);
    Some(Chart::new(
        "verification-det",
        "False non-matches against false matches",
        description,
        reading,
        frame,
    ))
}

impl Errors {
    fn operating(&self, aim: f64, threshold: f32, alarm: &Rate, miss: &Rate) -> Operating {
        let hint = format!(
            "threshold {}: {} {}, {} {} (95\u{a0}%: {})",
            score(threshold),
            self.alarm,
            percent(alarm.value),
            self.miss,
            percent(miss.value),
            interval(miss.interval)
        );
        Operating { aim, alarm: alarm.value, miss: miss.value, hint }
    }

    fn frame(&self, det: &[DetPoint], marked: &[Operating], x: &str, y: &str) -> Option<Frame> {
        let marked: Vec<&Operating> =
            marked.iter().filter(|point| point.alarm.is_finite() && point.miss.is_finite()).collect();
        let curve = informative(det, marked.iter().any(|point| point.alarm <= 0.0));
        if curve.is_empty() && marked.is_empty() {
            return None;
        }
        let alarms = curve.iter().map(|point| point.false_positive);
        let misses = curve.iter().map(|point| point.false_negative);
        let x = Axis::rates(x, alarms.chain(marked.iter().map(|point| point.alarm)));
        let y = Axis::rates(y, misses.chain(marked.iter().map(|point| point.miss)));
        let key = [
            Entry::new(Sample::Line("curve line-0"), "observed"),
            Entry::new(Sample::Area("band fill-0"), "95\u{a0}% interval"),
            Entry::new(Sample::Marker("point", 0), "operating point"),
        ];
        let mut frame = Frame::new(&key[..if marked.is_empty() { 2 } else { 3 }], 0.0, x, y);
        self.draw(&mut frame, &curve);
        self.mark(&mut frame, &curve, &marked);
        Some(frame)
    }

    fn draw(&self, frame: &mut Frame, curve: &[DetPoint]) {
        let ends = |end: usize| {
            curve
                .iter()
                .filter(|point| point.interval.iter().all(|end| end.is_finite()))
                .map(|point| frame.at(point.false_positive, point.interval[end]))
                .collect::<Vec<_>>()
        };
        let [lower, upper] = [ends(0), ends(1)];
        frame.band("band fill-0", &upper, &lower);
        let line: Vec<[f64; 2]> =
            curve.iter().map(|point| frame.at(point.false_positive, point.false_negative)).collect();
        frame.curve("curve line-0", &line);
        if let [only] = line[..] {
            frame.marker("dot fill-0", only, 0, &self.hint(&curve[0]));
        }
        let shown = thinned(&line, 10.0);
        for (at, point) in line.iter().zip(curve).filter(|(at, _)| shown.contains(at)) {
            frame.canvas.circle("hover", *at, 7.0, &self.hint(point));
        }
    }

    fn mark(&self, frame: &mut Frame, curve: &[DetPoint], marked: &[&Operating]) {
        for point in marked {
            let at = frame.at(point.alarm, point.miss);
            frame.marker("point", at, 0, &point.hint);
            frame.label(at, self.label(point));
        }
        let zero = curve.iter().find(|point| point.false_negative <= 0.0);
        if let Some(point) = zero.filter(|_| marked.iter().all(|point| point.miss > 0.0)) {
            frame.label(frame.at(point.false_positive, point.false_negative), "0 observed".to_owned());
        }
    }

    fn label(&self, point: &Operating) -> String {
        let missed = if point.miss > 0.0 { percent(point.miss) } else { "0 observed".to_owned() };
        let alarm = if point.alarm > 0.0 { "" } else { ", 0 observed" };
        format!("{missed} at {} {}{alarm}", self.alarm, aim(point.aim))
    }

    fn hint(&self, point: &DetPoint) -> String {
        format!(
            "threshold {}: {} {}, {} {}",
            score(point.threshold),
            self.alarm,
            percent(point.false_positive),
            self.miss,
            percent(point.false_negative)
        )
    }

    fn description(&self, marked: &[Operating]) -> String {
        let said: Vec<String> = marked
            .iter()
            .map(|point| {
                format!("{} {} at {} {}", self.miss, percent(point.miss), self.alarm, aim(point.aim))
            })
            .collect();
        format!("{} over {}, both on logarithmic axes. {}", self.miss, self.alarm, said.join("; "))
    }
}

/// The informative part of the curve. Of the points without false alarms only the one with the lowest miss rate is kept, and only if
/// `from_zero` is set or no other point exists. The curve ends at the first point without misses, or with false alarms only.
pub fn informative(det: &[DetPoint], from_zero: bool) -> Vec<DetPoint> {
    let finite = |point: &&DetPoint| point.false_positive.is_finite() && point.false_negative.is_finite();
    let points: Vec<DetPoint> = det.iter().filter(finite).copied().collect();
    let without_alarms = points.iter().rposition(|point| point.false_positive <= 0.0);
    let first = match without_alarms {
        Some(index) if from_zero || index + 1 == points.len() => index,
        Some(index) => index + 1,
        None => 0,
    };
    let points = &points[first..];
    let ended = |point: &DetPoint| point.false_negative <= 0.0 || point.false_positive >= 1.0;
    let last = points.iter().position(ended).map_or(points.len(), |index| index + 1);
    points[..last].to_vec()
}

//! Axes: the conversion of values to places, and the ticks with labels that do not overlap.

use crate::number::{aim, count, plain};

/// The scale of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    Linear,
    Log,
}

/// A labelled value.
#[derive(Debug, Clone, PartialEq)]
struct Tick {
    value: f64,
    text: String,
    /// Labels of lower orders are placed first.
    order: u8,
}

/// A tick in the picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Its place.
    pub at: f64,
    /// Its label and the middle of the label, if there is space for it.
    pub label: Option<(f64, String)>,
}

/// One of the two axes of a chart.
#[derive(Debug, Clone)]
pub struct Axis {
    scale: Scale,
    range: [f64; 2],
    pixels: [f64; 2],
    ticks: Vec<Tick>,
    /// What the axis shows.
    pub title: String,
}

/// Rates below this are drawn as zero. No evaluation has so many trials.
const LEAST: f64 = 1e-9;

impl Axis {
    /// Rates on a logarithmic scale. If there is a rate of zero, it is at the lower end, which then has the label `0`
    /// and is below every other rate.
    pub fn rates(title: impl Into<String>, values: impl IntoIterator<Item = f64>) -> Self {
        let values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        let zero = values.iter().any(|value| *value < LEAST);
        let positive = || values.iter().copied().filter(|value| *value >= LEAST);
        let (least, most) = match positive().next() {
            Some(first) => (positive().fold(first, f64::min), positive().fold(first, f64::max).min(1.0)),
            None => (0.001, 1.0),
        };
        let high = ends(most)[1];
        let low = ends(least * if zero { 0.5 } else { 0.95 })[0].min(ends(0.11 * high)[0]);
        let wide = high / low > 101.0;
        let mut ticks = decades([low, high], if wide { &[1] } else { &[1, 2, 5] }, aim);
        if zero {
            ticks.retain(|tick| tick.value > 1.5 * low);
            ticks.insert(0, Tick { value: low, text: "0".to_owned(), order: 0 });
        }
        Self::new(Scale::Log, [low, high], ticks, title)
    }

    /// Counts on a logarithmic scale.
    pub fn sizes(title: impl Into<String>, values: impl IntoIterator<Item = u64>) -> Self {
        let (least, most) = values
            .into_iter()
            .fold((u64::MAX, 1), |(least, most), value| (least.min(value.max(1)), most.max(value)));
        let (least, most) = (least.min(most) as f64, most as f64);
        let margin = if most > 1.5 * least { (most / least).powf(0.06) } else { 2.0 };
        let range = [least / margin, most * margin];
        let mut ticks = decades(range, &[1, 2, 5], |value| count(value as u64));
        ticks.retain(|tick| tick.value >= 1.0);
        Self::new(Scale::Log, range, ticks, title)
    }

    /// Shares in percent.
    pub fn shares(title: impl Into<String>, low: f64, high: f64) -> Self {
        let (range, step) = rounded(low, high);
        let high = if high <= 1.0 { range[1].min(1.0) } else { range[1] };
        Self::new(Scale::Linear, [range[0], high], steps([range[0], high], step, aim), title)
    }

    /// Scores. The ends are not changed.
    pub fn scores(title: impl Into<String>, low: f64, high: f64) -> Self {
        let (_, step) = rounded(low, high);
        Self::new(Scale::Linear, [low, high], steps([low, high], step, |value| plain(value, 6)), title)
    }

    /// Ranks from 1.
    pub fn ranks(title: impl Into<String>, last: u32) -> Self {
        let last = f64::from(last);
        let mut ticks: Vec<Tick> =
            steps([1.0, last], if last > 12.0 { 10.0 } else { 1.0 }, |value| plain(value, 0));
        if ticks.first().is_none_or(|tick| tick.value > 1.0) {
            ticks.insert(0, Tick { value: 1.0, text: "1".to_owned(), order: 0 });
        }
        let margin = if last > 1.0 { 0.02 * (last - 1.0) } else { 0.5 };
        Self::new(Scale::Linear, [1.0 - margin, last + margin], ticks, title)
    }

    fn new(scale: Scale, range: [f64; 2], ticks: Vec<Tick>, title: impl Into<String>) -> Self {
        Self { scale, range, pixels: [0.0, 1.0], ticks, title: title.into() }
    }

    /// Sets the ends of the axis in the picture.
    pub fn span(&mut self, from: f64, to: f64) {
        self.pixels = [from, to];
    }

    /// The place of a value. A value beyond the axis is placed at its end.
    pub fn at(&self, value: f64) -> f64 {
        let spread = |value: f64| match self.scale {
            Scale::Linear => value,
            Scale::Log => value.max(self.range[0]).log10(),
        };
        let [low, high] = self.range.map(spread);
        let part = (spread(value) - low) / (high - low);
        let part = if part.is_finite() { part.clamp(0.0, 1.0) } else { 0.0 };
        self.pixels[0] + part * (self.pixels[1] - self.pixels[0])
    }

    /// The length of the longest label, as measured by `extent`.
    pub fn widest(&self, extent: impl Fn(&str) -> f64) -> f64 {
        self.ticks.iter().map(|tick| extent(&tick.text)).fold(0.0, f64::max)
    }

    /// The ticks, with the labels that fit between `limits`. `extent` returns the length of a label along the axis.
    pub fn marks(&self, extent: impl Fn(&str) -> f64, limits: [f64; 2]) -> Vec<Mark> {
        let mut marks: Vec<Mark> =
            self.ticks.iter().map(|tick| Mark { at: self.at(tick.value), label: None }).collect();
        let mut order: Vec<usize> = (0..marks.len()).collect();
        // The lower end shows the place of zero. Then the upper end and all others are placed, as far as they fit.
        order.sort_by_key(|index| (*index != 0, self.ticks[*index].order, std::cmp::Reverse(*index)));
        let mut taken: Vec<[f64; 2]> = Vec::new();
        for index in order {
            let half = 0.5 * extent(&self.ticks[index].text);
            let low = (limits[0] + half).min(limits[1] - half);
            let middle = marks[index].at.clamp(low, (limits[1] - half).max(low));
            let ends = [middle - half, middle + half];
            if taken.iter().all(|other| ends[1] <= other[0] || other[1] <= ends[0]) {
                taken.push(ends);
                marks[index].label = Some((middle, self.ticks[index].text.clone()));
            }
        }
        marks
    }
}

/// The nearest 1, 2 or 5 of a decade at or below a value, and the nearest at or above it.
fn ends(value: f64) -> [f64; 2] {
    let exponent = (value.log10() + 1e-9).floor() as i32;
    let of = |digit: f64| power(digit, exponent);
    let below = [5.0, 2.0].into_iter().find(|digit| of(*digit) <= value * (1.0 + 1e-9)).unwrap_or(1.0);
    let above = [1.0, 2.0, 5.0].into_iter().find(|digit| of(*digit) >= value * (1.0 - 1e-9)).unwrap_or(10.0);
    [of(below), of(above)]
}

/// Division by a power of ten gives the number with exactly these digits. Multiplication by its inverse may not.
fn power(digit: f64, exponent: i32) -> f64 {
    if exponent < 0 { digit / 10f64.powi(-exponent) } else { digit * 10f64.powi(exponent) }
}

fn decades([low, high]: [f64; 2], digits: &[u32], text: impl Fn(f64) -> String) -> Vec<Tick> {
    let mut ticks = Vec::new();
    for exponent in low.log10().floor() as i32..=high.log10().ceil() as i32 {
        for digit in digits {
            let value = power(f64::from(*digit), exponent);
            if value >= low * (1.0 - 1e-9) && value <= high * (1.0 + 1e-9) {
                ticks.push(Tick { value, text: text(value), order: u8::from(*digit != 1) });
            }
        }
    }
    ticks
}

/// Ends at whole steps of 1, 2 or 5, and the step.
fn rounded(low: f64, high: f64) -> ([f64; 2], f64) {
    let rough = ((high - low) / 5.0).max(1e-9);
    let decade = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0].map(|digit| digit * decade).into_iter().find(|step| *step >= 0.999 * rough);
    let step = step.unwrap_or(10.0 * decade);
    ([(low / step + 1e-6).floor() * step, (high / step - 1e-6).ceil() * step], step)
}

fn steps([low, high]: [f64; 2], step: f64, text: impl Fn(f64) -> String) -> Vec<Tick> {
    let first = (low / step - 1e-6).ceil() as i64;
    let last = (high / step + 1e-6).floor() as i64;
    let tick = |index: i64| {
        let value = index as f64 * step;
        Tick { value, text: text(value), order: 0 }
    };
    (first..=last.min(first + 100)).map(tick).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &mut Axis, extent: f64) -> Vec<String> {
        axis.span(0.0, 100.0);
        let marks = axis.marks(|_| extent, [-50.0, 150.0]);
        marks.into_iter().filter_map(|mark| mark.label).map(|(_, text)| text.replace('\u{a0}', " ")).collect()
    }

    #[test]
    fn rates_are_labelled_by_decade() {
        let mut axis = Axis::rates("", [0.0021, 1.0]);
        assert_eq!(labels(&mut axis, 1.0), ["0.1 %", "1 %", "10 %", "100 %"]);
        assert_eq!(axis.at(0.001), 0.0);
        assert!((axis.at(0.01) - 100.0 / 3.0).abs() < 1e-9);
        assert_eq!(labels(&mut axis, 40.0), ["0.1 %", "100 %"]);
    }

    #[test]
    fn zero_is_below_every_rate() {
        let mut axis = Axis::rates("", [0.0, 0.001, 0.2]);
        assert_eq!(labels(&mut axis, 1.0), ["0", "0.1 %", "1 %", "10 %"]);
        assert_eq!(axis.at(0.0), 0.0);
        assert_eq!(axis.at(f64::NAN), 0.0);
        assert!(axis.at(0.001) > 10.0);
        assert_eq!(axis.at(7.0), 100.0);
    }

    #[test]
    fn unusual_rates_have_an_axis() {
        assert_eq!(labels(&mut Axis::rates("", []), 1.0), ["0.1 %", "1 %", "10 %", "100 %"]);
        assert_eq!(labels(&mut Axis::rates("", [0.0]), 1.0), ["0", "0.1 %", "1 %", "10 %", "100 %"]);
        assert_eq!(labels(&mut Axis::rates("", [1.0]), 1.0), ["10 %", "20 %", "50 %", "100 %"]);
        assert_eq!(labels(&mut Axis::rates("", [1e-8, 1.0]), 20.0).len(), 5);
    }

    #[test]
    fn sizes_and_shares_have_round_labels() {
        assert_eq!(labels(&mut Axis::sizes("", [1000, 10_000]), 1.0), ["1,000", "2,000", "5,000", "10,000"]);
        assert_eq!(labels(&mut Axis::sizes("", [3]), 1.0), ["2", "5"]);
        assert_eq!(
            labels(&mut Axis::shares("", 0.9, 1.0), 1.0),
            ["90 %", "92 %", "94 %", "96 %", "98 %", "100 %"]
        );
        assert_eq!(labels(&mut Axis::ranks("", 50), 1.0), ["1", "10", "20", "30", "40", "50"]);
        assert_eq!(labels(&mut Axis::ranks("", 1), 1.0), ["1"]);
    }
}

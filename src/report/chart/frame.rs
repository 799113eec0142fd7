//! The frame of a chart: a legend, two axes, a grid, and the plot with its labels.

use super::axis::Axis;
use super::canvas::{Anchor, Canvas, LINE, TEXT, width};
use super::labels::{Rect, Room};

/// Width of every chart.
pub const WIDTH: f64 = 480.0;
/// Space at the sides.
const MARGIN: f64 = 10.0;
/// Height of the plot itself.
const PLOT: f64 = 255.0;
/// Height of a line of the legend.
const KEY: f64 = 20.0;

/// How a series is drawn in the legend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    Line(&'static str),
    Area(&'static str),
    Marker(&'static str, usize),
}

/// An entry of the legend.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub sample: Sample,
    pub text: String,
}

impl Entry {
    pub fn new(sample: Sample, text: impl Into<String>) -> Self {
        Self { sample, text: text.into() }
    }
}

/// A chart with axes and without data.
#[derive(Debug)]
pub struct Frame {
    pub canvas: Canvas,
    pub x: Axis,
    pub y: Axis,
    pub plot: Rect,
    height: f64,
    room: Room,
    labels: Vec<([f64; 2], String)>,
}

impl Frame {
    /// A frame with `headroom` between the legend and the plot.
    pub fn new(key: &[Entry], headroom: f64, mut x: Axis, mut y: Axis) -> Self {
        let mut canvas = Canvas::default();
        let left = (y.widest(width) + MARGIN + 8.0).max(44.0);
        let keyed = draw_key(&mut canvas, key);
        let top = MARGIN + keyed + LINE + 8.0 + headroom;
        let plot = Rect { x: left, y: top, width: WIDTH - left - 2.0 * MARGIN, height: PLOT };
        x.span(plot.x, plot.right());
        y.span(plot.bottom(), plot.y);
        let caption = MARGIN + keyed + TEXT;
        canvas.text("axis-title", [MARGIN, caption], Anchor::Start, &y.title);
        let below = plot.bottom() + 2.0 * LINE + 8.0;
        canvas.text("axis-title", [plot.right(), below], Anchor::End, &x.title);
        let inner = Rect { x: plot.x + 4.0, y: plot.y + 3.0, width: plot.width - 6.0, height: PLOT - 6.0 };
        let height = below + MARGIN;
        let mut frame = Self { canvas, x, y, plot, height, room: Room::new(inner), labels: Vec::new() };
        frame.draw_grid();
        frame
    }

    fn draw_grid(&mut self) {
        let Rect { x: left, y: top, .. } = self.plot;
        let (right, bottom) = (self.plot.right(), self.plot.bottom());
        for mark in self.y.marks(|_| LINE, [top - LINE, bottom + 0.5 * LINE]) {
            self.canvas.line("grid", [left, mark.at], [right, mark.at]);
            if let Some((middle, text)) = mark.label {
                self.canvas.text("tick", [left - 6.0, middle + 4.0], Anchor::End, &text);
            }
        }
        for mark in self.x.marks(|text| width(text) + 8.0, [2.0, WIDTH - 2.0]) {
            self.canvas.line("grid", [mark.at, top], [mark.at, bottom]);
            if let Some((middle, text)) = mark.label {
                self.canvas.text("tick", [middle, bottom + LINE + 1.0], Anchor::Middle, &text);
            }
        }
        self.canvas.line("axis", [left, bottom], [right, bottom]);
        self.canvas.line("axis", [left, top], [left, bottom]);
    }

    /// The place of a pair of values.
    pub fn at(&self, x: f64, y: f64) -> [f64; 2] {
        [self.x.at(x), self.y.at(y)]
    }

    /// A curve. Labels avoid it.
    pub fn curve(&mut self, class: &str, points: &[[f64; 2]]) {
        let points = thinned(points, 0.7);
        self.canvas.polyline(class, &points);
        self.room.avoid(&points);
    }

    /// The band between two curves.
    pub fn band(&mut self, class: &str, upper: &[[f64; 2]], lower: &[[f64; 2]]) {
        let mut around = thinned(upper, 0.7);
        around.extend(thinned(lower, 0.7).iter().rev());
        self.canvas.area(class, &around);
    }

    /// A straight line. Labels avoid it.
    pub fn bar(&mut self, class: &str, from: [f64; 2], to: [f64; 2]) {
        self.canvas.line(class, from, to);
        self.room.avoid(&[from, to]);
    }

    /// A marker. Labels avoid it.
    pub fn marker(&mut self, class: &str, at: [f64; 2], shape: usize, hint: &str) {
        self.room.keep_clear(at);
        self.canvas.marker(class, at, shape, hint);
    }

    /// A label for a point. Call it after everything that the label must avoid is drawn.
    pub fn label(&mut self, at: [f64; 2], text: String) {
        self.labels.push((at, text));
    }

    /// The complete elements, and their height.
    pub fn finish(mut self) -> (String, f64) {
        let placed: Vec<_> = std::mem::take(&mut self.labels)
            .into_iter()
            .filter_map(|(at, text)| Some((at, self.room.place(at, &text)?, text)))
            .collect();
        for (at, end) in placed.iter().filter_map(|(at, spot, _)| Some((*at, spot.leader?))) {
            self.canvas.line("leader", at, end);
        }
        for (_, spot, text) in placed {
            self.canvas.text("label", spot.base, Anchor::Start, &text);
        }
        (self.canvas.finish(), self.height)
    }
}

/// Draws the legend in as many lines as it needs. Returns its height.
fn draw_key(canvas: &mut Canvas, entries: &[Entry]) -> f64 {
    let [mut x, mut y] = [MARGIN, MARGIN];
    for Entry { sample, text } in entries {
        let wide = 26.0 + width(text) + 14.0;
        if x > MARGIN && x + wide > WIDTH - MARGIN {
            (x, y) = (MARGIN, y + KEY);
        }
        let middle = y + 0.5 * TEXT - 1.0;
        match sample {
            Sample::Line(class) => canvas.line(class, [x, middle], [x + 20.0, middle]),
            Sample::Area(class) => {
                canvas.rect(class, Rect { x, y: middle - 5.0, width: 20.0, height: 10.0 });
            }
            Sample::Marker(class, shape) => canvas.marker(class, [x + 10.0, middle], *shape, ""),
        }
        canvas.text("key", [x + 26.0, y + 0.78 * TEXT], Anchor::Start, text);
        x += wide;
    }
    if entries.is_empty() { 0.0 } else { y - MARGIN + KEY + 4.0 }
}

/// The points that are visibly apart from the previous one, and the last point.
pub fn thinned(points: &[[f64; 2]], apart: f64) -> Vec<[f64; 2]> {
    let mut kept: Vec<[f64; 2]> = Vec::new();
    for (index, point) in points.iter().enumerate() {
        let near = kept.last().is_some_and(|last: &[f64; 2]| {
            (point[0] - last[0]).abs() < apart && (point[1] - last[1]).abs() < apart
        });
        if !near || index + 1 == points.len() {
            kept.push(*point);
        }
    }
    kept
}

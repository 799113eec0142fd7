//! Placement of labels. Each label gets the nearest free place to its point, and no two labels overlap. Labels of vertical lines are
//! above the plot, in as many rows as are necessary to separate them.

use super::canvas::{LINE, width};

/// A rectangle in the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

impl Rect {
    pub fn right(&self) -> f64 {
        self.x + self.width
    }

    pub fn bottom(&self) -> f64 {
        self.y + self.height
    }

    /// Whether the two have a point in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.x < other.right() && other.x < self.right() && self.y < other.bottom() && other.y < self.bottom()
    }

    /// The point of the rectangle that is nearest to another point.
    pub fn nearest(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        [x.clamp(self.x, self.right()), y.clamp(self.y, self.bottom())]
    }

    fn contains(&self, point: [f64; 2]) -> bool {
        self.nearest(point) == point
    }

    fn around([x, y]: [f64; 2], radius: f64) -> Self {
        Self { x: x - radius, y: y - radius, width: 2.0 * radius, height: 2.0 * radius }
    }
}

/// The place of a label.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spot {
    /// Left end of the base line.
    pub base: [f64; 2],
    /// The end of the line from the point to a distant label.
    pub leader: Option<[f64; 2]>,
}

/// A label within this distance needs no line to its point.
const NEAR: f64 = 16.0;
/// The marker of a point stays visible within this distance.
const CLEAR: f64 = 7.0;

/// The plot with the labels placed so far.
#[derive(Debug)]
pub struct Room {
    bounds: Rect,
    taken: Vec<Rect>,
    curves: Vec<[f64; 2]>,
}

impl Room {
    pub fn new(bounds: Rect) -> Self {
        Self { bounds, taken: Vec::new(), curves: Vec::new() }
    }

    /// Keeps labels off the marker at this point.
    pub fn keep_clear(&mut self, marker: [f64; 2]) {
        self.taken.push(Rect::around(marker, CLEAR - 1.0));
    }

    /// Labels avoid this line if they can.
    pub fn avoid(&mut self, line: &[[f64; 2]]) {
        for pair in line.windows(2) {
            self.curves.extend(between(pair[0], pair[1], 5.0));
        }
    }

    /// Takes the best free place for a label. `None` if there is none.
    pub fn place(&mut self, named: [f64; 2], text: &str) -> Option<Spot> {
        let size = [width(text), LINE];
        let mut best: Option<(f64, Rect)> = None;
        for rect in self.candidates(size) {
            let least = best.map_or(f64::INFINITY, |(cost, _)| cost);
            if let Some(cost) = self.cost(rect, named, least) {
                best = Some((cost, rect));
            }
        }
        let (_, best) = best?;
        self.taken.push(best);
        let end = best.nearest(named);
        let leader = (distance(end, named) > NEAR).then_some(end);
        Some(Spot { base: [best.x, best.y + 0.78 * LINE], leader })
    }

    fn candidates(&self, [width, height]: [f64; 2]) -> impl Iterator<Item = Rect> + use<> {
        let bounds = self.bounds;
        let steps = |room: f64, step: f64| 0..(room / step).floor().max(-1.0) as i64 + 1;
        let columns = steps(bounds.width - width, 6.0);
        let rows = if bounds.width < width { 0..0 } else { steps(bounds.height - height, 4.0) };
        rows.flat_map(move |row| {
            columns.clone().map(move |column| Rect {
                x: bounds.x + 6.0 * column as f64,
                y: bounds.y + 4.0 * row as f64,
                width,
                height,
            })
        })
    }

    /// The cost of a place. `None` if it is not free or not better than `least`.
    fn cost(&self, rect: Rect, named: [f64; 2], least: f64) -> Option<f64> {
        let end = rect.nearest(named);
        let far = distance(end, named);
        // A label is easier to read beside its point than above it, and easier above it than below it.
        let aside = (rect.y + 0.5 * rect.height - named[1]).abs();
        let below = if rect.y > named[1] { 2.0 } else { 0.0 };
        let cost = far + 0.2 * aside + below;
        if far < CLEAR || cost >= least || self.taken.iter().any(|taken| taken.overlaps(&rect)) {
            return None;
        }
        let near = Rect { y: rect.y - 4.0, height: rect.height + 8.0, ..rect };
        let covered = self.curves.iter().filter(|point| near.contains(**point)).count();
        let crossed = far > NEAR && self.is_crossed(named, end);
        let cost = cost + 12.0 * covered as f64 + if crossed { 500.0 } else { 0.0 };
        (cost < least).then_some(cost)
    }

    /// Whether a line between the two points crosses a label or another marker.
    fn is_crossed(&self, named: [f64; 2], end: [f64; 2]) -> bool {
        let others = || self.taken.iter().filter(|taken| !taken.contains(named));
        between(named, end, 4.0).any(|point| others().any(|taken| taken.contains(point)))
    }
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

fn between(from: [f64; 2], to: [f64; 2], step: f64) -> impl Iterator<Item = [f64; 2]> {
    let steps = (distance(from, to) / step).ceil().max(1.0);
    (0..=steps as u32).map(move |index| {
        let part = f64::from(index) / steps;
        [from[0] + part * (to[0] - from[0]), from[1] + part * (to[1] - from[1])]
    })
}

/// The label of a vertical line.
#[derive(Debug, Clone, PartialEq)]
pub struct LineLabel {
    /// The place of the line.
    pub at: f64,
    /// The start of the label.
    pub start: f64,
    /// Rows between the label and the plot. `None` if there is no space for it.
    pub row: Option<usize>,
    /// The label.
    pub text: String,
}

/// Distance between a line and its label.
const GAP: f64 = 4.0;
/// The largest number of rows.
const MOST: usize = 8;

impl LineLabel {
    pub fn new(at: f64, text: String) -> Self {
        Self { at, start: at + GAP, row: None, text }
    }

    fn ends(&self) -> [f64; 2] {
        [self.start, self.start + width(&self.text)]
    }

    /// Whether the labels overlap, or the line of one crosses the label of the other.
    fn conflicts(&self, row: usize, other: &Self, other_row: usize) -> bool {
        let [a, b] = [self.ends(), other.ends()];
        let near = |ends: [f64; 2], line: f64| ends[0] - 0.5 * GAP < line && line < ends[1] + 0.5 * GAP;
        let meet = a[0] < b[1] + GAP && b[0] < a[1] + GAP;
        (row == other_row && meet)
            || (row >= other_row && near(b, self.at))
            || (row <= other_row && near(a, other.at))
    }
}

/// Gives each label a row and a side of its line within the limits. Returns the number of rows.
pub fn rows(labels: &mut [LineLabel], limits: [f64; 2]) -> usize {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by(|a, b| labels[*b].at.total_cmp(&labels[*a].at));
    // A label is above the shorter lines on its side. So the labels at the far end of that side come first.
    let (mut order, left): (Vec<usize>, Vec<usize>) =
        order.into_iter().partition(|index| labels[*index].ends()[1] <= limits[1]);
    for index in left.into_iter().rev() {
        let label = &mut labels[index];
        label.start = (label.at - GAP - width(&label.text)).max(limits[0]);
        order.push(index);
    }
    for (place, index) in order.iter().enumerate() {
        let label = &labels[*index];
        let free = |row: &usize| {
            order[..place].iter().all(|other| {
                let other = &labels[*other];
                other.row.is_none_or(|other_row| !label.conflicts(*row, other, other_row))
            })
        };
        let row = (0..MOST).find(free);
        labels[*index].row = row;
    }
    labels.iter().filter_map(|label| label.row).max().map_or(0, |row| row + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Rect = Rect { x: 10.0, y: 10.0, width: 300.0, height: 200.0 };

    #[test]
    fn many_labels_of_one_point_do_not_overlap() {
        let mut room = Room::new(BOUNDS);
        let spots: Vec<Spot> =
            (0..12).filter_map(|_| room.place([20.0, 200.0], "8.4 % at FPIR 1 %")).collect();
        assert_eq!(spots.len(), 12);
        for (index, a) in room.taken.iter().enumerate() {
            assert!(a.x >= BOUNDS.x && a.right() <= BOUNDS.right() && a.bottom() <= BOUNDS.bottom());
            assert!(room.taken[index + 1..].iter().all(|b| !a.overlaps(b)));
        }
        assert!(spots[0].leader.is_none() && spots[11].leader.is_some());
    }

    #[test]
    fn a_label_without_free_space_is_left_out() {
        let mut room = Room::new(Rect { width: 20.0, ..BOUNDS });
        assert_eq!(room.place([20.0, 20.0], "a label wider than the picture"), None);
        let mut room = Room::new(Rect { height: 5.0, ..BOUNDS });
        assert_eq!(room.place([20.0, 12.0], "low"), None);
    }

    fn labels(places: &[f64]) -> Vec<LineLabel> {
        places.iter().map(|at| LineLabel::new(*at, "FPIR 0.1 %: 0.4123".into())).collect()
    }

    #[test]
    fn labels_of_lines_do_not_overlap_and_no_line_crosses_them() {
        for places in [&[100.0, 101.0, 102.0, 300.0][..], &[400.0, 530.0, 535.0], &[5.0; 12], &[]] {
            let mut labels = labels(places);
            assert!(rows(&mut labels, [0.0, 540.0]) <= MOST);
            for (index, a) in labels.iter().enumerate() {
                assert!(a.ends()[0] >= 0.0 && a.ends()[1] <= 540.0);
                for b in &labels[index + 1..] {
                    if let (Some(row), Some(other)) = (a.row, b.row) {
                        assert!(!a.conflicts(row, b, other), "{a:?} {b:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn close_lines_at_both_ends_all_have_a_label() {
        for places in [[100.0, 101.0, 102.0, 102.0], [100.0, 520.0, 530.0, 535.0]] {
            let mut labels = labels(&places);
            rows(&mut labels, [0.0, 540.0]);
            assert!(labels.iter().all(|label| label.row.is_some()), "{labels:?}");
        }
    }
}

//! Labels of vertical lines: flags on poles, in as many rows as keep them apart.

use super::canvas::width;

/// The label of a vertical line.
#[derive(Debug, Clone, PartialEq)]
pub struct Flag {
    /// Where the line is.
    pub at: f64,
    /// Where the label starts.
    pub start: f64,
    /// Rows between the label and the plot; `None` if there is no room for it.
    pub row: Option<usize>,
    /// The label.
    pub text: String,
}

/// Between a pole and its flag.
const GAP: f64 = 4.0;
/// More rows than this would be higher than they are useful.
const MOST: usize = 8;

impl Flag {
    pub fn new(at: f64, text: String) -> Self {
        Self { at, start: at + GAP, row: None, text }
    }

    fn ends(&self) -> [f64; 2] {
        [self.start, self.start + width(&self.text)]
    }

    /// Whether the labels meet, or the pole of one runs through the other.
    fn conflicts(&self, row: usize, other: &Self, other_row: usize) -> bool {
        let [a, b] = [self.ends(), other.ends()];
        let near = |ends: [f64; 2], pole: f64| ends[0] - 0.5 * GAP < pole && pole < ends[1] + 0.5 * GAP;
        let meet = a[0] < b[1] + GAP && b[0] < a[1] + GAP;
        (row == other_row && meet)
            || (row >= other_row && near(b, self.at))
            || (row <= other_row && near(a, other.at))
    }
}

/// Gives each flag a row and a side of its pole between the limits; how many rows there are.
pub fn rows(flags: &mut [Flag], limits: [f64; 2]) -> usize {
    let mut order: Vec<usize> = (0..flags.len()).collect();
    order.sort_by(|a, b| flags[*b].at.total_cmp(&flags[*a].at));
    // A flag flies over the shorter poles on its side, so those at the far end of its side come first.
    let (mut order, left): (Vec<usize>, Vec<usize>) =
        order.into_iter().partition(|index| flags[*index].ends()[1] <= limits[1]);
    for index in left.into_iter().rev() {
        let flag = &mut flags[index];
        flag.start = (flag.at - GAP - width(&flag.text)).max(limits[0]);
        order.push(index);
    }
    for (place, index) in order.iter().enumerate() {
        let flag = &flags[*index];
        let free = |row: &usize| {
            order[..place].iter().all(|other| {
                let other = &flags[*other];
                other.row.is_none_or(|other_row| !flag.conflicts(*row, other, other_row))
            })
        };
        let row = (0..MOST).find(free);
        flags[*index].row = row;
    }
    flags.iter().filter_map(|flag| flag.row).max().map_or(0, |row| row + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(places: &[f64]) -> Vec<Flag> {
        places.iter().map(|at| Flag::new(*at, "FPIR 0.1 %: 0.4123".into())).collect()
    }

    #[test]
    fn flags_neither_meet_nor_are_crossed() {
        for places in [&[100.0, 101.0, 102.0, 300.0][..], &[400.0, 530.0, 535.0], &[5.0; 12], &[]] {
            let mut flags = flags(places);
            assert!(rows(&mut flags, [0.0, 540.0]) <= MOST);
            for (index, a) in flags.iter().enumerate() {
                assert!(a.ends()[0] >= 0.0 && a.ends()[1] <= 540.0);
                for b in &flags[index + 1..] {
                    if let (Some(row), Some(other)) = (a.row, b.row) {
                        assert!(!a.conflicts(row, b, other), "{a:?} {b:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn near_poles_on_either_side_all_get_a_flag() {
        for places in [[100.0, 101.0, 102.0, 102.0], [100.0, 520.0, 530.0, 535.0]] {
            let mut flags = flags(&places);
            rows(&mut flags, [0.0, 540.0]);
            assert!(flags.iter().all(|flag| flag.row.is_some()), "{flags:?}");
        }
    }
}

//! Axes of shares that are near 1.

use super::axis::Axis;
use crate::number::aim;

/// Shares from the highest of a few round values that is below all of them. An axis that does not start at zero says so.
pub fn zoomed(title: &str, lowest: f64) -> Axis {
    let start = [0.99, 0.98, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5]
        .into_iter()
        .find(|start| lowest > *start)
        .unwrap_or(0.0);
    let title =
        if start > 0.0 { format!("{title} · axis starts at {}", aim(start)) } else { title.to_owned() };
    Axis::shares(title, start, 1.0)
}

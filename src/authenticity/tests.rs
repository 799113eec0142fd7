mod compression;
mod fitting;
mod measured;
mod rates;
mod reference;

use super::plane::Plane;

/// A number from 0 to 1 that depends on its arguments without any pattern.
pub(super) fn noise(x: usize, y: usize, seed: u64) -> f64 {
    let mut state = (x as u64) << 40 ^ (y as u64) << 20 ^ seed ^ 0x9E37_79B9_7F4A_7C15;
    for _ in 0..3 {
        state = (state ^ state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        state = (state ^ state >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    }
    (state >> 11) as f64 / (1_u64 << 53) as f64
}

/// Requires two numbers to differ by at most a ten-thousandth.
#[track_caller]
fn close(got: f64, expected: f64) {
    assert!((got - expected).abs() < 1e-4 * expected.abs().max(1.0), "got {got}, expected {expected}");
}

fn flat(value: f64) -> Plane {
    Plane::new(8, 8, |_, _| value)
}

/// Rises by 1 per column, or per row.
fn ramp(width: usize, height: usize, across: bool) -> Plane {
    Plane::new(width, height, |x, y| if across { x } else { y } as f64)
}

fn impulse(side: usize, value: f64) -> Plane {
    Plane::new(side, side, |x, y| if (x, y) == (side / 2, side / 2) { value } else { 0.0 })
}

/// A wave of this many cycles per 128 columns.
fn wave(cycles: f64, amplitude: f64) -> Plane {
    Plane::new(128, 128, |x, _| amplitude * (std::f64::consts::TAU * cycles * x as f64 / 128.0).cos())
}

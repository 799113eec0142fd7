//! No-reference measures of colour: a print or a screen has fewer colours than the person in front of it, and reflects light like a
//! plane. After Wen, Han and Jain, Face spoof detection with image distortion analysis, IEEE Transactions on Information Forensics and
//! Security 10 (2015), section III.

use super::plane::{Plane, moments, ratio};

/// Mean, deviation and skewness of hue, saturation and value, each 0 to 1. The hue is shifted by half a turn, so that skin is in the middle of its
/// range and not at both ends.
pub(super) fn chromatic_moments([red, green, blue]: &[Plane; 3]) -> [f64; 9] {
    let mut channels = [const { Vec::new() }; 3];
    for at in 0..red.values.len() {
        let hsv = hue_saturation_value([red.values[at], green.values[at], blue.values[at]]);
        channels.iter_mut().zip(hsv).for_each(|(channel, value)| channel.push(value));
    }
    let [h, s, v] = channels.map(|channel| moments(&channel));
    [h[0], h[1], h[2], s[0], s[1], s[2], v[0], v[1], v[2]]
}

/// Hue (0.5: red), saturation and value of a colour, each 0 to 1. Grey has the hue 0.5.
fn hue_saturation_value([red, green, blue]: [f64; 3]) -> [f64; 3] {
    let (largest, smallest) = (red.max(green).max(blue), red.min(green).min(blue));
    let range = largest - smallest;
    let sixths = if range <= 0.0 {
        0.0
    } else if largest == red {
        (green - blue) / range
    } else if largest == green {
        2.0 + (blue - red) / range
    } else {
        4.0 + (red - green) / range
    };
    [(sixths / 6.0 + 0.5).rem_euclid(1.0), ratio(range, largest, 0.0), largest / 255.0]
}

/// Share of the pixels that are a highlight: value above 0.8 and saturation below 0.25.
pub(super) fn specular_share([red, green, blue]: &[Plane; 3]) -> f64 {
    let is_specular = |at: usize| {
        let [_, s, v] = hue_saturation_value([red.values[at], green.values[at], blue.values[at]]);
        v > 0.8 && s < 0.25
    };
    let n = red.values.len();
    (0..n).filter(|&at| is_specular(at)).count() as f64 / n.max(1) as f64
}

/// Colour diversity, of colours rounded to 32 levels per channel: the number of colours per 1,000 pixels, and the share of the pixels that
/// have one of the 100 most frequent colours.
pub(super) fn diversity([red, green, blue]: &[Plane; 3]) -> [f64; 2] {
    let mut counts = vec![0_u32; 32 * 32 * 32];
    for at in 0..red.values.len() {
        let [red, green, blue] =
            [red, green, blue].map(|plane| (plane.values[at] / 8.0).clamp(0.0, 31.0) as usize);
        counts[(red * 32 + green) * 32 + blue] += 1;
    }
    let n = red.values.len().max(1) as f64;
    counts.retain(|count| *count > 0);
    counts.sort_unstable_by(|one, other| other.cmp(one));
    let frequent: u32 = counts.iter().take(100).sum();
    [1000.0 * counts.len() as f64 / n, f64::from(frequent) / n]
}

/// Mean and deviation of the two colour differences of ITU-R BT.601, grey levels: Cb (blue minus luma) and Cr (red minus luma).
pub(super) fn colour_differences([red, _, blue]: &[Plane; 3], luma: &Plane) -> [f64; 4] {
    let [cb, cb_deviation, _] = blue.with(luma, |blue, luma| 0.564 * (blue - luma)).moments();
    let [cr, cr_deviation, _] = red.with(luma, |red, luma| 0.713 * (red - luma)).moments();
    [cb, cb_deviation, cr, cr_deviation]
}

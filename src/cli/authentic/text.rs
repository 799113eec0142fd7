//! Authenticity in words.

use crate::authenticity::{Contribution, Judgement, Verdict};
use crate::number::plain;
use crate::reply::Authenticity;

/// The verdict with its probability, whether the photo is unlike those of the fit, and the reasons: one line each. Verdict and probability
/// are separated by two blanks.
pub fn lines(authenticity: &Authenticity) -> Vec<String> {
    let Some(judgement) = &authenticity.judgement else {
        return vec![format!("NOT JUDGED  {}", authenticity.detail.as_deref().unwrap_or_default())];
    };
    let Judgement { verdict, attack_probability, threshold, outside, unlike_fit, reasons } = judgement;
    let verdict = match verdict {
        Verdict::Genuine => "GENUINE",
        Verdict::Attack => "ATTACK",
    };
    let unlike = if *unlike_fit { ", unlike the photos of the fit" } else { "" };
    let mut lines = vec![format!(
        "{verdict}  attack probability {attack_probability:.3}  (threshold {threshold:.3}{unlike})"
    )];
    if *unlike_fit {
        // A server may hide how many there are.
        let count = if *outside > 0 { format!("{outside} measures are") } else { "measures are".into() };
        lines.push(format!(
            "{count} beyond the photos that the gate was fitted to: its error rates do not apply, do not rely on the verdict"
        ));
    }
    lines.extend(reasons.iter().map(reason));
    lines
}

/// `cr_mean 3.1, usual 12.4: mean of red minus luma`.
fn reason(Contribution { measure, meaning, value, usual, .. }: &Contribution) -> String {
    let short = |value: f64| plain(value, if value.abs() < 1.0 { 4 } else { 1 });
    format!("{measure} {}, usual {}: {meaning}", short(*value), short(*usual))
}

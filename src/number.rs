//! Numbers as text for people. A number that is not finite is shown as unknown.

/// The text for an unknown number.
pub const UNKNOWN: &str = "–";

/// A non-breaking space keeps a number and its unit on one line.
const PERCENT: &str = "\u{a0}%";

/// A count with thousands separators: `1,234,567`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A size in bytes: `64.0 MiB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{n} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// A measured share: at least one decimal, more for small shares, and never 100 % for a share below 1.
pub fn percent(share: f64) -> String {
    if !share.is_finite() {
        return UNKNOWN.to_owned();
    }
    if share == 0.0 || share == 1.0 {
        return aim(share);
    }
    let value = share * 100.0;
    // Two significant digits for small shares, one for shares near 1. They are counted after rounding, so that 0.00999 is shown as
    // 0.010, with the same number of decimals as 0.010 itself.
    let (significant, digits) =
        if value <= 50.0 { (value.abs(), 2_usize) } else { ((100.0 - value).abs(), 1) };
    let rounded: f64 = format!("{:.*e}", digits - 1, significant.max(1e-9)).parse().unwrap_or(significant);
    let decimals = digits as f64 - 1.0 - (rounded.log10() + 1e-9).floor();
    let decimals = decimals.clamp(1.0, 9.0) as usize;
    format!("{value:.decimals$}{PERCENT}")
}

/// A chosen share, such as a target or the label of an axis: `0.1 %`.
pub fn aim(share: f64) -> String {
    if !share.is_finite() {
        return UNKNOWN.to_owned();
    }
    format!("{}{PERCENT}", plain(share * 100.0, 10))
}

/// A number with at most this many decimals and without trailing zeros.
pub fn plain(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return UNKNOWN.to_owned();
    }
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A score or a threshold.
pub fn score(value: f32) -> String {
    if value.is_finite() { format!("{value:.4}") } else { UNKNOWN.to_owned() }
}

/// A 95 % interval: `7.1 % to 9.8 %`.
pub fn interval([low, high]: [f64; 2]) -> String {
    format!("{} to {}", percent(low), percent(high))
}

/// A count with its unit: `1 photo`, `2 photos`, `2 searches`, `2 replies`.
pub fn plural(n: u64, one: &str) -> String {
    let (stem, ending) = match one.strip_suffix("ly") {
        Some(stem) => (format!("{stem}l"), "ies"),
        None => (one.to_owned(), if one.ends_with("ch") { "es" } else { "s" }),
    };
    if n == 1 { format!("1 {one}") } else { format!("{} {stem}{ending}", count(n)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        let texts = [0, 999, 1_000, 1_234_567].map(count);
        assert_eq!(texts, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn measured_shares_have_two_significant_digits() {
        let said = |share| percent(share).replace('\u{a0}', " ");
        assert_eq!(said(0.0837), "8.4 %");
        assert_eq!(said(0.376), "37.6 %");
        assert_eq!(said(0.000123), "0.012 %");
        assert_eq!(said(0.000_099_99), "0.010 %");
        assert_eq!(said(0.0001), "0.010 %");
        assert_eq!(said(0.9923), "99.2 %");
        assert_eq!(said(0.99963), "99.96 %");
        assert_eq!(said(0.0), "0 %");
        assert_eq!(said(1.0), "100 %");
        assert_eq!(said(0.999_999_999), "99.9999999 %");
        assert_eq!(said(f64::NAN), UNKNOWN);
        assert_eq!(said(f64::INFINITY), UNKNOWN);
    }

    #[test]
    fn chosen_shares_have_no_trailing_zeros() {
        let said = |share| aim(share).replace('\u{a0}', " ");
        assert_eq!(said(0.001), "0.1 %");
        assert_eq!(said(0.07), "7 %");
        assert_eq!(said(1e-6), "0.0001 %");
        assert_eq!(said(1.0), "100 %");
        assert_eq!(plain(-0.0, 2), "0");
        assert_eq!(plain(0.25, 2), "0.25");
        assert_eq!(plain(100.0, 0), "100");
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(64 << 20), "64.0 MiB");
    }

    #[test]
    fn counts_and_scores() {
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(score(0.412_34), "0.4123");
        assert_eq!(score(f32::INFINITY), UNKNOWN);
    }

    #[test]
    fn numbers_are_readable() {
        assert_eq!(plural(1, "photo"), "1 photo");
        assert_eq!(plural(2000, "photo"), "2,000 photos");
        assert_eq!([plural(2, "search"), plural(3, "reply")], ["2 searches", "3 replies"]);
    }
}

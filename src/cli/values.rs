//! Parsers for the values of options. They run with the parser of the command line, so an invalid value is refused before anything is
//! opened. The error states the valid range.

use anyhow::Result;

use super::Usage;

/// A cosine, -1 to 1.
pub fn cosine(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(score) if (-1.0..=1.0).contains(&score) => Ok(score),
        _ => Err("expected a cosine from -1 to 1".into()),
    }
}

/// A target error rate: above 0 and below 1.
pub fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate < 1.0 => Ok(rate),
        _ => Err("expected a share above 0 and below 1, such as 0.01".into()),
    }
}

/// A share, 0 to 1.
pub fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("expected a share from 0 to 1, such as 0.001".into()),
    }
}

/// Refuses a list with the same rate twice.
pub fn require_distinct(option: &str, rates: &[f64]) -> Result<()> {
    for (at, rate) in rates.iter().enumerate() {
        if rates[..at].contains(rate) {
            return Err(Usage(format!("{option}: {rate} is given twice")).into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_of_the_range_pass() {
        assert_eq!((cosine("-1"), cosine("1"), cosine("0.5")), (Ok(-1.0), Ok(1.0), Ok(0.5)));
        for wrong in ["70", "1.01", "-1.01", "nan", "inf", "-inf", "", "half", "0,5"] {
            assert!(cosine(wrong).unwrap_err().contains("-1 to 1"), "{wrong}");
            assert!(rate(wrong).unwrap_err().contains("above 0 and below 1"), "{wrong}");
            assert!(share(wrong).unwrap_err().contains("0 to 1"), "{wrong}");
        }
        assert!(rate("0").is_err() && rate("1").is_err() && rate("1e-9").is_ok());
        assert!(share("0").is_ok() && share("1").is_ok());
        assert!(require_distinct("--target-fpir", &[0.1, 0.01]).is_ok());
        assert!(require_distinct("--target-fpir", &[0.1, 0.01, 0.1]).is_err());
    }
}

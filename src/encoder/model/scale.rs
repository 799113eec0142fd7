//! The factor of the preprocessing: one number, or one per channel.

use serde::{Deserialize, Serialize};

/// Factors for the three channels. In a manifest it is one number, or a list of three.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Scale([f32; 3]);

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    One(f32),
    Three([f32; 3]),
}

impl Scale {
    /// The factors, in the order of the channels.
    pub fn factors(self) -> [f32; 3] {
        self.0
    }

    /// Whether the factors are neither 0 nor denormal, infinite or NaN.
    pub fn is_normal(self) -> bool {
        self.0.iter().all(|factor| factor.is_normal())
    }

    /// The bits in hexadecimal, for fingerprints. Equal factors count as one number.
    pub(super) fn bits(self) -> String {
        match Written::from(self) {
            Written::One(factor) => format!("{:x}", factor.to_bits()),
            Written::Three(factors) => format!("{:x?}", factors.map(f32::to_bits)),
        }
    }
}

impl std::fmt::Display for Scale {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match Written::from(*self) {
            Written::One(factor) => write!(f, "{factor}"),
            Written::Three(factors) => write!(f, "{factors:?}"),
        }
    }
}

impl From<f32> for Scale {
    fn from(factor: f32) -> Self {
        Self([factor; 3])
    }
}

impl From<[f32; 3]> for Scale {
    fn from(factors: [f32; 3]) -> Self {
        Self(factors)
    }
}

impl From<Written> for Scale {
    fn from(written: Written) -> Self {
        match written {
            Written::One(factor) => factor.into(),
            Written::Three(factors) => factors.into(),
        }
    }
}

impl From<Scale> for Written {
    fn from(Scale([a, b, c]): Scale) -> Self {
        if a.to_bits() == b.to_bits() && b.to_bits() == c.to_bits() {
            Self::One(a)
        } else {
            Self::Three([a, b, c])
        }
    }
}

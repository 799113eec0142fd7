//! Compares two JSON documents, field by field.

use serde::Serialize;
use serde_json::Value;

/// Most listed problems of one reply. Further problems are counted.
const LISTED: usize = 20;

/// Largest difference between two numbers: this share of the larger one, or of `floor` if both are smaller.
#[derive(Debug, Clone, Copy)]
pub struct Tolerance {
    pub share: f64,
    pub floor: f64,
}

/// For numbers that are computed from the same numbers in the same way.
pub const EXACT: Tolerance = Tolerance { share: 1e-9, floor: 0.0 };
/// For numbers from a photo that was processed on another machine.
pub const PROCESSED_AGAIN: Tolerance = Tolerance { share: 1e-3, floor: 1.0 };

/// A reply as a reader of its JSON sees it, with the written digits.
pub fn as_read(reply: &impl Serialize) -> Value {
    serde_json::to_string(reply).and_then(|text| serde_json::from_str(&text)).unwrap_or_default()
}

/// The problems of a document, in words.
#[derive(Debug, Default)]
pub struct Problems {
    pub listed: Vec<String>,
    more: usize,
}

impl Problems {
    pub fn add(&mut self, problem: impl Into<String>) {
        if self.listed.len() < LISTED { self.listed.push(problem.into()) } else { self.more += 1 }
    }

    /// The listed problems, and the number of further ones.
    pub fn into_lines(mut self) -> Vec<String> {
        if self.more > 0 {
            self.listed.push(format!("and {} more", self.more));
        }
        self.listed
    }

    /// Adds each field in which `claimed` differs from `expected`. Fields whose paths `skip` accepts are not compared.
    pub fn compare(
        &mut self,
        path: &str,
        claimed: &Value,
        expected: &Value,
        tolerance: Tolerance,
        skip: &dyn Fn(&str) -> bool,
    ) {
        if skip(path) {
            return;
        }
        let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        match (claimed, expected) {
            (Value::Object(claims), Value::Object(expectations)) => {
                for (key, expected) in expectations {
                    match claims.get(key) {
                        Some(claimed) => self.compare(&below(key), claimed, expected, tolerance, skip),
                        None if skip(&below(key)) => {}
                        None => self.add(format!("{}: missing, expected {}", below(key), short(expected))),
                    }
                }
                for key in claims.keys().filter(|key| !expectations.contains_key(*key)) {
                    if !skip(&below(key)) {
                        self.add(format!("{}: unexpected field", below(key)));
                    }
                }
            }
            (Value::Array(claims), Value::Array(expectations)) if claims.len() == expectations.len() => {
                for (at, (claimed, expected)) in claims.iter().zip(expectations).enumerate() {
                    self.compare(&format!("{path}[{at}]"), claimed, expected, tolerance, skip);
                }
            }
            (Value::Number(claimed), Value::Number(expected)) if same(claimed, expected, tolerance) => {}
            (claimed, expected) if claimed == expected => {}
            _ => self.add(format!("{path}: got {}, expected {}", short(claimed), short(expected))),
        }
    }
}

fn same(one: &serde_json::Number, other: &serde_json::Number, tolerance: Tolerance) -> bool {
    if let (Some(one), Some(other)) = (one.as_i64(), other.as_i64()) {
        return one == other;
    }
    let (Some(one), Some(other)) = (one.as_f64(), other.as_f64()) else { return false };
    (one - other).abs() <= tolerance.share * one.abs().max(other.abs()).max(tolerance.floor)
}

/// A value, shortened for a message.
fn short(value: &Value) -> String {
    match value {
        Value::Array(items) if items.len() > 4 => format!("{} items", items.len()),
        Value::Object(fields) if fields.len() > 4 => format!("an object of {} fields", fields.len()),
        other => {
            let text = other.to_string();
            if text.chars().count() > 80 {
                format!("{}...", text.chars().take(80).collect::<String>())
            } else {
                text
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn differences(claimed: Value, expected: Value) -> Vec<String> {
        let mut problems = Problems::default();
        problems.compare("", &claimed, &expected, EXACT, &|path| path == "time");
        problems.into_lines()
    }

    #[test]
    fn every_field_counts() {
        let expected = json!({ "a": 1, "b": { "c": [0.5, "x"] }, "time": 1.0 });
        assert!(
            differences(json!({ "a": 1, "b": { "c": [0.5, "x"] }, "time": 7 }), expected.clone()).is_empty()
        );
        assert!(differences(json!({ "a": 1, "b": { "c": [0.5, "x"] } }), expected.clone()).is_empty());
        let found = differences(json!({ "a": 2, "b": { "c": [0.5, "y"], "d": 0 } }), expected.clone());
        assert_eq!(
            found,
            ["a: got 2, expected 1", "b.c[1]: got \"y\", expected \"x\"", "b.d: unexpected field"]
        );
        let found = differences(json!({ "b": { "c": [0.5] } }), expected);
        assert_eq!(found, ["a: missing, expected 1", "b.c: got [0.5], expected [0.5,\"x\"]"]);
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        assert!(differences(json!(1.0), json!(1)).is_empty());
        assert_eq!(differences(json!(9_007_199_254_740_993_u64), json!(9_007_199_254_740_992_u64)).len(), 1);
        assert_eq!(differences(json!(1e-7), json!(2e-7)).len(), 1);
        assert_eq!(differences(json!("1"), json!(1)).len(), 1);
        assert_eq!(differences(json!(vec![0; 30]), json!(vec![1; 30])).last().unwrap(), "and 10 more");
    }
}

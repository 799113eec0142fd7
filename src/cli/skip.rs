//! The reasons of skipped inputs as text.

use crate::reason::Reason;

/// The reason and its detail: `no_face`, or `no_subject: it is not in a folder named after a person`. A limit has the name of its option.
pub fn skip_text(reason: Reason, detail: &str) -> String {
    match (reason, detail) {
        (_, "") => reason.to_string(),
        (Reason::TooLarge, detail) => format!("{reason}: {}", detail.replace("max_", "--max-")),
        (_, detail) => format!("{reason}: {detail}"),
    }
}

//! `gallerist subject history`

use anyhow::Result;
use serde_json::Value;
use time::OffsetDateTime;

use crate::cli::screen::{Screen, Table, plural};
use crate::gallery::{Gallery, JournalEntry};

pub fn list(gallery: &Gallery, screen: Screen) -> Result<()> {
    let mut table = Table::new(&[0]);
    for entry in gallery.journal()? {
        screen.json(&entry)?;
        table.row([
            entry.id.to_string(),
            when(entry.at),
            word(&entry.verb).to_owned(),
            describe(&entry, gallery)?,
        ]);
    }
    Ok(table.lines(0).iter().try_for_each(|line| screen.text(line))?)
}

/// The kind of a correction in words.
fn word(verb: &str) -> &str {
    match verb {
        "distinct" => "kept apart",
        "not_distinct" => "not kept apart",
        "not_subject" => "reject",
        verb => verb,
    }
}

/// A time in UTC: `2026-05-01 12:00:00`.
fn when(at: i64) -> String {
    OffsetDateTime::from_unix_timestamp(at).map_or_else(
        |_| at.to_string(),
        |t| {
            let (date, time) = (t.date(), t.time());
            format!("{date} {:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())
        },
    )
}

/// A correction in words. A subject without a known name has its id.
fn describe(entry: &JournalEntry, gallery: &Gallery) -> Result<String> {
    let detail = &entry.detail;
    let named = |id: &str, name: &str| -> Result<String> {
        if let Some(name) = detail[name].as_str() {
            return Ok(name.to_owned());
        }
        let Some(id) = detail[id].as_u64() else { return Ok("unknown faces".into()) };
        Ok(gallery.subject_name(id)?.unwrap_or_else(|| format!("subject {id}")))
    };
    let templates = || -> String {
        let list = detail["templates"].as_array().into_iter().flatten();
        let pair = |pair: &Value| format!("#{} as #{}", pair[0], pair[1]);
        list.map(pair).collect::<Vec<_>>().join(", ")
    };
    // Undoing a rename is a rename, and undoing a move is a move.
    let kind = detail["undone"].as_str().unwrap_or(&entry.verb);
    Ok(match kind {
        "rename" => match (detail["from"].as_str(), detail["to"].as_str()) {
            (Some(from), Some(to)) => format!("{from} to {to}"),
            _ => named("subject", "")?,
        },
        "merge" | "move" | "assign" | "reject" | "prune" => {
            format!("{} to {}: {}", named("from", "from_name")?, named("into", "into_name")?, templates())
        }
        "distinct" | "not_distinct" => {
            let subjects = detail["subjects"].as_array().into_iter().flatten().filter_map(Value::as_u64);
            let name = |id| Ok(gallery.subject_name(id)?.unwrap_or_else(|| format!("subject {id}")));
            subjects.map(name).collect::<Result<Vec<_>>>()?.join(" and ")
        }
        _ if detail["subject"].is_null() && detail["template_ids"].is_null() => {
            let values = detail.as_object().into_iter().flatten();
            values.map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
        }
        _ => {
            let ids = detail["template_ids"].as_array().into_iter().flatten();
            let ids: Vec<String> = ids.map(|id| format!("#{id}")).collect();
            let all = || plural(detail["templates"].as_u64().unwrap_or(0), "template");
            let what = if ids.is_empty() { all() } else { ids.join(", ") };
            format!("{}: {what}", named("subject", "")?)
        }
    })
}

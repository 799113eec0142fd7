//! The journal of corrections, and undoing them.

use axum::http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::handler;
use crate::reply::{CorrectionUndone, JournalPage, JournalShown, VERSION};
use crate::server::call::{Call, Reply, json};
use crate::server::problem::{Problem, Result};
use crate::server::route::{Access, Route};
use crate::server::token::Scope;

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct JournalQuery {
    /// Corrections on the page.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

pub fn routes() -> Vec<Route> {
    let admin = Access::Scope(Scope::Admin);
    let list = ("listCorrections", "The corrections of the gallery, newest first");
    let undo = ("undoCorrection", "Undo a rename, a merge or a move");
    vec![
        Route::new(Method::GET, "/v1/galleries/{gallery}/journal", admin, list, handler!(self::list))
            .query::<JournalQuery>()
            .gives::<JournalPage>(200),
        Route::new(
            Method::POST,
            "/v1/galleries/{gallery}/journal/{entry}/undo",
            admin,
            undo,
            handler!(self::undo),
        )
        .gives::<CorrectionUndone>(200),
    ]
}

async fn list(call: Call) -> Result<Reply> {
    let served = call.gallery()?;
    let JournalQuery { limit, cursor } = call.query()?;
    let limit = limit.unwrap_or(50);
    if !(1..=1000).contains(&limit) {
        return Err(Problem::field("limit", format!("expected 1 to 1000, got {limit}")));
    }
    let before: i64 = match cursor {
        None => i64::MAX,
        Some(cursor) => cursor.parse().map_err(|_| Problem::field("cursor", "not the `next` of a page"))?,
    };
    let journal = call.work(move || served.session.gallery().journal()).await?;
    let mut entries = journal.into_iter().rev().filter(|entry| entry.id < before);
    let page: Vec<JournalShown> = entries
        .by_ref()
        .take(limit)
        .map(|entry| JournalShown { undoable: entry.may_be_undone(), entry })
        .collect();
    let is_more = entries.next().is_some();
    let next = page.last().filter(|_| is_more).map(|last| last.entry.id.to_string());
    json(StatusCode::OK, &JournalPage { version: VERSION, entries: page, next })
}

async fn undo(call: Call) -> Result<Reply> {
    let served = call.gallery()?;
    let id = call.parameter("entry").parse::<i64>();
    let id = id.map_err(|_| Problem::not_found("unknown_entry", "entry: expected a number"))?;
    let undone = call.work(move || served.session.gallery().undo(id)).await?;
    let (id, verb, journal_id) = (undone.undone, undone.verb, undone.entry);
    json(StatusCode::OK, &CorrectionUndone { version: VERSION, event: "undone".into(), id, verb, journal_id })
}

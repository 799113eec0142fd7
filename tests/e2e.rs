//! End-to-end tests of the `gallerist` program: its commands, its output and its files.

#![allow(clippy::unwrap_used)] // these are helpers of tests

#[path = "e2e/program.rs"]
mod program;

#[path = "e2e/architecture.rs"]
mod architecture;
#[path = "e2e/audit.rs"]
mod audit;
#[path = "e2e/authentic.rs"]
mod authentic;
#[cfg(feature = "server")]
#[path = "e2e/authentic_serve.rs"]
mod authentic_serve;
#[path = "e2e/backup.rs"]
mod backup;
#[path = "e2e/backup_refusals.rs"]
mod backup_refusals;
#[path = "e2e/backup_stopping.rs"]
mod backup_stopping;
#[path = "e2e/bad_input.rs"]
mod bad_input;
#[path = "e2e/border.rs"]
mod border;
#[path = "e2e/browser.rs"]
mod browser;
#[path = "e2e/catalog.rs"]
mod catalog;
#[path = "e2e/catalog_damage.rs"]
mod catalog_damage;
#[path = "e2e/certificate.rs"]
mod certificate;
#[path = "e2e/cluster.rs"]
mod cluster;
#[path = "e2e/correction.rs"]
mod correction;
#[path = "e2e/crash.rs"]
mod crash;
#[path = "e2e/decision.rs"]
mod decision;
#[path = "e2e/dedup.rs"]
mod dedup;
#[path = "e2e/dedup_announcements.rs"]
mod dedup_announcements;
#[path = "e2e/dedup_colours.rs"]
mod dedup_colours;
#[path = "e2e/dedup_disposal.rs"]
mod dedup_disposal;
#[path = "e2e/dedup_safety.rs"]
mod dedup_safety;
#[path = "e2e/dedup_subjects.rs"]
mod dedup_subjects;
#[path = "e2e/detectors.rs"]
mod detectors;
#[path = "e2e/encode.rs"]
mod encode;
#[path = "e2e/enroll.rs"]
mod enroll;
#[path = "e2e/ensembles.rs"]
mod ensembles;
#[path = "e2e/evaluation.rs"]
mod evaluation;
#[path = "e2e/export.rs"]
mod export;
#[path = "e2e/faces.rs"]
mod faces;
#[path = "e2e/import.rs"]
mod import;
#[path = "e2e/import_formats.rs"]
mod import_formats;
#[path = "e2e/import_names.rs"]
mod import_names;
#[path = "e2e/interrupt.rs"]
mod interrupt;
#[path = "e2e/lists.rs"]
mod lists;
#[path = "e2e/migration.rs"]
mod migration;
#[path = "e2e/model_import.rs"]
mod model_import;
#[path = "e2e/names.rs"]
mod names;
#[path = "e2e/networks.rs"]
mod networks;
#[path = "e2e/options.rs"]
mod options;
#[path = "e2e/other_name.rs"]
mod other_name;
#[path = "e2e/output.rs"]
mod output;
#[path = "e2e/parts.rs"]
mod parts;
#[path = "e2e/paths.rs"]
mod paths;
#[path = "e2e/people.rs"]
mod people;
#[path = "e2e/photos.rs"]
mod photos;
#[path = "e2e/privacy.rs"]
mod privacy;
#[path = "e2e/prune.rs"]
mod prune;
#[path = "e2e/purge.rs"]
mod purge;
#[path = "e2e/readme.rs"]
mod readme;
#[path = "e2e/real_faces.rs"]
mod real_faces;
#[path = "e2e/reembed.rs"]
mod reembed;
#[path = "e2e/restore.rs"]
mod restore;
#[path = "e2e/review.rs"]
mod review;
#[path = "e2e/scores.rs"]
mod scores;
#[cfg(feature = "server")]
#[path = "e2e/serve.rs"]
mod serve;
#[cfg(feature = "server")]
#[path = "e2e/serve_bombs.rs"]
mod serve_bombs;
#[cfg(feature = "server")]
#[path = "e2e/serve_client.rs"]
mod serve_client;
#[cfg(feature = "server")]
#[path = "e2e/serve_flow.rs"]
mod serve_flow;
#[cfg(feature = "server")]
#[path = "e2e/serve_hostile.rs"]
mod serve_hostile;
#[cfg(feature = "server")]
#[path = "e2e/serve_hostile_bodies.rs"]
mod serve_hostile_bodies;
#[cfg(feature = "server")]
#[path = "e2e/serve_requests.rs"]
mod serve_requests;
#[cfg(feature = "server")]
#[path = "e2e/serve_scopes.rs"]
mod serve_scopes;
#[cfg(feature = "server")]
#[path = "e2e/serve_stopping.rs"]
mod serve_stopping;
#[path = "e2e/settling.rs"]
mod settling;
#[path = "e2e/stopping.rs"]
mod stopping;
#[path = "e2e/templates.rs"]
mod templates;
#[path = "e2e/train.rs"]
mod train;
#[path = "e2e/unknown_faces.rs"]
mod unknown_faces;

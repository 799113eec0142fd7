//! Background syncs, for writes that do not wait for one.

use crate::write::requests::Requests;
use crate::write::shard::Shard;

/// Syncs the shards whenever it is requested, until told to stop. Closing the index syncs the rest.
pub(crate) fn run(requests: &Requests, shards: &[Shard]) {
    while requests.wait_for_sync() {
        for shard in shards {
            if let Err(error) = shard.sync() {
                tracing::error!(%error, "writes that were acknowledged before their sync may be lost");
            }
        }
    }
}

//! A durable, memory-mapped vector index with sharded writes.

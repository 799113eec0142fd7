//! Filled in with the networks at hand; see below.

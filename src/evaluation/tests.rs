//! Numbers computed by hand, by a slower way, and by simulation.

mod coverage;
mod oracle;
mod toy;
mod trouble;

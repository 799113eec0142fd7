//! SQL functions for the hashes of rows.
//!
//! | function | value |
//! |---|---|
//! | `row_sum(table, columns...)` | XXH3-64 of the table's name and of the columns in SQLite's encoding |
//! | `intact(table, sum, columns...)` | 1 if `sum` is `row_sum(table, columns...)`, otherwise an error with table and key |
//! | `name_key(name)` | XXH3-64 of a name: its key in the index of names |

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// Prefix of error messages about the bytes of a row.
pub(super) const MISMATCH: &str = "checksum mismatch: ";

/// Hash of a row. It includes the type and length of each value, so different rows have different encodings.
pub(super) fn row_sum<'a>(table: &[u8], values: impl Iterator<Item = ValueRef<'a>>) -> i64 {
    let mut hash = Xxh3::new();
    let mut add = |kind: u8, bytes: &[u8]| {
        hash.update(&[kind]);
        hash.update(&(bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    add(b't', table);
    for value in values {
        match value {
            ValueRef::Null => add(b'n', &[]),
            ValueRef::Integer(number) => add(b'i', &number.to_le_bytes()),
            ValueRef::Real(number) => add(b'r', &number.to_le_bytes()),
            ValueRef::Text(bytes) => add(b's', bytes),
            ValueRef::Blob(bytes) => add(b'b', bytes),
        }
    }
    hash.digest().cast_signed()
}

/// The key of a name in the index of names.
pub(super) fn name_key(name: &[u8]) -> i64 {
    xxh3_64(name).cast_signed()
}

/// Defines the functions in a connection.
pub(super) fn define(db: &Connection) -> rusqlite::Result<()> {
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    db.create_scalar_function("row_sum", -1, flags, |context| Ok(sum_from(context, 0, 1)))?;
    db.create_scalar_function("name_key", 1, flags, |context| Ok(name_key(bytes_of(context.get_raw(0)))))?;
    db.create_scalar_function("intact", -1, flags, |context| {
        let expected = sum_from(context, 0, 2);
        if matches!(context.get_raw(1), ValueRef::Integer(sum) if sum == expected) {
            return Ok(1);
        }
        let table = String::from_utf8_lossy(bytes_of(context.get_raw(0))).into_owned();
        let key = match context.get_raw(2) {
            ValueRef::Integer(key) => key.to_string(),
            ValueRef::Text(key) => format!("{:?}", String::from_utf8_lossy(key)),
            _ => "without a key".into(),
        };
        Err(mismatch(format!("row {key} of the table {table} was changed")))
    })
}

/// An error about damage that a hash revealed.
pub(super) fn mismatch(what: String) -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    rusqlite::Error::SqliteFailure(code, Some(format!("{MISMATCH}{what}")))
}

/// The hash of the arguments from `first` on, as columns of the table in argument `table`.
fn sum_from(context: &Context<'_>, table: usize, first: usize) -> i64 {
    row_sum(bytes_of(context.get_raw(table)), (first..context.len()).map(|n| context.get_raw(n)))
}

fn bytes_of(value: ValueRef<'_>) -> &[u8] {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_a_type_and_a_boundary_change_the_hash() {
        let sum = |values: &[ValueRef<'_>]| row_sum(b"t", values.iter().copied());
        let rows: [&[ValueRef<'_>]; 7] = [
            &[ValueRef::Text(b"ab"), ValueRef::Text(b"c")],
            &[ValueRef::Text(b"a"), ValueRef::Text(b"bc")],
            &[ValueRef::Blob(b"ab"), ValueRef::Text(b"c")],
            &[ValueRef::Text(b"ab"), ValueRef::Null],
            &[ValueRef::Text(b"ab"), ValueRef::Integer(99)],
            &[ValueRef::Text(b"ab")],
            &[ValueRef::Text(b"ac"), ValueRef::Text(b"c")],
        ];
        let sums: std::collections::HashSet<i64> = rows.iter().map(|row| sum(row)).collect();
        assert_eq!(sums.len(), rows.len());
        assert_ne!(row_sum(b"t", [].into_iter()), row_sum(b"u", [].into_iter()));
    }
}

//! Files of names: one name per line, one line per row. Every line is checked before the first name is used.

use std::path::Path;

use super::description::{Descriptions, is_descriptions};
use super::lines::Lines;
use crate::gallery::{GalleryError, Name};

/// Longest line that is read, in bytes. Names have at most 512 bytes; longer lines are read to recognise tables.
const LONGEST: usize = 1 << 16;
/// Most blank lines that are listed by number.
const LISTED: usize = 5;

/// The names of `rows` rows: one per line, or the subjects of a `templates.jsonl`. Empty lines at the end do not count.
///
/// # Errors
/// The file is unreadable or not UTF-8, does not have one line per row, is a table, or a line is not a name. The message has the
/// number of the line.
pub fn read_names(path: &Path, rows: u64) -> Result<Vec<Name>, GalleryError> {
    let bad = |what: String| GalleryError::BadSource { path: path.to_owned(), what };
    if is_descriptions(path) {
        return names_of_descriptions(path, rows);
    }
    let sheet = Sheet::read(path, rows)?;
    if let Some(what) = sheet.table.as_ref().and_then(Columns::what) {
        let separator = sheet.table.as_ref().map_or(',', |columns| columns.separator);
        let name = path.to_string_lossy();
        return Err(bad(format!(
            "expected one name a line and nothing else, got {what}; `cut -d '{separator}' -f 2 {name}` prints the second \
             column of such a table"
        )));
    }
    if sheet.lines != rows {
        return Err(bad(format!(
            "expected one name a line for {rows} rows, got {} lines{}",
            sheet.lines,
            sheet.hint(rows)
        )));
    }
    if let Some(&line) = sheet.blank.first() {
        return Err(bad(format!("line {line}: it is blank, so row {} has no name", line - 1)));
    }
    match sheet.refused {
        Some((line, error)) => Err(bad(format!("line {line}: {error}"))),
        None => Ok(sheet.names),
    }
}

fn names_of_descriptions(path: &Path, rows: u64) -> Result<Vec<Name>, GalleryError> {
    let mut names = Vec::new();
    let mut descriptions = Descriptions::open(path)?;
    while let Some(description) = descriptions.next()? {
        let name = description.subject.as_deref().ok_or_else(|| descriptions.bad("it has no subject"))?;
        names.push(Name::new(name).map_err(|error| descriptions.bad(&error.to_string()))?);
    }
    descriptions.require(rows)?;
    Ok(names)
}

/// The content of a file of names.
#[derive(Default)]
struct Sheet {
    /// The names of the first lines, up to the number of rows, as far as they are valid.
    names: Vec<Name>,
    /// Lines up to the last one that is not blank.
    lines: u64,
    /// Numbers of the first blank lines among them.
    blank: Vec<u64>,
    blanks: u64,
    first: String,
    refused: Option<(u64, GalleryError)>,
    table: Option<Columns>,
}

impl Sheet {
    fn read(path: &Path, rows: u64) -> Result<Self, GalleryError> {
        let mut lines = Lines::open(path, LONGEST)?;
        let mut sheet = Self::default();
        let mut blank = Vec::new(); // blank lines count only if another line follows
        let mut blanks = 0;
        while let Some((number, line)) = lines.next()? {
            if line.trim().is_empty() {
                blanks += 1;
                if sheet.blank.len() + blank.len() < LISTED {
                    blank.push(number);
                }
                continue;
            }
            sheet.blank.append(&mut blank);
            sheet.blanks += std::mem::take(&mut blanks);
            sheet.enter(number, line, rows);
        }
        Ok(sheet)
    }

    fn enter(&mut self, number: u64, line: String, rows: u64) {
        if self.lines == 0 {
            self.table = Columns::of(&line);
            self.first.clone_from(&line);
        } else if self.table.as_mut().is_some_and(|columns| !columns.hold(&line)) {
            self.table = None;
        }
        self.lines = number;
        if self.refused.is_none() && (self.names.len() as u64) < rows {
            match Name::new(&line) {
                Ok(name) => self.names.push(name),
                Err(error) => self.refused = Some((number, error)),
            }
        }
    }

    /// A possible cause for too many lines.
    fn hint(&self, rows: u64) -> String {
        let listed = self.blank.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        let more = if self.blanks > self.blank.len() as u64 { " and more" } else { "" };
        let are =
            if self.blanks == 1 { format!("line {listed} is") } else { format!("lines {listed}{more} are") };
        if self.blanks > 0 {
            return format!("; {are} blank, and {} are not", self.lines - self.blanks);
        }
        if self.lines == 1 && self.first.contains('\r') {
            return "; they end in CR alone: convert the file to lines that end in LF".into();
        }
        if self.lines == rows + 1 && is_heading(&self.first) {
            return format!("; line 1, {:?}, looks like a heading: leave it out", self.first);
        }
        String::new()
    }
}

/// A table: every line has the same number of separators.
struct Columns {
    separator: char,
    columns: usize,
    /// The columns that have a number in every line so far, except for a heading.
    numbers: Vec<bool>,
    heading: bool,
    lines: u64,
}

impl Columns {
    fn of(first: &str) -> Option<Self> {
        let separator = ['\t', ',', ';'].into_iter().find(|&separator| first.contains(separator))?;
        let fields: Vec<&str> = first.split(separator).collect();
        let heading = fields.iter().any(|field| is_heading(field));
        let numbers = fields.iter().map(|field| heading || is_number(field)).collect();
        Some(Self { separator, columns: fields.len(), numbers, heading, lines: 1 })
    }

    fn hold(&mut self, line: &str) -> bool {
        self.lines += 1;
        let fields: Vec<&str> = line.split(self.separator).collect();
        for (is, field) in self.numbers.iter_mut().zip(&fields) {
            *is &= is_number(field);
        }
        fields.len() == self.columns
    }

    /// The kind of table. `None` if the lines may be names with a comma each, such as `Lovelace, Ada`.
    fn what(&self) -> Option<String> {
        let is_table =
            self.heading || self.separator == '\t' || self.columns > 2 || self.numbers.iter().any(|&is| is);
        let heading = if self.heading { " with a heading" } else { "" };
        let separator = if self.separator == '\t' { "tab".into() } else { format!("{:?}", self.separator) };
        is_table
            .then(|| format!("a table of {} columns{heading}, with {separator} between them", self.columns))
    }
}

fn is_number(field: &str) -> bool {
    field.trim().trim_matches('"').parse::<f64>().is_ok()
}

fn is_heading(field: &str) -> bool {
    const WORDS: [&str; 14] = [
        "name",
        "names",
        "subject",
        "subjects",
        "subject_id",
        "person",
        "people",
        "label",
        "labels",
        "identity",
        "id",
        "class",
        "filename",
        "path",
    ];
    let field = field.trim().trim_matches('"').trim_start_matches('#').trim();
    WORDS.iter().any(|word| field.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: impl AsRef<[u8]>, rows: u64) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("names.txt");
        std::fs::write(&path, content).unwrap();
        let names = read_names(&path, rows).map(|names| names.iter().map(Name::to_string).collect());
        names.map_err(|error: GalleryError| error.to_string().replace(&*path.to_string_lossy(), "F"))
    }

    fn refused(content: impl AsRef<[u8]>, rows: u64) -> String {
        read(content, rows).unwrap_err()
    }

    #[test]
    fn line_endings_of_all_systems_give_the_same_names() {
        let names = Ok(vec!["Ada".to_owned(), "Zoë".to_owned()]);
        for content in ["Ada\nZoë", "Ada\nZoë\n", "Ada\r\nZoë\r\n", "\u{feff}Ada\nZoë\n\n\n"] {
            assert_eq!(read(content, 2), names, "{content:?}");
        }
        assert_eq!(read("", 0), Ok(vec![]));
    }

    #[test]
    fn a_blank_line_is_reported_with_its_number() {
        assert_eq!(refused("a\n\nc\n", 3), "F: line 2: it is blank, so row 1 has no name");
        let said = refused("a\n\nb\n \nc\n", 3);
        assert_eq!(
            said,
            "F: expected one name a line for 3 rows, got 5 lines; lines 2, 4 are blank, and 3 are not"
        );
    }

    #[test]
    fn a_heading_is_recognised() {
        assert!(refused("Name\na\nb\n", 2).ends_with("line 1, \"Name\", looks like a heading: leave it out"));
        assert!(refused("a\rb\rc\r", 3).contains("they end in CR alone"));
        assert!(refused("a\nb\n", 3).ends_with("for 3 rows, got 2 lines"));
        assert_eq!(read("Name\na\n", 2).unwrap(), ["Name", "a"], "somebody may be called so");
    }

    #[test]
    fn a_table_is_recognised_and_names_with_commas_are_names() {
        assert!(refused("0,Ada\n1,Zoë\n", 2).contains("a table of 2 columns, with ',' between"));
        assert!(refused("name,age\nAda,36\n", 1).contains("with a heading"));
        assert!(refused("Ada\tx\nZoë\ty\n", 2).contains("with tab between"));
        assert!(refused("a;b;c\nd;e;f\n", 2).contains("3 columns"));
        assert_eq!(read("Lovelace, Ada\nCurie, Marie\n", 2).unwrap().len(), 2);
        assert_eq!(read("Lovelace,Ada\nCurie\n", 2).unwrap().len(), 2);
    }

    #[test]
    fn an_invalid_name_is_reported_with_its_line() {
        assert!(refused("a\nb \n", 2).starts_with("F: line 2: "), "{}", refused("a\nb \n", 2));
        assert!(refused(b"a\n\xff\n", 2).starts_with("F: line 2: it is not UTF-8"));
        assert!(refused(b"\xff\xfea\0\n\0", 1).contains("UTF-16"));
        assert!(refused("x".repeat(70_000), 1).contains("longer than 65536 bytes"));
        assert!(refused("x".repeat(600), 1).contains("line 1: "));
    }
}

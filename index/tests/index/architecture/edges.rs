//! Reads which top-level modules of a crate use which others, and compares that with a table.
//!
//! It needs the standard library only, so that tests of another crate can include this file by its path.
//!
//! A room is a top-level module with everything below it. A path that begins with `crate::`, or with as many `super::` as lead
//! to the crate's root, is an edge from the room of its file to the room that it names. What the root re-exports counts as
//! named where it is defined. Comments, strings, test modules and items under `#[cfg(test)]` are skipped, and so is the root itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What a room may use: its name, and the names of others.
pub type Table<'a> = [(&'a str, &'a [&'a str])];

/// A path from one room into another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    pub from: String,
    /// The room, or the first name behind the root where no room of that name is known.
    pub to: String,
    /// Relative to the crate's sources.
    pub file: PathBuf,
    pub line: usize,
}

/// All edges of a crate whose sources lie in `src`. Files whose relative path begins with one of `skip` are left out.
pub fn edges(src: &Path, skip: &[&str]) -> Vec<Edge> {
    let root = fs::read_to_string(src.join("lib.rs")).unwrap();
    let exports = exports(&tokens(&root));
    let mut edges = Vec::new();
    for file in files(src, skip) {
        let text = fs::read_to_string(src.join(&file)).unwrap();
        let Some(module) = module(&file) else { continue };
        for (name, line) in uses(&without_tests(tokens(&text)), module.len(), "crate", &[]) {
            let to = exports.get(&name).cloned().unwrap_or(name);
            if to != module[0] {
                edges.push(Edge { from: module[0].clone(), to, file: file.clone(), line });
            }
        }
    }
    edges.sort();
    edges
}

/// The first names behind the crate's root that the paths in a text lead to, tests included. `depth` is how many modules the text lies below
/// the root. `root` is the crate's name where it is not called `crate`, as in its programs. Of the crates in `foreign`, the name itself.
#[allow(dead_code)] // for tests of other crates
pub fn imports(text: &str, depth: usize, root: &str, foreign: &[&str]) -> Vec<String> {
    uses(&tokens(text), depth, root, foreign).into_iter().map(|(name, _)| name).collect()
}

/// What is wrong with some edges by a table: each edge that it does not allow, each room that it does not name, and each
/// circle in the table itself.
pub fn violations(edges: &[Edge], table: &Table<'_>) -> Vec<String> {
    let allowed: BTreeMap<&str, &[&str]> = table.iter().copied().collect();
    let mut found: Vec<String> = edges
        .iter()
        .filter(|edge| !allowed.get(&*edge.from).is_some_and(|rooms| rooms.contains(&&*edge.to)))
        .map(|Edge { from, to, file, line }| {
            format!("{}:{line}: `{from}` may not use `{to}`", file.display())
        })
        .collect();
    for (room, uses) in table {
        let unknown = uses.iter().filter(|used| !allowed.contains_key(*used));
        found.extend(
            unknown.map(|used| format!("the table lets `{room}` use `{used}`, which it does not name")),
        );
    }
    found.extend(circle(table).map(|rooms| format!("the table has a circle: {}", rooms.join(" -> "))));
    found
}

/// The edges between rooms, one line for each room.
pub fn picture(edges: &[Edge]) -> String {
    let mut rooms: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for Edge { from, to, .. } in edges {
        rooms.entry(from).or_default().insert(to);
        rooms.entry(to).or_default();
    }
    let line = |(room, uses): (&&str, &BTreeSet<&str>)| {
        let uses: Vec<&str> = uses.iter().copied().collect();
        format!("{room:12} -> {}\n", uses.join(", "))
    };
    rooms.iter().map(line).collect()
}

/// Where a word is used in the sources, tests included.
pub fn mentions(src: &Path, word: &str) -> Vec<(PathBuf, usize)> {
    let lines = |file: PathBuf| {
        let found = tokens(&fs::read_to_string(src.join(&file)).unwrap());
        let found = found.into_iter().filter(|token| token.text == word);
        found.map(move |token| (file.clone(), token.line)).collect::<Vec<_>>()
    };
    files(src, &[]).into_iter().flat_map(lines).collect()
}

/// A circle of rooms that a table allows.
pub fn circle(table: &Table<'_>) -> Option<Vec<String>> {
    let mut left: BTreeMap<&str, Vec<&str>> =
        table.iter().map(|(room, uses)| (*room, uses.to_vec())).collect();
    // Rooms that use nothing that is left are in no circle.
    while let Some(done) = left.iter().find(|(_, uses)| uses.is_empty()).map(|(room, _)| *room) {
        left.remove(done);
        left.values_mut().for_each(|uses| uses.retain(|used| *used != done));
    }
    let mut path: Vec<&str> = vec![left.keys().next()?];
    loop {
        let next = *left.get(path.last()?)?.first()?;
        if let Some(start) = path.iter().position(|room| *room == next) {
            return Some(path[start..].iter().chain([&next]).map(|room| String::from(*room)).collect());
        }
        path.push(next);
    }
}

/// The Rust files below a directory, relative to it, without test files.
fn files(src: &Path, skip: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![src.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && name != "tests" {
                open.push(path);
            } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
                let file = path.strip_prefix(src).unwrap().to_owned();
                if !skip.iter().any(|skipped| file.starts_with(skipped)) {
                    found.push(file);
                }
            }
        }
    }
    found.sort();
    found
}

/// The module that a file is; `None` for the crate's root.
fn module(file: &Path) -> Option<Vec<String>> {
    let mut parts: Vec<String> = file.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let last = parts.pop()?;
    if last != "mod.rs" {
        parts.push(last.trim_end_matches(".rs").into());
    }
    (parts != ["lib"] && parts != ["main"]).then_some(parts)
}

/// A word or a punctuation character. `::` is one token.
#[derive(Debug, Clone, PartialEq)]
struct Token {
    text: String,
    line: usize,
}

/// The tokens of a source text without comments, strings and characters.
fn tokens(text: &str) -> Vec<Token> {
    let characters: Vec<char> = text.chars().collect();
    let (mut at, mut line, mut found) = (0, 1, Vec::new());
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    while let Some(&character) = characters.get(at) {
        let end = end_of_skipped(&characters, at);
        if end > at {
            line += characters[at..end].iter().filter(|skipped| **skipped == '\n').count();
            at = end;
        } else if is_word(character) {
            let length = characters[at..].iter().take_while(|next| is_word(**next)).count();
            found.push(Token { text: characters[at..at + length].iter().collect(), line });
            at += length;
        } else if characters[at..].starts_with(&[':', ':']) {
            found.push(Token { text: "::".into(), line });
            at += 2;
        } else {
            found.push(Token { text: character.into(), line });
            at += 1;
        }
    }
    found
}

/// Where blanks, a comment, a string or a character end that begins at a place; the place itself if nothing such does.
fn end_of_skipped(text: &[char], at: usize) -> usize {
    let after = |from: usize, pattern: &[char]| {
        (from..text.len())
            .find(|&place| text[place..].starts_with(pattern))
            .map_or(text.len(), |place| place + pattern.len())
    };
    let before_is_word = at > 0 && (text[at - 1].is_alphanumeric() || text[at - 1] == '_');
    match text[at] {
        blank if blank.is_whitespace() => at + 1,
        '/' if text[at..].starts_with(&['/', '/']) => after(at, &['\n']),
        '/' if text[at..].starts_with(&['/', '*']) => end_of_block_comment(text, at),
        'r' if !before_is_word => {
            let hashes = text[at + 1..].iter().take_while(|next| **next == '#').count();
            if text.get(at + 1 + hashes) == Some(&'"') {
                let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
                return after(at + 2 + hashes, &end);
            }
            at
        }
        '"' => {
            let mut place = at + 1;
            while place < text.len() && text[place] != '"' {
                place += if text[place] == '\\' { 2 } else { 1 };
            }
            (place + 1).min(text.len())
        }
        // A character, not a lifetime.
        '\'' if text.get(at + 1) == Some(&'\\') => after(at + 3, &['\'']),
        '\'' if text.get(at + 2) == Some(&'\'') => at + 3,
        _ => at,
    }
}

fn end_of_block_comment(text: &[char], at: usize) -> usize {
    let (mut depth, mut place) = (0, at);
    while place < text.len() {
        if text[place..].starts_with(&['/', '*']) {
            depth += 1;
            place += 2;
        } else if text[place..].starts_with(&['*', '/']) {
            depth -= 1;
            place += 2;
            if depth == 0 {
                return place;
            }
        } else {
            place += 1;
        }
    }
    place
}

/// The tokens without the items that are compiled for tests only.
fn without_tests(tokens: Vec<Token>) -> Vec<Token> {
    let mut left = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let is = |place: usize, text: &str| tokens.get(place).is_some_and(|token| token.text == text);
        if is(at, "#") && is(at + 1, "[") && is(at + 2, "cfg") {
            let end = end_of_group(&tokens, at + 1);
            let words = || tokens[at..end].iter().map(|token| &*token.text);
            if words().any(|word| word == "test") && !words().any(|word| word == "not") {
                at = end_of_item(&tokens, end);
                continue;
            }
        }
        left.push(tokens[at].clone());
        at += 1;
    }
    left
}

/// The place behind the bracket that closes the one at a place.
fn end_of_group(tokens: &[Token], at: usize) -> usize {
    let mut depth = 0;
    for (place, token) in tokens.iter().enumerate().skip(at) {
        match &*token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return place + 1;
        }
    }
    tokens.len()
}

/// The place behind an item: behind its block, its semicolon, or, of a field or a parameter, its comma.
fn end_of_item(tokens: &[Token], mut at: usize) -> usize {
    while let Some(token) = tokens.get(at) {
        match &*token.text {
            "{" => return end_of_group(tokens, at),
            ";" | "," => return at + 1,
            "(" | "[" => at = end_of_group(tokens, at),
            ")" | "]" | "}" => return at,
            _ => at += 1,
        }
    }
    at
}

/// The names of [`imports`], with their lines.
fn uses(tokens: &[Token], depth: usize, root: &str, foreign: &[&str]) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    // How deep in braces each inline module began.
    let (mut braces, mut modules) = (0, Vec::new());
    for at in 0..tokens.len() {
        let text = |place: usize| tokens.get(place).map_or("", |token| &*token.text);
        match text(at) {
            "{" => braces += 1,
            "}" => {
                braces -= 1;
                if modules.last() == Some(&braces) {
                    modules.pop();
                }
            }
            "mod" if text(at + 2) == "{" => modules.push(braces),
            _ if at > 0 && text(at - 1) == "::" => {}
            name if name == root => found.extend(names(tokens, at + 1)),
            name if foreign.contains(&name) && text(at + 1) == "::" => {
                found.push((name.into(), tokens[at].line));
            }
            "super" if root == "crate" => {
                let mut supers = 1;
                while text(at + 2 * supers - 1) == "::" && text(at + 2 * supers) == "super" {
                    supers += 1;
                }
                if supers == depth + modules.len() {
                    found.extend(names(tokens, at + 2 * supers - 1));
                }
            }
            _ => {}
        }
    }
    found
}

/// The first names of a path, or of each path of a group, that goes on at a place.
fn names(tokens: &[Token], at: usize) -> Vec<(String, usize)> {
    if tokens.get(at).is_none_or(|token| token.text != "::") {
        return Vec::new(); // as in `pub(crate)`
    }
    let Some(first) = tokens.get(at + 1) else { return Vec::new() };
    if first.text != "{" {
        return vec![(first.text.clone(), first.line)];
    }
    let mut found = Vec::new();
    let (mut place, end) = (at + 2, end_of_group(tokens, at + 1) - 1);
    while place < end {
        found.push((tokens[place].text.clone(), tokens[place].line));
        while place < end && tokens[place].text != "," {
            place = if tokens[place].text == "{" { end_of_group(tokens, place) } else { place + 1 };
        }
        place += 1;
    }
    found
}

/// What the crate's root re-exports: each name with the room that it comes from.
fn exports(tokens: &[Token]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for at in 0..tokens.len() {
        if tokens[at].text != "use" {
            continue;
        }
        let path: Vec<&str> =
            tokens[at + 1..].iter().map(|token| &*token.text).take_while(|text| *text != ";").collect();
        let Some(room) = path.iter().find(|text| !["crate", "self", "::"].contains(*text)) else { continue };
        let is_name =
            |text: &&&str| text.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_');
        for name in path.iter().filter(is_name).filter(|name| *name != room) {
            found.insert(String::from(*name), String::from(*room));
        }
    }
    found
}

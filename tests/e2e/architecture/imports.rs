//! Finds the rooms of a crate that a source file names: its `use` lines and the paths in its code.

/// The rooms named in the text of a file: the first segment of every path from the root of its crate. `depth` is the number of modules
/// between the file and the root. `root` is the name of the crate if it is not `crate`, as in the programs. For the crates in `foreign`,
/// the result is their name.
pub fn imports(text: &str, depth: usize, root: &str, foreign: &[&str]) -> Vec<String> {
    let tokens = tokens(text);
    let token = |at: usize| tokens.get(at).map_or("", String::as_str);
    let mut found = Vec::new();
    let mut inner = Vec::new(); // for each open brace: whether it belongs to a module
    let mut at = 0;
    while at < tokens.len() {
        match token(at) {
            "{" => inner.push(at > 1 && token(at - 2) == "mod"),
            "}" => drop(inner.pop()),
            name if at > 0 && token(at - 1) == "::" && name != "super" => {}
            name if foreign.contains(&name) && token(at + 1) == "::" => found.push(name.to_owned()),
            name if name == root && token(at + 1) == "::" => named(&tokens[at + 2..], &mut found),
            "super" if at == 0 || token(at - 1) != "::" => {
                let modules = depth + inner.iter().filter(|is_module| **is_module).count();
                let mut up = 1;
                while token(at + 2 * up - 1) == "::" && token(at + 2 * up) == "super" {
                    up += 1;
                }
                if up == modules && root == "crate" {
                    named(&tokens[(at + 2 * up).min(tokens.len())..], &mut found);
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// The first segments after `crate::`: one path, or a list of paths in braces.
fn named(tokens: &[String], found: &mut Vec<String>) {
    if tokens.first().is_none_or(|first| first != "{") {
        found.extend(tokens.first().cloned());
        return;
    }
    let mut depth = 0;
    let mut is_first = false;
    for token in tokens {
        match token.as_str() {
            "{" => (depth, is_first) = (depth + 1, depth == 0),
            "}" if depth == 1 => return,
            "}" => depth -= 1,
            "," => is_first = depth == 1,
            name if is_first => {
                found.push(name.to_owned());
                is_first = false;
            }
            _ => {}
        }
    }
}

/// Names, `::`, and single characters. Skips comments, strings and character literals.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(hashes) = raw_string(rest) {
            let end = format!("\"{}", "#".repeat(hashes));
            let start = hashes + 2;
            rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len())
        } else if first == '"' {
            quoted(rest, '"')
        } else if first == '\'' && is_character(rest) {
            quoted(rest, '\'')
        } else if first.is_alphanumeric() || first == '_' {
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            tokens.push(rest[..length].to_owned());
            length
        } else if rest.starts_with("::") {
            tokens.push("::".to_owned());
            2
        } else {
            if !first.is_whitespace() {
                tokens.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

/// The number of `#` at the beginning of a raw string, if one begins here.
fn raw_string(text: &str) -> Option<usize> {
    let rest = text.strip_prefix('r')?;
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    rest[hashes..].starts_with('"').then_some(hashes)
}

/// Whether a character literal begins here, and not a lifetime.
fn is_character(text: &str) -> bool {
    let mut after = text.chars().skip(1);
    after.next() == Some('\\') || after.next() == Some('\'')
}

/// The length of a string or character literal, with its quotes.
fn quoted(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

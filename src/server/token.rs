//! Tokens: who may ask for what.
//!
//! A token is `glr_` and 256 random bits in base64. The file of tokens contains their SHA-256 only: a hash that is slow on purpose would
//! add nothing to 256 random bits, and would cost each request. All tokens are compared in constant time. The file is read again when it
//! changes, so a revoked token ends within seconds.

use std::fs;
use std::io::Write;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;

/// How often the file of tokens is looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// What a token allows. A scope includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Identify and verify.
    Identify,
    /// Add faces to galleries, and see the subjects.
    Enroll,
    /// Everything.
    Admin,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 3] = [Self::Identify, Self::Enroll, Self::Admin];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identify => "identify",
            Self::Enroll => "enroll",
            Self::Admin => "admin",
        }
    }
}

/// A token as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRecord {
    /// A name for logs.
    pub name: String,
    /// SHA-256 of the token, in hexadecimal.
    pub sha256: String,
    /// What it allows.
    pub scope: Scope,
    /// Whether replies contain scores and candidates below the threshold. Without them a client cannot approach a face step by step.
    pub scores: bool,
    /// Most requests per second. `None`: any number.
    pub rate: Option<NonZeroU32>,
    /// Time of its making, in seconds since 1970.
    pub created: u64,
}

/// An error of the file of tokens.
#[derive(Debug, Error)]
pub enum TokenError {
    /// The file cannot be read or written.
    #[error("{}: {doing}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The failed operation.
        doing: &'static str,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The file is not a list of tokens.
    #[error("{}: not a list of tokens: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// There is a token with this name.
    #[error("there is a token named {0:?} already")]
    Exists(String),
    /// There is no token with this name.
    #[error("there is no token named {0:?}")]
    Unknown(String),
    /// The system has no random numbers.
    #[error("the system gave no random numbers: {0}")]
    NoRandom(getrandom::Error),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenFile {
    version: u32,
    tokens: Vec<TokenRecord>,
}

/// The tokens in `file`; none if there is no file.
///
/// # Errors
/// The file cannot be read, or is damaged.
pub fn read(file: &Path) -> Result<Vec<TokenRecord>, TokenError> {
    let bytes = match fs::read(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(TokenError::Io { path: file.into(), doing: "reading it", source }),
        Ok(bytes) => bytes,
    };
    let damaged = |what: String| TokenError::Damaged { path: file.into(), what };
    let TokenFile { version, tokens } =
        serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    if version != 1 {
        return Err(damaged(format!("expected version 1, got {version}")));
    }
    Ok(tokens)
}

/// Writes the tokens to `file`, which only its owner can read.
fn write(file: &Path, tokens: Vec<TokenRecord>) -> Result<(), TokenError> {
    let failed = |doing| move |source| TokenError::Io { path: file.into(), doing, source };
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed("making its folder"))?;
    let mut temporary = tempfile::NamedTempFile::new_in(folder).map_err(failed("making a temporary file"))?;
    let text = serde_json::to_vec_pretty(&TokenFile { version: 1, tokens });
    let text = text.map_err(|error| TokenError::Damaged { path: file.into(), what: error.to_string() })?;
    temporary.write_all(&text).map_err(failed("writing it"))?;
    temporary.as_file().sync_all().map_err(failed("writing it"))?;
    temporary.persist(file).map_err(|error| failed("renaming it")(error.error))?;
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("syncing its folder"))
}

/// The properties of a new token.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// A name for logs; unique.
    pub name: String,
    /// What it allows.
    pub scope: Scope,
    /// Whether replies contain scores.
    pub scores: bool,
    /// Most requests per second.
    pub rate: Option<NonZeroU32>,
}

/// Makes a token and stores its hash. Returns the token, which is nowhere else.
///
/// # Errors
/// There is one with this name; the file cannot be written.
pub fn make(file: &Path, new: NewToken) -> Result<String, TokenError> {
    let mut tokens = read(file)?;
    if tokens.iter().any(|token| token.name == new.name) {
        return Err(TokenError::Exists(new.name));
    }
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(TokenError::NoRandom)?;
    let token = format!("glr_{}", URL_SAFE_NO_PAD.encode(bytes));
    let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let NewToken { name, scope, scores, rate } = new;
    tokens.push(TokenRecord { name, sha256: hex(&Sha256::digest(&token)), scope, scores, rate, created });
    write(file, tokens)?;
    Ok(token)
}

/// Removes a token.
///
/// # Errors
/// There is none with this name; the file cannot be written.
pub fn remove(file: &Path, name: &str) -> Result<(), TokenError> {
    let mut tokens = read(file)?;
    let before = tokens.len();
    tokens.retain(|token| token.name != name);
    if tokens.len() == before {
        return Err(TokenError::Unknown(name.into()));
    }
    write(file, tokens)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A token in use.
pub struct Token {
    /// Its properties.
    pub record: TokenRecord,
    limiter: Option<DefaultDirectRateLimiter>,
}

impl Token {
    fn new(record: TokenRecord) -> Self {
        let limiter = record.rate.map(|rate| RateLimiter::direct(Quota::per_second(rate)));
        Self { record, limiter }
    }

    /// Whether the token may be used for a request now.
    pub fn may_ask(&self) -> bool {
        self.limiter.as_ref().is_none_or(|limiter| limiter.check().is_ok())
    }

    /// Whether the token allows a scope.
    pub fn allows(&self, scope: Scope) -> bool {
        self.record.scope >= scope
    }
}

/// The tokens of a running server.
pub struct Tokens {
    file: PathBuf,
    current: Mutex<Current>,
}

struct Current {
    tokens: Arc<Vec<Arc<Token>>>,
    looked: Instant,
    changed: Option<(SystemTime, u64)>,
}

impl Tokens {
    /// The tokens in a file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn open(file: &Path) -> Result<Self, TokenError> {
        let changed = changed(file);
        let tokens = read(file)?.into_iter().map(|record| Arc::new(Token::new(record))).collect();
        let current = Current { tokens: Arc::new(tokens), looked: Instant::now(), changed };
        Ok(Self { file: file.into(), current: Mutex::new(current) })
    }

    /// The token with this text.
    pub fn find(&self, given: &str) -> Option<Arc<Token>> {
        let hash = hex(&Sha256::digest(given));
        // An unknown token may be a new one.
        find_in(&self.current(false), &hash).or_else(|| find_in(&self.current(true), &hash))
    }

    fn current(&self, look: bool) -> Arc<Vec<Arc<Token>>> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if look || current.looked.elapsed() >= LOOK_AGAIN {
            current.looked = Instant::now();
            let now = changed(&self.file);
            if now != current.changed {
                match read(&self.file) {
                    Ok(records) => {
                        let kept = |record: TokenRecord| {
                            let same = current.tokens.iter().find(|token| token.record == record);
                            same.cloned().unwrap_or_else(|| Arc::new(Token::new(record)))
                        };
                        current.tokens = Arc::new(records.into_iter().map(kept).collect());
                        current.changed = now;
                    }
                    Err(error) => tracing::error!(%error, "the tokens are not read again"),
                }
            }
        }
        Arc::clone(&current.tokens)
    }
}

/// The token with this hash. Every token is compared, so the time does not tell which one was close.
fn find_in(tokens: &[Arc<Token>], hash: &str) -> Option<Arc<Token>> {
    let is_it = |token: &&Arc<Token>| bool::from(token.record.sha256.as_bytes().ct_eq(hash.as_bytes()));
    tokens.iter().filter(is_it).fold(None, |_, token| Some(Arc::clone(token)))
}

/// When the file was changed, and its length.
fn changed(file: &Path) -> Option<(SystemTime, u64)> {
    fs::metadata(file).and_then(|metadata| Ok((metadata.modified()?, metadata.len()))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(name: &str, scope: Scope) -> NewToken {
        NewToken { name: name.into(), scope, scores: true, rate: None }
    }

    #[test]
    fn a_token_is_found_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state/tokens.json");
        let one = make(&file, new("one", Scope::Identify)).unwrap();
        let other = make(&file, new("other", Scope::Admin)).unwrap();
        assert!(matches!(make(&file, new("one", Scope::Admin)), Err(TokenError::Exists(_))));
        let tokens = Tokens::open(&file).unwrap();
        let later = make(&file, new("later", Scope::Enroll)).unwrap();
        assert_eq!(tokens.find(&later).unwrap().record.name, "later");
        assert_eq!(tokens.find(&one).unwrap().record.name, "one");
        assert!(!tokens.find(&one).unwrap().allows(Scope::Enroll));
        assert!(tokens.find(&other).unwrap().allows(Scope::Identify));
        assert!(tokens.find("").is_none() && tokens.find(&one[..one.len() - 1]).is_none());
        remove(&file, "one").unwrap();
        assert!(matches!(remove(&file, "one"), Err(TokenError::Unknown(_))));
        assert!(Tokens::open(&file).unwrap().find(&one).is_none());
    }

    #[test]
    fn the_file_contains_no_token_and_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokens.json");
        let token = make(&file, new("one", Scope::Identify)).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains(&token[4..]));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o077, 0);
    }

    #[test]
    fn a_rate_limits_requests() {
        let rate = NonZeroU32::new(3);
        let record = TokenRecord {
            name: String::new(),
            sha256: String::new(),
            scope: Scope::Identify,
            scores: false,
            rate,
            created: 0,
        };
        let token = Token::new(record);
        assert_eq!((0..10).filter(|_| token.may_ask()).count(), 3);
    }
}

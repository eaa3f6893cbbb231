//! What the seal shows to the other server.

use std::path::PathBuf;

use zeroize::Zeroizing;

/// No Debug: it is a secret.
pub enum Token {
    Given(Zeroizing<String>),
    /// Somebody else keeps it there, and may put a new one there: it is read for every call.
    InFile(PathBuf),
}

impl Token {
    /// Whether another one may be there at any time.
    pub(crate) fn may_change(&self) -> bool {
        matches!(self, Self::InFile(_))
    }

    pub(crate) async fn read(&self) -> Result<Zeroizing<String>, String> {
        match self {
            Self::Given(token) => Ok(token.clone()),
            Self::InFile(path) => {
                let text = tokio::fs::read_to_string(path).await.map(Zeroizing::new);
                let text =
                    text.map_err(|problem| format!("its token in {} cannot be read: {problem}", path.display()))?;
                Ok(Zeroizing::new(text.trim().to_owned()))
            }
        }
    }
}

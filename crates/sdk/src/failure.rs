//! Why an operation failed: the caller's fault (the text goes out) or ours (it goes to the log, a code goes out).

use storage::Access;

#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// 400
    #[error("{0}")]
    Invalid(String),
    /// 400, and counted against who was named: too many lock them out.
    #[error("{0}")]
    WrongCredentials(String),
    /// 403
    #[error("{0}")]
    Denied(String),
    /// 404 with an empty list of errors, which is how the wire says "nothing there".
    #[error("not found")]
    NotFound,
    /// 404 with a text.
    #[error("{0}")]
    NoSuch(String),
    /// 405
    #[error("unsupported operation")]
    Unsupported,
    /// 413
    #[error("{0}")]
    TooLarge(String),
    /// 415
    #[error("{0}")]
    MediaType(String),
    /// 429
    #[error("{0}")]
    TooMany(String),
    /// 503
    #[error("{0}")]
    Unavailable(String),
    /// 503. Leadership was elsewhere and nothing was done: the server itself asks the next active node.
    #[error("{0}")]
    Moved(String),
    /// 503, and not to be tried again blindly: it may have been carried out.
    #[error("{0}")]
    OutcomeUnknown(String),
    /// 503
    #[error("the server is sealed")]
    Sealed,
    /// 503. The keyring of this name is not here: the pipeline asks for it, and says so where nobody has it.
    #[error("namespace is sealed")]
    NamespaceSealed(String),
    /// Run again once the latch is free. Never leaves the pipeline.
    #[error("the record is being changed by another request")]
    Busy,
    /// Run again once the folder's listing is made. Never leaves the pipeline.
    #[error("the listing of a large folder is not at hand")]
    Unlisted(storage::RawKey),
    /// 500. The text is for the log only.
    #[error("{0}")]
    Internal(String),
}

impl Failure {
    pub fn invalid(text: impl Into<String>) -> Self {
        Self::Invalid(text.into())
    }

    pub fn denied(text: impl Into<String>) -> Self {
        Self::Denied(text.into())
    }

    /// What a mount says of a path that none of its own has the form of.
    pub fn unsupported_path() -> Self {
        Self::NoSuch("1 error occurred:\n\t* unsupported path\n\n".into())
    }

    pub fn internal(text: impl ToString) -> Self {
        Self::Internal(text.to_string())
    }

    pub fn status(&self) -> u16 {
        match self {
            Self::Invalid(_) | Self::WrongCredentials(_) => 400,
            Self::Denied(_) => 403,
            Self::NotFound | Self::NoSuch(_) => 404,
            Self::Unsupported => 405,
            Self::TooLarge(_) => 413,
            Self::MediaType(_) => 415,
            Self::TooMany(_) => 429,
            Self::Unavailable(_)
            | Self::Moved(_)
            | Self::OutcomeUnknown(_)
            | Self::Sealed
            | Self::NamespaceSealed(_)
            | Self::Busy
            | Self::Unlisted(_) => 503,
            Self::Internal(_) => 500,
        }
    }
}

impl From<Access> for Failure {
    fn from(access: Access) -> Self {
        match access {
            Access::Busy => Self::Busy,
            Access::Sealed => Self::Sealed,
            Access::NamespaceSealed(keyring) => Self::NamespaceSealed(keyring),
            Access::Unlisted(folder) => Self::Unlisted(folder),
            Access::InvalidName(text) => Self::Invalid(text),
            Access::Broken(text) => Self::Internal(text),
        }
    }
}

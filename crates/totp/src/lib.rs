//! Time-based one-time codes: the key that two share, the codes that it makes, and how it gets into an authenticator. For
//! whoever keeps such keys: the engine of that name, and the second factor of a login.

mod code;
mod key;
mod otpauth;
mod qr;
mod secret;

pub use code::{Algorithm, Digits, Moment};
pub use key::Key;
pub use otpauth::Url;
pub use qr::size as qr_size;
pub use secret::{Secret, size as secret_size};

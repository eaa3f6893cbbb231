//! Where a service is: a host, and nothing that settings could smuggle in with it.

use reqwest::Url;

/// `https://` and this host, with a port or without.
pub fn of_host(host: &str) -> Result<Url, String> {
    let bad = || format!("{host:?} is no host's name, such as \"api.example.com\"");
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
    if host.is_empty() || !host.chars().all(plain) {
        return Err(bad());
    }
    Url::parse(&format!("https://{host}/")).map_err(|_| bad())
}

/// A URL of https with a host, and nothing behind its path.
pub fn of_url(text: &str) -> Result<Url, String> {
    let bad = || format!("{text:?} is no URL such as \"https://idp.example.com/path\"");
    let url = Url::parse(text.trim()).map_err(|_| bad())?;
    let bare =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    if url.scheme() == "https" && url.host().is_some() && bare { Ok(url) } else { Err(bad()) }
}

/// The same scheme, host and port.
pub fn is_same(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin() && other.username().is_empty() && other.password().is_none()
}

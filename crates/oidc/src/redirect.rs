//! Where answers may be sent, and what an issuer may be called.

/// Whether an answer may be sent to `uri`: one of those that the client has named, to the letter. Of a program on the
/// user's own machine the port is not known beforehand (RFC 8252, 7.3), so there any will do.
pub fn may_redirect(uri: &str, allowed: &[String]) -> bool {
    if allowed.iter().any(|known| known == uri) {
        return true;
    }
    let Some(asked) = without_port(uri) else { return false };
    ["localhost", "127.0.0.1", "[::1]"].contains(&asked.1)
        && allowed.iter().any(|known| without_port(known) == Some(asked))
}

/// Whether people can be sent there at all. What has no scheme is taken, for it leads nowhere.
pub fn can_redirect(uri: &str) -> bool {
    const RUN: [&str; 4] = ["javascript", "data", "vbscript", "blob"];
    let scheme = uri.split_once(':').map_or("", |(scheme, _)| scheme);
    let runs = RUN.iter().any(|run| scheme.eq_ignore_ascii_case(run));
    !runs && !uri.contains('#') && !uri.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// Scheme, host and the rest. `None`: it is no URI with a host, or one that names a user.
fn without_port(uri: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = uri.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let (host, port) = match authority.rfind(']') {
        Some(end) => (&authority[..=end], &authority[end + 1..]),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    is_port(port).then_some((scheme, host, rest)).filter(|_| !authority.contains('@'))
}

/// With its colon, or nothing.
fn is_port(text: &str) -> bool {
    let digits = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = |port: &str| port.is_empty() || digits(port) && port.parse::<u16>().is_ok();
    text.is_empty() || text.strip_prefix(':').is_some_and(is_number)
}

/// Whether it is a scheme, a host and perhaps a port, and nothing more.
pub fn is_issuer(text: &str) -> bool {
    let Some((scheme, host, rest)) = without_port(text) else { return false };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~[]:%".contains(c);
    matches!(scheme, "http" | "https") && !host.is_empty() && host.chars().all(plain) && rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elsewhere_to_the_letter_and_here_but_for_the_port() {
        let allowed =
            ["https://app/cb", "http://127.0.0.1/cb", "http://[::1]:80/cb", "http://localhost:1/"].map(String::from);
        for good in [
            "https://app/cb",
            "http://127.0.0.1/cb",
            "http://127.0.0.1:8250/cb",
            "http://[::1]:7/cb",
            "http://localhost/",
        ] {
            assert!(may_redirect(good, &allowed), "{good}");
        }
        for bad in [
            "https://app:444/cb",
            "https://app/cb/",
            "https://app/cb?a=b",
            "https://127.0.0.1/cb",
            "http://127.0.0.1/cb2",
            "http://127.0.0.1:8250@evil/cb",
            "http://127.0.0.1:x/cb",
            "http://127.0.0.1:+80/cb",
            "http://127.0.0.1.evil/cb",
            "http://u@127.0.0.1/cb",
            "http://localhost",
            "",
        ] {
            assert!(!may_redirect(bad, &allowed), "{bad}");
        }
        assert!(!may_redirect("", &[]));
    }

    #[test]
    fn where_nobody_is_sent() {
        for good in ["https://a/cb", "com.app:/cb", "http://127.0.0.1/cb?a=data:b", ""] {
            assert!(can_redirect(good), "{good}");
        }
        for bad in ["javascript:alert(1)", "JavaScript:x", "data:text/html,x", "https://a/cb#x", "https://a/\ncb", " x"]
        {
            assert!(!can_redirect(bad), "{bad}");
        }
    }

    #[test]
    fn issuers() {
        for good in ["https://a", "http://a.example:8200", "https://[::1]:8200"] {
            assert!(is_issuer(good), "{good}");
        }
        for bad in [
            "",
            "nope",
            "ftp://a",
            "https://",
            "https://a/",
            "https://a?x",
            "https://a#x",
            "https://u@a",
            "https://a b",
            "https://a:+443",
        ] {
            assert!(!is_issuer(bad), "{bad}");
        }
    }
}

//! When a request is tried again, and how long after.
//!
//! A server that is not there yet, one that stumbles, one that has yet to see what this client saw: those pass. A
//! refusal does not.

use std::time::Duration;

const FIRST_PAUSE: Duration = Duration::from_millis(400);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

pub fn status_passes(status: u16) -> bool {
    // 501 says what the server cannot do, or that it has yet to be initialised: waiting changes neither.
    status == 412 || (status >= 500 && status != 501)
}

/// Only a connection that was never made: of any other, nobody knows what the server did.
pub fn error_passes(error: &reqwest::Error) -> bool {
    error.is_connect() && !error.is_timeout() && refused(error)
}

fn refused(error: &dyn std::error::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return error.kind() == std::io::ErrorKind::ConnectionRefused;
        }
        cause = error.source();
    }
    false
}

/// Twice as long each time. `wanted` is what the server asked for, in seconds.
pub fn pause(tries_made: u32, wanted: Option<u64>) -> Duration {
    let own = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(tries_made.saturating_sub(1)));
    wanted.map_or(own, Duration::from_secs).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_and_what_does_not() {
        for status in [412, 500, 502, 503, 504] {
            assert!(status_passes(status), "{status}");
        }
        for status in [200, 204, 307, 400, 403, 404, 405, 429, 501] {
            assert!(!status_passes(status), "{status}");
        }
    }

    #[test]
    fn pauses_grow_and_end() {
        assert_eq!([1, 2, 3].map(|tries| pause(tries, None).as_millis()), [400, 800, 1600]);
        assert_eq!(pause(30, None), LONGEST_PAUSE);
        assert_eq!(pause(1, Some(3600)), LONGEST_PAUSE);
        assert_eq!(pause(1, Some(2)), Duration::from_secs(2));
    }
}

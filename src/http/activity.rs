//! How long a connection has been doing what it does, so that none is kept without end.
//!
//! hyper has one timer, for the head of a request, and lets it run between requests too. Here a connection may rest far
//! longer than it may take over a head, and a client that takes nothing of its answer is seen as well.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::config::HttpTimeouts;

#[derive(Clone)]
pub struct Activity(Arc<Mutex<State>>);

struct State {
    /// Requests that are being answered.
    running: usize,
    /// Between requests: whether bytes of the next one have come.
    head_began: bool,
    /// HTTP/2 sends frames that begin no request.
    frames: bool,
    /// Requests came while the node was not sealed.
    confided: bool,
    /// Since when this is so.
    since: Instant,
    /// Since when the client takes nothing.
    stuck: Option<Instant>,
}

impl Activity {
    /// A new connection owes a request.
    pub fn new() -> Activity {
        let (running, head_began, frames, confided) = (0, true, false, false);
        let state = State { running, head_began, frames, confided, since: Instant::now(), stuck: None };
        Activity(Arc::new(Mutex::new(state)))
    }

    /// One request, for as long as what is returned lives.
    pub fn request(&self, frames: bool) -> Running {
        let mut state = self.0.lock();
        state.running += 1;
        state.frames = frames;
        Running(self.clone())
    }

    /// Why the connection has lasted long enough, if it has.
    pub fn overdue(&self, timeouts: &HttpTimeouts) -> Option<&'static str> {
        let state = self.0.lock();
        let older = |since: Instant, most: Duration| since.elapsed() >= most;
        match &*state {
            State { stuck: Some(since), .. } if older(*since, timeouts.write) => Some("the client takes no answer"),
            State { running: 1.., .. } => None,
            State { head_began: true, since, .. } if older(*since, timeouts.header) => {
                Some("a request's head did not come")
            }
            State { since, .. } if older(*since, timeouts.idle) => Some("no request came"),
            _ => None,
        }
    }

    /// The node was told something before it was sealed, and waits for the next request: the last one, with its token, is
    /// in the connection's buffer for as long as there is a connection.
    pub fn keeps_secrets(&self) -> bool {
        let state = self.0.lock();
        state.confided && state.running == 0 && !state.head_began
    }

    pub fn confided(&self) {
        self.0.lock().confided = true;
    }

    /// How often to look.
    pub fn interval(timeouts: &HttpTimeouts) -> Duration {
        let shortest = timeouts.header.min(timeouts.write).min(timeouts.idle);
        (shortest / 2).clamp(Duration::from_millis(50), Duration::from_secs(5))
    }

    fn read_some(&self) {
        let mut state = self.0.lock();
        if state.running == 0 && !state.head_began && !state.frames {
            (state.head_began, state.since) = (true, Instant::now());
        }
    }

    /// A client that takes a long answer slowly does not rest.
    fn written(&self, written: &Poll<io::Result<usize>>) {
        self.wrote(written.is_pending());
        let mut state = self.0.lock();
        if matches!(written, Poll::Ready(Ok(1..))) && state.running == 0 && !state.head_began && !state.frames {
            state.since = Instant::now();
        }
    }

    fn wrote(&self, stuck: bool) {
        let mut state = self.0.lock();
        state.stuck = if stuck { state.stuck.or_else(|| Some(Instant::now())) } else { None };
    }
}

pub struct Running(Activity);

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.0.0.lock();
        state.running -= 1;
        (state.head_began, state.since) = (false, Instant::now());
    }
}

/// A stream that is watched.
pub struct Watched<S> {
    pub stream: S,
    pub activity: Activity,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.activity.read_some();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.activity.written(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.activity.written(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.activity.wrote(flushed.is_pending());
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUTS: HttpTimeouts = HttpTimeouts {
        header: Duration::from_secs(10),
        read: Duration::from_secs(30),
        write: Duration::from_secs(60),
        idle: Duration::from_secs(300),
    };

    async fn pass(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_has_less_time_than_a_rest() {
        let activity = Activity::new();
        assert_eq!(activity.overdue(&TIMEOUTS), None);
        pass(10).await;
        assert_eq!(activity.overdue(&TIMEOUTS), Some("a request's head did not come"));
        let running = activity.request(false);
        pass(1000).await;
        assert_eq!(activity.overdue(&TIMEOUTS), None, "a request has its own deadline");
        drop(running);
        pass(299).await;
        assert_eq!(activity.overdue(&TIMEOUTS), None);
        activity.read_some();
        pass(9).await;
        assert_eq!(activity.overdue(&TIMEOUTS), None);
        pass(1).await;
        assert_eq!(activity.overdue(&TIMEOUTS), Some("a request's head did not come"));
        drop(activity.request(false));
        for _ in 0..10 {
            pass(299).await;
            activity.written(&Poll::Ready(Ok(1)));
            assert_eq!(activity.overdue(&TIMEOUTS), None, "the answer is still on its way");
        }
        drop(activity.request(true));
        activity.read_some();
        pass(299).await;
        assert_eq!(activity.overdue(&TIMEOUTS), None, "a frame is no request");
        pass(1).await;
        assert_eq!(activity.overdue(&TIMEOUTS), Some("no request came"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_told_is_kept_between_requests() {
        let activity = Activity::new();
        drop(activity.request(false));
        assert!(!activity.keeps_secrets(), "the node was sealed all the time");
        let running = activity.request(false);
        activity.confided();
        assert!(!activity.keeps_secrets(), "it is being answered");
        drop(running);
        assert!(activity.keeps_secrets());
        activity.read_some();
        assert!(!activity.keeps_secrets(), "another request comes");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing() {
        let activity = Activity::new();
        let _running = activity.request(false);
        activity.wrote(true);
        pass(59).await;
        activity.wrote(true);
        assert_eq!(activity.overdue(&TIMEOUTS), None);
        pass(1).await;
        assert_eq!(activity.overdue(&TIMEOUTS), Some("the client takes no answer"));
        activity.wrote(false);
        assert_eq!(activity.overdue(&TIMEOUTS), None);
    }
}

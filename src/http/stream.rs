//! The body of an answer: whole, or made while it is sent.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use sdk::PipeReader;

use super::activity::Running;

pub enum AnswerBody {
    Whole(Full<Bytes>),
    Stream {
        reader: PipeReader,
        /// The connection does not rest while this is sent, however long nothing comes.
        _running: Option<Running>,
    },
}

impl AnswerBody {
    /// The request runs until its answer is made.
    pub fn of(self, request: Running) -> Self {
        match self {
            Self::Whole(full) => Self::Whole(full),
            Self::Stream { reader, .. } => Self::Stream { reader, _running: Some(request) },
        }
    }
}

/// The connection is broken off, so that nobody takes a part for the whole.
#[derive(Debug, thiserror::Error)]
#[error("the answer was broken off: {0}")]
pub struct BrokenOff(String);

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match self.get_mut() {
            Self::Whole(full) => {
                Pin::new(full).poll_frame(cx).map(|frame| frame.map(|frame| frame.map_err(|never| match never {})))
            }
            Self::Stream { reader, .. } => {
                reader.poll_next(cx).map(|piece| piece.map(|piece| piece.map(Frame::data).map_err(BrokenOff)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(full) => full.is_end_stream(),
            Self::Stream { .. } => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(full) => full.size_hint(),
            Self::Stream { .. } => SizeHint::default(),
        }
    }
}

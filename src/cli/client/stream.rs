//! Bodies that are too long to hold: what a backup reads and a restore sends.

use std::path::PathBuf;

use indicatif::ProgressBar;
use reqwest::{Body, Method, Response, Url};
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use super::{Ask, Client, Lost, Reply, at};
use crate::cli::failure::Failure;

/// A file to send. Each node that is asked gets it from its beginning.
pub struct Source {
    pub file: PathBuf,
    pub progress: ProgressBar,
}

const CHUNK: usize = 64 << 10;

impl Client {
    /// The answer's body is yet to be read. `Ok(Err)` is a refusal.
    pub async fn download(&self, ask: Ask) -> Result<Result<Response, Reply>, Failure> {
        self.streamed(ask, None, None).await
    }

    /// To the active node at once: whoever sends another's way may do so while most of it is still being sent.
    pub async fn upload(&self, ask: Ask, source: &Source) -> Result<Reply, Failure> {
        let active = if self.manner.follow { self.active_address().await } else { None };
        match self.streamed(ask, Some(source), active).await? {
            Err(refused) => Ok(refused),
            Ok(answer) => super::read(Ok(answer), String::new()).await,
        }
    }

    /// Where the node that is asked is not active and knows which is. It may be sealed, have no cluster, or be none that says so.
    async fn active_address(&self) -> Option<Url> {
        let told = self.send(Ask::new(Method::GET, "sys/leader").preflight().once()).await.ok()?.ok().ok()?;
        let elsewhere = told["is_self"] == false;
        let active: Url = told["leader_address"].as_str().filter(|_| elsewhere)?.parse().ok()?;
        let shown_to_all = self.address.scheme() == "https" && active.scheme() != "https";
        (matches!(active.scheme(), "http" | "https") && !shown_to_all).then_some(active)
    }

    async fn streamed(
        &self,
        ask: Ask,
        source: Option<&Source>,
        active: Option<Url>,
    ) -> Result<Result<Response, Reply>, Failure> {
        let url = active.map_or_else(|| self.url(&ask), |active| at(active, &ask));
        self.show_instead(&ask, &url)?;
        let asked = format!("{} {url}", ask.method);
        let answer = self.follow(&ask, &url, source).await.map_err(|lost| lost.failure(&asked))?;
        if answer.status().is_success() {
            return Ok(Ok(answer));
        }
        super::read(Ok(answer), asked).await.map(Err)
    }
}

impl Source {
    pub(super) async fn body(&self) -> Result<Body, Lost> {
        let file = File::open(&self.file).await.map_err(|error| Failure::file(&self.file, error))?;
        self.progress.set_position(0);
        let progress = self.progress.clone();
        let (send, receive) = tokio::sync::mpsc::channel::<std::io::Result<bytes::Bytes>>(2);
        // Ends with the file, or when the request that it feeds is over.
        tokio::spawn(async move {
            let mut file = file;
            loop {
                let mut chunk = bytes::BytesMut::with_capacity(CHUNK);
                let read = file.read_buf(&mut chunk).await;
                let last = !matches!(read, Ok(bytes) if bytes > 0);
                if let Ok(bytes) = &read {
                    progress.inc(*bytes as u64);
                }
                let sent = match read {
                    Ok(0) => break,
                    Ok(_) => send.send(Ok(chunk.freeze())).await,
                    Err(error) => send.send(Err(error)).await,
                };
                if last || sent.is_err() {
                    break;
                }
            }
        });
        Ok(Body::wrap_stream(tokio_stream::wrappers::ReceiverStream::new(receive)))
    }
}

//! Asking fellow members to be unsealed. What is said is for the ends to understand; who says it, the lanes prove.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use proto::cluster as pb;
use proto::cluster::unseal_answer::Result as Answer;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::forward::ForwardHandler;
use crate::network::{Lane, Link};
use crate::shared::{Shared, members};

/// How long one member may take.
const ONE: Duration = Duration::from_secs(5);
/// How long one may keep silent before the next is asked as well.
const PATIENCE: Duration = Duration::from_millis(300);

/// An answer, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsealed {
    pub by: u64,
    pub name: String,
    pub answer: Bytes,
}

pub(crate) struct Unseals {
    pub shared: Arc<Shared>,
    pub handler: Arc<dyn ForwardHandler>,
    /// Where handlers run: not where consensus does.
    pub app: Handle,
}

impl Unseals {
    /// Asks the members until one answers.
    pub async fn ask(&self, question: Bytes) -> Result<Unsealed, Vec<String>> {
        let stored = self.shared.membership();
        let others = members(stored.membership()).into_iter().filter(|(id, _)| *id != self.shared.id);
        let asked = others.map(|(id, member)| {
            let question = question.clone();
            async move {
                let asked = match self.shared.peers.link(id, &member) {
                    Ok(link) => self.one(&link, question).await,
                    Err(problem) => Err(problem.to_string()),
                };
                match asked {
                    Ok(answer) => Ok(Unsealed { by: id, name: member.name, answer }),
                    Err(why) => Err(format!("{}: {why}", member.name)),
                }
            }
        });
        first_of(asked, PATIENCE).await
    }

    async fn one(&self, link: &Link, question: Bytes) -> Result<Bytes, String> {
        let request = pb::UnsealRequest { terms: Some(self.shared.local.terms()), question };
        let answered = timeout(ONE, link.peer(Lane::Control).unseal(request)).await;
        let answer = answered.map_err(|_| "it does not answer".to_owned())?;
        match answer.map_err(|status| self.shared.peers.failed(link, &status).to_string())?.into_inner().result {
            Some(Answer::Answer(answer)) => Ok(answer),
            Some(Answer::Refusal(why)) => Err(why.chars().take(REFUSAL_MAX).collect()),
            None => Err("its answer is empty".to_owned()),
        }
    }

    /// Answers a member. One that is only vouched for, or is on its way out, gets nothing.
    pub async fn answer(&self, from: u64, question: Bytes) -> Result<Bytes, String> {
        let applied = self.shared.reader.membership();
        let newest = self.shared.membership();
        if applied.membership().get_node(&from).is_none() || newest.membership().get_node(&from).is_none() {
            return Err("the node that asks is not a member as this one knows the cluster".to_owned());
        }
        let handler = Arc::clone(&self.handler);
        let handling = self.app.spawn(async move { handler.unseal(from, question).await });
        handling.await.map_err(|_| "the question could not be handled".to_owned())?
    }
}

/// The first that succeeds. Each is begun when one before it has failed, or has kept silent for that long: one that is cut
/// off holds up nobody, and what is asked for does not go to more members than it has to.
async fn first_of<T, F>(asks: impl IntoIterator<Item = F>, patience: Duration) -> Result<T, Vec<String>>
where
    F: Future<Output = Result<T, String>>,
{
    let (mut asks, mut under_way, mut refusals) = (asks.into_iter(), FuturesUnordered::new(), Vec::new());
    let mut more = true;
    loop {
        match asks.next().filter(|_| more) {
            Some(ask) => under_way.push(ask),
            None => more = false,
        }
        let ended = match more {
            true => timeout(patience, under_way.next()).await.ok(),
            false => Some(under_way.next().await),
        };
        match ended {
            Some(Some(Ok(answer))) => return Ok(answer),
            Some(Some(Err(why))) => refusals.push(why),
            Some(None) => return Err(refusals),
            None => {}
        }
    }
}

/// Of a refusal so much is kept.
const REFUSAL_MAX: usize = 300;

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::future::{pending, ready};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_that_is_cut_off_holds_up_nobody() {
        let began = Instant::now();
        let asks = [pending().boxed(), ready(Err("no".to_owned())).boxed(), ready(Ok(3)).boxed()];
        assert_eq!(first_of(asks, PATIENCE).await, Ok(3));
        assert_eq!(began.elapsed(), PATIENCE);
        // Whoever is behind one that answers is not asked.
        let (first, second) = (ready(Ok(1)).boxed(), async { panic!("asked") }.boxed());
        assert_eq!(first_of([first, second], PATIENCE).await, Ok(1));
        let refused = [ready(Err::<u8, _>("a".to_owned())), ready(Err("b".to_owned()))];
        assert_eq!(first_of(refused, PATIENCE).await, Err(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(first_of(std::iter::empty::<futures::future::Ready<Result<u8, _>>>(), PATIENCE).await, Err(vec![]));
    }
}

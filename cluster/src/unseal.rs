//! Asking fellow members to be unsealed. What is said is for the ends to understand; who says it, the lanes prove.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proto::cluster as pb;
use proto::cluster::unseal_answer::Result as Answer;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::forward::ForwardHandler;
use crate::network::{Lane, Link};
use crate::shared::{Shared, members};

/// How long one member may take.
const ONE: Duration = Duration::from_secs(5);

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
    /// Asks the members one after the other until one answers.
    pub async fn ask(&self, question: Bytes) -> Result<Unsealed, Vec<String>> {
        let mut refusals = Vec::new();
        let stored = self.shared.membership();
        for (id, member) in members(stored.membership()).into_iter().filter(|(id, _)| *id != self.shared.id) {
            let asked = match self.shared.peers.link(id, &member) {
                Ok(link) => self.one(&link, question.clone()).await,
                Err(problem) => Err(problem.to_string()),
            };
            match asked {
                Ok(answer) => return Ok(Unsealed { by: id, name: member.name, answer }),
                Err(why) => refusals.push(format!("{}: {why}", member.name)),
            }
        }
        Err(refusals)
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

/// Of a refusal so much is kept.
const REFUSAL_MAX: usize = 300;

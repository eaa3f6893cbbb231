//! Consensus's types as messages, and back. What a peer sent may be anything: missing parts are an error.

use bytes::Bytes;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, TransferLeaderError, TransferLeaderRequest, TransferLeaderResponse,
    VoteRequest, VoteResponse,
};
use proto::cluster as pb;
use proto::cluster::append_answer::Kind;
use proto::cluster::transfer_answer::{NotFlushed, Refusal, VoteChanged};
use storage::Revision;

use super::reports::Claim;
use crate::consensus::{Entry, LeaderId, LogId, Member, TypeConfig, Vote};
use crate::format::Form;
use crate::log::encoding::{DecodeError, decode_entry, encode_entry};

#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error("the message lacks {0}")]
    Missing(&'static str),
    #[error("the message has a {0} that is none")]
    Malformed(&'static str),
    #[error("an entry of the message cannot be read: {0}")]
    Entry(#[from] DecodeError),
}

pub fn vote_out(vote: &Vote) -> pb::Vote {
    pb::Vote { leader: Some(leader_out(&vote.leader_id)), committed: vote.committed }
}

pub fn vote_in(vote: Option<pb::Vote>) -> Result<Vote, WireError> {
    let vote = vote.ok_or(WireError::Missing("a vote"))?;
    Ok(Vote { leader_id: leader_in(vote.leader)?, committed: vote.committed })
}

fn leader_out(id: &LeaderId) -> pb::LeaderId {
    pb::LeaderId { term: id.term, node: id.node_id }
}

fn leader_in(id: Option<pb::LeaderId>) -> Result<LeaderId, WireError> {
    let id = id.ok_or(WireError::Missing("a leader id"))?;
    Ok(LeaderId { term: id.term, node_id: id.node })
}

pub fn log_id_out(id: Option<&LogId>) -> Option<pb::LogId> {
    id.map(|id| pb::LogId { leader: Some(leader_out(&id.leader_id)), index: id.index })
}

pub fn log_id_in(id: Option<pb::LogId>) -> Result<Option<LogId>, WireError> {
    id.map(|id| Ok(LogId { leader_id: leader_in(id.leader)?, index: id.index })).transpose()
}

pub fn append_out(request: &AppendEntriesRequest<TypeConfig>, terms: pb::Terms, now_ms: u64) -> pb::AppendRequest {
    pb::AppendRequest {
        terms: Some(terms),
        vote: Some(vote_out(&request.vote)),
        prev: log_id_out(request.prev_log_id.as_ref()),
        commit: log_id_out(request.leader_commit.as_ref()),
        entries: request.entries.iter().map(|entry| encode_entry(entry, Form::of(terms.level))).collect(),
        now_ms,
    }
}

pub fn append_in(request: pb::AppendRequest) -> Result<AppendEntriesRequest<TypeConfig>, WireError> {
    Ok(AppendEntriesRequest {
        vote: vote_in(request.vote)?,
        prev_log_id: log_id_in(request.prev)?,
        leader_commit: log_id_in(request.commit)?,
        entries: request.entries.iter().map(apart).collect::<Result<_, _>>()?,
    })
}

/// In bytes of its own: it stays in memory for long, and would hold the whole buffer that it came in.
fn apart(bytes: &Bytes) -> Result<Entry, DecodeError> {
    decode_entry(Bytes::copy_from_slice(bytes))
}

pub fn append_answer_out(answer: &AppendEntriesResponse<TypeConfig>, report: pb::Report) -> pb::AppendAnswer {
    let (kind, stored, vote) = match answer {
        AppendEntriesResponse::Success => (Kind::Success, None, None),
        AppendEntriesResponse::PartialSuccess(stored) => (Kind::Partial, log_id_out(stored.as_ref()), None),
        AppendEntriesResponse::Conflict => (Kind::Conflict, None, None),
        AppendEntriesResponse::HigherVote(vote) => (Kind::HigherVote, None, Some(vote_out(vote))),
    };
    pb::AppendAnswer { kind: kind.into(), stored, vote, report: Some(report) }
}

pub fn append_answer_in(answer: pb::AppendAnswer) -> Result<AppendEntriesResponse<TypeConfig>, WireError> {
    Ok(match Kind::try_from(answer.kind).map_err(|_| WireError::Malformed("kind of answer"))? {
        Kind::Success => AppendEntriesResponse::Success,
        Kind::Partial => AppendEntriesResponse::PartialSuccess(log_id_in(answer.stored)?),
        Kind::Conflict => AppendEntriesResponse::Conflict,
        Kind::HigherVote => AppendEntriesResponse::HigherVote(vote_in(answer.vote)?),
    })
}

pub fn vote_request_out(request: &VoteRequest<TypeConfig>, terms: pb::Terms) -> pb::VoteRequest {
    pb::VoteRequest {
        terms: Some(terms),
        vote: Some(vote_out(&request.vote)),
        last: log_id_out(request.last_log_id.as_ref()),
        leadership_transfer: request.leadership_transfer,
    }
}

pub fn vote_request_in(request: pb::VoteRequest) -> Result<VoteRequest<TypeConfig>, WireError> {
    let mut vote = VoteRequest::new(vote_in(request.vote)?, log_id_in(request.last)?);
    vote.leadership_transfer = request.leadership_transfer;
    Ok(vote)
}

pub fn vote_answer_out(answer: &VoteResponse<TypeConfig>) -> pb::VoteAnswer {
    pb::VoteAnswer {
        vote: Some(vote_out(&answer.vote)),
        granted: answer.vote_granted,
        last: log_id_out(answer.last_log_id.as_ref()),
    }
}

pub fn vote_answer_in(answer: pb::VoteAnswer) -> Result<VoteResponse<TypeConfig>, WireError> {
    Ok(VoteResponse::new(vote_in(answer.vote)?, log_id_in(answer.last)?, answer.granted))
}

pub fn transfer_out(request: &TransferLeaderRequest<TypeConfig>, terms: pb::Terms) -> pb::TransferRequest {
    pb::TransferRequest {
        terms: Some(terms),
        from: Some(vote_out(request.from_leader())),
        to: *request.to_node_id(),
        last: log_id_out(request.last_log_id()),
    }
}

pub fn transfer_in(request: pb::TransferRequest) -> Result<TransferLeaderRequest<TypeConfig>, WireError> {
    Ok(TransferLeaderRequest::new(vote_in(request.from)?, request.to, log_id_in(request.last)?))
}

pub fn transfer_answer_out(answer: &TransferLeaderResponse<TypeConfig>) -> pb::TransferAnswer {
    let refusal = match answer {
        Ok(()) => None,
        Err(TransferLeaderError::VoteChanged { expected, actual }) => Some(Refusal::VoteChanged(VoteChanged {
            expected: Some(vote_out(expected)),
            actual: Some(vote_out(actual)),
        })),
        Err(TransferLeaderError::LogNotFlushed { expected, actual }) => Some(Refusal::NotFlushed(NotFlushed {
            expected: log_id_out(expected.as_ref()),
            actual: log_id_out(actual.as_ref()),
        })),
    };
    pb::TransferAnswer { refusal }
}

pub fn transfer_answer_in(answer: pb::TransferAnswer) -> Result<TransferLeaderResponse<TypeConfig>, WireError> {
    Ok(match answer.refusal {
        None => Ok(()),
        Some(Refusal::VoteChanged(VoteChanged { expected, actual })) => {
            Err(TransferLeaderError::VoteChanged { expected: vote_in(expected)?, actual: vote_in(actual)? })
        }
        Some(Refusal::NotFlushed(NotFlushed { expected, actual })) => {
            Err(TransferLeaderError::LogNotFlushed { expected: log_id_in(expected)?, actual: log_id_in(actual)? })
        }
    })
}

pub fn member_out(id: u64, member: &Member) -> pb::Member {
    pb::Member {
        id,
        name: member.name.clone(),
        address: member.address.clone(),
        api_address: member.api_address.clone(),
        key: member.key.to_vec().into(),
        non_voter: member.non_voter,
    }
}

pub fn member_in(member: pb::Member) -> Result<(u64, Member), WireError> {
    let key = <[u8; 32]>::try_from(&member.key[..]).map_err(|_| WireError::Malformed("key"))?;
    let pb::Member { id, name, address, api_address, non_voter, .. } = member;
    Ok((id, Member { name, address, api_address, key, non_voter }))
}

pub fn claim_in(revision: &[u8], fingerprint: &[u8]) -> Result<Claim, WireError> {
    let revision = Revision::from_bytes(revision).ok_or(WireError::Malformed("revision"))?;
    let fingerprint = fingerprint.try_into().map_err(|_| WireError::Malformed("fingerprint"))?;
    Ok(Claim { revision, fingerprint })
}

/// None if the state has not come to what was asked about.
pub fn claim_out(claim: Option<Claim>) -> pb::CompareAnswer {
    claim.map_or_else(pb::CompareAnswer::default, |claim| pb::CompareAnswer {
        has: true,
        revision: claim.revision.to_bytes().to_vec().into(),
        fingerprint: claim.fingerprint.to_vec().into(),
    })
}

#[cfg(test)]
mod tests {
    use openraft::EntryPayload;
    use storage::{Batch, Class, Millis, RawKey, RequestId};

    use super::*;
    use crate::consensus::Command;

    #[test]
    fn an_entry_does_not_hold_the_buffer_that_it_came_in() {
        let leader_id = LeaderId { term: 1, node_id: 1 };
        let mut batch = Batch::new(RequestId { applied: 0, random: [7; 16] }, Millis(1));
        batch.puts.push((RawKey::root(Class::Replicated).plain("a"), Bytes::from_static(b"value")));
        let payload = EntryPayload::Normal(Command::batch(batch));
        let entry = Entry { log_id: LogId { leader_id, index: 1 }, payload };
        let buffer = encode_entry(&entry, Form::First);
        let request = pb::AppendRequest {
            vote: Some(pb::Vote { leader: Some(leader_out(&leader_id)), committed: true }),
            entries: vec![buffer.slice(..)],
            ..pb::AppendRequest::default()
        };
        let taken = append_in(request).unwrap();
        assert_eq!(taken.entries, [entry]);
        assert!(buffer.is_unique());
    }
}

use super::decide::{is_steady, to_clean_up};
use super::state::Seen;
use super::*;
use crate::consensus::Member;

const LAST: LastEntry = LastEntry { term: 3, index: 5000 };
const DAY: Duration = Duration::from_secs(24 * 3600);

/// So many voters, the first of which leads; all were heard just now and have everything.
fn voters(count: u64) -> Vec<Seen> {
    let voter = |id| Seen {
        id,
        member: Member::default(),
        voter: true,
        leader: id == 1,
        heard: Some(Duration::ZERO),
        last: LAST,
    };
    (1..=count).map(voter).collect()
}

/// By a leader that has led for longer than anybody was gone.
fn judge(seen: &[Seen]) -> AutopilotState {
    let (config, start) = (Config::default(), Instant::now());
    let elected = derive(&config, 3, seen.to_vec(), None, start);
    derive(&config, 3, seen.to_vec(), Some(&elected), start + 9 * DAY)
}

fn gone(seen: &mut Seen, for_how_long: Duration) {
    seen.heard = Some(for_how_long);
}

#[test]
fn health_is_contact_term_and_lag() {
    let mut seen = voters(4);
    gone(&mut seen[1], Duration::from_secs(11));
    seen[2].last.index = LAST.index - 1001;
    seen[3].last.term = LAST.term - 1;
    let state = judge(&seen);
    assert_eq!(state.servers.iter().map(|s| s.healthy).collect::<Vec<_>>(), [true, false, false, false]);
    assert!(!state.is_healthy());
    assert_eq!(state.failure_tolerance(), 0);
    assert!(state.servers.iter().all(|s| !s.failed));

    gone(&mut seen[1], Duration::from_secs(10));
    seen[2].last.index = LAST.index - 1000;
    seen[3].last = LAST;
    let state = judge(&seen);
    assert!(state.is_healthy());
    assert_eq!(state.failure_tolerance(), 1);
    assert_eq!(judge(&voters(5)).failure_tolerance(), 2);
    assert_eq!(judge(&voters(1)).failure_tolerance(), 0);
}

#[test]
fn stability_counts_from_the_last_change_of_health_in_one_leadership() {
    let (config, start) = (Config::default(), Instant::now());
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut seen = voters(3);
    let elected = derive(&config, 3, seen.clone(), None, at(0));
    let well = derive(&config, 3, seen.clone(), Some(&elected), at(1));
    let later = derive(&config, 3, seen.clone(), Some(&well), at(50));
    assert_eq!((later.servers[1].healthy, later.servers[1].since), (true, at(1)));
    gone(&mut seen[1], Duration::from_secs(30));
    let ill = derive(&config, 3, seen.clone(), Some(&later), at(60));
    let still_ill = derive(&config, 3, seen.clone(), Some(&ill), at(90));
    assert_eq!((still_ill.servers[1].since, still_ill.servers[1].known), (at(60), at(0)));
    let another_leader = derive(&config, 4, seen, Some(&still_ill), at(100));
    assert_eq!((another_leader.servers[1].since, another_leader.servers[1].known), (at(100), at(100)));
}

/// It led before, and lost sight of the others for days: they have answered others since.
#[test]
fn a_new_leader_knows_nobody_to_be_gone() {
    let (config, start) = (Config::default(), Instant::now());
    let mut seen = voters(5);
    gone(&mut seen[4], 3 * DAY);
    let elected = derive(&config, 3, seen.clone(), None, start);
    let later = derive(&config, 3, seen.clone(), Some(&elected), start + Duration::from_secs(60));
    assert!(!later.servers[4].failed);
    assert_eq!(later.servers[4].last_contact, Duration::from_secs(60));
    assert_eq!(to_clean_up(&config, &later), None);
}

#[test]
fn who_was_never_heard_is_not_healthy_and_gone_when_its_time_is_over() {
    let (config, start) = (Config::default(), Instant::now());
    let mut seen = voters(5);
    seen[4].heard = None;
    let first = derive(&config, 3, seen.clone(), None, start);
    assert!(!first.servers[4].healthy && !first.servers[4].failed);
    let later = derive(&config, 3, seen, Some(&first), start + DAY + Duration::from_secs(1));
    assert!(later.servers[4].failed);
    assert_eq!(to_clean_up(&config, &first), None);
    assert_eq!(to_clean_up(&config, &later), Some(5));
}

#[test]
fn a_learner_waits_until_it_is_steady_but_not_while_a_cluster_is_founded() {
    let (config, start) = (Config::default(), Instant::now());
    let mut seen = voters(4);
    seen[3].voter = false;
    let elected = derive(&config, 3, seen.clone(), None, start);
    let first = derive(&config, 3, seen.clone(), Some(&elected), start);
    let (early, late) = (start + Duration::from_secs(9), start + Duration::from_secs(10));
    assert!(!is_steady(&config, &first, 4, early));
    assert!(is_steady(&config, &first, 4, late));
    assert!(!is_steady(&config, &first, 9, late), "nobody knows that one");
    gone(&mut seen[3], Duration::from_secs(30));
    let ill = derive(&config, 3, seen.clone(), Some(&first), late + DAY);
    assert!(!is_steady(&config, &ill, 4, late + 2 * DAY));
    seen[2].voter = false;
    assert!(is_steady(&config, &derive(&config, 3, seen, None, start), 3, start), "there are two voters");
}

#[test]
fn the_dead_are_taken_out_one_at_a_time_while_the_others_can_spare_them() {
    let config = Config::default();
    let mut seen = voters(5);
    assert_eq!(to_clean_up(&config, &judge(&seen)), None);
    gone(&mut seen[3], 2 * DAY);
    gone(&mut seen[4], 3 * DAY);
    assert_eq!(to_clean_up(&config, &judge(&seen)), Some(5), "the one gone longest");
    seen.pop();
    assert_eq!(to_clean_up(&config, &judge(&seen)), Some(4));
    seen.pop();
    gone(&mut seen[2], 2 * DAY);
    assert_eq!(to_clean_up(&config, &judge(&seen)), None, "three voters stay");
    let fewer = Config { min_quorum: 2, ..config };
    assert_eq!(to_clean_up(&fewer, &judge(&seen)), Some(3));
    let off = Config { cleanup_dead_servers: false, ..fewer };
    assert_eq!(to_clean_up(&off, &judge(&seen)), None);
}

#[test]
fn no_voter_is_taken_out_where_the_live_ones_would_be_no_majority() {
    let config = Config { min_quorum: 1, ..Config::default() };
    let mut seen = voters(5);
    seen[2..].iter_mut().for_each(|seen| gone(seen, 2 * DAY));
    assert_eq!(to_clean_up(&config, &judge(&seen)), None, "two of the four that remain");
    gone(&mut seen[2], Duration::ZERO);
    assert!(to_clean_up(&config, &judge(&seen)).is_some(), "three of them");
}

#[test]
fn nobody_is_taken_out_while_a_node_joins_nor_a_node_that_joins() {
    let config = Config::default();
    let mut seen = voters(6);
    gone(&mut seen[4], 2 * DAY);
    seen[5].voter = false;
    assert_eq!(to_clean_up(&config, &judge(&seen)), None);
    seen[5].member.non_voter = true;
    assert_eq!(to_clean_up(&config, &judge(&seen)), Some(5), "that one is to stay without a vote");
    seen[5].member.non_voter = false;
    gone(&mut seen[5], 3 * DAY);
    assert_eq!(to_clean_up(&config, &judge(&seen)), Some(6), "it was to join, and is gone");
}

#[test]
fn a_dead_non_voter_takes_no_vote_with_it() {
    let mut seen = voters(3);
    seen[2].voter = false;
    seen[2].member.non_voter = true;
    gone(&mut seen[2], 2 * DAY);
    assert_eq!(to_clean_up(&Config::default(), &judge(&seen)), Some(3));
}

use super::*;
use crate::network::member_out;

fn member(n: u8) -> (NodeId, Member) {
    let member =
        Member { name: format!("n{n}"), address: format!("10.0.0.{n}:8201"), key: [n; 32], ..Member::default() };
    (node_id(&member.key), member)
}

fn at(role: DrRole) -> Standing {
    Standing { version: 3, reign: 5, role }
}

fn enrolled(id: &str, n: u8) -> Secondary {
    Secondary { id: id.to_owned(), enrolment: Enrolment::Enrolled { members: vec![member(n)], shown: None } }
}

fn all_changes() -> Vec<DrChange> {
    vec![
        DrChange::EnablePrimary,
        DrChange::DisablePrimary,
        DrChange::Demote,
        DrChange::Invite { id: "b".into(), secret: [1; 32], expires: Millis(100) },
        DrChange::Revoke { id: "a".into() },
        DrChange::Follow { id: "a".into(), primary: vec![member(9)], reign: 7, adopted: Some(Adopted::default()) },
        DrChange::Readdress { addresses: vec!["10.1.1.1:8201".into()] },
        DrChange::Promote { force: false },
        DrChange::Leave,
    ]
}

#[test]
fn every_state_has_a_way_out_and_every_way_leads_to_a_state_of_the_other_kind() {
    let alone = at(DrRole::Alone);
    let primary = at(DrRole::Primary { secondaries: vec![enrolled("a", 1)] });
    let secondary = at(DrRole::Secondary(Source { id: "a".into(), primary: vec![member(9)], ..Source::default() }));
    let goes = |standing: &Standing| -> Vec<bool> {
        all_changes().iter().map(|change| after(standing, change, Millis(1)).is_ok()).collect()
    };
    let follows = after(&alone, &all_changes()[5], Millis(1)).unwrap();
    assert_eq!(follows.reign, 7, "it is that of the primary");
    assert_eq!(goes(&alone), [true, false, false, false, false, true, false, false, false]);
    assert_eq!(goes(&primary), [false, true, true, true, true, false, false, false, false]);
    assert_eq!(goes(&secondary), [false, false, false, false, false, true, true, true, true]);
}

#[test]
fn only_promotion_and_leaving_begin_a_line_of_history() {
    let secondary = at(DrRole::Secondary(Source { primary: vec![member(9)], ..Source::default() }));
    for (change, reign) in [(DrChange::Promote { force: true }, 6), (DrChange::Leave, 5)] {
        let next = after(&secondary, &change, Millis(1)).unwrap();
        assert!(next.begins && next.reign == reign, "{next:?}");
    }
    assert!(!after(&at(DrRole::Alone), &DrChange::EnablePrimary, Millis(1)).unwrap().begins);
    let copying = at(DrRole::Secondary(Source { adopting: Some(Adopted::default()), ..Source::default() }));
    assert!(after(&copying, &DrChange::Promote { force: true }, Millis(1)).unwrap_err().contains("not complete"));
}

#[test]
fn an_id_is_given_once_and_a_stale_invitation_makes_room() {
    let invite = |id: &str| DrChange::Invite { id: id.into(), secret: [2; 32], expires: Millis(100) };
    let old = Secondary { id: "old".into(), enrolment: Enrolment::Invited { secret: [1; 32], expires: Millis(10) } };
    let standing = at(DrRole::Primary { secondaries: vec![enrolled("a", 1), old] });
    assert!(after(&standing, &invite("a"), Millis(1)).unwrap_err().contains("already"));
    let Next { role: DrRole::Primary { secondaries }, .. } = after(&standing, &invite("old"), Millis(1)).unwrap()
    else {
        panic!()
    };
    assert_eq!(secondaries.len(), 2);
    assert_eq!(secondaries[1].enrolment, Enrolment::Invited { secret: [2; 32], expires: Millis(100) });
    let Next { role: DrRole::Primary { secondaries }, .. } = after(&standing, &invite("b"), Millis(10)).unwrap() else {
        panic!()
    };
    assert_eq!(secondaries.iter().map(|known| known.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn who_takes_over_knows_the_former_primary_and_who_steps_down_its_heirs() {
    let secondary = at(DrRole::Secondary(Source { primary: vec![member(9)], ..Source::default() }));
    let Next { role, .. } = after(&secondary, &DrChange::Promote { force: false }, Millis(1)).unwrap();
    let standing = at(role);
    assert_eq!(standing.secondaries()[0].members(), [member(9)]);
    assert!(standing.feeds());
    let primary = at(DrRole::Primary { secondaries: vec![enrolled("a", 1), enrolled("b", 2)] });
    let Next { role, .. } = after(&primary, &DrChange::Demote, Millis(1)).unwrap();
    let demoted = at(role);
    let source = demoted.source().unwrap();
    assert_eq!(source.heirs, [enrolled("a", 1), enrolled("b", 2)]);
    assert!(source.primary.is_empty() && demoted.feeds(), "they may still fetch what they lack");
    let Next { role, .. } = after(&demoted, &DrChange::Promote { force: false }, Millis(1)).unwrap();
    assert_eq!(role, primary.role, "and are its secondaries again");
}

#[test]
fn addresses_are_taken_one_for_each_member() {
    let source = Source { primary: vec![member(1), member(2)], ..Source::default() };
    let secondary = at(DrRole::Secondary(source));
    let one = DrChange::Readdress { addresses: vec!["a:1".into()] };
    assert!(after(&secondary, &one, Millis(1)).unwrap_err().contains("n1, n2"));
    let two = DrChange::Readdress { addresses: vec!["a:1".into(), "b:2".into()] };
    let Next { role: DrRole::Secondary(source), .. } = after(&secondary, &two, Millis(1)).unwrap() else { panic!() };
    assert_eq!(source.primary[1].1.address, "b:2");
    assert_eq!(source.primary[1].1.key, [2; 32]);
}

#[test]
fn a_list_of_members_is_believed_only_if_it_can_be_one() {
    let said = |n| member_out(member(n).0, &member(n).1);
    assert_eq!(related(vec![said(1), said(2)]).unwrap(), [member(1), member(2)]);
    assert!(related(vec![]).is_err());
    assert!(related(vec![pb::Member { id: 5, ..said(1) }]).is_err(), "an id that is not the key's");
    assert!(related(vec![pb::Member { name: "x".repeat(2000), ..said(1) }]).is_err());
    assert!(related((0..65).map(said).collect()).is_err());
}

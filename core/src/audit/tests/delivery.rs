use super::super::filter::Filter;
use super::*;

fn problem(result: Result<(), AuditError>) -> String {
    match result {
        Err(AuditError::Devices(problem)) => problem,
        Err(AuditError::Sealed) => panic!("the barrier is open"),
        Ok(()) => panic!("it was written"),
    }
}

/// As long as a device may take, and a little, in these tests.
fn impatient(delivery: Delivery) -> Rules {
    let patience = super::super::options::Patience(Duration::from_millis(1));
    Rules { delivery, patience, ..Rules::default() }
}

async fn until(what: &str, mut is: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if is() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not within half a minute: {what}");
}

#[tokio::test]
async fn without_devices_nothing_is_audited() {
    write(&audit(vec![])).await.unwrap();
}

#[tokio::test]
async fn one_device_that_writes_is_enough() {
    let ((a, first), (b, second)) = (memory("a/", rules(Delivery::Any)), memory("b/", rules(Delivery::Any)));
    let audit = audit(vec![a, b]);
    first.broken.store(true, Ordering::Relaxed);
    write(&audit).await.unwrap();
    until("the other has it", || second.lines().len() == 1).await;
    second.broken.store(true, Ordering::Relaxed);
    let problem = problem(write(&audit).await);
    assert!(problem.contains("a/: it is broken") && problem.contains("b/: it is broken"), "{problem}");
    first.broken.store(false, Ordering::Relaxed);
    write(&audit).await.unwrap();
}

#[tokio::test]
async fn a_required_device_must_write_whatever_others_do() {
    let ((a, first), (b, _second)) = (memory("a/", rules(Delivery::Required)), memory("b/", rules(Delivery::Any)));
    let audit = audit(vec![a, b]);
    write(&audit).await.unwrap();
    first.broken.store(true, Ordering::Relaxed);
    let problem = problem(write(&audit).await);
    assert!(problem.contains("a/: it is broken") && !problem.contains("b/"), "{problem}");
}

#[tokio::test]
async fn best_effort_counts_only_where_it_is_alone() {
    let ((a, first), (b, second)) = (memory("a/", rules(Delivery::BestEffort)), memory("b/", rules(Delivery::Any)));
    let both = audit(vec![Arc::clone(&a), b]);
    first.broken.store(true, Ordering::Relaxed);
    write(&both).await.unwrap();
    first.broken.store(false, Ordering::Relaxed);
    second.broken.store(true, Ordering::Relaxed);
    let problem_of_both = problem(write(&both).await);
    assert!(!problem_of_both.contains("a/"), "{problem_of_both}");
    let alone = audit(vec![a]);
    write(&alone).await.unwrap();
    first.broken.store(true, Ordering::Relaxed);
    assert!(problem(write(&alone).await).contains("a/"));
}

#[tokio::test]
#[expect(clippy::await_holding_lock, reason = "the device's own thread is what has to wait for it")]
async fn a_stuck_device_holds_up_nobody_and_piles_up_nothing() {
    let ((a, stuck), (b, good)) = (memory("a/", impatient(Delivery::BestEffort)), memory("b/", rules(Delivery::Any)));
    let audit = audit(vec![Arc::clone(&a), b]);
    let gate = stuck.gate.lock();
    for _ in 0..3000 {
        write(&audit).await.unwrap();
    }
    until("it is known to be stuck", || audit.problems().iter().any(|(name, _)| name == "a/")).await;
    drop(gate);
    until("it goes on", || audit.problems().is_empty()).await;
    write(&audit).await.unwrap();
    until("what had waited is written", || stuck.lines().len() > 1000).await;
    assert!(stuck.lines().len() < 2500, "the rest was let go: {}", stuck.lines().len());
    assert_eq!(good.lines().len(), 3001);
}

#[tokio::test]
#[expect(clippy::await_holding_lock, reason = "the device's own thread is what has to wait for it")]
async fn a_required_device_that_is_stuck_is_named_and_what_failed_is_not_written_later() {
    let (a, stuck) = memory("a/", impatient(Delivery::Required));
    let audit = audit(vec![a]);
    let gate = stuck.gate.lock();
    assert!(problem(write(&audit).await).contains("a/: no answer within"));
    assert!(problem(write(&audit).await).contains("a/"));
    drop(gate);
    until("it goes on", || audit.problems().is_empty()).await;
    let before = stuck.lines().len();
    write(&audit).await.unwrap();
    // The first was under way when it was given up; the second was not.
    assert_eq!((before.min(1), stuck.lines().len() - before), (before, 1));
}

#[tokio::test]
async fn filters_decide_and_the_fallback_takes_the_rest() {
    let filtered = |text: &str| Rules { filter: Some(Filter::parse(text).unwrap()), ..Rules::default() };
    let (reads, read) = memory("reads/", filtered("operation == read"));
    let (deletes, deleted) = memory("deletes/", filtered("operation == delete and mount_type == kv"));
    let (rest, other) = memory("rest/", Rules { fallback: true, ..Rules::default() });
    let audit = audit(vec![reads, deletes, rest]);
    for operation in ["read", "update", "delete", "read"] {
        write_as(&audit, operation).await.unwrap();
    }
    assert_eq!((read.lines().len(), deleted.lines().len(), other.lines().len()), (2, 1, 1));
    other.broken.store(true, Ordering::Relaxed);
    assert!(problem(write_as(&audit, "update").await).contains("rest/"));
    write_as(&audit, "read").await.unwrap();
}

#[tokio::test]
async fn an_entry_that_nobody_takes_is_not_written() {
    let rules = Rules { filter: Some(Filter::parse("operation == read").unwrap()), ..Rules::default() };
    let (reads, _) = memory("reads/", rules);
    assert!(problem(write(&audit(vec![reads])).await).contains("filter"));
}

#[tokio::test]
async fn each_device_has_its_own_style_and_prefix() {
    let raw = super::super::Style { raw: true, ..Default::default() };
    let (a, first) = memory("a/", Rules { style: raw, ..Rules::default() });
    let (b, second) = memory("b/", Rules { prefix: "@cee: ".into(), delivery: Delivery::Required, ..Rules::default() });
    let audit = audit(vec![a, b]);
    write(&audit).await.unwrap();
    until("both have it", || first.lines().len() == 1).await;
    assert!(first.lines()[0].contains(TOKEN));
    assert!(second.lines()[0].starts_with("@cee: {") && !second.lines()[0].contains(TOKEN));
}

//! More requests than there are places for.

use futures::future::join_all;

use super::*;
use crate::lanes::{Fill, Lane, Place};

async fn places(bench: &Bench, lane: Lane, left: usize) -> Vec<Place> {
    let mut held = Vec::new();
    while let Ok(place) = bench.node.lanes.enter(lane, Instant::now()).await {
        held.push(place);
    }
    held.truncate(held.len() - left);
    held
}

fn running(bench: &Bench, lane: Lane) -> usize {
    let of_lane = |fill: &&Fill| fill.lane == lane;
    bench.node.lanes.fill().iter().find(of_lane).map(|fill| fill.running).unwrap()
}

#[tokio::test]
async fn who_finds_no_place_is_told_to_come_back_and_what_keeps_clients_going_runs() {
    let bench = Bench::new().await;
    let held = places(&bench, Lane::Write, 0).await;
    let lines = bench.audit.lines.lock().len();
    let soon = Instant::now() + Duration::from_millis(20);
    let refused = bench.service.serve(request(Verb::Write, "c/number", Some(&bench.root)), soon).await;
    assert_eq!((refused.status, refused.moved), (503, false));
    assert_eq!(refused.headers.get("retry-after").map(String::as_str), Some("1"));
    assert!(String::from_utf8_lossy(&refused.body).contains("more writes"));
    assert_eq!(bench.audit.lines.lock().len(), lines, "nobody has looked at it");
    assert_eq!(bench.number().await, 0, "reads go on");
    let renewal = bench.send(Verb::Write, "auth/token/renew-self", Some(&bench.root)).await;
    let said = String::from_utf8_lossy(&renewal.body);
    assert!(said.contains("no plugin"), "it has a lane of its own, and ran: {said}");
    drop(held);
    assert_eq!(bench.send(Verb::Write, "c/number", Some(&bench.root)).await.status, 204);
    assert_eq!(running(&bench, Lane::Write), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_thread_or_a_record_keeps_nobody_from_running() {
    let bench = Arc::new(Bench::new().await);
    let held = places(&bench, Lane::Write, 1).await;
    bench.doors.shut();
    let login = |word: &'static str| {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move { bench.log_in("words", "ann", word).await.status })
    };
    let logins = [login("ann"), login("ann"), login("bob")];
    let until = Instant::now() + Duration::from_secs(20);
    while bench.doors.arrived.load(Ordering::Acquire) < 3 {
        assert!(Instant::now() < until, "one of them holds the only place");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let writes = (0..20).map(|_| bench.send(Verb::Write, "c/number", Some(&bench.root)));
    assert_eq!(join_all(writes).await.iter().filter(|response| response.status == 204).count(), 20);
    (0..2).for_each(|door| bench.doors.open(door));
    let mut statuses = Vec::new();
    for login in logins {
        statuses.push(login.await.unwrap());
    }
    assert_eq!(statuses, [200, 200, 400]);
    assert_eq!(running(&bench, Lane::Write), held.len());
}

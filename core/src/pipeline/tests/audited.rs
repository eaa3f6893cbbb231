//! What holds when an entry cannot be written, sentence by sentence: promise 6.

use super::*;

fn text(response: &Response) -> String {
    String::from_utf8_lossy(&response.body).into_owned()
}

impl Bench {
    fn tokens(&self) -> usize {
        self.node.tokens.accessors(&self.node.local_view().unwrap()).unwrap().len()
    }
}

/// "If no enabled audit device acknowledges having written a request's entry, nothing of it happens,"
#[tokio::test]
async fn without_the_requests_entry_nothing_happens() {
    let bench = Bench::new().await;
    let before = (bench.node.store.applied(), bench.runs.load(Ordering::Relaxed));
    bench.audit.broken.store(true, Ordering::Relaxed);
    for (verb, path) in [(Verb::Write, "c/number"), (Verb::Read, "c/number"), (Verb::Write, "c/login")] {
        assert_eq!(bench.send(verb, path, Some(&bench.root)).await.status, 500);
    }
    let after = (bench.node.store.applied(), bench.runs.load(Ordering::Relaxed));
    assert_eq!(before, after, "no handler ran and nothing was committed");
    bench.audit.broken.store(false, Ordering::Relaxed);
    assert_eq!(bench.number().await, 0);
}

/// "and the error names the device."
#[tokio::test]
async fn the_error_names_the_device() {
    let bench = Bench::new().await;
    bench.audit.broken.store(true, Ordering::Relaxed);
    let refused = bench.send(Verb::Write, "c/number", Some(&bench.root)).await;
    assert!(text(&refused).contains("lines/: broken"), "{}", text(&refused));
}

/// "If the response entry fails after the commit, the client gets a 500 naming device and revision,"
#[tokio::test]
async fn an_unwritten_answer_says_what_was_done() {
    let bench = Bench::new().await;
    bench.audit.answers_broken.store(true, Ordering::Relaxed);
    let answer = bench.send(Verb::Write, "c/number", Some(&bench.root)).await;
    let revision = bench.node.store.snapshot().unwrap().state_revision().to_string();
    assert_eq!(answer.status, 500);
    assert!(text(&answer).contains("lines/: broken"), "{}", text(&answer));
    assert!(text(&answer).contains(&format!("carried out at revision {revision}")), "{}", text(&answer));
    bench.audit.answers_broken.store(false, Ordering::Relaxed);
    assert_eq!(bench.number().await, 1);
}

/// "no secret is handed out"
#[tokio::test]
async fn an_unwritten_answer_holds_no_secret() {
    let bench = Bench::new().await;
    assert!(text(&bench.send(Verb::Read, "c/number", Some(&bench.root)).await).contains("\"n\":"));
    assert!(text(&bench.send(Verb::Write, "c/login", Some(&bench.root)).await).contains("\"client_token\":\"s."));
    bench.audit.answers_broken.store(true, Ordering::Relaxed);
    let read = bench.send(Verb::Read, "c/number", Some(&bench.root)).await;
    assert_eq!(read.status, 500);
    assert!(!text(&read).contains("\"n\":"), "{}", text(&read));
    let login = bench.send(Verb::Write, "c/login", Some(&bench.root)).await;
    assert_eq!(login.status, 500);
    assert!(!text(&login).contains("s.") || !text(&login).contains("client_token"), "{}", text(&login));
}

/// "and tokens or leases just made are revoked."
#[tokio::test]
async fn a_token_whose_answer_is_unwritten_is_revoked() {
    let bench = Bench::new().await;
    let before = bench.tokens();
    assert_eq!(bench.send(Verb::Write, "c/login", Some(&bench.root)).await.status, 200);
    assert_eq!(bench.tokens(), before + 1);
    bench.audit.answers_broken.store(true, Ordering::Relaxed);
    assert_eq!(bench.send(Verb::Write, "c/login", Some(&bench.root)).await.status, 500);
    assert_eq!(bench.tokens(), before + 1, "made, and taken back");
}

/// Only those: the device's trouble must not end tokens that were there before.
#[tokio::test]
async fn a_renewed_token_whose_answer_is_unwritten_stays() {
    let bench = Bench::new().await;
    bench.audit.answers_broken.store(true, Ordering::Relaxed);
    assert_eq!(bench.send(Verb::Write, "c/renewed", Some(&bench.root)).await.status, 500);
    bench.audit.answers_broken.store(false, Ordering::Relaxed);
    assert_eq!(bench.send(Verb::Read, "c/number", Some(&bench.root)).await.status, 200);
}

/// New shares would be lost with their answer, and the old ones not count any more.
#[tokio::test]
async fn what_must_not_be_lost_with_its_answer_is_not_done_without_it() {
    let bench = Bench::new().await;
    bench.audit.answers_broken.store(true, Ordering::Relaxed);
    let lost = bench.send(Verb::Write, "c/later", Some(&bench.root)).await;
    assert_eq!((lost.status, bench.runs.load(Ordering::Relaxed)), (500, 0));
    assert!(!text(&lost).contains("carried out"), "{}", text(&lost));
    bench.audit.answers_broken.store(false, Ordering::Relaxed);
    let answer = bench.send(Verb::Write, "c/later", Some(&bench.root)).await;
    assert_eq!((answer.status, bench.runs.load(Ordering::Relaxed)), (200, 1));
    assert_eq!(json_of(&answer), json!({ "key": "new", "warnings": ["perhaps"] }));
}

/// A request that is denied is audited as well, and without an entry it is not even denied.
#[tokio::test]
async fn what_is_denied_is_audited() {
    let bench = Bench::new().await;
    assert_eq!(bench.send(Verb::Write, "c/number", None).await.status, 403);
    let lines = bench.audit.lines.lock().clone();
    assert_eq!(lines.len(), 2);
    assert!(lines[1].contains("\"error\":\"permission denied\""), "{}", lines[1]);
    bench.audit.broken.store(true, Ordering::Relaxed);
    assert_eq!(bench.send(Verb::Write, "c/number", None).await.status, 500);
}

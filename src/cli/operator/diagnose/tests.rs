use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use super::certificate;
use super::finding::{Outcome, Report};

/// 2030-06-01
const THEN: Duration = Duration::from_secs(1_906_502_400);

/// What is said of a certificate for `a.example` from 2030 to 2031.
fn outcomes(host: &str, now: SystemTime) -> Vec<(&'static str, Outcome)> {
    let mut parameters = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
    parameters.not_before = date_time_ymd(2030, 1, 1);
    parameters.not_after = date_time_ymd(2031, 1, 1);
    let file = tempfile::NamedTempFile::new().unwrap();
    let made = parameters.self_signed(&KeyPair::generate().unwrap()).unwrap();
    std::fs::write(file.path(), made.pem()).unwrap();
    let mut report = Report::default();
    certificate::check(&mut report, file.path(), host, now);
    report.findings().iter().map(|finding| (finding.check, finding.outcome)).collect()
}

#[test]
fn days_of_a_certificate() {
    let at = SystemTime::UNIX_EPOCH + THEN;
    let days = |days: u64| Duration::from_secs(days * 86_400);
    for (now, expected) in [
        (at, Outcome::Good),
        (at + days(200), Outcome::Warning),
        (at + days(400), Outcome::Failure),
        (at - days(400), Outcome::Failure),
    ] {
        let found = outcomes("a.example", now);
        assert_eq!(found, [("certificate/dates", expected), ("certificate/names", Outcome::Good)]);
    }
}

#[test]
fn names_of_a_certificate() {
    let now = SystemTime::UNIX_EPOCH + THEN;
    assert_eq!(outcomes("b.example", now)[1], ("certificate/names", Outcome::Failure));
    assert_eq!(outcomes("10.0.0.1", now)[1], ("certificate/names", Outcome::Failure));
}

#[test]
fn what_is_skipped_does_not_count() {
    let mut report = Report::new(vec!["listener".to_owned()]);
    report.failure("listener/port", "x", "y");
    assert_eq!(report.worst(), Outcome::Good);
    report.warning("storage/room", "x", "y");
    report.good("seal", "z");
    assert_eq!((report.worst(), report.findings().len()), (Outcome::Warning, 2));
}

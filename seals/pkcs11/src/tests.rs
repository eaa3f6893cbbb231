//! With SoftHSM, which is one device for the whole process: the tests are one.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

const LIBRARIES: &[&str] = &["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so"];

/// Where a device is, in its folder.
const CONF: &str = "softhsm2.conf";

fn library() -> &'static Path {
    let found = LIBRARIES.iter().map(Path::new).find(|path| path.exists());
    found.expect("SoftHSM is needed: scripts/needs installs it (need_softhsm)")
}

/// A token with an AES key and an RSA key pair, of the label `main`.
fn make_token(folder: &Path) {
    let conf = folder.join(CONF);
    fs::create_dir(folder.join("tokens")).unwrap();
    fs::write(&conf, format!("directories.tokendir = {}\n", folder.join("tokens").display())).unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let ran = Command::new(program).args(arguments).env("SOFTHSM2_CONF", &conf).output();
        let ran =
            ran.unwrap_or_else(|problem| panic!("{program}: {problem}: scripts/needs installs it (need_softhsm)"));
        assert!(ran.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    };
    run("softhsm2-util", &["--init-token", "--free", "--label", "main", "--pin", "4321", "--so-pin", "1234"]);
    let module = library().to_str().unwrap();
    for (kind, key, label) in
        [("--keygen", "aes:32", "one"), ("--keygen", "aes:32", "two"), ("--keypairgen", "rsa:2048", "pair")]
    {
        run(
            "pkcs11-tool",
            &[
                "--module",
                module,
                "--token-label",
                "main",
                "--login",
                "--pin",
                "4321",
                kind,
                "--key-type",
                key,
                "--label",
                label,
            ],
        );
    }
}

fn seal(lib: &Path, token: &str, pin: &str, label: &str, mechanism: Mechanism) -> Pkcs11Seal {
    Pkcs11Seal::new(Options {
        lib: lib.to_owned(),
        slot: None,
        token_label: Some(token.to_owned()),
        pin: Zeroizing::new(pin.to_owned()),
        key: KeyName::new(Some(label.to_owned()), None).unwrap(),
        mechanism,
    })
}

fn is_away(done: Result<Vec<u8>, SealFailure>, said: &str) {
    match done {
        Err(SealFailure::Unavailable(why)) => assert!(why.contains(said), "{why}"),
        other => panic!("{other:?}"),
    }
}

/// The library reads where its tokens are from the environment, which a test must not change: so it starts itself anew, in a
/// folder with tokens.
#[tokio::test]
async fn with_a_device() {
    if Path::new(CONF).exists() {
        return inside().await;
    }
    let folder = tempfile::tempdir().unwrap();
    make_token(folder.path());
    let mut anew = Command::new(std::env::current_exe().unwrap());
    anew.args(["tests::with_a_device", "--exact", "--nocapture"]).current_dir(folder.path());
    let ran = anew.env("SOFTHSM2_CONF", folder.path().join(CONF)).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&ran.stderr));
}

async fn inside() {
    let folder = std::env::current_dir().unwrap();
    let lib = folder.join("lib.so");
    let gcm = seal(&lib, "main", "4321", "one", Mechanism::AesGcm);
    is_away(gcm.encrypt("root", b"plain").await, "lib.so");
    std::os::unix::fs::symlink(library(), &lib).unwrap();

    let sealed = gcm.encrypt("root", b"plain").await.unwrap();
    opens(&gcm, &sealed).await;
    let oaep = seal(&lib, "main", "4321", "pair", Mechanism::RsaOaep(Hash::Sha1));
    let other = oaep.encrypt("root", b"plain").await.unwrap();
    opens(&oaep, &other).await;

    // A seal of the next key opens what the one before it has sealed.
    let next = seal(&lib, "main", "4321", "two", Mechanism::AesGcm);
    assert_eq!(next.decrypt("label=one", "root", &sealed).await.unwrap()[..], *b"plain");
    assert!(!next.is_outdated("label=one", &sealed), "another key may be the later one");
    assert_eq!(next.decrypt("label=two", "root", &sealed).await.err(), Some(SealFailure::DoesNotOpen));

    // The device goes away, and comes back.
    let (here, away) = (folder.join("tokens"), folder.join("away"));
    fs::rename(&here, &away).unwrap();
    fs::create_dir(&here).unwrap();
    for _ in 0..100 {
        if gcm.encrypt("root", b"plain").await.is_err() {
            break;
        }
    }
    is_away(gcm.encrypt("root", b"plain").await, "");
    fs::remove_dir_all(&here).unwrap();
    fs::rename(&away, &here).unwrap();
    let mut opened = Err(SealFailure::DoesNotOpen);
    for _ in 0..3 {
        opened = gcm.decrypt("label=one", "root", &sealed).await;
    }
    assert_eq!(opened.unwrap()[..], *b"plain");

    is_away(
        seal(&lib, "none", "4321", "one", Mechanism::AesGcm).encrypt("root", b"x").await,
        "a token labelled \"none\"",
    );
    let lacking = seal(&lib, "main", "4321", "none", Mechanism::AesGcm);
    assert_eq!(lacking.encrypt("root", b"x").await.err(), Some(SealFailure::NoSuchKey("label=none".into())));
    assert_eq!(
        lacking.decrypt("label=no", "root", &sealed).await.err(),
        Some(SealFailure::NoSuchKey("label=no".into()))
    );
    let wrong = seal(&lib, "main", "0000", "one", Mechanism::AesGcm);
    is_away(wrong.encrypt("root", b"x").await, "refuses the PIN");
    is_away(wrong.encrypt("root", b"x").await, "not asked with it again");
    let as_wrong = seal(library(), "main", "0000", "two", Mechanism::AesGcm);
    is_away(as_wrong.encrypt("root", b"x").await, "not asked with it again");
    opens(&gcm, &sealed).await;
}

/// A device that refuses the PIN, when it is told to and not before. Counts how often it was logged in to.
#[tokio::test(start_paused = true)]
async fn a_pin_is_refused_once_however_many_ask_and_whoever_still_waits() {
    let (tell, told) = std::sync::mpsc::channel::<()>();
    let logins = Arc::new(AtomicUsize::new(0));
    let (counted, mut refused) = (Arc::clone(&logins), pins::Refused::default());
    let thread = Thread::begin(move |place, _| {
        refused.login("token", &place.pin, || {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = told.recv();
            Err(Fault::WrongPin)
        })?;
        Ok(Zeroizing::default())
    });
    let first = tokio::spawn({
        let thread = thread.clone();
        async move { thread.run(place("0000"), asked()).await }
    });
    // The clock stands still while there is something to do, and runs ahead of the device's thread when there is not.
    while logins.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let (second, third) = tokio::join!(thread.run(place("0000"), asked()), thread.run(place("0000"), asked()));
    for done in [first.await.unwrap(), second, third] {
        assert!(matches!(done, Err(Fault::Unavailable(_))), "nobody waits as long as the device takes");
    }
    // From here on the device answers.
    tokio::time::resume();
    tell.send(()).unwrap();
    assert!(matches!(thread.run(place("0000"), asked()).await, Err(Fault::PinRefusedBefore)));
    assert_eq!(logins.load(Ordering::SeqCst), 1);
    tell.send(()).unwrap();
    assert!(matches!(thread.run(place("1111"), asked()).await, Err(Fault::WrongPin)), "another one has its try");
}

#[tokio::test]
async fn a_thread_that_has_ended_is_begun_anew() {
    let mut running = thread::Running::default();
    let mut begun = 0;
    for _ in 0..2 {
        let thread = running.of(Path::new("lib"), || {
            begun += 1;
            Thread::begin(|_, _| panic!("as what lies under it may"))
        });
        assert!(matches!(thread.run(place("0000"), asked()).await, Err(Fault::Unavailable(_))));
        while thread.runs() {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(begun, 2);
}

#[test]
fn a_plaintext_is_gone_with_who_waits_for_its_ciphertext() {
    let lent = device::Lent::new(b"root");
    let handle = lent.handle();
    assert_eq!(handle.get().unwrap()[..], *b"root");
    drop(lent);
    assert!(handle.get().is_none());
}

fn place(pin: &str) -> Arc<Place> {
    let pin = Zeroizing::new(pin.to_owned());
    Arc::new(Place { lib: PathBuf::new(), slot: None, token_label: None, pin })
}

fn asked() -> Use {
    Use::Decrypt { key: KeyName::parse("label=a").unwrap(), purpose: String::new(), sealed: Vec::new() }
}

async fn opens(seal: &Pkcs11Seal, sealed: &[u8]) {
    let id = seal.key_id();
    assert_eq!(seal.decrypt(&id, "root", sealed).await.unwrap()[..], *b"plain");
    assert_eq!(seal.decrypt(&id, "join", sealed).await.err(), Some(SealFailure::DoesNotOpen));
    let mut altered = sealed.to_vec();
    *altered.last_mut().unwrap() ^= 1;
    assert_eq!(seal.decrypt(&id, "root", &altered).await.err(), Some(SealFailure::DoesNotOpen));
    for short in [&[][..], &[1], &[9; 40]] {
        assert_eq!(seal.decrypt(&id, "root", short).await.err(), Some(SealFailure::DoesNotOpen));
    }
}

#[test]
fn a_key_s_name_is_read_as_it_was_written() {
    for (label, id) in [(Some("a"), None), (None, Some(vec![1, 0xfe])), (Some("x,label=y"), Some(vec![7]))] {
        let name = KeyName::new(label.map(str::to_owned), id).unwrap();
        assert_eq!(KeyName::parse(&name.to_string()), Some(name));
    }
    assert_eq!(KeyName::new(None, None), None);
    for bad in ["", "id=xx", "transit/key"] {
        assert_eq!(KeyName::parse(bad), None);
    }
}

#[test]
fn mechanisms_go_by_their_names_and_numbers() {
    for text in ["AES_GCM", "CKM_AES_GCM", "0x1087", "aes_gcm"] {
        assert_eq!(Mechanism::parse(text, Hash::Sha256), Some(Mechanism::AesGcm));
    }
    assert_eq!(Mechanism::parse("CKM_RSA_PKCS_OAEP", Hash::Sha1), Some(Mechanism::RsaOaep(Hash::Sha1)));
    assert_eq!(Mechanism::parse("CKM_AES_CBC_PAD", Hash::Sha1), None);
    for mark in 1..=6 {
        assert_eq!(Mechanism::marked(mark).unwrap().mark(), mark);
    }
    assert_eq!(Mechanism::marked(7), None);
}

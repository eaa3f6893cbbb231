//! Commands that look after a cluster: its keys, its backups, its mounts, who logs in.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::Shell;

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn new_unseal_keys() {
    let shell = Shell::open().await;
    let old = shell.cluster.keys.as_ref().unwrap().unseal.clone();
    let none = shell.does(&format!("operator rekey -nonce=x {}", old[0]));
    assert_eq!((none.status, none.err.contains("operator rekey -init")), (1, true), "{none:?}");

    let begun = shell.json("operator rekey -init -key-shares=2 -key-threshold=2");
    let nonce = text(&begun["nonce"]).to_owned();
    assert!(shell.says("operator rekey -status").contains("Rekey Progress           0/2\n"));
    shell.says(&format!("operator rekey -cancel -nonce={nonce}"));
    assert_eq!(shell.json("operator rekey -status")["started"], false);

    let begun = shell.json("operator rekey -init -key-shares=2 -key-threshold=2 -verify");
    let nonce = text(&begun["nonce"]);
    assert_eq!(
        shell.does(&format!("operator rekey {}", old[0])).err,
        "Missing nonce value: specify it via the -nonce flag\n"
    );
    let half = shell.says(&format!("operator rekey -nonce={nonce} {}", old[0]));
    assert!(half.contains("Rekey Progress           1/2\n"), "{half}");
    let done = shell.says(&format!("operator rekey -nonce={nonce} {}", old[1]));
    let new: Vec<&str> = done.lines().filter_map(|line| line.strip_prefix("Key ")?.split(": ").nth(1)).collect();
    assert_eq!((new.len(), done.contains("NOT in force yet")), (2, true), "{done}");
    let nonce = done.lines().find_map(|line| line.strip_prefix("Verification nonce: ")).unwrap();
    // Asked for, a key is read from a pipe; the nonce is then the server's word.
    let root = shell.root();
    let given = shell.run(&["operator", "rekey", "-verify"], &[("VAULT_TOKEN", &root)], &format!("{}\n", new[0]));
    assert!(given.status == 0 && given.out.contains("Verification Progress    1/2\n"), "{given:?}");
    let verified = shell.says(&format!("operator rekey -verify -nonce={nonce} {}", new[1]));
    assert!(verified.starts_with("Rekey verification successful."), "{verified}");

    shell.says("operator seal");
    for key in &new {
        shell.says(&format!("operator unseal {key}"));
    }
    assert_eq!(shell.does("status -field=sealed").out, "false");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_of_the_barrier_and_a_new_root_token() {
    let shell = Shell::open().await;
    assert_eq!(shell.json("operator key-status")["term"], 1);
    let rotated = shell.says("operator rotate");
    assert!(
        rotated.starts_with("Success! Rotated key\n\nKey ") && rotated.contains("Key Term            2\n"),
        "{rotated}"
    );

    for command in ["generate-root", "rekey"] {
        let denied = shell.run(&["operator", command, "-init"], &[], "");
        let told = denied.err.contains(&format!("takes a token with sudo on sys/{command}/*"));
        assert_eq!((denied.status, told), (2, true), "{denied:?}");
    }
    let short = shell.does("operator generate-root -init -otp=x");
    assert_eq!(short.status, 2, "{short:?}");
    let with_otp = shell.does("operator generate-root -init");
    assert!(with_otp.out.contains("OTP ") && with_otp.err.contains("one-time password"), "{with_otp:?}");
    shell.says("operator generate-root -cancel");
    assert_eq!(shell.json("operator generate-root -status")["started"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_and_back() {
    let shell = Shell::open().await;
    let file = shell.home.path().join("backup.snap");
    let name = file.to_str().unwrap().to_owned();
    shell.says("secrets enable -version=1 kv");
    shell.says("kv put kv/a k=before");
    let saved = shell.says(&format!("operator raft snapshot save {name}"));
    let length = std::fs::metadata(&file).unwrap().len();
    assert_eq!(saved, format!("Success! Saved {length} bytes to {name}\n"));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let inside: Vec<_> = std::fs::read_dir(shell.home.path()).unwrap().collect();
    assert_eq!(inside.len(), 1, "nothing half-written is left");

    let about = shell.json(&format!("operator raft snapshot inspect {name}"));
    assert_eq!((&about["secret_shares"], &about["secret_threshold"]), (&json!(3), &json!(2)));
    assert!(about["records"].as_u64().unwrap() > 5, "{about}");
    let cluster = shell.says("status -field=cluster_id");
    assert!(shell.says(&format!("operator raft snapshot inspect {name}")).contains(&cluster));
    let half = shell.home.path().join("half.snap");
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&half, &whole[..whole.len() / 2]).unwrap();
    let half = half.to_str().unwrap();
    let broken = shell.does(&format!("operator raft snapshot inspect {half}"));
    assert!(broken.status == 2 && broken.err.contains("ends too early"), "{broken:?}");
    assert_eq!(shell.does(&format!("operator raft snapshot restore {half}")).status, 2);

    shell.says("kv put kv/a k=after");
    shell.says(&format!("operator raft snapshot restore {name}"));
    assert_eq!(shell.says("kv get -field=k kv/a"), "before");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_logs_in_by_a_password() {
    let shell = Shell::open().await;
    assert_eq!(shell.says("auth enable -path=staff userpass"), "Success! Enabled userpass auth method at: staff/\n");
    let said = shell.says("write auth/staff/users/ann password=right token_policies=default");
    assert_eq!(said, "Success! Data written to: auth/staff/users/ann\n");
    let login = ["login", "-method=userpass", "-path=staff", "username=ann"];
    let wrong = shell.run(&login, &[], "wrong\n");
    assert_eq!((wrong.status, wrong.err.starts_with("Error authenticating: ")), (2, true), "{wrong:?}");
    let right = shell.run(&login, &[], "right\n");
    assert!(right.status == 0 && right.out.contains("token_meta_username    ann\n"), "{right:?}");
    let own = shell.run(&["token", "lookup", "-field=display_name"], &[], "");
    assert_eq!(own.out, "staff-ann");
    assert_eq!(shell.run(&["token", "capabilities", "sys/mounts"], &[], "").out, "deny\n");
    let token = shell.run(&["print", "token"], &[], "").out.trim().to_owned();
    assert_eq!(shell.says(&format!("token capabilities {token} auth/token/lookup-self")), "read\n");
    assert_eq!(shell.json("token capabilities kv/x"), json!(["root"]));

    shell.says("auth tune -default-lease-ttl=2h -description=people staff/");
    let tuned = shell.json("auth list")["staff/"].clone();
    assert_eq!((&tuned["config"]["default_lease_ttl"], &tuned["description"]), (&json!(7200), &json!("people")));
    assert!(shell.says("auth list -detailed").contains("Token Type"));
    let moved = shell.says("auth move auth/staff auth/people");
    let known = "Success! Finished moving auth method auth/staff/ to auth/people/, with migration ID ";
    assert!(moved.starts_with(known), "{moved}");
    assert_eq!(shell.says("auth disable people"), "Success! Disabled the auth method (if it existed) at: people/\n");
    assert_eq!(shell.json("auth list").get("people/"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrapped_opens_once() {
    let shell = Shell::open().await;
    shell.says("secrets enable -path=secret kv-v2");
    shell.says("kv put secret/app k=v");
    let wrapped = shell.says("kv get -wrap-ttl=5m secret/app");
    assert!(wrapped.contains("wrapping_token_ttl:              5m\n"), "{wrapped}");
    let token = shell.says("-wrap-ttl=60 kv get -field=wrapping_token secret/app");
    assert_eq!(shell.json(&format!("unwrap {token}"))["data"]["data"], json!({ "k": "v" }));
    assert_eq!(shell.does(&format!("unwrap {token}")).status, 2);
    let token = shell.says("token create -wrap-ttl=5m -field=wrapping_token");
    let own = shell.run(&["unwrap", "-field=token"], &[("VAULT_TOKEN", &token)], "");
    assert!(own.status == 0 && !own.out.is_empty() && !own.out.ends_with('\n'), "{own:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_of_the_audit() {
    let home = TempDir::new().unwrap();
    let log = home.path().join("log");
    std::fs::create_dir(&log).unwrap();
    let shell = Shell::open_with(home, &json!({ "audit_api_folders": [log.to_str()] })).await;
    let none = shell.does("audit list");
    assert_eq!((none.status, none.err.as_str()), (2, "No audit devices are enabled.\n"));
    assert_eq!(shell.json("audit list"), json!({}));
    let file = log.join("audit.log");
    let enabled = shell.says(&format!("audit enable -path=main -description=all file file_path={}", file.display()));
    assert_eq!(enabled, "Success! Enabled the file audit device at: main/\n");
    assert!(shell.says("audit list").contains("main/    file    all\n"));
    assert!(shell.says("audit list -detailed").contains("file_path="));
    assert!(std::fs::metadata(&file).unwrap().len() > 0);
    assert_eq!(shell.says("audit disable main"), "Success! Disabled audit device (if it was enabled) at: main/\n");
    assert_eq!(shell.json("audit list"), json!({}));
}

//! Commands against a server.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::harness::Shell;

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_and_its_versions() {
    let shell = Shell::open().await;
    assert_eq!(
        shell.says("secrets enable -path=secret kv-v2"),
        "Success! Enabled the kv-v2 secrets engine at: secret/\n"
    );
    let put = shell.says("kv put secret/app user=ann password=one");
    assert!(put.starts_with("== Secret Path ==\nsecret/data/app\n\n==="), "{put}");
    assert!(put.contains("version            1\n"), "{put}");
    shell.says("kv put -cas=1 -mount=secret app user=ann password=two n=1");
    assert_eq!(shell.does("kv put -cas=1 secret/app a=b").status, 2);

    assert_eq!(shell.says("kv get -field=password secret/app"), "two");
    assert_eq!(shell.says("-field=password kv get -version=1 secret/app"), "one");
    assert_eq!(shell.says("kv get -field=password -format=json secret/app"), "\"two\"\n");
    assert_eq!(shell.json("kv get secret/app")["data"]["data"]["password"], "two");
    let yaml = shell.says("kv get -format=yaml secret/app");
    assert!(yaml.contains("    password: two\n") && yaml.contains("version: 2\n"), "{yaml}");
    let table = shell.says("kv get secret/app");
    assert!(
        table.contains("====== Data ======\nKey         Value\n---         -----\nn           1\npassword    two\n"),
        "{table}"
    );
    let absent = shell.does("kv get -field=nothing secret/app");
    assert_eq!((absent.status, absent.err.as_str()), (1, "Field \"nothing\" not present in secret\n"));
    let missing = shell.does("kv get secret/nowhere");
    assert_eq!((missing.status, missing.err.as_str()), (2, "No value found at secret/data/nowhere\n"));

    // Where nothing is, the server's warning says where it would be.
    for (command, right) in
        [("read secret/app", "kv get"), ("write secret/app a=b", "kv put"), ("list secret", "kv list")]
    {
        let astray = shell.does(command);
        assert_eq!((astray.status, astray.err.contains(&format!("use 'holdfast {right}'"))), (2, true), "{astray:?}");
    }

    shell.says("kv patch secret/app password=three -remove-data=n");
    assert_eq!(shell.json("kv get secret/app")["data"]["data"], json!({ "user": "ann", "password": "three" }));
    shell.says("kv patch -method=rw secret/app password=four");
    assert_eq!(shell.says("kv get -field=password secret/app"), "four");
    shell.says("secrets enable -path=archive kv-v2");
    assert_eq!(
        shell.says("kv move secret/app archive/old/app"),
        "Success! Moved secret/data/app to: archive/data/old/app\n"
    );
    assert_eq!(shell.does("kv move secret/app archive/app").status, 2);
    shell.says("kv move -mount=archive old/app app");
    shell.says("kv move -replace archive/app secret/app");
    shell.says("kv rollback -version=1 secret/app");
    assert_eq!(shell.says("kv get -field=password secret/app"), "one");

    shell.says("kv delete -versions=2,3 secret/app");
    assert_eq!(shell.does("kv get -field=password -version=2 secret/app").status, 1);
    assert_eq!(shell.does("kv rollback -version=2 secret/app").status, 2);
    shell.says("kv undelete -versions=2 secret/app");
    assert_eq!(shell.says("kv get -field=password -version=2 secret/app"), "two");
    shell.says("kv destroy -versions=2 secret/app");
    let versions = &shell.json("kv metadata get secret/app")["data"]["versions"];
    assert_eq!((&versions["2"]["destroyed"], &versions["1"]["destroyed"]), (&json!(true), &json!(false)));

    shell.says("kv metadata put -max-versions=7 -custom-metadata=owner=web -custom-metadata=x=1 secret/app");
    shell.says("kv metadata patch -cas-required=true -remove-custom-metadata=x secret/app");
    let metadata = shell.json("kv metadata get secret/app")["data"].clone();
    assert_eq!((&metadata["max_versions"], &metadata["cas_required"]), (&json!(7), &json!(true)));
    assert_eq!(metadata["custom_metadata"], json!({ "owner": "web" }));
    assert!(shell.says("kv metadata get secret/app").contains("== Version 1 =="));

    shell.says("kv put secret/dir/b k=v");
    assert_eq!(shell.says("kv list secret/"), "Keys\n----\napp\ndir/\n");
    assert_eq!(shell.json("kv list secret"), json!(["app", "dir/"]));
    let moved = shell.says("secrets move secret team/secret");
    assert!(moved.starts_with("Success! Finished moving secrets engine secret/ to team/secret/, with "), "{moved}");
    assert_eq!(shell.says("kv get -field=k team/secret/dir/b"), "v", "a mount of two parts");
    shell.says("kv metadata delete team/secret/app");
    assert_eq!(shell.does("kv metadata get team/secret/app").status, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_without_versions() {
    let shell = Shell::open().await;
    shell.says("secrets enable -version=1 -description=plain kv");
    assert_eq!(shell.says("kv put kv/a k=v"), "Success! Data written to: kv/a\n");
    assert_eq!(shell.says("kv get kv/a"), "=== Data ===\nKey    Value\n---    -----\nk      v\n");
    let ran = shell.does("kv undelete -versions=1 kv/a");
    assert_eq!((ran.status, ran.err.as_str()), (1, "Undelete not supported on KV Version 1\n"));
    assert!(shell.says("read kv/a").contains("refresh_interval"), "a lease without an id");
    assert_eq!(shell.says("delete kv/a"), "Success! Data deleted (if it existed) at: kv/a\n");
    assert_eq!(shell.does("read kv/a").err, "No value found at kv/a\n");

    let list = shell.says("secrets list");
    assert!(list.starts_with("Path ") && list.contains("plain\n"), "{list}");
    shell.says("secrets tune -max-lease-ttl=2h -description=other kv/");
    let tuned = shell.json("secrets list")["kv/"].clone();
    assert_eq!((&tuned["description"], &tuned["config"]["max_lease_ttl"]), (&json!("other"), &json!(7200)));
    let detailed = shell.says("secrets list -detailed");
    assert!(detailed.contains("Max TTL") && detailed.contains("2h"), "{detailed}");
    assert_eq!(shell.says("secrets disable kv"), "Success! Disabled the secrets engine (if it existed) at: kv/\n");
    assert_eq!(shell.json("secrets list").get("kv/"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_what_they_may_do() {
    let shell = Shell::open().await;
    let root = shell.root();
    let text = "path \"kv/*\" { capabilities = [\"read\", \"list\"] }";
    let wrote = shell.run(&["policy", "write", "App", "-"], &[("VAULT_TOKEN", &root)], text);
    assert_eq!((wrote.status, wrote.out.as_str()), (0, "Success! Uploaded policy: app\n"), "{wrote:?}");
    assert_eq!(shell.says("policy read app"), format!("{text}\n"));
    assert_eq!(shell.json("policy read app"), json!({ "policy": text }));
    assert!(shell.says("policy list").contains("app\n"));
    let none = shell.does("policy read nothing");
    assert_eq!((none.status, none.err.as_str()), (2, "No policy named: nothing\n"));

    let made = shell.json("token create -policy=app -ttl=1h -metadata=team=web -display-name=ci");
    let token = made["auth"]["client_token"].as_str().unwrap().to_owned();
    let looked = shell.json(&format!("token lookup {token}"));
    assert_eq!((&looked["data"]["meta"]["team"], &looked["data"]["renewable"]), (&json!("web"), &json!(true)));
    let accessor = made["auth"]["accessor"].as_str().unwrap();
    assert_eq!(shell.says(&format!("token lookup -accessor -field=display_name {accessor}")), "token-ci");
    let renewed = shell.says(&format!("token renew -increment=30m {token}"));
    assert!(renewed.contains("token_duration       30m\n"), "{renewed}");
    let own = shell.run(&["token", "lookup", "-field=id"], &[("VAULT_TOKEN", &token)], "");
    assert_eq!(own.out, token);
    let denied = shell.run(&["kv", "get", "kv/none"], &[("VAULT_TOKEN", "s.nobody")], "");
    assert_eq!(denied.status, 2);
    assert!(denied.err.contains("Code: 403. Errors:\n\n* "), "{}", denied.err);
    assert_eq!(shell.says(&format!("token revoke -accessor {accessor}")), "Success! Revoked token (if it existed)\n");
    assert_eq!(shell.does(&format!("token lookup {token}")).status, 2);
    shell.says("policy delete app");
    assert_eq!(shell.does("policy read app").status, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_kept_for_later_commands() {
    let shell = Shell::open().await;
    let root = shell.root();
    assert_eq!(shell.run(&["token", "lookup"], &[], "").status, 2, "nobody is logged in");
    let wrong = shell.run(&["login", "s.wrong"], &[], "");
    assert_eq!((wrong.status, wrong.err.starts_with("Error authenticating: ")), (2, true), "{wrong:?}");

    let only = shell.run(&["login", "-token-only", &root], &[], "");
    assert_eq!((only.out.as_str(), only.status), (root.as_str(), 0));
    let file = shell.home.path().join(".vault-token");
    assert!(!file.exists(), "-token-only keeps nothing");
    let said = shell.run(&["login", "-no-store", "-"], &[], &format!("{root}\n"));
    assert!(said.out.contains("kept nowhere") && !file.exists(), "{said:?}");

    let said = shell.run(&["login", &root], &[], "");
    assert!(said.out.contains("Success! You are now authenticated") && said.out.contains("token_policies"), "{said:?}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), root);
    assert_eq!(shell.run(&["token", "lookup", "-field=id"], &[], "").out, root);
    assert_eq!(shell.run(&["print", "token"], &[], "").out, format!("{root}\n"));

    let elsewhere = shell.home.path().join("elsewhere");
    let elsewhere = [("VAULT_TOKEN_PATH", elsewhere.to_str().unwrap())];
    let quiet = shell.run(&["login", "-no-print", &format!("token={root}")], &elsewhere, "");
    assert_eq!((quiet.status, quiet.out.as_str()), (0, ""), "{quiet:?}");
    assert_eq!(shell.run(&["print", "token"], &elsewhere, "").out, format!("{root}\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn any_path_and_every_format() {
    let shell = Shell::open().await;
    shell.says("secrets enable -version=1 kv");
    assert_eq!(shell.says("write kv/a k=v list=1 list=2"), "Success! Data written to: kv/a\n");
    assert_eq!(shell.json("read kv/a")["data"], json!({ "k": "v", "list": ["1", "2"] }));
    assert_eq!(shell.says("read -field=k kv/a"), "v");
    assert!(shell.says("read kv/a").contains("list                [1 2]\n"));
    let raw = shell.says("read -format=raw kv/a");
    assert!(raw.starts_with('{') && raw.contains("\"k\":\"v\""), "{raw}");
    let yaml = shell.run(&["read", "kv/a"], &[("VAULT_TOKEN", &shell.root()), ("VAULT_FORMAT", "YAML")], "");
    assert!(yaml.out.contains("data:\n  k: v\n"), "{yaml:?}");
    let body = shell.run(&["write", "kv/b", "-"], &[("VAULT_TOKEN", &shell.root())], "{\"n\": 5}");
    assert_eq!(body.status, 0, "{body:?}");
    assert_eq!(shell.json("read kv/b")["data"]["n"], 5);
    assert_eq!(shell.says("list kv"), "Keys\n----\na\nb\n");
    assert_eq!(shell.does("list kv/nothing").status, 2);
    assert_eq!(shell.does("write kv/a").status, 1);

    let root = shell.root();
    let shown = shell.run(&["kv", "get", "-output-policy", "kv/a"], &[("VAULT_TOKEN", &root)], "");
    assert_eq!(shown.out, "path \"kv/a\" {\n  capabilities = [\"read\"]\n}\n", "the mount is asked for all the same");
    let status = shell.json("status");
    assert_eq!((&status["sealed"], &status["ha_enabled"]), (&json!(false), &json!(true)));
    assert_eq!(shell.says("status -field=sealed"), "false");
    let table = shell.says("status");
    assert!(table.contains("HA Mode                 active\nActive Since            2"), "{table}");
    let members = shell.says("operator members");
    assert!(members.starts_with("Host Name ") && members.contains(&shell.cluster.nodes[0].url()), "{members}");
    assert_eq!(shell.says("operator init -status"), "Holdfast is initialized\n");
    assert_eq!(shell.says("operator seal"), "Success! Holdfast is sealed.\n");
    let sealed = shell.does("status");
    assert_eq!((sealed.status, sealed.out.contains("Unseal Progress")), (2, true), "{sealed:?}");
    let key = shell.cluster.keys.as_ref().unwrap().unseal[0].clone();
    let unseal = shell.run(&["operator", "unseal", "-"], &[], &format!("{key}\n"));
    assert!(unseal.status == 0 && unseal.out.contains("Unseal Progress    1/2\n"), "{unseal:?}");
    assert_eq!(shell.json("operator unseal -reset")["progress"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn namespaces_and_their_seals() {
    let shell = Shell::open().await;
    let none = shell.does("namespace list");
    assert_eq!((none.status, none.err.as_str()), (2, "No namespaces found\n"));
    let made = shell.says("namespace create -custom-metadata=owner=ann -custom-metadata=cost=7 team");
    assert!(made.contains("path               team/\n"), "{made}");
    shell.says("namespace create team/web");
    assert_eq!(shell.says("namespace lookup -field=path -ns=team web"), "team/web/");
    shell.says("namespace patch -custom-metadata=owner=bob -remove-custom-metadata=cost team");
    assert_eq!(shell.json("namespace lookup team")["data"]["custom_metadata"], json!({ "owner": "bob" }));
    assert_eq!(shell.does("namespace patch team").status, 1);
    let again = shell.does("namespace create -custom-metadata=cost=8 team");
    assert_eq!((again.status, again.err.contains("team/ (change it with")), (2, true), "{again:?}");
    assert_eq!(shell.json("namespace lookup team")["data"]["custom_metadata"], json!({ "owner": "bob" }));
    assert_eq!(shell.json("namespace scan"), json!(["team/", "team/web/"]));
    assert_eq!(shell.json("namespace list -detailed")["key_info"]["team/"]["custom_metadata"]["owner"], "bob");
    let absent = shell.does("namespace lookup nowhere");
    assert_eq!((absent.status, absent.err.as_str()), (2, "Namespace not found: nowhere\n"));

    shell.says("secrets enable -ns=team -path=kv -version=2 kv");
    shell.says("kv put team/kv/app password=hunter2");
    assert_eq!(shell.says("kv get -field=password team/kv/app"), "hunter2");

    let key = shell.says("namespace lock -field=unlock_key team");
    assert_eq!(shell.does("kv get -ns=team kv/app").status, 2);
    let root = shell.root();
    let wrong = ["namespace", "unlock", "-unlock-key=-", "team"];
    assert_eq!(shell.run(&wrong, &[("VAULT_TOKEN", &root)], "wrong").status, 2);
    let unlocked = shell.run(&wrong, &[("VAULT_TOKEN", &root)], &key);
    assert_eq!((unlocked.status, unlocked.out.as_str()), (0, "Success! The namespace is unlocked\n"), "{unlocked:?}");
    assert_eq!(shell.says("kv get -ns=team -field=password kv/app"), "hunter2");

    let made = shell.json("namespace create -key-shares=2 -key-threshold=2 vip");
    let share = |n: usize| made["key_shares"][n].as_str().unwrap().to_owned();
    let begun = shell.says(&format!("namespace unseal vip {}", share(0)));
    assert!(begun.contains("Unseal Progress") && begun.contains("1/2"), "{begun}");
    assert_eq!(shell.says("namespace unseal -reset -field=progress vip"), "0");
    shell.says(&format!("namespace unseal vip {}", share(0)));
    let last = shell.run(&["namespace", "unseal", "vip", "-"], &[("VAULT_TOKEN", &root)], &share(1));
    assert_eq!(last.status, 0, "{last:?}");
    assert_eq!(shell.says("namespace seal-status -field=sealed vip"), "false");
    assert_eq!(shell.says("namespace seal vip"), "Success! Namespace is sealed: vip/\n");
    assert_eq!(shell.says("namespace seal-status -field=sealed vip"), "true");
    assert_eq!(shell.does("namespace delete vip").status, 2);
    assert_eq!(shell.says("namespace delete-sealed vip"), "Success! Namespace deletion scheduled: vip/\n");
    assert_eq!(shell.says("namespace delete team/web"), "Success! Namespace deletion scheduled: team/web/\n");
    let again = shell.does("namespace delete nowhere");
    assert_eq!((again.status, again.err.contains("does not exist")), (0, true), "{again:?}");

    let seal = "seal \"shamir\" {\n  shares = 3\n  threshold = 2\n}\n";
    let made = shell.run(&["namespace", "create", "-seal=-", "own"], &[("VAULT_TOKEN", &root)], seal);
    assert!(made.out.contains("Unseal Key 3: ") && made.out.contains("3 shares, 2 of which"), "{made:?}");
}

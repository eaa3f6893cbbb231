//! The plugin: its paths, and what its tokens may be renewed by.

use sdk::{Backend, Ctx, Failure, Login, MountInfo, Plugin, PluginKind, Renewal, Result, Txn, Value};

use crate::paths;
use crate::user::User;

pub struct Userpass(Backend);

impl Default for Userpass {
    fn default() -> Self {
        let paths = vec![
            paths::users::path(),
            paths::user::path(),
            paths::password::path(),
            paths::policies::path(),
            paths::login::path(),
        ];
        Self(Backend::new("Logs in with a user name and a password.", paths))
    }
}

impl Plugin for Userpass {
    fn kind(&self) -> PluginKind {
        PluginKind::Auth
    }

    fn types(&self) -> &'static [&'static str] {
        &["userpass"]
    }

    fn renew(&self, _: &Ctx, internal: &Value, txn: &Txn) -> Result<Renewal> {
        let name = internal.get("username").and_then(Value::as_str).unwrap_or_default();
        let user = User::get(txn, name)?;
        let user = user.ok_or_else(|| Failure::invalid("failed to renew entry: the user does not exist any more"))?;
        Ok(Renewal { token: user.token })
    }

    fn stands(&self, _: &Ctx, login: &Login, txn: &Txn) -> Result<bool> {
        let user = User::get(txn, &login.alias)?;
        let same = |user: &User| user.token.policies == login.token.policies && login.internal["found"] == user.mark();
        Ok(user.as_ref().is_some_and(same))
    }

    fn backend(&self, _: &MountInfo) -> &Backend {
        &self.0
    }
}

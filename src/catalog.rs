//! Which plugins this server has: each is named once, here.

use holdfast_core::catalog::Catalog;

pub fn plugins() -> Catalog {
    Catalog::default()
        .with(engines_kv::Kv::new())
        .with(engines_totp::Totp::default())
        .with(engines_transit::Transit::default())
        .with(auth_approle::Approle::default())
        .with(auth_userpass::Userpass::default())
}

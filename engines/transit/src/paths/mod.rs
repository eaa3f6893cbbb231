//! One file a path.

mod backup;
mod byok_export;
mod cache_config;
mod config;
mod config_keys;
mod csr;
mod datakey;
mod decrypt;
mod derive_key;
mod encrypt;
mod export;
mod hash;
mod hmac;
mod import;
mod key;
mod key_list;
mod restore;
mod rewrap;
mod rotate;
mod set_certificate;
mod sign;
mod soft_delete;
mod trim;
mod verify;
mod wrapping_key;

use std::sync::Arc;

use sdk::Path;

use crate::keys::Keys;

pub fn all(keys: &Arc<Keys>) -> Vec<Path> {
    let mut paths = vec![
        key_list::path(),
        key::path(),
        config::path(),
        rotate::path(),
        trim::path(),
        soft_delete::path(),
        soft_delete::restore(),
        import::path(),
        import::version(),
        wrapping_key::path(),
        backup::path(),
        csr::path(keys),
        set_certificate::path(),
        encrypt::path(keys),
        decrypt::path(keys),
        rewrap::path(keys),
        datakey::path(keys),
        derive_key::path(keys),
        config_keys::path(),
        cache_config::path(),
    ];
    for more in [
        restore::paths(),
        sdk::draws([
            ("random", "transit-generate-random"),
            ("random/:source", "transit-generate-random-with-source"),
            ("random/:source/:urlbytes+", "transit-generate-random-with-source-and-bytes"),
        ])
        .to_vec(),
        hash::paths(),
        hmac::paths(keys),
        sign::paths(keys),
        verify::paths(keys),
        export::paths(keys),
        byok_export::paths(keys),
    ] {
        paths.extend(more);
    }
    paths
}

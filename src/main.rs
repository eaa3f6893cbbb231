//! The program: one provider of cryptography for all TLS, then the command that was asked for.

use std::process::ExitCode;

/// With the system's allocator a request costs a third more.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Named here and nowhere else: a library that chose for itself could choose differently.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        eprintln!("another provider of cryptography was installed first");
        return ExitCode::FAILURE;
    }
    holdfast::cli::run(std::env::args_os())
}

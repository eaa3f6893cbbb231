//! The program: one provider of cryptography for all TLS, then the command that was asked for.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use zeroizing_alloc::ZeroAlloc;

/// What is given back is wiped: a request's body passes through buffers of libraries that know nothing of secrets. With the
/// system's allocator a request costs a third more.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<MiMalloc> = ZeroAlloc(MiMalloc);

fn main() -> ExitCode {
    // Named here and nowhere else: a library that chose for itself could choose differently.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        eprintln!("another provider of cryptography was installed first");
        return ExitCode::FAILURE;
    }
    holdfast::cli::run(std::env::args_os())
}

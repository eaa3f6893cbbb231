//! The PINs that devices have refused. A device counts wrong ones and locks itself: none is given twice, whoever asks for it, and
//! whether or not anybody still waited when it was refused.

use zeroize::Zeroizing;

use crate::device::Fault;

/// By token; as many at most as there are seals.
#[derive(Default)]
pub struct Refused(Vec<(String, Zeroizing<String>)>);

impl Refused {
    /// Logs in, unless that PIN was refused by that token before.
    pub fn login(&mut self, token: &str, pin: &str, login: impl FnOnce() -> Result<(), Fault>) -> Result<(), Fault> {
        let same =
            |(of, known): &(String, Zeroizing<String>)| of == token && crypto::ct_eq(known.as_bytes(), pin.as_bytes());
        if self.0.iter().any(same) {
            return Err(Fault::PinRefusedBefore);
        }
        let done = login();
        if let Err(Fault::WrongPin) = done {
            self.0.push((token.to_owned(), Zeroizing::new(pin.to_owned())));
        }
        done
    }
}

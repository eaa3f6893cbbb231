//! The device, through its library: each use opens a session, logs in, finds the key and ends the session.

use std::path::PathBuf;
use std::sync::Arc;

use barrier::{bind, unbind};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Function, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism as Native;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::mechanism::rsa::{PkcsOaepParams, PkcsOaepSource};
use cryptoki::object::{Attribute, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use parking_lot::Mutex;
use zeroize::Zeroizing;

use crate::pins::Refused;
use crate::{Hash, KeyName, Mechanism};

pub struct Place {
    pub lib: PathBuf,
    pub slot: Option<u64>,
    pub token_label: Option<String>,
    pub pin: Zeroizing<String>,
}

pub enum Use {
    Encrypt { key: KeyName, mechanism: Mechanism, purpose: String, plain: Handle },
    Decrypt { key: KeyName, purpose: String, sealed: Vec<u8> },
}

/// A plaintext for as long as somebody waits for its ciphertext: a call that waits behind one which hangs does not keep it.
pub struct Lent(Handle);

#[derive(Clone)]
pub struct Handle(Arc<Mutex<Option<Zeroizing<Vec<u8>>>>>);

impl Lent {
    pub fn new(plain: &[u8]) -> Self {
        Self(Handle(Arc::new(Mutex::new(Some(Zeroizing::new(plain.to_vec()))))))
    }

    pub fn handle(&self) -> Handle {
        self.0.clone()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.0.0.lock().take();
    }
}

impl Handle {
    pub fn get(&self) -> Option<Zeroizing<Vec<u8>>> {
        self.0.lock().clone()
    }
}

#[derive(Debug)]
pub enum Fault {
    Unavailable(String),
    DoesNotOpen,
    /// The device has failed, or the ciphertext is not right: it does not say which.
    Unclear,
    NoSuchKey,
    WrongPin,
    PinRefusedBefore,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::Pkcs11(
                RvError::PinIncorrect
                | RvError::PinInvalid
                | RvError::PinLenRange
                | RvError::PinExpired
                | RvError::PinLocked,
                _,
            ) => Self::WrongPin,
            error => Self::Unavailable(error.to_string()),
        }
    }
}

/// The library, once it is loaded, which it stays: what it leaves behind does not bear being unloaded.
#[derive(Default)]
pub struct Device {
    library: Option<Pkcs11>,
    started: bool,
    refused: Refused,
}

impl Device {
    pub fn run(&mut self, place: &Place, asked: &Use) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let mut done = self.once(place, asked);
        if let Err(Fault::Unclear) = done {
            // What a library that was started anew says of it is believed.
            self.stop();
            done = self.once(place, asked);
        }
        if let Err(Fault::Unavailable(_)) = done {
            self.stop();
        }
        done
    }

    fn once(&mut self, place: &Place, asked: &Use) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let session = self.session(place)?;
        match asked {
            Use::Encrypt { key, mechanism, purpose, plain } => {
                let gone = || Fault::Unavailable("nobody waits for it any more".to_owned());
                encrypt(&session, key, *mechanism, purpose, &plain.get().ok_or_else(gone)?)
            }
            Use::Decrypt { key, purpose, sealed } => decrypt(&session, key, purpose, sealed),
        }
    }

    /// A library may remember for ever which devices there were when it was started: it is started anew before the next call. One
    /// that cannot be stopped says so then, and is used as it is.
    fn stop(&mut self) {
        if let (true, Some(library)) = (self.started, &self.library) {
            let _ = library.clone().finalize();
        }
        self.started = false;
    }

    fn session(&mut self, place: &Place) -> Result<Session, Fault> {
        let library = match &self.library {
            Some(library) => library,
            None => self.library.insert(Pkcs11::new(&place.lib)?),
        };
        if !self.started {
            match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
                Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => self.started = true,
                Err(problem) => return Err(problem.into()),
            }
        }
        let slot = slot(library, place)?;
        let session = library.open_ro_session(slot)?;
        let token = library.get_token_info(slot)?;
        let token = format!("{} {}", token.serial_number(), token.label());
        self.refused.login(&token, &place.pin, || {
            match session.login(UserType::User, Some(&AuthPin::from(place.pin.to_string()))) {
                Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
                Err(problem) => Err(problem.into()),
            }
        })?;
        Ok(session)
    }
}

fn slot(library: &Pkcs11, place: &Place) -> Result<Slot, Fault> {
    let slots = library.get_slots_with_token()?;
    let labelled = |slot: &Slot| match &place.token_label {
        None => true,
        Some(label) => library.get_token_info(*slot).is_ok_and(|token| token.label() == label),
    };
    let numbered = |slot: &Slot| place.slot.is_none_or(|number| slot.id() == number);
    slots.into_iter().find(|slot| numbered(slot) && labelled(slot)).ok_or_else(|| {
        let by = match (&place.token_label, place.slot) {
            (Some(label), None) => format!("a token labelled {label:?}"),
            (Some(label), Some(slot)) => format!("a token labelled {label:?} in slot {slot}"),
            (None, slot) => format!("a token in slot {}", slot.unwrap_or_default()),
        };
        Fault::Unavailable(format!("the device does not have {by}"))
    })
}

fn find(session: &Session, key: &KeyName, class: ObjectClass) -> Result<ObjectHandle, Fault> {
    let mut template = vec![Attribute::Class(class)];
    template.extend(key.label().map(|label| Attribute::Label(label.as_bytes().to_vec())));
    template.extend(key.id().map(|id| Attribute::Id(id.to_vec())));
    match session.find_objects(&template)?[..] {
        [key] => Ok(key),
        [] => Err(Fault::NoSuchKey),
        _ => Err(Fault::Unavailable(format!("the device has several keys {key}: give the key's id too"))),
    }
}

fn encrypt(
    session: &Session,
    key: &KeyName,
    mechanism: Mechanism,
    purpose: &str,
    plain: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let mut sealed = vec![mechanism.mark()];
    match mechanism {
        Mechanism::AesGcm => {
            let mut nonce: [u8; NONCE] = crypto::random();
            let key = find(session, key, ObjectClass::SECRET_KEY)?;
            let native = Native::AesGcm(GcmParams::new(&mut nonce, purpose.as_bytes(), TAG_BITS.into())?);
            let opaque = session.encrypt(&native, key, plain)?;
            drop(native);
            // Some devices put one of their own in its place.
            sealed.extend(nonce);
            sealed.extend(opaque);
        }
        Mechanism::RsaOaep(hash) => {
            let key = find(session, key, ObjectClass::PUBLIC_KEY)?;
            sealed.extend(session.encrypt(&oaep(hash), key, &bind(purpose, plain))?);
        }
    }
    Ok(Zeroizing::new(sealed))
}

fn decrypt(session: &Session, key: &KeyName, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let (mark, sealed) = sealed.split_first().ok_or(Fault::DoesNotOpen)?;
    match Mechanism::marked(*mark).ok_or(Fault::DoesNotOpen)? {
        Mechanism::AesGcm => {
            let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(Fault::DoesNotOpen)?;
            let mut nonce = *nonce;
            let key = find(session, key, ObjectClass::SECRET_KEY)?;
            let native = Native::AesGcm(GcmParams::new(&mut nonce, purpose.as_bytes(), TAG_BITS.into())?);
            open(session, &native, key, sealed)
        }
        Mechanism::RsaOaep(hash) => {
            let key = find(session, key, ObjectClass::PRIVATE_KEY)?;
            let bound = open(session, &oaep(hash), key, sealed)?;
            unbind(purpose, bound).map_err(|_| Fault::DoesNotOpen)
        }
    }
}

fn open(session: &Session, native: &Native<'_>, key: ObjectHandle, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Fault> {
    match session.decrypt(native, key, sealed) {
        Ok(opened) => Ok(Zeroizing::new(opened)),
        Err(Error::Pkcs11(RvError::EncryptedDataInvalid | RvError::EncryptedDataLenRange, Function::Decrypt)) => {
            Err(Fault::DoesNotOpen)
        }
        // Some say that of a tag that does not fit.
        Err(Error::Pkcs11(RvError::GeneralError, Function::Decrypt)) => Err(Fault::Unclear),
        Err(problem) => Err(problem.into()),
    }
}

fn oaep(hash: Hash) -> Native<'static> {
    let (hash, mask) = hash.of_device();
    Native::RsaPkcsOaep(PkcsOaepParams::new(hash, mask, PkcsOaepSource::empty()))
}

const NONCE: usize = 12;
const TAG_BITS: u64 = 128;

//! [`AuthKey`]: what both sides must have.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::sys::stream::randomise;

/// Bytes of a tag.
pub(super) const TAG: usize = 32;

/// A secret that both sides of a connection have, and prove to have without saying it.
///
/// It is shown by nothing: `Debug` hides it, and it is no serde type, so that it goes nowhere by
/// accident. [`AuthKey::as_bytes`] is how it is passed on on purpose: in a file that only its owner
/// may read, or as an argument of a [`Process`](crate::Process). Its memory is zeroed when the last
/// clone is dropped.
///
/// Whoever watches a handshake can try keys against it for as long as they like. So a key must not
/// be a word that people choose: take [`AuthKey::random`], or as many bytes of randomness.
///
/// # Examples
///
/// ```
/// use outlive::remote::AuthKey;
///
/// let key = AuthKey::random()?;
/// let same = AuthKey::new(key.as_bytes())?;
/// assert_eq!(key.as_bytes(), same.as_bytes());
/// assert_eq!(format!("{key:?}"), "AuthKey(..)");
/// assert!(AuthKey::new(b"").is_err());
/// # Ok::<(), outlive::Error>(())
/// ```
#[derive(Clone)]
#[doc(alias = "authkey")]
#[doc(alias = "AuthenticationString")]
pub struct AuthKey(Arc<Zeroizing<Vec<u8>>>);

impl AuthKey {
    /// The key of these bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] where there are none: an empty key protects nothing.
    pub fn new(bytes: &[u8]) -> Result<Self> {
        if bytes.is_empty() {
            return Err(
                Error::new(ErrorKind::InvalidInput, "make a key of no bytes")
                    .advise("take AuthKey::random, and give its bytes to the other side"),
            );
        }
        Ok(Self(Arc::new(Zeroizing::new(bytes.to_vec()))))
    }

    /// A new key, of 32 random bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Os`] where the system has no randomness.
    pub fn random() -> Result<Self> {
        let mut bytes = Zeroizing::new([0; TAG]);
        randomise(&mut *bytes).map_err(|e| Error::os(e, "draw a key"))?;
        Self::new(&*bytes)
    }

    /// The secret itself, for who is to have it too.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The tag of `parts`, which have fixed lengths.
    pub(super) fn sign(&self, parts: &[&[u8]]) -> [u8; TAG] {
        self.mac(parts)
            .map_or([0; TAG], |mac| mac.finalize().into_bytes().into())
    }

    /// Whether `tag` is that of `parts`, in a time that does not tell where they differ.
    pub(super) fn verifies(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        self.mac(parts)
            .is_some_and(|mac| mac.verify_slice(tag).is_ok())
    }

    /// `None` never: HMAC takes keys of any length.
    fn mac(&self, parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        parts.iter().for_each(|part| mac.update(part));
        Some(mac)
    }
}

impl fmt::Debug for AuthKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::AuthKey;

    /// RFC 4231, test case 2.
    #[test]
    fn tags_are_those_of_the_standard() {
        let key = AuthKey::new(b"Jefe").unwrap();
        let text: [&[u8]; 2] = [b"what do ya want ", b"for nothing?"];
        let tag = key.sign(&text);
        assert_eq!(tag[..4], [0x5b, 0xdc, 0xc1, 0x46]);
        assert_eq!(tag[28..], [0x64, 0xec, 0x38, 0x43]);
        assert!(key.verifies(&text, &tag));
        assert!(!key.verifies(&text, &tag[..31]));
        assert!(!AuthKey::new(b"Jeff").unwrap().verifies(&text, &tag));
    }
}

//! What stands in front of the bytes of each packet.
//!
//! | bytes | | |
//! |---|---|---|
//! | 0 | kind | first or later packet of a message |
//! | 2 to 3 | here | descriptors that this packet carries |
//! | 4 to 7 | fds | first: descriptors of the whole message |
//! | 8 to 15 | number | of the message; two senders at one end do not have the same |
//! | 16 to 23 | len | first: bytes of the whole message; later: bytes that came before this packet |

/// Bytes of a head.
pub(crate) const HEAD: usize = 24;
/// Most bytes of a message in one packet.
pub(crate) const PART: usize = 60 << 10;

const FIRST: u8 = 0xA1;
const MORE: u8 = 0xA2;

/// The head of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// Of the message.
    pub(crate) number: u64,
    /// Descriptors that this packet carries.
    pub(crate) here: u16,
    pub(crate) place: Place,
}

/// Where in its message a packet stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In front.
    First {
        /// Bytes of the message.
        len: u64,
        /// Descriptors of the message.
        fds: u32,
    },
    /// Behind so many bytes.
    Behind(u64),
}

impl Head {
    pub(crate) fn to_bytes(self) -> [u8; HEAD] {
        let (kind, fds, len) = match self.place {
            Place::First { len, fds } => (FIRST, fds, len),
            Place::Behind(before) => (MORE, 0, before),
        };
        let mut bytes = [0; HEAD];
        bytes[0] = kind;
        bytes[2..4].copy_from_slice(&self.here.to_le_bytes());
        bytes[4..8].copy_from_slice(&fds.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..24].copy_from_slice(&len.to_le_bytes());
        bytes
    }

    /// `None` where the bytes are no head.
    pub(crate) fn of(bytes: [u8; HEAD]) -> Option<Self> {
        let [kind, pad, h0, h1, f0, f1, f2, f3, rest @ ..] = bytes;
        let (number, rest) = rest.split_first_chunk()?;
        let len = u64::from_le_bytes(*rest.first_chunk()?);
        let fds = u32::from_le_bytes([f0, f1, f2, f3]);
        let place = match (kind, pad, fds) {
            (FIRST, 0, fds) => Place::First { len, fds },
            (MORE, 0, 0) => Place::Behind(len),
            _ => return None,
        };
        Some(Self {
            number: u64::from_le_bytes(*number),
            here: u16::from_le_bytes([h0, h1]),
            place,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{HEAD, Head, Place};

    #[test]
    fn heads_are_read_as_they_were_written_and_nothing_else_is_one() {
        let places = [
            Place::First {
                len: 1 << 40,
                fds: 7,
            },
            Place::Behind(u64::MAX),
        ];
        for place in places {
            let head = Head {
                number: 0x0102_0304_0506_0708,
                here: 253,
                place,
            };
            let bytes = head.to_bytes();
            assert_eq!(Head::of(bytes), Some(head));
            for at in [0, 1] {
                let mut wrong = bytes;
                wrong[at] ^= 0x44;
                assert_eq!(Head::of(wrong), None);
            }
        }
        assert_eq!(Head::of([0; HEAD]), None);
    }
}

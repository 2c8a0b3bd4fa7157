//! The packets of [`queue::socket`](crate::queue::socket) in a stream of bytes, which has no borders.
//!
//! | bytes | |
//! |---|---|
//! | 2 | how many bytes of the message are in it |
//! | 24 | the head of `queue::socket` |
//! | 0 to 61440 | of the message |
//! | 1 | whether it counts |
//!
//! The last byte is what makes a sender free to give up: as long as a packet is not all gone out, it
//! can still be taken back, and the stream goes on behind it.

use crate::queue::socket::packet::{HEAD, Head, PART};

/// Most bytes of a message in a packet.
pub(super) const MOST: usize = PART;
/// Bytes of a packet beside those of the message.
pub(super) const AROUND: usize = LEN + HEAD + 1;

const LEN: usize = 2;
const COUNTS: u8 = 1;
const TAKEN_BACK: u8 = 0;

/// What is at the beginning of some bytes of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen<'a> {
    /// A packet, with the bytes of the whole of it.
    Packet(Head, &'a [u8], usize),
    /// One that its sender took back.
    TakenBack(usize),
    /// The beginning of one, which has so many bytes at the least.
    Begun(usize),
    /// No packet: nothing behind it is one either.
    Garbage,
}

/// Writes a packet in place of what is in `to`.
pub(super) fn write(head: Head, part: &[u8], to: &mut Vec<u8>) {
    to.clear();
    // Longer parts are not made.
    let len = u16::try_from(part.len()).unwrap_or(0);
    to.extend_from_slice(&len.to_le_bytes());
    to.extend_from_slice(&head.to_bytes());
    to.extend_from_slice(part);
    to.push(COUNTS);
}

/// Takes back a packet whose last byte has not gone out.
pub(super) fn take_back(packet: &mut [u8]) {
    if let Some(last) = packet.last_mut() {
        *last = TAKEN_BACK;
    }
}

pub(super) fn read(bytes: &[u8]) -> Seen<'_> {
    let Some((len, rest)) = bytes.split_first_chunk::<LEN>() else {
        return Seen::Begun(AROUND);
    };
    let len = usize::from(u16::from_le_bytes(*len));
    if len > MOST {
        return Seen::Garbage;
    }
    let whole = AROUND + len;
    let Some((head, rest)) = rest.split_first_chunk::<HEAD>() else {
        return Seen::Begun(whole);
    };
    let (Some(part), Some(end)) = (rest.get(..len), rest.get(len)) else {
        return Seen::Begun(whole);
    };
    match (*end, Head::of(*head)) {
        (COUNTS, Some(head)) => Seen::Packet(head, part, whole),
        (TAKEN_BACK, Some(_)) => Seen::TakenBack(whole),
        _ => Seen::Garbage,
    }
}

#[cfg(test)]
mod tests {
    use super::{AROUND, Head, Seen, read, take_back, write};
    use crate::queue::socket::packet::Place;

    #[test]
    fn packets_are_read_as_they_were_written_however_they_come() {
        let head = Head {
            number: 7,
            here: 0,
            place: Place::First { len: 3, fds: 0 },
        };
        let mut packet = Vec::new();
        write(head, &[1, 2, 3], &mut packet);
        let whole = AROUND + 3;
        assert_eq!(packet.len(), whole);
        for came in 0..whole {
            let least = if came < 2 { AROUND } else { whole };
            assert_eq!(read(&packet[..came]), Seen::Begun(least));
        }
        packet.push(0xFF);
        assert_eq!(read(&packet), Seen::Packet(head, &[1, 2, 3], whole));
        packet.pop();
        take_back(&mut packet);
        assert_eq!(read(&packet), Seen::TakenBack(whole));
        packet[whole - 1] = 9;
        assert_eq!(read(&packet), Seen::Garbage);
        assert_eq!(read(&[0xFF, 0xFF]), Seen::Garbage);
    }
}

//! The ends of every peer's queue, as the process has them that uses them.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::time::Duration;

use ipc_channel::ipc::{IpcBytesReceiver, IpcBytesSender};
use outlive::queue::messages::ByteQueue;
use outlive::queue::mpmc::Mpmc;
use outlive::queue::pipe::{Pipe, RecvError, SendError};
use outlive::queue::spsc::Spsc;
use outlive::queue::{PopError, PushError};

use crate::peers::iceoryx;
use crate::peers::messages::Messages;
use crate::peers::unix::File;

/// An item where the peer wants a type.
pub type Fixed = [u64; 32];

pub type Put<'a> = Box<dyn FnMut(&[u8]) -> Result<(), String> + 'a>;
pub type Get<'a> = Box<dyn FnMut(&mut [u8]) -> Result<(), String> + 'a>;

/// A queue; each process opens its end after the fork, and waits in it.
pub trait Ends {
    fn put(&self) -> Result<Put<'_>, String>;
    fn get(&self) -> Result<Get<'_>, String>;
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

fn fixed(bytes: &[u8]) -> Fixed {
    bytemuck::pod_read_unaligned(bytes)
}

/// Of a file: a pipe's or a socket's two ends.
pub struct Files(pub File, pub File);

impl Ends for Files {
    fn put(&self) -> Result<Put<'_>, String> {
        Ok(Box::new(|item| (&*self.1).write_all(item).map_err(text)))
    }

    fn get(&self) -> Result<Get<'_>, String> {
        Ok(Box::new(|item| (&*self.0).read_exact(item).map_err(text)))
    }
}

/// POSIX's and boost's.
pub struct Blocking<Q>(pub Q);

impl<Q: Messages> Ends for Blocking<Q> {
    fn put(&self) -> Result<Put<'_>, String> {
        Ok(Box::new(|item| self.0.send(item)))
    }

    fn get(&self) -> Result<Get<'_>, String> {
        Ok(Box::new(|item| match self.0.receive(item)? {
            len if len == item.len() => Ok(()),
            // A message that is too short is torn.
            _ => {
                item.fill(0);
                Ok(())
            }
        }))
    }
}

pub struct Channel(pub IpcBytesSender, pub RefCell<IpcBytesReceiver>);

impl Ends for Channel {
    fn put(&self) -> Result<Put<'_>, String> {
        Ok(Box::new(|item| self.0.send(item).map_err(text)))
    }

    fn get(&self) -> Result<Get<'_>, String> {
        Ok(Box::new(|item| {
            let got = self.1.borrow().recv().map_err(text)?;
            item.fill(0);
            let len = got.len().min(item.len());
            item[..len].copy_from_slice(&got[..len]);
            Ok(())
        }))
    }
}

/// A service by its name.
pub struct Iceoryx(pub String);

/// What polls sleeps so long between two looks.
const PAUSE: Duration = Duration::from_micros(20);

impl Ends for Iceoryx {
    fn put(&self) -> Result<Put<'_>, String> {
        let end = iceoryx::try_sending::<Fixed>(&self.0).map_err(text)?;
        Ok(Box::new(move |item| {
            while !end.send(fixed(item))? {
                std::thread::sleep(PAUSE);
            }
            Ok(())
        }))
    }

    fn get(&self) -> Result<Get<'_>, String> {
        let end = iceoryx::try_receiving::<Fixed>(&self.0).map_err(text)?;
        Ok(Box::new(move |item| {
            loop {
                if let Some(got) = end.receive()? {
                    item.copy_from_slice(bytemuck::bytes_of(&got));
                    return Ok(());
                }
                std::thread::sleep(PAUSE);
            }
        }))
    }
}

impl Ends for Spsc<Fixed> {
    fn put(&self) -> Result<Put<'_>, String> {
        let mut end = self.producer().map_err(text)?;
        Ok(Box::new(move |item| {
            loop {
                match end.push(fixed(item)) {
                    // Told of a death: the end is free, and soon somebody has it.
                    Err(PushError::Disconnected { crashed: true }) => std::thread::sleep(PAUSE),
                    outcome => return outcome.map_err(text),
                }
            }
        }))
    }

    fn get(&self) -> Result<Get<'_>, String> {
        let mut end = self.consumer().map_err(text)?;
        Ok(Box::new(move |item| {
            loop {
                match end.pop() {
                    Err(PopError::Disconnected { crashed: true }) => std::thread::sleep(PAUSE),
                    outcome => {
                        item.copy_from_slice(bytemuck::bytes_of(&outcome.map_err(text)?));
                        return Ok(());
                    }
                }
            }
        }))
    }
}

impl Ends for Mpmc<Fixed> {
    fn put(&self) -> Result<Put<'_>, String> {
        Ok(Box::new(|item| Mpmc::put(self, fixed(item)).map_err(text)))
    }

    fn get(&self) -> Result<Get<'_>, String> {
        Ok(Box::new(|item| {
            let got = Mpmc::get(self).map_err(text)?;
            item.copy_from_slice(bytemuck::bytes_of(&got));
            Ok(())
        }))
    }
}

impl Ends for ByteQueue {
    fn put(&self) -> Result<Put<'_>, String> {
        Ok(Box::new(|item| {
            let mut loan = self.loan(item.len()).map_err(text)?;
            loan.write_at(0, item);
            loan.send().map_err(text)
        }))
    }

    fn get(&self) -> Result<Get<'_>, String> {
        Ok(Box::new(|item| {
            let got = self.receive_bytes().map_err(text)?;
            got.read_at(0, item);
            Ok(())
        }))
    }
}

impl Ends for Pipe<()> {
    fn put(&self) -> Result<Put<'_>, String> {
        let mut end = self.sender().map_err(text)?;
        Ok(Box::new(move |item| {
            loop {
                match end.send_bytes(item) {
                    Err(SendError::Disconnected { crashed: true }) => std::thread::sleep(PAUSE),
                    outcome => return outcome.map_err(text),
                }
            }
        }))
    }

    fn get(&self) -> Result<Get<'_>, String> {
        let mut end = self.receiver().map_err(text)?;
        Ok(Box::new(move |item| {
            loop {
                match end.recv_bytes_into(item) {
                    Err(RecvError::Disconnected { crashed: true }) => std::thread::sleep(PAUSE),
                    outcome => return outcome.map(drop).map_err(text),
                }
            }
        }))
    }
}

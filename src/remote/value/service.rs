//! A value, as a server serves it.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::remote::service::{self, Kind, Subject};
use crate::remote::session::{Session, encode};

use super::{Answer, Ask};

pub(in crate::remote) struct Service<T> {
    value: Arc<Mutex<T>>,
}

impl<T> Service<T> {
    pub(in crate::remote) fn new(value: Arc<Mutex<T>>) -> Self {
        Self { value }
    }
}

impl<T> service::Service for Service<T>
where
    T: Serialize + DeserializeOwned + PartialEq + Send,
{
    fn subject(&self) -> Subject {
        Subject::of::<T>(Kind::Value)
    }

    fn serve(&self, session: &mut Session) {
        while let Some(asked) = session.next::<Ask<T>>() {
            let answer = match asked {
                Ok(ask) => self.answer(ask),
                Err(why) => failed(why),
            };
            if session.answer(&answer, failed).is_none() {
                return;
            }
        }
    }
}

impl<T: Serialize + PartialEq> Service<T> {
    /// Encoded under the lock, and sent without it: a client may be slow to read.
    fn answer(&self, ask: Ask<T>) -> Vec<u8> {
        let mut value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = match ask {
            Ask::Get => Answer::Is(&*value),
            Ask::Set(new) => {
                *value = new;
                Answer::Done
            }
            Ask::Exchange { current, new } if *value == current => {
                *value = new;
                Answer::Done
            }
            Ask::Exchange { .. } => Answer::Is(&*value),
        };
        encode(&answer, failed)
    }
}

fn failed(why: String) -> Vec<u8> {
    // Text is always written.
    postcard::to_stdvec(&Answer::<()>::Failed(why)).unwrap_or_default()
}

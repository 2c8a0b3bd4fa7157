//! A map, as a server serves it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::remote::service::{self, Kind, Subject};
use crate::remote::session::{Session, encode};

use super::{Answer, Ask};

pub(in crate::remote) struct Service<K, V> {
    map: Arc<Mutex<HashMap<K, V>>>,
}

impl<K, V> Service<K, V> {
    pub(in crate::remote) fn new(map: Arc<Mutex<HashMap<K, V>>>) -> Self {
        Self { map }
    }
}

impl<K, V> service::Service for Service<K, V>
where
    K: Serialize + DeserializeOwned + Eq + Hash + Send,
    V: Serialize + DeserializeOwned + PartialEq + Send,
{
    fn subject(&self) -> Subject {
        Subject::of::<(K, V)>(Kind::Map)
    }

    fn serve(&self, session: &mut Session) {
        while let Some(asked) = session.next::<Ask<K, V>>() {
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

impl<K, V> Service<K, V>
where
    K: Serialize + Eq + Hash,
    V: Serialize + PartialEq,
{
    /// Encoded under the lock, and sent without it: a client may be slow to read.
    fn answer(&self, ask: Ask<K, V>) -> Vec<u8> {
        let mut map = self.map.lock().unwrap_or_else(PoisonError::into_inner);
        let before;
        let answer: Answer<&K, &V> = match ask {
            Ask::Get(key) => Answer::Is(map.get(&key)),
            Ask::Insert(key, value) => {
                before = map.insert(key, value);
                Answer::Is(before.as_ref())
            }
            Ask::Remove(key) => {
                before = map.remove(&key);
                Answer::Is(before.as_ref())
            }
            Ask::Exchange { key, current, new } if map.get(&key) == current.as_ref() => {
                match new {
                    Some(new) => drop(map.insert(key, new)),
                    None => drop(map.remove(&key)),
                }
                Answer::Done
            }
            Ask::Exchange { key, .. } => Answer::Is(map.get(&key)),
            Ask::Len => Answer::Len(map.len() as u64),
            Ask::Keys => Answer::Keys(map.keys().collect()),
            Ask::All => Answer::All(map.iter().collect()),
            Ask::Clear => {
                map.clear();
                Answer::Done
            }
        };
        encode(&answer, failed)
    }
}

fn failed(why: String) -> Vec<u8> {
    // Text is always written.
    postcard::to_stdvec(&Answer::<(), ()>::Failed(why)).unwrap_or_default()
}

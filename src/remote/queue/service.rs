//! A queue, as a server serves it.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::queue::messages::{Codec, Delivery, GetError, PutError, Queue};
use crate::remote::service::{self, Kind, Limit, Subject};
use crate::remote::session::{Session, encode};

use super::{Answer, Ask};

pub(in crate::remote) struct Service<T, C> {
    queue: Queue<T, C>,
}

impl<T, C> service::Service for Service<T, C>
where
    T: Serialize + DeserializeOwned + 'static,
    C: Codec<T>,
{
    fn subject(&self) -> Subject {
        Subject::of::<T>(Kind::Queue)
    }

    fn serve(&self, session: &mut Session) {
        while self.answer_one(session).is_some() {}
    }
}

impl<T, C> Service<T, C>
where
    T: Serialize + DeserializeOwned + 'static,
    C: Codec<T>,
{
    pub(in crate::remote) fn new(queue: Queue<T, C>) -> Self {
        Self { queue }
    }

    /// `None` where the client is gone.
    fn answer_one(&self, session: &mut Session) -> Option<()> {
        let answer: Answer<&T> = match session.next::<Ask<T>>()? {
            Err(why) => Answer::Failed(why),
            Ok(Ask::Put(item, limit)) => self.put(session, &item, limit)?,
            Ok(Ask::Get(limit)) => match self.take(session, limit)? {
                Ok(delivery) => return Self::deliver(session, delivery),
                Err(answer) => answer,
            },
            Ok(Ask::Len) => Answer::Len(self.queue.len() as u64),
            Ok(Ask::IsClosed) => Answer::IsClosed(self.queue.is_closed()),
            Ok(Ask::Close) => match self.queue.close() {
                Ok(()) => Answer::Done,
                Err(error) => Answer::Failed(error.to_string()),
            },
            // There is nothing that they could mean.
            Ok(Ask::Ack | Ask::Nack) => return None,
        };
        session.answer(&encode(&answer, failed), failed).map(drop)
    }

    fn put(&self, session: &Session, item: &T, limit: Limit) -> Option<Answer<&'static T>> {
        let put = session.wait(limit, |slice| {
            match match slice {
                Duration::ZERO => self.queue.try_put(item),
                slice => self.queue.put_timeout(item, slice),
            } {
                Err(PutError::Full) => None,
                put => Some(put),
            }
        })?;
        Some(match put {
            Some(Ok(())) => Answer::Done,
            None | Some(Err(PutError::Full)) => Answer::NotNow,
            Some(Err(PutError::Closed)) => Answer::Closed,
            Some(Err(PutError::TooLarge { needs, limit })) => Answer::TooLarge {
                needs: needs as u64,
                limit: limit as u64,
            },
            Some(Err(PutError::Unencodable(error))) => Answer::Refused(error.to_string()),
            Some(Err(PutError::Broken(error))) => Answer::Failed(error.to_string()),
        })
    }

    fn take(
        &self,
        session: &Session,
        limit: Limit,
    ) -> Option<Result<Delivery<'_, T>, Answer<&'static T>>> {
        let taken = session.wait(limit, |slice| {
            match match slice {
                Duration::ZERO => self.queue.try_receive(),
                slice => self.queue.receive_timeout(slice),
            } {
                Err(GetError::Empty) => None,
                taken => Some(taken),
            }
        })?;
        Some(match taken {
            Some(Ok(delivery)) => Ok(delivery),
            None | Some(Err(GetError::Empty)) => Err(Answer::NotNow),
            Some(Err(GetError::Closed)) => Err(Answer::Closed),
            Some(Err(GetError::Undecodable(error))) => Err(Answer::Refused(error.to_string())),
            Some(Err(GetError::Broken(error))) => Err(Answer::Failed(error.to_string())),
        })
    }

    /// Sends an item, and waits until the client has it: otherwise it goes back.
    fn deliver(session: &mut Session, delivery: Delivery<'_, T>) -> Option<()> {
        let mut lent = Lent(Some(delivery));
        let delivery = lent.0.as_ref()?;
        let mut unsendable = None;
        let item = Answer::Item(&**delivery, delivery.deliveries());
        let bytes = postcard::to_stdvec(&item).unwrap_or_else(|error| {
            unsendable = Some(());
            failed(error.to_string())
        });
        let sent = session.answer(&bytes, failed);
        if sent != Some(true) || unsendable.is_some() {
            return sent.map(drop);
        }
        match session.next::<Ask<T>>()? {
            Ok(Ask::Ack) => {
                lent.0 = None;
                Some(())
            }
            Ok(Ask::Nack) => Some(()),
            _ => None,
        }
    }
}

/// A message that goes back unless it was taken out of here: also where the code of a type panics.
struct Lent<'a, T>(Option<Delivery<'a, T>>);

impl<T> Drop for Lent<'_, T> {
    fn drop(&mut self) {
        if let Some(delivery) = self.0.take() {
            delivery.nack();
        }
    }
}

fn failed(why: String) -> Vec<u8> {
    // Text is always written.
    postcard::to_stdvec(&Answer::<()>::Failed(why)).unwrap_or_default()
}

//! Async: the waiting operations as futures, for any executor.
//!
//! | | |
//! |---|---|
//! | [`Queue`] | [`get_async`](Queue::get_async), [`receive_async`](Queue::receive_async), [`put_async`](Queue::put_async) |
//! | [`JoinableQueue`] | [`get_async`](JoinableQueue::get_async), and the others of its [`Queue`] |
//! | [`Mpmc`] | [`get_async`](Mpmc::get_async), [`put_async`](Mpmc::put_async) |
//! | [`pipe`](crate::queue::pipe) | [`recv_async`](crate::queue::pipe::Receiver::recv_async), [`send_async`](crate::queue::pipe::Sender::send_async) |
//! | [`spsc`](crate::queue::spsc) | [`pop_async`](crate::queue::spsc::Consumer::pop_async), [`push_async`](crate::queue::spsc::Producer::push_async) |
//! | [`Lock`] | [`lock_async`](Lock::lock_async) |
//! | [`Semaphore`], [`BoundedSemaphore`] | [`acquire_async`](Semaphore::acquire_async), [`acquire_many_async`](Semaphore::acquire_many_async) |
//! | [`Event`] | [`wait_async`](Event::wait_async) |
//!
//! They return what the blocking forms return: [`OwnerDied`](crate::sync::OwnerDied), an end of file
//! after a death, a delivery that comes again. There are no forms with a time limit: every executor
//! has a timeout of its own, and that is safe to use here.
//!
//! # Cancellation
//!
//! A future tries when it is polled, and between two polls it holds nothing: no place in a queue, no
//! item, no permit. Dropped before it is ready, nothing was taken and nothing was put. If it was
//! woken for something that it now leaves, another is woken for that, in whichever process it is.
//!
//! # Who waits
//!
//! One thread for the whole process, called `outlive-watcher`. It is started when the first future
//! has to wait, sleeps in the kernel for all of them at once, and ends when none has waited for a
//! second. Without futures that wait there is no such thread. A waker is called on it, so an
//! executor whose wakers do long work would hold up all futures; no usual one does.
//!
//! The kernel watches 128 words at once. Where futures of one process wait for more objects than
//! that at the same time, the thread looks at the others every millisecond.
//!
//! Many futures that wait for the same thing are woken one by one, the one that came first before
//! the others, as there is something for them; those of a [`Queue`] that wait for room, and those
//! that wait for several permits, all at once. A future that was told and is then neither polled nor
//! dropped holds up those behind it in its process by some 10 ms.
//!
//! # Taking turns
//!
//! Where operations are ready at once, one after the other, each 128th of a thread first lets the
//! executor go on: its first poll is not ready, and has woken the task already. So a task that never
//! has to wait does not keep the others, nor a timeout around it, from theirs.
//!
//! # Blocking in a poll
//!
//! A poll does what the `try_` form does, with the same small print: where a process was *stopped*
//! within one of the short locks of a [`Queue`] or of a semaphore of more than 1024 permits, it
//! waits up to 20 ms for it.
//!
//! # Guards and threads
//!
//! A lock belongs to a process, by its token in the segment, and not to a thread. So
//! [`LockGuard`](crate::sync::LockGuard) can be sent, may be held over an `.await`, and may be
//! dropped on another thread than it was made on. Tasks of one process exclude each other with it as
//! processes do. [`RLock`](crate::RLock) counts by threads, and so has no async form.
//!
//! # After a fork
//!
//! As every handle, a future that is polled in a forked child acts for the child: it waits anew, by
//! a thread of the child's own. What it had been told in the parent stays with the parent.
//!
//! # If a process dies
//!
//! The process whose futures wait: what they were woken for reaches a sleeper of another process at
//! the end of its slice, 20 ms at the most. Any other: as for the blocking forms. Futures that wait
//! for it, or for what it held, learn of the death as fast.
//!
//! # Examples
//!
//! ```
//! use std::time::Duration;
//!
//! use outlive::{Lock, Queue};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let jobs = Queue::<String>::new(100)?;
//! let log = Lock::new()?;
//!
//! let worker = {
//!     let (jobs, log) = (jobs.clone(), log.clone());
//!     tokio::spawn(async move {
//!         let mut done = 0;
//!         // Until the queue is closed, and empty.
//!         while let Ok(job) = jobs.get_async().await {
//!             let guard = log.lock_async().await.or_else(|e| e.repair(|_| { /* ... */ }));
//!             // ... the guard may be held over an .await ...
//!             tokio::task::yield_now().await;
//!             drop((guard, job));
//!             done += 1;
//!         }
//!         done
//!     })
//! };
//!
//! // Usually from other processes.
//! jobs.put_async(&"fetch".to_owned()).await?;
//! jobs.put_async(&"store".to_owned()).await?;
//! jobs.close()?;
//! assert_eq!(worker.await?, 2);
//!
//! // Given up in time, it has taken nothing.
//! let other = Queue::<String>::new(1)?;
//! let wait = tokio::time::timeout(Duration::from_millis(5), other.get_async());
//! assert!(wait.await.is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(doc)]
use crate::queue::mpmc::Mpmc;
#[cfg(doc)]
use crate::{BoundedSemaphore, Event, JoinableQueue, Lock, Queue, Semaphore};

//! Many tasks of one function: the maps of a [`Pool`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::process::function::{
    Callable, Function, OfPair, OfTriple, WithContext, WithState, encode,
};
use crate::shared::Array;

use super::board::{Chunk, Context, Sink};
use super::results::Results;
use super::{Imap, MapError, Pool, TaskError, TaskSet, wire};

/// Chunks for each worker, where nobody says how long they are: enough that the last ones end at
/// about the same time.
const CHUNKS: usize = 4;

/// Tasks that are under way for each worker of an [`Imap`].
const WINDOW: usize = 4;

impl<S: 'static> Pool<S> {
    /// As [`Pool::map`], with the worker's state as the first argument.
    ///
    /// # Errors
    ///
    /// As [`Pool::map`].
    pub fn map_in<T, R>(
        &self,
        function: fn(&mut S, T) -> R,
        items: impl IntoIterator<Item = T>,
    ) -> Result<Vec<R>, MapError<R>>
    where
        T: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        all(self.submit_all(&WithState(function), items, None).get())
    }
}

impl<S> Pool<S> {
    /// Has workers call `function` with each of `items`, and waits for the results, in order.
    ///
    /// # Blocking
    ///
    /// Sleeps in the kernel.
    ///
    /// # If a process dies
    ///
    /// As [`TaskSet::get`].
    ///
    /// # Errors
    ///
    /// Where some of the tasks failed: what became of each.
    pub fn map<T, R>(
        &self,
        function: fn(T) -> R,
        items: impl IntoIterator<Item = T>,
    ) -> Result<Vec<R>, MapError<R>>
    where
        T: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        all(self.try_map(function, items))
    }

    /// As [`Pool::map`], but says of each task what became of it.
    ///
    /// # Blocking
    ///
    /// As [`Pool::map`].
    ///
    /// # If a process dies
    ///
    /// As [`TaskSet::get`].
    pub fn try_map<T, R>(
        &self,
        function: fn(T) -> R,
        items: impl IntoIterator<Item = T>,
    ) -> Vec<Result<R, TaskError>>
    where
        T: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        self.map_async(function, items).get()
    }

    /// As [`Pool::try_map`], but does not wait.
    pub fn map_async<T, R>(
        &self,
        function: fn(T) -> R,
        items: impl IntoIterator<Item = T>,
    ) -> TaskSet<R>
    where
        T: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        self.submit_all(&function, items, None)
    }

    /// As [`Pool::map`], for a function of two arguments.
    ///
    /// # Errors
    ///
    /// As [`Pool::map`].
    pub fn starmap<A, B, R>(
        &self,
        function: fn(A, B) -> R,
        items: impl IntoIterator<Item = (A, B)>,
    ) -> Result<Vec<R>, MapError<R>>
    where
        A: Serialize + DeserializeOwned,
        B: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        all(self.submit_all(&OfPair(function), items, None).get())
    }

    /// As [`Pool::map`], for a function of three arguments.
    ///
    /// # Errors
    ///
    /// As [`Pool::map`].
    pub fn starmap3<A, B, C, R>(
        &self,
        function: fn(A, B, C) -> R,
        items: impl IntoIterator<Item = (A, B, C)>,
    ) -> Result<Vec<R>, MapError<R>>
    where
        A: Serialize + DeserializeOwned,
        B: Serialize + DeserializeOwned,
        C: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        all(self.submit_all(&OfTriple(function), items, None).get())
    }

    /// As [`Pool::map`], with a first argument that is the same for all, and travels once to each
    /// worker: what a closure would have captured.
    ///
    /// # Errors
    ///
    /// As [`Pool::map`].
    pub fn map_with<C, T, R>(
        &self,
        context: &C,
        function: fn(&C, T) -> R,
        items: impl IntoIterator<Item = T>,
    ) -> Result<Vec<R>, MapError<R>>
    where
        C: Serialize + DeserializeOwned + 'static,
        T: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        let items: Vec<T> = items.into_iter().collect();
        match self.context(context) {
            Ok(context) => {
                let tasks = self.submit_all(&WithContext(function), items, Some(Arc::new(context)));
                all(tasks.get())
            }
            Err(error) => Err(MapError {
                outcomes: items.iter().map(|_| Err(TaskError::of(&error))).collect(),
            }),
        }
    }

    /// The results one by one in order, each when it is there, while others are worked on. Lazy: see
    /// [`Imap`].
    pub fn imap<'a, T, R>(
        &'a self,
        function: fn(T) -> R,
        items: impl IntoIterator<Item = T, IntoIter: 'a>,
    ) -> Imap<'a, T, R>
    where
        T: Serialize + DeserializeOwned + 'a,
        R: Serialize + DeserializeOwned + 'a,
    {
        self.imap_as(function, items.into_iter(), true)
    }

    /// As [`Pool::imap`], in the order in which they are done.
    pub fn imap_unordered<'a, T, R>(
        &'a self,
        function: fn(T) -> R,
        items: impl IntoIterator<Item = T, IntoIter: 'a>,
    ) -> Imap<'a, T, R>
    where
        T: Serialize + DeserializeOwned + 'a,
        R: Serialize + DeserializeOwned + 'a,
    {
        self.imap_as(function, items.into_iter(), false)
    }

    fn submit_all<F: Callable, T: Serialize, R>(
        &self,
        function: &F,
        items: impl IntoIterator<Item = T>,
        context: Option<Arc<Context>>,
    ) -> TaskSet<R> {
        let items: Vec<T> = items.into_iter().collect();
        let results = Results::new(items.len());
        let sink: Arc<dyn Sink> = results.clone();
        let usual = items.len().div_ceil(self.workers() * CHUNKS);
        let length = self.chunk.unwrap_or(usual).max(1);
        let mut first = 0;
        for items in items.chunks(length) {
            let chunk = chunk(function, items, context.clone(), &sink, first);
            match chunk {
                Ok(chunk) => self.put(chunk),
                Err(error) => {
                    for task in (first..).take(items.len()) {
                        sink.failed(task, TaskError::of(&error));
                    }
                }
            }
            first += u32::try_from(items.len()).unwrap_or(u32::MAX);
        }
        TaskSet::new(self.crew.clone(), results, items.len())
    }

    fn imap_as<'a, T, R>(
        &'a self,
        function: fn(T) -> R,
        items: impl Iterator<Item = T> + 'a,
        is_ordered: bool,
    ) -> Imap<'a, T, R>
    where
        T: Serialize + DeserializeOwned + 'a,
        R: Serialize + DeserializeOwned + 'a,
    {
        let window = self.workers() * WINDOW;
        Imap::new(items, window, is_ordered, move |item, sink, number| {
            self.submit_to(&function, &item, sink, number);
        })
    }

    fn context<C: Serialize>(&self, context: &C) -> Result<Context> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        // Relaxed: only that no two have the same.
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let bytes = encode(context, "a context")?;
        let name = format!("context {id}");
        let array = Array::create_from_slice(&self.crew.segment, &name, &bytes)?;
        // The handle keeps it; a name would keep it for ever.
        self.crew.segment.remove(&name)?;
        Ok(Context {
            id,
            handle: encode(&array, "the handle of a context")?,
            _array: array,
        })
    }
}

/// Tasks that one worker is to do, whose outcomes go to a sink from a number on.
pub(super) fn chunk<F: Callable, T: Serialize>(
    function: &F,
    items: &[T],
    context: Option<Arc<Context>>,
    sink: &Arc<dyn Sink>,
    first: u32,
) -> Result<Chunk> {
    let mut arguments = Vec::new();
    let mut starts = Vec::with_capacity(items.len());
    for item in items {
        starts.push(u32::try_from(arguments.len()).unwrap_or(u32::MAX));
        wire::frame_argument(&mut arguments, item)?;
    }
    Ok(Chunk {
        function: Function::new(function)?,
        context,
        arguments,
        starts,
        sink: sink.clone(),
        first,
        done: 0,
        killed: 0,
    })
}

fn all<R>(outcomes: Vec<Result<R, TaskError>>) -> Result<Vec<R>, MapError<R>> {
    if outcomes.iter().any(Result::is_err) {
        return Err(MapError { outcomes });
    }
    Ok(outcomes.into_iter().filter_map(Result::ok).collect())
}

//! Many tasks of one function: the maps of a [`Pool`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::process::function::{Callable, OfPair, OfTriple, WithContext, WithState, encode};
use crate::shared::Array;

use super::board::{Context, Sink};
use super::results::Results;
use super::{MapError, Pool, TaskError, TaskSet};

/// Chunks for each worker, where nobody says how long they are: enough that the last ones end at
/// about the same time.
const CHUNKS: usize = 4;

impl<S: 'static> Pool<S> {
    /// As [`Pool::map`], with the worker's state as the first argument.
    ///
    /// # Blocking
    ///
    /// As [`Pool::map`].
    ///
    /// # If a process dies
    ///
    /// As [`TaskSet::get`].
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
    /// # Blocking
    ///
    /// As [`Pool::map`].
    ///
    /// # If a process dies
    ///
    /// As [`TaskSet::get`].
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
        all(self.starmap_async(function, items).get())
    }

    /// As [`Pool::map_async`], for a function of two arguments.
    pub fn starmap_async<A, B, R>(
        &self,
        function: fn(A, B) -> R,
        items: impl IntoIterator<Item = (A, B)>,
    ) -> TaskSet<R>
    where
        A: Serialize + DeserializeOwned,
        B: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        self.submit_all(&OfPair(function), items, None)
    }

    /// As [`Pool::map`], for a function of three arguments.
    ///
    /// # Blocking
    ///
    /// As [`Pool::map`].
    ///
    /// # If a process dies
    ///
    /// As [`TaskSet::get`].
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
    /// # Blocking
    ///
    /// As [`Pool::map`].
    ///
    /// # If a process dies
    ///
    /// As [`TaskSet::get`].
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

    /// How many of `count` tasks a worker is to take at a time.
    pub(in crate::process) fn chunk_of(&self, count: usize) -> usize {
        let usual = count.div_ceil(self.workers() * CHUNKS);
        self.chunk.unwrap_or(usual).max(1)
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
        let length = self.chunk_of(items.len());
        for (at, items) in items.chunks(length).enumerate() {
            let first = u32::try_from(at * length).unwrap_or(u32::MAX);
            let context = context.as_ref();
            self.crew.submit(function, items, context, &sink, first);
        }
        TaskSet::new(self.crew.clone(), results, items.len())
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

fn all<R>(outcomes: Vec<Result<R, TaskError>>) -> Result<Vec<R>, MapError<R>> {
    if outcomes.iter().any(Result::is_err) {
        return Err(MapError { outcomes });
    }
    Ok(outcomes.into_iter().filter_map(Result::ok).collect())
}

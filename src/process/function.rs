//! Functions that another process of the same program can call.

#![expect(
    unsafe_code,
    reason = "a function's address comes back from another process"
)]

use postcard::ser_flavors::Flavor;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::segment::refusal;
use crate::sys::image::Image;

use super::surroundings::Surroundings;

/// A function, and what decodes its argument, calls it and encodes its result, as distances in the
/// program's image.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Function {
    program: u64,
    caller: u64,
    callee: u64,
}

/// Calls a function with an encoded argument; its encoded result goes behind others.
type Caller = fn(usize, &mut Surroundings, &[u8], &mut Vec<u8>) -> Result<()>;

const ARGUMENT: &str = "an argument";
const RESULT: &str = "a result";

/// A function of a kind that can be called elsewhere.
pub(super) trait Callable {
    const CALLER: Caller;

    fn address(&self) -> usize;
}

/// A function whose first argument is what [`Surroundings`] keep of the call's context.
pub(super) struct WithContext<F>(pub(super) F);

/// A function whose first argument is the state that the worker's initializer made.
pub(super) struct WithState<F>(pub(super) F);

/// A function of the items of a pair.
pub(super) struct OfPair<F>(pub(super) F);

/// A function of the items of a triple.
pub(super) struct OfTriple<F>(pub(super) F);

/// An initializer: its result becomes the worker's state.
pub(super) struct Initializer<F>(pub(super) F);

impl<A: DeserializeOwned, R: Serialize> Callable for fn(A) -> R {
    const CALLER: Caller = |callee, surroundings, input, output| {
        // SAFETY: the address of such a function, by `Function`'s invariant.
        let callee = unsafe { std::mem::transmute::<usize, fn(A) -> R>(callee) };
        let argument = decode(input, ARGUMENT)?;
        surroundings.extend(&callee(argument), output)
    };

    fn address(&self) -> usize {
        *self as *const () as usize
    }
}

impl<C, A, R> Callable for WithContext<fn(&C, A) -> R>
where
    C: DeserializeOwned + 'static,
    A: DeserializeOwned,
    R: Serialize,
{
    const CALLER: Caller = |callee, surroundings, input, output| {
        // SAFETY: as above.
        let callee = unsafe { std::mem::transmute::<usize, fn(&C, A) -> R>(callee) };
        let argument = decode(input, ARGUMENT)?;
        extend(&callee(surroundings.context()?, argument), output, RESULT)
    };

    fn address(&self) -> usize {
        self.0 as *const () as usize
    }
}

impl<S, A, R> Callable for WithState<fn(&mut S, A) -> R>
where
    S: 'static,
    A: DeserializeOwned,
    R: Serialize,
{
    const CALLER: Caller = |callee, surroundings, input, output| {
        // SAFETY: as above.
        let callee = unsafe { std::mem::transmute::<usize, fn(&mut S, A) -> R>(callee) };
        let argument = decode(input, ARGUMENT)?;
        extend(&callee(surroundings.state()?, argument), output, RESULT)
    };

    fn address(&self) -> usize {
        self.0 as *const () as usize
    }
}

impl<A, B, R> Callable for OfPair<fn(A, B) -> R>
where
    A: DeserializeOwned,
    B: DeserializeOwned,
    R: Serialize,
{
    const CALLER: Caller = |callee, _, input, output| {
        // SAFETY: as above.
        let callee = unsafe { std::mem::transmute::<usize, fn(A, B) -> R>(callee) };
        let (a, b) = decode(input, ARGUMENT)?;
        extend(&callee(a, b), output, RESULT)
    };

    fn address(&self) -> usize {
        self.0 as *const () as usize
    }
}

impl<A, B, C, R> Callable for OfTriple<fn(A, B, C) -> R>
where
    A: DeserializeOwned,
    B: DeserializeOwned,
    C: DeserializeOwned,
    R: Serialize,
{
    const CALLER: Caller = |callee, _, input, output| {
        // SAFETY: as above.
        let callee = unsafe { std::mem::transmute::<usize, fn(A, B, C) -> R>(callee) };
        let (a, b, c) = decode(input, ARGUMENT)?;
        extend(&callee(a, b, c), output, RESULT)
    };

    fn address(&self) -> usize {
        self.0 as *const () as usize
    }
}

impl<I: DeserializeOwned, S: 'static> Callable for Initializer<fn(I) -> S> {
    const CALLER: Caller = |callee, surroundings, input, _| {
        // SAFETY: as above.
        let callee = unsafe { std::mem::transmute::<usize, fn(I) -> S>(callee) };
        let argument = decode(input, ARGUMENT)?;
        surroundings.set_state(callee(argument));
        Ok(())
    };

    fn address(&self) -> usize {
        self.0 as *const () as usize
    }
}

impl Function {
    /// How other processes of this program find `callable`.
    pub(super) fn new<F: Callable>(callable: &F) -> Result<Self> {
        let doing = "find a function in the program's image";
        let image = Image::own().ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, doing)
                .advise("the C library does not tell where the program lies")
        })?;
        let offset_of = |address| {
            image.offset_of(address).ok_or_else(|| {
                Error::new(ErrorKind::Unsupported, doing).advise(
                    "the function lies in a shared library, and other processes could not find \
                     it: let the program itself, statically linked with it, start processes",
                )
            })
        };
        Ok(Self {
            program: image.identity,
            caller: offset_of(F::CALLER as *const () as usize)?,
            callee: offset_of(callable.address())?,
        })
    }

    /// What calls it in this process.
    pub(super) fn here(&self) -> Result<Call> {
        let image = Image::own().filter(|image| image.identity == self.program);
        let at = |offset| image.and_then(|image| image.address_at(offset));
        match (at(self.caller), at(self.callee)) {
            (Some(caller), Some(callee)) => Ok(Call {
                // SAFETY: the message came from a process of this very program, where `new` took
                // both numbers of one `Callable`; equal images have them at equal distances.
                caller: unsafe { std::mem::transmute::<usize, Caller>(caller) },
                callee,
            }),
            _ => Err(Error::new(
                ErrorKind::WrongVersion,
                "call a function of another program",
            )
            .advise("caller and worker must run the same file")),
        }
    }
}

/// A function as this process calls it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    caller: Caller,
    callee: usize,
}

impl Call {
    /// Calls it with an encoded argument; the encoded result goes behind what is in `output`.
    pub(super) fn call(
        &self,
        surroundings: &mut Surroundings,
        input: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<()> {
        (self.caller)(self.callee, surroundings, input, output)
    }
}

/// Writes `value` as the bytes that travel.
pub(super) fn encode<T: Serialize>(value: &T, what: &'static str) -> Result<Vec<u8>> {
    let mut output = Vec::new();
    extend(value, &mut output, what)?;
    Ok(output)
}

/// Reads a value back.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8], what: &'static str) -> Result<T> {
    refusal::explain(
        || postcard::from_bytes(bytes),
        |error| {
            Error::new(ErrorKind::Decode, format!("decode {what}: {error}")).advise(
            "types with flatten, untagged or skip_serializing_if do not travel: put them into a \
             String with a format that describes itself",
        )
        },
    )
}

/// Writes `value` behind others.
pub(super) fn extend<T: Serialize>(
    value: &T,
    output: &mut Vec<u8>,
    what: &'static str,
) -> Result<()> {
    let write = || postcard::serialize_with_flavor(value, Behind(output));
    refusal::explain(write, |error: postcard::Error| {
        Error::new(ErrorKind::Encode, format!("encode {what}: {error}"))
            .advise("its type must be one that postcard can carry")
    })
}

/// Puts what is encoded behind other bytes; faster than `Write`, to which each byte is a message.
struct Behind<'a>(&'a mut Vec<u8>);

impl Flavor for Behind<'_> {
    type Output = ();

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

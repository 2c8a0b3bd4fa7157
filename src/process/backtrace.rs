//! Where a panic in another process came from. That process notes addresses; names are found, at some
//! expense, by whoever wants to read them.

use std::ffi::c_void;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sys::image::Image;

/// The calls that led to a panic in another process, the innermost first.
///
/// It is displayed as std displays its own: without what lies beside the function's calls, or with
/// all of it as `{:#}`. Only that finds the names, which takes tens of milliseconds, the first time.
/// Calls in shared libraries are shown as the addresses that they had.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Backtrace {
    program: u64,
    frames: Vec<Frame>,
}

/// Where a call returns to.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Frame {
    /// In the program, as a distance in its image.
    Program(u64),
    /// Anywhere else, which is elsewhere in each process.
    Other(u64),
}

/// A line of what is displayed.
struct Line {
    address: u64,
    name: Option<String>,
    place: Option<String>,
}

/// Most calls of a backtrace; an endless recursion has more.
const MOST_FRAMES: usize = 256;

/// What std calls the last frame of its own at either end.
const INNER_END: &str = "__rust_end_short_backtrace";
const OUTER_END: &str = "__rust_begin_short_backtrace";

impl Backtrace {
    /// The calls that led here, where the environment asks for them as std has it.
    pub(super) fn capture() -> Option<Self> {
        let asks = |name| std::env::var_os(name).map(|value| value != "0");
        if !asks("RUST_LIB_BACKTRACE").or_else(|| asks("RUST_BACKTRACE"))? {
            return None;
        }
        let image = Image::own();
        let mut frames = Vec::new();
        backtrace::trace(|frame| {
            let address = frame.ip() as usize;
            let offset = image.and_then(|image| image.offset_of(address));
            frames.push(offset.map_or(Frame::Other(address as u64), Frame::Program));
            frames.len() < MOST_FRAMES
        });
        Some(Self {
            program: image.map_or(0, |image| image.identity),
            frames,
        })
    }

    fn lines(&self) -> Vec<Line> {
        let image = Image::own().filter(|image| image.identity == self.program);
        let mut lines = Vec::new();
        for frame in &self.frames {
            let before = lines.len();
            let (here, address) = match *frame {
                Frame::Program(offset) => {
                    (image.and_then(|image| image.address_at(offset)), offset)
                }
                Frame::Other(address) => (None, address),
            };
            if let Some(here) = here {
                // One for each call that the compiler has put in the place of another.
                backtrace::resolve(here as *mut c_void, |symbol| {
                    lines.push(Line {
                        address,
                        name: symbol.name().map(|name| format!("{name:#}")),
                        place: symbol.filename().zip(symbol.lineno()).map(|(file, line)| {
                            let column = symbol.colno().unwrap_or(0);
                            format!("{}:{line}:{column}", file.display())
                        }),
                    });
                });
            }
            if lines.len() == before {
                lines.push(Line {
                    address,
                    name: None,
                    place: None,
                });
            }
        }
        lines
    }
}

impl fmt::Display for Backtrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.lines();
        let is = |end: &'static str| {
            move |line: &Line| line.name.as_ref().is_some_and(|name| name.contains(end))
        };
        let mut lines = &all[..];
        if !f.alternate() {
            let first = lines.iter().rposition(is(INNER_END)).map_or(0, |at| at + 1);
            lines = &lines[first..];
            let end = lines.iter().position(is(OUTER_END));
            lines = &lines[..end.unwrap_or(lines.len())];
        }
        for (at, line) in lines.iter().enumerate() {
            write!(f, "{at:4}: ")?;
            if f.alternate() || line.name.is_none() {
                write!(f, "{:#x} - ", line.address)?;
            }
            writeln!(f, "{}", line.name.as_deref().unwrap_or("<unknown>"))?;
            if let Some(place) = &line.place {
                writeln!(f, "             at {place}")?;
            }
        }
        Ok(())
    }
}

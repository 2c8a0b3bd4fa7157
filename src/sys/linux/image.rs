//! The program's own image: its functions by their distance from where it was loaded, which is the
//! same in every process that runs the same file.

#![expect(
    unsafe_code,
    reason = "program headers as the loader left them, and the constructors that they name"
)]

use std::ffi::{c_char, c_int, c_void};
use std::ops::Range;
use std::sync::OnceLock;

use crate::sys::fnv::{FNV_START, fnv};

/// What the loader calls before `main`. The GNU C library passes the arguments of `main`, others
/// pass nothing.
pub(crate) type Constructor = extern "C" fn(c_int, *const *const c_char, *const *const c_char);

/// The main program, as it was loaded.
#[derive(Debug)]
pub(crate) struct Image {
    /// What the loader added to the addresses in the file.
    bias: usize,
    text: Vec<Range<usize>>,
    constructors: Range<usize>,
    /// Says which program it is, as far as its headers and its build id do.
    pub(crate) identity: u64,
}

impl Image {
    /// The image of this process; `None` where the loader does not tell.
    pub(crate) fn own() -> Option<&'static Self> {
        static OWN: OnceLock<Option<Image>> = OnceLock::new();
        OWN.get_or_init(|| {
            let mut found = None;
            // SAFETY: the callback has the type that is asked for, and `found`, which it writes to,
            // outlives the call.
            unsafe { libc::dl_iterate_phdr(Some(first), (&raw mut found).cast()) };
            found
        })
        .as_ref()
    }

    /// How far from the bias `address` is, if it is in the program's code.
    pub(crate) fn offset_of(&self, address: usize) -> Option<u64> {
        self.holds(address)
            .then(|| address.wrapping_sub(self.bias) as u64)
    }

    /// The address in the program's code that is `offset` from the bias.
    pub(crate) fn address_at(&self, offset: u64) -> Option<usize> {
        let address = self.bias.wrapping_add(usize::try_from(offset).ok()?);
        self.holds(address).then_some(address)
    }

    fn holds(&self, address: usize) -> bool {
        self.text.iter().any(|text| text.contains(&address))
    }

    /// The constructors that the loader would call after `own`, in their order.
    pub(crate) fn constructors_after(&self, own: Constructor) -> Vec<Constructor> {
        let word = size_of::<usize>();
        let entries = self.constructors.clone().step_by(word).map(|at| {
            // SAFETY: within the array that the dynamic section names, which the loader has
            // relocated and is just walking through.
            unsafe { *(at as *const usize) }
        });
        entries
            .skip_while(|entry| *entry != own as *const () as usize)
            .skip(1)
            // What the loader skips too.
            .filter(|entry| !matches!(*entry, 0 | usize::MAX))
            .map(|entry| {
                // SAFETY: an entry of the array of constructors is the address of one.
                unsafe { std::mem::transmute::<usize, Constructor>(entry) }
            })
            .collect()
    }

    /// # Safety
    ///
    /// As the loader's callback: `info` is whole, its addresses are those of a mapped image.
    unsafe fn read(info: &libc::dl_phdr_info) -> Option<Self> {
        let bias = usize::try_from(info.dlpi_addr).ok()?;
        let count = usize::from(info.dlpi_phnum);
        if info.dlpi_phdr.is_null() {
            return None;
        }
        // SAFETY: the headers of a loaded image, as many as it says, for as long as it is loaded.
        let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, count) };
        let mut image = Self {
            bias,
            text: Vec::new(),
            constructors: 0..0,
            identity: FNV_START,
        };
        for header in headers {
            let start = bias.wrapping_add(usize::try_from(header.p_vaddr).ok()?);
            let len = usize::try_from(header.p_memsz).ok()?;
            for number in [
                u64::from(header.p_type),
                u64::from(header.p_flags),
                header.p_vaddr,
                header.p_filesz,
            ] {
                image.identity = fnv(image.identity, &number.to_le_bytes());
            }
            match header.p_type {
                libc::PT_LOAD if header.p_flags & libc::PF_X != 0 => {
                    image.text.push(start..start.wrapping_add(len));
                }
                libc::PT_DYNAMIC => {
                    // SAFETY: the dynamic section of a loaded image, as its header says.
                    image.constructors = unsafe { constructors(bias, start, len) };
                }
                libc::PT_NOTE => {
                    // SAFETY: the notes of a loaded image, as its header says.
                    let notes = unsafe { std::slice::from_raw_parts(start as *const u8, len) };
                    image.identity = fnv(image.identity, notes);
                }
                _ => {}
            }
        }
        Some(image)
    }
}

/// The loader begins with the main program; the answer ends its walk there.
unsafe extern "C" fn first(
    info: *mut libc::dl_phdr_info,
    _size: usize,
    found: *mut c_void,
) -> c_int {
    // SAFETY: the loader passes what the callback is for.
    let info = unsafe { info.as_ref() };
    // SAFETY: as above.
    let image = info.and_then(|info| unsafe { Image::read(info) });
    // SAFETY: `own` passes its `Option<Image>`, which nobody else touches meanwhile.
    if let Some(found) = unsafe { found.cast::<Option<Image>>().as_mut() } {
        *found = image;
    }
    1
}

/// Where the array of constructors lies, by the dynamic section at `start`.
///
/// # Safety
///
/// `len` bytes at `start` are the dynamic section of an image loaded with `bias`.
unsafe fn constructors(bias: usize, start: usize, len: usize) -> Range<usize> {
    const DT_INIT_ARRAY: usize = 25;
    const DT_INIT_ARRAYSZ: usize = 27;
    let pairs = len / size_of::<[usize; 2]>();
    // SAFETY: the caller's promise; the section is aligned to its words.
    let entries = unsafe { std::slice::from_raw_parts(start as *const [usize; 2], pairs) };
    let value = |tag| {
        let entry = entries.iter().find(|[entry, _]| *entry == tag);
        entry.map(|[_, value]| *value)
    };
    match (value(DT_INIT_ARRAY), value(DT_INIT_ARRAYSZ)) {
        (Some(at), Some(size)) => {
            let at = bias.wrapping_add(at);
            at..at.wrapping_add(size)
        }
        _ => 0..0,
    }
}

/// Whether the program runs with more rights than its user has, and must not trust its environment.
pub(crate) fn is_privileged() -> bool {
    // SAFETY: reads the auxiliary vector of the process.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

//! A library for `LD_PRELOAD` in which `gethostname` gives the name of the host in the job.
//!
//! Where all containers of a job give themselves the same name, Open MPI takes the ranks of other hosts for neighbours.
//! The name is read from `SM_CURRENT_HOST`. Nothing is linked: `getenv` is that of the program, whatever its C library.

#![no_std]

use core::{
    ffi::{c_char, c_int},
    panic::PanicInfo,
};

unsafe extern "C" {
    fn getenv(name: *const c_char) -> *const c_char;
}

/// As gethostname(2) has it: a name that does not fit is cut, and always ended.
///
/// # Safety
/// `buffer` has room for `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gethostname(buffer: *mut c_char, length: usize) -> c_int {
    // SAFETY: the name is a C string; what comes back is null, or a C string of the environment.
    let name = unsafe { getenv(c"SM_CURRENT_HOST".as_ptr()) };
    if name.is_null() || length == 0 {
        return -1;
    }
    let mut at = 0;
    loop {
        // SAFETY: everything up to the NUL is the name's.
        let byte = unsafe { *name.add(at) };
        let is_last = byte == 0 || at + 1 == length;
        // SAFETY: `at` is less than `length`.
        unsafe { *buffer.add(at) = if is_last { 0 } else { byte } };
        if is_last {
            return 0;
        }
        at += 1;
    }
}

#[panic_handler]
fn never(_: &PanicInfo<'_>) -> ! {
    loop {}
}

//! What five columns in wasm's memory cost to read, in a bare sum of them; and what a mark a row costs beside.
#![no_std]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

/// Four columns of 16 bits, and one of 32.
///
/// # Safety
/// Each has to be where it is said to be, and to have so many numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sum(
    one: *const u16, two: *const u16, three: *const u16, four: *const u16, wide: *const u32, count: usize,
) -> u64 {
    let narrow = |column| {
        let column: &[u16] = unsafe { core::slice::from_raw_parts(column, count) };
        column.iter().fold(0u32, |sum, &number| sum.wrapping_add(number.into()))
    };
    let wide = unsafe { core::slice::from_raw_parts(wide, count) };
    let wide = wide.iter().fold(0u64, |sum, &number| sum.wrapping_add(number.into()));
    [one, two, three, four].into_iter().map(narrow).fold(wide, |sum, narrow| sum.wrapping_add(narrow.into()))
}

/// A byte for each row's user is read and written: to count users once takes no less, whatever the order.
///
/// # Safety
/// The column has to be where it is said to be, and to have so many numbers; `marks` has 65,536 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mark(users: *const u16, count: usize, marks: *mut u8) {
    for at in 0..count {
        unsafe { *marks.add(usize::from(*users.add(at))) |= 1 };
    }
}

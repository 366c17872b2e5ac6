//! A bare sum of five columns in wasm's memory: what they cost to read, and nothing else.
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

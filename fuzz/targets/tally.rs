//! The vectors of the tally read and write what exists alone, and their sums are those of a simple loop.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;
use streamgage_kernel::WeekSums;
use streamgage_kernel::tally::{Block, Tally};

/// The days of a week by user, of which a tally keeps a byte each, and the sums.
fn simply(rows: &[Row], first_day: u16, last_day: u16) -> Vec<WeekSums> {
    let mut weeks: BTreeMap<i32, (WeekSums, BTreeMap<u16, u8>)> = BTreeMap::new();
    for row in rows.iter().filter(|row| (first_day..=last_day).contains(&row.day)) {
        let from_monday = i32::from(row.day) + 3;
        let (sums, days) = weeks.entry(from_monday / 7).or_default();
        *days.entry(row.user).or_default() |= 1 << (from_monday % 7);
        sums.week = from_monday / 7;
        sums.commits += 1;
        sums.haloc += i128::from(row.haloc);
        sums.churn += i128::from(row.churn);
        sums.impact += i128::from(row.impact);
        sums.users = days.len() as u64;
        sums.coding_days = days.values().map(|days| u64::from(days.count_ones())).sum();
    }
    weeks.into_values().map(|(sums, _)| sums).collect()
}

#[derive(Clone, Copy)]
struct Row {
    user: u16,
    day: u16,
    haloc: u16,
    churn: u16,
    impact: u32,
}

/// Six bytes are several rows of one day, so that runs of a day occur.
fn rows(data: &[u8]) -> Vec<Row> {
    let mut rows = Vec::new();
    for &[user, far, day, times, value, impact] in data.as_chunks().0 {
        // Far users and days extend the tables.
        let user = u16::from(user) << (far % 4);
        let day = 19_000 + u16::from(day) * if far > 250 { 20 } else { 1 };
        let extreme = |byte: u8| [0, 1, u16::from(byte), u16::MAX - u16::from(byte), u16::MAX][usize::from(byte) % 5];
        let (haloc, churn) = (extreme(value), extreme(value.rotate_left(4)));
        let impact = u32::from(extreme(impact)) << 16 | u32::from(extreme(impact.rotate_left(4)));
        rows.extend((0..=u16::from(times % 48)).map(|at| Row { user: user ^ (at % 5), day, haloc, churn, impact }));
    }
    rows
}

fuzz_target!(|data: &[u8]| {
    let Some((&[size, first, last], data)) = data.split_first_chunk() else { return };
    let rows = rows(data);
    let (first_day, last_day) = (19_000 + u16::from(first), 19_000 + u16::from(last) * 20);
    let mut tally = Tally::new(first_day, last_day);
    for rows in rows.chunks(usize::from(size) * 4 + 1) {
        // Exact allocations, so that the sanitizer reports an access behind the end.
        let column = |of: fn(&Row) -> u16| rows.iter().map(of).collect::<Box<[u16]>>();
        let impact: Box<[u32]> = rows.iter().map(|row| row.impact).collect();
        let (users, days) = (column(|row| row.user), column(|row| row.day));
        let (haloc, churn) = (column(|row| row.haloc), column(|row| row.churn));
        let block = Block { users: &users, days: &days, haloc: &haloc, churn: &churn, impact: &impact };
        tally.add(&block).expect("few users and weeks");
    }
    assert_eq!(tally.into_sums(), simply(&rows, first_day, last_day));
});

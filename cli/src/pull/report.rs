//! The completeness report of a pull.

use super::merge::SavedList;
use super::period_metrics::NAME as PERIOD_METRICS;
use crate::dump::REJECTED_FILE;
use crate::dump::header::SavedRows;
use crate::terminal::printable;

/// Prints a line for each list, and a summary. `metrics` is `None` if they were not requested.
pub fn print(lists: &[SavedList], saved_metrics: Option<SavedRows>, metrics: Option<Result<(), String>>) {
    let mut incomplete = Vec::new();
    let mut rejected = 0;
    for SavedList { resource, saved, unavailable, rejected: reasons } in lists {
        let name = resource.name;
        println!("{name}: {}", describe(*saved, *unavailable));
        for reason in reasons {
            eprintln!("{}", printable(reason));
        }
        let all_rows = saved.map_or(0, |saved| saved.rows + saved.rejected);
        rejected += saved.map_or(0, |saved| saved.rejected);
        if unavailable.is_some() || saved.and_then(|saved| saved.count) != Some(all_rows) {
            incomplete.push(name);
        }
    }
    match (metrics, saved_metrics) {
        (Some(Ok(())), saved) => println!("{PERIOD_METRICS}: {} rows", saved.map_or(0, |saved| saved.rows)),
        (Some(Err(reason)), Some(saved)) => {
            let rows = saved.rows;
            println!(
                "{PERIOD_METRICS}: {rows} rows, kept from the earlier dump; not available: {}",
                printable(&reason)
            );
        }
        (Some(Err(reason)), None) => println!("{PERIOD_METRICS}: not available, left out: {}", printable(&reason)),
        (None, _) => {}
    }
    if rejected > 0 {
        println!("{rejected} rows that no reader accepts are in {REJECTED_FILE}, with the reasons");
    }
    let complete = lists.len() - incomplete.len();
    match incomplete.as_slice() {
        [] => println!("complete: all {complete} lists are saved with as many rows as the server claims"),
        _ => println!("incomplete: {complete} of {} lists are saved; check {}", lists.len(), incomplete.join(", ")),
    }
}

fn describe(saved: Option<SavedRows>, unavailable: Option<u16>) -> String {
    match (saved, unavailable) {
        (Some(SavedRows { rows, .. }), Some(status)) => {
            format!("{rows} rows, kept from the earlier dump; not available ({status})")
        }
        (None, status) => format!("not available ({}), left out", status.unwrap_or_default()),
        (Some(SavedRows { rows, count, rejected }), None) => {
            let rejected = if rejected > 0 { format!(", {rejected} rejected") } else { String::new() };
            format!("{rows} rows, count {}{rejected}", count.unwrap_or_default())
        }
    }
}

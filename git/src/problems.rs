//! Collects what could not be read.

/// The most problems that are listed.
const MAX_LISTED: usize = 100;

/// Problems that do not end a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Problems {
    listed: Vec<String>,
    count: u64,
    /// The number of objects that could not be read.
    unreadable: u64,
}

impl Problems {
    pub fn add(&mut self, problem: String) {
        self.count = self.count.saturating_add(1);
        if self.listed.len() < MAX_LISTED {
            self.listed.push(problem);
        }
    }

    /// Adds an object that could not be read. A later run may find it.
    pub fn add_unreadable(&mut self, problem: String) {
        self.unreadable = self.unreadable.saturating_add(1);
        self.add(problem);
    }

    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    pub fn append(&mut self, others: Problems, prefix: &str) {
        self.count = self.count.saturating_add(others.count.saturating_sub(others.listed.len() as u64));
        self.unreadable = self.unreadable.saturating_add(others.unreadable);
        for problem in others.listed {
            self.add(format!("{prefix}{problem}"));
        }
    }

    pub fn listed(&self) -> &[String] {
        &self.listed
    }

    pub fn count(&self) -> u64 {
        self.count
    }
}

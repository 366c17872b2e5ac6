//! streamgage: worker.

//! streamgage: browser.

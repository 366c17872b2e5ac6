//! Tests on real repositories that the `git` program makes.

mod broken;
mod commits;
mod incremental;
mod people;
mod random;
mod reference;
mod selection;
mod support;

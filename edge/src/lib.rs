//! streamgage: edge.

//! A business seen from outside.

mod common;
mod files;
mod rows;
mod truth;

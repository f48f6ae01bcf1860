//! The mirrored index: what it says, read leniently.
//!
//! Nothing here knows a row or an object: who asks keeps what is read.

mod form;
mod html;
pub mod page;
pub mod list;

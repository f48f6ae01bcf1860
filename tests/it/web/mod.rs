//! The pages, as a person sees them.

mod changelog;
mod search;
mod status;

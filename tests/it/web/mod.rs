//! Pages as a person sees them.

mod changelog;
mod search;
mod session;
mod status;
mod visitor;

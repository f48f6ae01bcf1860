//! Pages as a person sees them.

mod session;
mod theme;
mod visitor;

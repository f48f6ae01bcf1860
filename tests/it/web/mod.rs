//! Pages as a person sees them.

mod browser;
mod headers;
mod session;
mod theme;
mod visitor;
mod world;

//! Pages as a person sees them.

mod browser;
mod contexts;
mod headers;
mod session;
mod theme;
mod visitor;
mod world;

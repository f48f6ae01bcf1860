//! Pages as a person sees them.

mod browser;
mod changelog;
mod contexts;
mod diagram;
mod headers;
mod indexes;
mod search;
mod session;
mod session;
mod status;
mod theme;
mod visitor;
mod world;

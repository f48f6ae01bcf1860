//! Pages as a person sees them.

mod manage;
mod session;
mod upload;
mod visitor;

//! Pages as a person sees them.

mod session;
mod visitor;
mod webhooks;

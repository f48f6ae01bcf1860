//! Pages as a person sees them.

mod changelog;
mod diagram;
mod indexes;
mod search;
mod session;
mod status;
mod visitor;
mod documentation_frame;
mod hostile;
mod live;
mod releases;

//! Pages as a person sees them.

mod browser;
mod changelog;
mod contexts;
mod diagram;
mod documentation_frame;
mod headers;
mod hostile;
mod indexes;
mod live;
mod manage;
mod releases;
mod search;
mod session;
mod status;
mod theme;
mod upload;
mod visitor;
mod webhooks;

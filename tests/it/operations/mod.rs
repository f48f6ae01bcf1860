//! The real binary as an operator knows it: its commands, its signals, and what it does when others are away.

mod commands;
mod health;
mod memory;
mod outage;
mod processes;
mod shutdown;

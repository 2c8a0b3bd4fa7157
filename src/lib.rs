//! outlive
#[cfg(not(target_os = "linux"))]
compile_error!("outlive runs on Linux only");

mod raw;
mod sys;
#[cfg(all(test, loom))]
mod models;

//! Tells the program which compiler made it.

use std::process::Command;

fn main() {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let output = Command::new(rustc).arg("--version").output();
    let version = output.map_or("rustc ?".into(), |output| {
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    });
    println!("cargo::rustc-env=COMPARE_RUSTC={version}");
    println!("cargo::rerun-if-changed=build.rs");
}

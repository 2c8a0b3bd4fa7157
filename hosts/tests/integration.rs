//! Tests of the usual kind, in threads of one program.

#[test]
fn an_integration_test_hosts_processes() {
    outlive_hosts::check();
}

#[test]
fn so_does_another_beside_it() {
    outlive_hosts::check_nested();
}

#[test]
fn panics_are_told() {
    outlive_hosts::check_panics();
}

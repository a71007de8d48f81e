package postgrestest

import "os/exec"

// endWithUs does nothing: there are no such users.
func endWithUs(*exec.Cmd, int, int) {}

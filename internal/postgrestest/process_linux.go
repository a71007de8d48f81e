package postgrestest

import (
	"os/exec"
	"syscall"
)

// endWithUs lets a command run as a user, when uid is not negative, and end when the test program is killed.
func endWithUs(cmd *exec.Cmd, uid, gid int) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if uid >= 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
}

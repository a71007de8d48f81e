//go:build unix && !linux

package postgrestest

import (
	"os/exec"
	"syscall"
)

// endWithUs lets a command run as a user, when uid is not negative.
func endWithUs(cmd *exec.Cmd, uid, gid int) {
	if uid >= 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
}

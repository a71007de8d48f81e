//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package app

import "syscall"

// mayWrite fails where this user may not make files in a folder.
func mayWrite(folder string) error {
	const search, write = 1, 2 // the modes of access(2)
	return syscall.Access(folder, write|search)
}

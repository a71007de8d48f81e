//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package app

import "errors"

// mayWrite fails where the store could not lock a file, whatever the rights are.
func mayWrite(string) error { return errors.ErrUnsupported }

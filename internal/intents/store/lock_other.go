//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package store

import (
	"errors"
	"os"
)

// tryLock fails where no lock ends by itself with its process: PostgreSQL is the choice on such a system.
func tryLock(*os.File) error { return errors.ErrUnsupported }

package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// fileLock is an operating-system lock on a file beside the database. It ends with the process, however that ends, and
// holds between containers that share a volume on one machine. The file stays and says who locked it last: deleting it
// would let two processes lock two files of one name.
type fileLock struct{ file *os.File }

// errLocked is what tryLock returns when another process has the lock.
var errLocked = errors.New("locked")

// holding is what the file says, one line of JSON.
type holding struct {
	PID   int       `json:"pid"`
	Host  string    `json:"host"`
	Since time.Time `json:"since"`
}

// lockFile takes the lock or fails with ErrHeld, which says who has it.
func lockFile(path string) (*fileLock, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	switch err := tryLock(file); {
	case errors.Is(err, errLocked):
		file.Close()
		return nil, fmt.Errorf("%w: %s", ErrHeld, holder(path))
	case err != nil:
		file.Close()
		return nil, fmt.Errorf("%w: %s: this file system has no locks: %w", ErrUnwritable, path, err)
	}
	host, _ := os.Hostname()
	line, err := json.Marshal(holding{PID: os.Getpid(), Host: host, Since: time.Now().UTC().Truncate(time.Second)})
	if err == nil && file.Truncate(0) == nil {
		// The lock is what counts: on a full disk others learn that the file is held, and not by whom.
		_, _ = file.WriteAt(append(line, '\n'), 0)
	}
	return &fileLock{file}, nil
}

// release lets the next process have the lock.
func (l *fileLock) release() error { return l.file.Close() }

// holder reads who holds a lock, in words.
func holder(path string) string {
	const unknown = "another process"
	file, err := os.Open(path)
	if err != nil {
		return unknown
	}
	defer file.Close()
	line, err := io.ReadAll(io.LimitReader(file, 1024))
	var h holding
	if err != nil || json.Unmarshal(line, &h) != nil {
		return unknown
	}
	return fmt.Sprintf("process %d on host %q, since %s", h.PID, h.Host, h.Since.Format(time.RFC3339))
}

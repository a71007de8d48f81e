package store

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

func init() {
	childParts["fill"] = partFill
}

// partFill puts intents while the size of its files is limited, until one fails; then, without the limit, it goes on.
func partFill() error {
	signal.Ignore(syscall.SIGXFSZ) // the write fails instead
	s, err := openInChild()
	if err != nil {
		return err
	}
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		return err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1 << 20, Max: old.Max}); err != nil {
		return err
	}
	var answered []string
	for {
		result, err := s.Put(testless(), weights(func(r *Record) { r.Request = make([]byte, 50_000) }), Policy{})
		if err == nil {
			answered = append(answered, result.Record.ID)
			if len(answered) > 1000 {
				return errors.New("nothing was full")
			}
			continue
		}
		if !errors.Is(err, ErrFull) {
			return fmt.Errorf("after %d: %w", len(answered), err)
		}
		break
	}
	all := func() error {
		for _, id := range answered {
			if _, err := s.Get(testless(), id); err != nil {
				return fmt.Errorf("%s was answered: %w", id, err)
			}
		}
		list, err := s.List(testless(), Filter{}, Page{Limit: MaxPage})
		if err == nil && len(list.Records) != len(answered) {
			return fmt.Errorf("%d records after %d answers", len(list.Records), len(answered))
		}
		return err
	}
	if err := all(); err != nil {
		return err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		return err
	}
	result, err := s.Put(testless(), weights(), Policy{})
	if err != nil {
		return fmt.Errorf("with room again: %w", err)
	}
	answered = append(answered, result.Record.ID)
	if err := all(); err != nil {
		return err
	}
	fmt.Println("done", len(answered)) //nolint:forbidigo // to the parent
	return s.Close()
}

// Writes that the operating system does not take, here by the limit for the size of files, fail as a full disk does;
// nothing that was answered is lost, nothing else appears, and with room again the same store goes on.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	d := database{config: Config{Path: filepath.Join(t.TempDir(), "pylon.db")}}
	c := startChild(t, "fill", d.forChild(t))
	var n int
	if _, err := fmt.Sscanf(c.line(), "done %d", &n); err != nil {
		t.Fatal("the process failed, see above")
	}
	s := d.open(t)
	if got := count(t, s.reader, "SELECT count(*) FROM pylon_intents"); got != n || n < 10 {
		t.Errorf("%d records after %d answers", got, n)
	}
}

// A folder, a file or a lock that this user may not write is said to be just that.
func TestUnwritable(t *testing.T) {
	for name, spoil := range map[string]func(folder string) error{
		"folder": func(folder string) error { return os.Chmod(folder, 0o555) },
		"folder of an existing file": func(folder string) error {
			s, err := Open(t.Context(), Config{Path: filepath.Join(folder, "pylon.db")})
			return errors.Join(err, s.Close(), os.Chmod(folder, 0o555))
		},
		"file": func(folder string) error {
			s, err := Open(t.Context(), Config{Path: filepath.Join(folder, "pylon.db")})
			return errors.Join(err, s.Close(), os.Chmod(folder, 0o777), os.Remove(filepath.Join(folder, "pylon.db.lock")),
				os.Chmod(filepath.Join(folder, "pylon.db"), 0o444))
		},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			must(t, spoil(folder))
			t.Cleanup(func() { must(t, os.Chmod(folder, 0o700)) })
			var err error
			asNobody(t, func() { _, err = Open(t.Context(), Config{Path: filepath.Join(folder, "pylon.db")}) })
			if !errors.Is(err, ErrUnwritable) {
				t.Errorf("%v", err)
			}
		})
	}
}

// asNobody runs f as a user whom permissions bind: root is asked by the file system as another user is, on this thread.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		f()
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	must(t, syscall.Setfsuid(65534))
	defer func() { must(t, syscall.Setfsuid(0)) }()
	f()
}

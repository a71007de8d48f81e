package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func init() {
	childParts["hold"] = partHold
	childParts["commit"] = partCommit
}

const (
	childDatabase = "PYLON_STORE_TEST_DATABASE" // a Config as JSON
	childPatience = 30 * time.Second
)

func (d database) forChild(t *testing.T) string {
	t.Helper()
	config, err := json.Marshal(map[string]string{"Path": d.config.Path, "URL": d.config.URL})
	must(t, err)
	return childDatabase + "=" + string(config)
}

func openInChild() (*Store, error) {
	var config Config
	if err := json.Unmarshal([]byte(os.Getenv(childDatabase)), &struct{ Path, URL *string }{&config.Path, &config.URL}); err != nil {
		return nil, err
	}
	config.Timeout = childPatience
	return Open(testless(), config)
}

// partHold opens the database, takes a lease, says so, and holds both until it is killed or its input ends.
func partHold() error {
	s, err := openInChild()
	if err != nil {
		return err
	}
	if _, _, err := s.Acquire(testless(), weights().Genesis, weights().Hotkey, fmt.Sprint("process ", os.Getpid()), time.Second); err != nil {
		return err
	}
	fmt.Println("holding") //nolint:forbidigo // to the parent
	_, _ = os.Stdin.Read(make([]byte, 1))
	return s.Close()
}

// While one process holds the file another reads, says who holds it, and takes over when that process is killed: neither
// the file of the lock nor a lease that is left behind blocks it.
func TestSecondProcess(t *testing.T) {
	t.Parallel()
	d := database{config: Config{Path: filepath.Join(t.TempDir(), "pylon.db")}}
	s := d.open(t)
	r := put(t, s, weights(), Policy{}).Record
	must(t, s.Close())

	holding := startChild(t, "hold", d.forChild(t))
	if line := holding.line(); line != "holding" {
		t.Fatalf("the other process said %q", line)
	}
	s = d.open(t)
	who, held := s.Holder()
	if want := fmt.Sprintf("process %d on host ", holding.cmd.Process.Pid); !held || !strings.HasPrefix(who, want) {
		t.Errorf("held by %q, %v", who, held)
	}
	got, err := s.Get(t.Context(), r.ID)
	must(t, err)
	equal(t, "read beside the holder", got, r)
	for name, write := range map[string]func() error{
		"put":     func() error { _, err := s.Put(t.Context(), weights(), Policy{}); return err },
		"cancel":  func() error { _, err := s.Cancel(t.Context(), r.ID); return err },
		"acquire": func() error { _, _, err := s.Acquire(t.Context(), r.Genesis, r.Hotkey, "me", time.Second); return err },
		"update": func() error {
			_, err := s.Update(t.Context(), Lease{Genesis: r.Genesis, Hotkey: r.Hotkey}, r)
			return err
		},
		"prune": func() error { _, err := s.Prune(t.Context()); return err },
	} {
		if err := write(); !errors.Is(err, ErrHeld) || !strings.Contains(err.Error(), who) {
			t.Errorf("%s: %v", name, err)
		}
	}
	holding.kill()
	acquire(t, s, "me", r)
	if who, held := s.Holder(); held {
		t.Errorf("still held by %q", who)
	}
	put(t, s, weights(), Policy{})
	third := d.open(t)
	if who, held := third.Holder(); !held || !strings.HasPrefix(who, fmt.Sprintf("process %d on", os.Getpid())) {
		t.Errorf("after the take-over: held by %q, %v", who, held)
	}
}

// What is said about the holder comes from a file that anybody may have written.
func TestLockFileSaysNonsense(t *testing.T) {
	t.Parallel()
	d := database{config: Config{Path: filepath.Join(t.TempDir(), "pylon.db")}}
	for _, text := range []string{"", "nonsense", strings.Repeat("x", 1<<20), `{"pid":1,"host":"\u001b[31m\n"}`} {
		must(t, os.WriteFile(d.config.Path+".lock", []byte(text), 0o600))
		s := d.open(t) // a lock file without a lock blocks nobody
		must(t, os.WriteFile(d.config.Path+".lock", []byte(text), 0o600))
		who, held := d.open(t).Holder()
		if !held || len(who) > 200 || strings.ContainsAny(who, "\n\x1b") || who == "" {
			t.Errorf("held by %q, %v", who, held)
		}
		must(t, s.Close())
	}
}

// A file has one lock, whatever names lead to it.
func TestNamesOfOneFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	must(t, os.Mkdir(filepath.Join(folder, "a b?#%41"), 0o700))
	must(t, os.Symlink("a b?#%41", filepath.Join(folder, "link")))
	direct := database{config: Config{Path: filepath.Join(folder, "a b?#%41", "py lon.db")}}
	direct.open(t)
	must(t, os.Symlink(direct.config.Path, filepath.Join(folder, "other.db")))
	for _, path := range []string{
		filepath.Join(folder, "link", "py lon.db"), filepath.Join(folder, "other.db"), filepath.Join(folder, "link", "..", "a b?#%41", "py lon.db"),
	} {
		if _, held := (database{config: Config{Path: path}}).open(t).Holder(); !held {
			t.Errorf("%s has a lock of its own", path)
		}
	}
	entries, err := os.ReadDir(filepath.Join(folder, "a b?#%41"))
	must(t, err)
	for _, entry := range entries {
		info, err := entry.Info()
		must(t, err)
		if !strings.HasPrefix(entry.Name(), "py lon.db") || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %s", entry.Name(), info.Mode())
		}
	}
}

// Files that are no database, broken, or not to be had, each in words of their own, and nothing is changed.
func TestBadFiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	sound := filepath.Join(folder, "sound.db")
	s := (database{config: Config{Path: sound}}).open(t)
	for range 200 {
		put(t, s, weights(func(r *Record) { r.Request = make([]byte, 2000) }), Policy{})
	}
	must(t, s.Close())
	bytes, err := os.ReadFile(sound)
	must(t, err)
	broken := append([]byte(nil), bytes...)
	for i := len(broken) / 4; i < len(broken); i++ {
		broken[i] ^= 0x5a
	}
	for name, c := range map[string]struct {
		content []byte
		want    error
	}{
		"text":   {[]byte(strings.Repeat("not a database\n", 1000)), ErrDamaged},
		"broken": {broken, ErrDamaged},
		"cut":    {bytes[:len(bytes)/2], ErrDamaged},
		"header": {bytes[:100], ErrDamaged},
	} {
		path := filepath.Join(folder, name)
		must(t, os.WriteFile(path, c.content, 0o600))
		_, err := Open(t.Context(), Config{Path: path})
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
		after, err := os.ReadFile(path)
		must(t, err)
		if string(after) != string(c.content) {
			t.Errorf("%s was changed", name)
		}
		if lock, err := lockFile(path + ".lock"); err != nil {
			t.Errorf("%s stays locked: %v", name, err)
		} else {
			must(t, lock.release())
		}
	}
	_, err = Open(t.Context(), Config{Path: filepath.Join(folder, "absent", "pylon.db")})
	if !errors.Is(err, ErrSettings) || !strings.Contains(err.Error(), "folder does not exist") {
		t.Errorf("no folder: %v", err)
	}
	if _, err = Open(t.Context(), Config{Path: folder}); !errors.Is(err, ErrSettings) {
		t.Errorf("a folder: %v", err)
	}
	if _, err = Open(t.Context(), Config{Path: filepath.Join(sound, "pylon.db")}); err == nil {
		t.Error("a file as the folder")
	}
}

// Somebody who locks the file delays a call, up to its timeout; then it fails and works again afterwards.
func TestLockedFile(t *testing.T) {
	t.Parallel()
	d := database{config: Config{Path: filepath.Join(t.TempDir(), "pylon.db")}}
	s := d.open(t, func(c *Config) { c.Timeout = 300 * time.Millisecond })
	r := put(t, s, weights(), Policy{}).Record
	other, err := sql.Open("sqlite", d.config.Path)
	must(t, err)
	defer other.Close() //nolint:errcheck // the test is over
	conn, err := other.Conn(t.Context())
	must(t, err)
	_, err = conn.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	must(t, err)
	began := time.Now()
	if _, err := s.Put(t.Context(), weights(), Policy{}); !errors.Is(err, ErrBusy) {
		t.Errorf("put: %v", err)
	}
	if took := time.Since(began); took < 200*time.Millisecond {
		t.Errorf("gave up after %s", took)
	}
	if _, err := s.Get(t.Context(), r.ID); err != nil {
		t.Errorf("reading beside a writer: %v", err)
	}
	_, err = conn.ExecContext(t.Context(), "ROLLBACK")
	must(t, err)
	must(t, conn.Close())
	put(t, s, weights(), Policy{})
	if n := count(t, s.reader, "SELECT count(*) FROM pylon_intents"); n != 2 {
		t.Errorf("%d records", n)
	}
}

// With no room left, by the pages that the database may have, a put fails and leaves nothing; what is there can be read,
// and with room again the same store goes on.
func TestFullDatabase(t *testing.T) {
	t.Parallel()
	for _, path := range []string{Memory, filepath.Join(t.TempDir(), "pylon.db")} {
		s := (database{config: Config{Path: path}}).open(t)
		first := put(t, s, weights(), Policy{}).Record
		pages := count(t, s.reader, "PRAGMA page_count")
		limit := func(pages int) {
			count(t, s.writer, fmt.Sprintf("PRAGMA max_page_count(%d)", pages))
		}
		limit(pages + 1)
		big := weights(func(r *Record) { r.Request = make([]byte, 1<<20) })
		if _, err := s.Put(t.Context(), big, Policy{Replace: true}); !errors.Is(err, ErrFull) {
			t.Errorf("put: %v", err)
		}
		got, err := s.Get(t.Context(), first.ID)
		must(t, err)
		equal(t, "the record that was to be replaced", got, first)
		limit(1 << 30)
		if replaced := put(t, s, big, Policy{Replace: true}).Replaced; len(replaced) != 1 {
			t.Errorf("replaced %v", ids(replaced))
		}
	}
}

// A caller that leaves takes nothing with it.
func TestCallerLeaves(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.open(t)
		r := put(t, s, weights(), Policy{}).Record
		for i := range 50 {
			ctx, leave := contextThatEnds(t, time.Duration(i)*20*time.Microsecond)
			_, err := s.Put(ctx, weights(), Policy{})
			if err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			leave()
		}
		if _, err := s.Get(t.Context(), r.ID); err != nil {
			t.Errorf("afterwards: %v", err)
		}
		put(t, s, weights(), Policy{Replace: true})
	})
}

func TestClosed(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.open(t)
		must(t, s.Close())
		must(t, s.Close())
		_, putErr := s.Put(t.Context(), weights(), Policy{})
		_, getErr := s.Get(t.Context(), "x")
		_, _, acquireErr := s.Acquire(t.Context(), [32]byte{}, [32]byte{}, "me", time.Second)
		if !errors.Is(putErr, ErrClosed) || !errors.Is(getErr, ErrClosed) || !errors.Is(acquireErr, ErrClosed) {
			t.Errorf("%v, %v, %v", putErr, getErr, acquireErr)
		}
	})
}

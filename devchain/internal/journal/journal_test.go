package journal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func collect(into *[]string) func([]byte) error {
	return func(record []byte) error {
		*into = append(*into, string(record))
		return nil
	}
}

func open(t *testing.T, path string) (*Journal, []string) {
	t.Helper()
	var records []string
	j, err := Open(path, collect(&records))
	if err != nil {
		t.Fatal(err)
	}
	return j, records
}

func add(t *testing.T, j *Journal, records ...string) {
	t.Helper()
	for _, record := range records {
		if err := j.Append([]byte(record)); err != nil {
			t.Fatal(err)
		}
	}
}

func shut(t *testing.T, j *Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestReopen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	j, records := open(t, path)
	if records != nil {
		t.Errorf("a new journal has records: %q", records)
	}
	add(t, j, "one", "two")
	shut(t, j)
	j, records = open(t, path)
	add(t, j, "three")
	shut(t, j)
	if diff := cmp.Diff([]string{"one", "two"}, records); diff != "" {
		t.Error(diff)
	}
	j, records = open(t, path)
	shut(t, j)
	if diff := cmp.Diff([]string{"one", "two", "three"}, records); diff != "" {
		t.Error(diff)
	}
}

// A crash can end the file after any byte. What was there before the last record
// is kept, and the journal goes on from there.
func TestEveryTruncation(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "journal")
	j, _ := open(t, path)
	all := []string{"first", "second record", "3"}
	var ends []int64
	for _, record := range all {
		add(t, j, record)
		ends = append(ends, j.Size())
	}
	shut(t, j)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range int64(len(whole)) {
		path := filepath.Join(dir, "cut")
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		var want []string
		for i, end := range ends {
			if end <= cut {
				want = append(want, all[i])
			}
		}
		j, records := open(t, path)
		if diff := cmp.Diff(want, records); diff != "" {
			t.Errorf("cut at %d: %s", cut, diff)
		}
		add(t, j, "after the crash")
		shut(t, j)
		j, records = open(t, path)
		shut(t, j)
		if diff := cmp.Diff(append(want, "after the crash"), records); diff != "" {
			t.Errorf("cut at %d, gone on: %s", cut, diff)
		}
	}
}

// A changed byte loses the last record or is an error; it never changes a record.
func TestEveryFlip(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "journal")
	j, _ := open(t, path)
	all := []string{"first", "second record", "third"}
	add(t, j, all...)
	shut(t, j)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for i := range whole {
		path := filepath.Join(dir, "flipped")
		damaged := bytes.Clone(whole)
		damaged[i] ^= 0x10
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		var records []string
		j, err := Open(path, collect(&records))
		if err != nil {
			refused++
			continue
		}
		shut(t, j)
		if !slices.Equal(records, all[:min(len(records), len(all))]) || len(records) == len(all) {
			t.Errorf("byte %d flipped: read %q", i, records)
		}
	}
	if refused == 0 {
		t.Error("no damage in the middle was refused")
	}
}

func TestZeroTail(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	j, _ := open(t, path)
	add(t, j, "one")
	end := j.Size()
	shut(t, j)
	if err := os.Truncate(path, end+100_000); err != nil {
		t.Fatal(err)
	}
	j, records := open(t, path)
	if diff := cmp.Diff([]string{"one"}, records); diff != "" || j.Size() != end {
		t.Errorf("size %d, want %d; %s", j.Size(), end, diff)
	}
	shut(t, j)
}

func TestNotAJournal(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	const text = "something else altogether"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, collect(new([]string))); err == nil {
		t.Error("opened")
	}
	if kept, _ := os.ReadFile(path); string(kept) != text {
		t.Errorf("the file was changed to %q", kept)
	}
}

func TestVisitFails(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	j, _ := open(t, path)
	add(t, j, "one")
	shut(t, j)
	refusal := errors.New("not this one")
	if _, err := Open(path, func([]byte) error { return refusal }); !errors.Is(err, refusal) {
		t.Errorf("error %v", err)
	}
}

func TestRewrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "journal")
	j, _ := open(t, path)
	add(t, j, "one", "two", "three")
	refusal := errors.New("changed my mind")
	if err := j.Rewrite(func(func([]byte) error) error { return refusal }); !errors.Is(err, refusal) {
		t.Errorf("error %v", err)
	}
	add(t, j, "four")
	if err := j.Rewrite(func(appendRecord func([]byte) error) error { return appendRecord([]byte("all of it")) }); err != nil {
		t.Fatal(err)
	}
	add(t, j, "five")
	shut(t, j)
	j, records := open(t, path)
	shut(t, j)
	if diff := cmp.Diff([]string{"all of it", "five"}, records); diff != "" {
		t.Error(diff)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("files left: %v, %v", left, err)
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	first, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := Lock(path); err == nil {
		_ = second.Close()
		t.Error("locked twice")
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	_ = second.Close()
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte(magic))
	f.Add([]byte(magic + "\x01\x00\x00\x00\x00\x00\x00\x00x"))
	f.Add([]byte(magic + "\xff\xff\xff\x3f\x00\x00\x00\x00x"))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "journal")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		var before []string
		j, err := Open(path, collect(&before))
		if err != nil {
			return
		}
		add(t, j, "more")
		shut(t, j)
		j, after := open(t, path)
		shut(t, j)
		if diff := cmp.Diff(append(before, "more"), after); diff != "" {
			t.Error(diff)
		}
	})
}

package store

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain runs a part of the test program in a process of its own when a test asks for it, see child.
func TestMain(m *testing.M) {
	if part := os.Getenv(childPart); part != "" {
		if err := childParts[part](); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(served{m})
}

// served stops the PostgreSQL server that the tests started.
type served struct{ *testing.M }

func (s served) Run() int {
	defer server.stop()
	return s.M.Run()
}

// need skips a test that lacks something, unless nothing may be skipped.
func need(t testing.TB, err error, what string) {
	t.Helper()
	if err == nil {
		return
	}
	if os.Getenv("PYLON_REQUIRE_ALL") == "1" {
		t.Fatalf("%s: %v", what, err)
	}
	t.Skipf("%s: %v", what, err)
}

//go:build interop

package timelock

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// packages are the releases that the suites run, by the names of their environments,
// and the module that each has.
var packages = map[string]string{"drand-1.3.0": "bittensor_drand", "drand-2.0.0": "bittensor_drand", "core-0.1.5": "bittensor_core"}

// python is a Python program that calls functions of one release.
type python struct {
	t       *testing.T
	release string
	in      *json.Encoder
	out     *json.Decoder
}

func start(t *testing.T, release string) *python {
	t.Helper()
	cache, err := filepath.Abs(filepath.Join("..", "..", ".cache", "interop"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute) // it ends when its input does
	cmd := exec.CommandContext(ctx, filepath.Join(cache, "timelock-"+release, "bin", "python"), "call.py", packages[release])
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "HOME="+t.TempDir(), "LD_PRELOAD="+filepath.Join(cache, "clock.so"))
	var log strings.Builder
	cmd.Stderr = &log
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		err := cmd.Wait()
		cancel()
		if err != nil || t.Failed() {
			t.Logf("%s: %v\n%s", release, err, log.String())
		}
	})
	return &python{t: t, release: release, in: json.NewEncoder(in), out: json.NewDecoder(out)}
}

// data is bytes among arguments and values.
type data struct {
	Hex string `json:"hex"`
}

func bytesOf(b []byte) data { return data{hex.EncodeToString(b)} }

func (d data) bytes(t *testing.T) []byte {
	t.Helper()
	b, err := hex.DecodeString(d.Hex)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// try calls a function at a moment, and returns the exception that it raised.
func (p *python) try(now time.Time, value any, function string, args ...any) error {
	p.t.Helper()
	if err := p.in.Encode(map[string]any{"function": function, "args": args, "now": now.UnixNano()}); err != nil {
		p.t.Fatalf("%s: %v", p.release, err)
	}
	var answer struct {
		Value json.RawMessage
		Error string
	}
	if err := p.out.Decode(&answer); err != nil {
		p.t.Fatalf("%s, %s: %v", p.release, function, err)
	}
	if answer.Error != "" {
		return errors.New(answer.Error)
	}
	if err := json.Unmarshal(answer.Value, value); err != nil {
		p.t.Fatalf("%s, %s: %v in %s", p.release, function, err, answer.Value)
	}
	return nil
}

// sealed is what the functions that encrypt return: the bytes and the round.
type sealed struct {
	bytes []byte
	round uint64
}

func (p *python) encrypt(now time.Time, function string, args ...any) sealed {
	p.t.Helper()
	var pair [2]json.RawMessage
	if err := p.try(now, &pair, function, args...); err != nil {
		p.t.Fatalf("%s, %s(%s): %v", p.release, function, fmt.Sprint(args...), err)
	}
	var s sealed
	var d data
	if err := errors.Join(json.Unmarshal(pair[0], &d), json.Unmarshal(pair[1], &s.round)); err != nil {
		p.t.Fatal(err)
	}
	s.bytes = d.bytes(p.t)
	return s
}

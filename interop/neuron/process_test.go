//go:build interop

package neuron

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// versions are the releases of the SDK that have axons and dendrites.
var versions = []string{"10.5.0", "9.12.2", "8.5.2"}

// python is a Python program that takes a line for each order.
type python struct {
	t     *testing.T
	in    io.WriteCloser
	lines chan string

	mu  sync.Mutex
	log bytes.Buffer // guarded by mu
}

// run starts a program of this folder with a release of the SDK, and returns it
// with what follows "ready" in its first line.
func run(t *testing.T, version, program, firstLine string) (*python, string) {
	t.Helper()
	cache, err := filepath.Abs(filepath.Join("..", "..", ".cache", "interop"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(cache, "neuron-"+version, "bin", "python"), program)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "HOME="+t.TempDir())
	p := &python{t: t, lines: make(chan string, 16)}
	if p.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = p
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer close(p.lines)
		scanner := bufio.NewScanner(out)
		scanner.Buffer(nil, 16<<20)
		for scanner.Scan() {
			fmt.Fprintln(p, scanner.Text())
			p.lines <- scanner.Text()
		}
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		p.in.Close()
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
		if t.Failed() {
			p.mu.Lock()
			defer p.mu.Unlock()
			t.Logf("%s of %s:\n%s", program, version, p.log.String())
		}
	})
	if firstLine != "" {
		if _, err := fmt.Fprintln(p.in, firstLine); err != nil {
			t.Fatal(err)
		}
	}
	return p, p.next("ready", 2*time.Minute)
}

func (p *python) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

// next returns what follows a word in the next line that begins with it.
func (p *python) next(word string, patience time.Duration) string {
	p.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				p.t.Fatal("the program ended")
			}
			if rest, ok := strings.CutPrefix(line, word); ok {
				return strings.TrimSpace(rest)
			}
		case <-deadline:
			p.t.Fatalf("no %q after %v", word, patience)
		}
	}
}

// order sends an order and reads its result.
func (p *python) order(order, result any) {
	p.t.Helper()
	line, err := json.Marshal(order)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(p.in, "%s\n", line); err != nil {
		p.t.Fatal(err)
	}
	text := p.next("result", time.Minute)
	if err := json.Unmarshal([]byte(text), result); err != nil {
		p.t.Fatalf("%v in %s", err, text)
	}
}

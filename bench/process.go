package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/bittensor-pylon/pylon/bench/internal/measure"
)

const (
	token       = "bench-token"
	readyWithin = 20 * time.Second
)

// bench owns the processes and files of one run.
type bench struct {
	ctx       context.Context
	round     time.Duration
	dir       string
	pylon     string // binary
	processes measure.Processes
	rows      []row
}

func (b *bench) build() error {
	dir, err := os.MkdirTemp("", "pylon-bench-")
	if err != nil {
		return err
	}
	b.dir = dir
	b.pylon = filepath.Join(dir, "pylon")
	cmd := exec.CommandContext(b.ctx, "go", "build", "-o", b.pylon, "./cmd/pylon")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	return nil
}

func (b *bench) cleanup() {
	b.processes.Stop()
	_ = os.RemoveAll(b.dir)
}

// startChain runs a development chain (with a service of its own that stays idle) and returns its address.
func (b *bench) startChain(neurons int, blockTime time.Duration) (string, error) {
	port, err := freePort()
	if err != nil {
		return "", err
	}
	cmd := exec.Command(b.pylon, "dev", "--quiet", "--port", "0", "--chain-port", strconv.Itoa(port),
		"--neurons", strconv.Itoa(neurons), "--block-time", blockTime.String())
	if _, err := b.processes.StartReady(cmd, readyWithin); err != nil {
		return "", err
	}
	return fmt.Sprintf("ws://127.0.0.1:%d", port), nil
}

// service is a running `pylon serve`.
type service struct {
	url     string
	process *exec.Cmd
	started time.Time
}

func (b *bench) startService(chain string, settings ...string) (*service, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(b.pylon, "serve")
	cmd.Dir = b.dir
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"),
		"PYLON_UVICORN_HOST=127.0.0.1", "PYLON_UVICORN_PORT=" + strconv.Itoa(port),
		"PYLON_BITTENSOR_NETWORK=" + chain, "PYLON_BITTENSOR_ARCHIVE_NETWORK=" + chain,
		"PYLON_OPEN_ACCESS_TOKEN=" + token,
	}, settings...)
	s := &service{url: fmt.Sprintf("http://127.0.0.1:%d", port), process: cmd, started: time.Now()}
	if err := b.processes.Start(cmd); err != nil {
		return nil, err
	}
	return s, nil
}

// startServing runs a development chain, and a service in front of it that answers.
func (b *bench) startServing(neurons int, blockTime time.Duration) (chain string, s *service, err error) {
	if chain, err = b.startChain(neurons, blockTime); err != nil {
		return "", nil, err
	}
	if s, err = b.startService(chain); err != nil {
		return "", nil, err
	}
	_, err = s.wait(latest)
	return chain, s, err
}

// wait polls until the path answers 200.
func (s *service) wait(path string) ([]byte, error) {
	deadline := time.Now().Add(20 * time.Second)
	for {
		body, err := fetch(s.url+path, nil)
		if err == nil {
			return body, nil
		}
		if time.Now().After(deadline) {
			return nil, err
		}
		time.Sleep(time.Millisecond)
	}
}

func fetch(url string, header map[string]string) ([]byte, error) {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := (&http.Client{Timeout: 10 * time.Second, Transport: http.DefaultTransport}).Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s: %s", url, resp.Status, body)
	}
	return body, nil
}

// freePort returns a port that nothing listens on, below the range that outgoing connections take theirs from.
func freePort() (int, error) {
	for range 100 {
		port := 20000 + rand.IntN(12000)
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("no free port")
}

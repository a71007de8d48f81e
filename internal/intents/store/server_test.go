package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
)

// postgresURL names a server to test with, "postgres://user:password@host:port/database". Without it the tests start one
// of their own, from the programs in PATH or of Debian's package postgresql.
const postgresURL = "PYLON_TEST_POSTGRES"

const canary = "canary-9f3a51" // the password of our own server

// postgresServer is a real server, started when the first test needs it.
type postgresServer struct {
	once    sync.Once
	err     error
	url     string
	folder  string
	process *exec.Cmd
	schemas atomic.Int64
	relay   *relay
}

var server postgresServer

// schema returns the URL of an empty place for tables of its own.
func (p *postgresServer) schema(t testing.TB, options url.Values) string {
	t.Helper()
	p.once.Do(func() { p.err = p.start() })
	need(t, p.err, "a PostgreSQL server")
	name := fmt.Sprintf("pylon_test_%d_%d", os.Getpid(), p.schemas.Add(1))
	p.exec(t, "CREATE SCHEMA "+name)
	t.Cleanup(func() { p.exec(t, "DROP SCHEMA "+name+" CASCADE") })
	u, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	for key := range options {
		query.Set(key, options.Get(key))
	}
	query.Set("search_path", name)
	u.RawQuery = query.Encode()
	return u.String()
}

// exec runs statements as the tests' own user.
func (p *postgresServer) exec(t testing.TB, statement string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, p.url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx) //nolint:errcheck // the statement is what counts
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatal(err)
	}
}

func (p *postgresServer) start() error {
	if p.url = os.Getenv(postgresURL); p.url != "" {
		return nil
	}
	bin, err := serverPrograms()
	if err != nil {
		return err
	}
	// A short name: the path of a socket has at most 107 bytes.
	if p.folder, err = os.MkdirTemp("", "pylonpg"); err != nil {
		return err
	}
	run := func(program string, arguments ...string) (*exec.Cmd, error) {
		cmd := exec.Command(filepath.Join(bin, program), arguments...)
		cmd.Dir = p.folder
		return cmd, unprivileged(cmd, p.folder)
	}
	password := filepath.Join(p.folder, "password")
	if err := os.WriteFile(password, []byte(canary+"\n"), 0o644); err != nil {
		return err
	}
	data := filepath.Join(p.folder, "data")
	initdb, err := run("initdb", "--pgdata="+data, "--username=pylon", "--auth=scram-sha-256", "--pwfile="+password, "--no-sync", "--encoding=UTF8", "--locale=C")
	if err != nil {
		return err
	}
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	if p.process, err = run("postgres", "-D", data, "-k", p.folder, "-c", "listen_addresses="); err != nil {
		return err
	}
	words, err := p.process.StderrPipe()
	if err != nil {
		return err
	}
	if err := p.process.Start(); err != nil {
		return err
	}
	ready := make(chan error, 1)
	go func() {
		var said strings.Builder
		for lines := bufio.NewScanner(words); lines.Scan(); {
			if strings.Contains(lines.Text(), "ready to accept connections") {
				ready <- nil
				_, _ = io.Copy(io.Discard, words)
				return
			}
			said.WriteString(lines.Text() + "\n")
		}
		ready <- errors.New("postgres: " + said.String())
	}()
	if err := <-ready; err != nil {
		return err
	}
	if p.relay, err = newRelay("unix", filepath.Join(p.folder, ".s.PGSQL.5432"), nil); err != nil {
		return err
	}
	p.url = "postgres://pylon:" + canary + "@" + p.relay.address() + "/postgres?sslmode=disable"
	return nil
}

func (p *postgresServer) stop() {
	if p.relay != nil {
		p.relay.close()
	}
	if p.process != nil && p.process.Process != nil {
		_ = p.process.Process.Signal(os.Interrupt)
		_ = p.process.Wait()
	}
	if p.folder != "" {
		_ = os.RemoveAll(p.folder)
	}
}

// serverPrograms finds the folder of initdb and postgres.
func serverPrograms() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("initdb is neither in PATH nor in /usr/lib/postgresql/*/bin, and " + postgresURL + " is not set")
	}
	return filepath.Dir(found[len(found)-1]), nil
}

// unprivileged lets a command run as a user that is not root, which the server asks for, and gives that user the folder.
func unprivileged(cmd *exec.Cmd, folder string) error {
	if os.Geteuid() != 0 {
		endWithUs(cmd, -1, -1)
		return nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		if account, err = user.Lookup("nobody"); err != nil {
			return err
		}
	}
	uid, err := strconv.Atoi(account.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(account.Gid)
	if err != nil {
		return err
	}
	endWithUs(cmd, uid, gid)
	return os.Chown(folder, uid, gid)
}

// relay passes connections of TCP on to a target and breaks them when it is told to.
type relay struct {
	// life is how many pieces of data a new connection passes on before it breaks; nil when it lasts.
	life     func() int64
	listener net.Listener
	network  string
	target   string
	mu       sync.Mutex
	open     map[net.Conn]bool
	closed   bool
	done     sync.WaitGroup
}

func newRelay(network, target string, life func() int64) (*relay, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &relay{life: life, listener: listener, network: network, target: target, open: map[net.Conn]bool{}}
	r.done.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			r.done.Go(func() { r.pass(conn) })
		}
	})
	return r, nil
}

func (r *relay) address() string { return r.listener.Addr().String() }

// keep remembers a connection to close with the relay; at once when that is closed.
func (r *relay) keep(conn net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open[conn] = true; r.closed {
		conn.Close()
	}
}

func (r *relay) pass(client net.Conn) {
	r.keep(client)
	upstream, err := net.Dial(r.network, r.target)
	if err != nil {
		client.Close()
		return
	}
	r.keep(upstream)
	var left atomic.Int64
	if left.Store(math.MaxInt64); r.life != nil {
		left.Store(r.life())
	}
	var both sync.WaitGroup
	for _, pair := range [][2]net.Conn{{client, upstream}, {upstream, client}} {
		both.Go(func() {
			buffer := make([]byte, 32<<10)
			for {
				n, err := pair[0].Read(buffer)
				if err != nil || left.Add(-1) < 0 {
					break
				}
				if _, err := pair[1].Write(buffer[:n]); err != nil {
					break
				}
			}
			pair[0].Close()
			pair[1].Close()
		})
	}
	both.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, client)
	delete(r.open, upstream)
}

func (r *relay) close() {
	r.listener.Close()
	r.mu.Lock()
	r.closed = true
	for conn := range r.open {
		conn.Close()
	}
	r.mu.Unlock()
	r.done.Wait()
}

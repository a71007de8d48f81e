package store

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/bittensor-pylon/pylon/internal/postgrestest"
)

// postgresServer is a real server, started when the first test needs it. Our own is reached through a relay, because
// the tests that break connections need an address of TCP.
type postgresServer struct {
	once    sync.Once
	err     error
	url     string
	process *postgrestest.Server
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

func (p *postgresServer) start() (err error) {
	if p.process, err = postgrestest.Start(); err != nil {
		return err
	}
	socket := p.process.Socket()
	if socket == "" {
		p.url = p.process.URL
		return nil
	}
	if p.relay, err = newRelay("unix", socket, nil); err != nil {
		return err
	}
	p.url = "postgres://pylon:" + postgrestest.Password + "@" + p.relay.address() + "/postgres?sslmode=disable"
	return nil
}

func (p *postgresServer) stop() {
	if p.relay != nil {
		p.relay.close()
	}
	if p.process != nil {
		p.process.Close()
	}
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

package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
)

// Server answers the REST contract. It is safe for concurrent use.
type Server struct {
	config Config
	log    *slog.Logger

	served       []resource
	routes       node
	identities   map[string]*identity
	identityList pylon.Identities
	openAccess   digest
	metrics      digest

	throttle    *throttle // nil when nobody is throttled
	instruments *instruments
	bodies      *bodies
	stream      *stream
	waiters     *gate
	failures    failures
	metricsPage http.Handler
	swagger     http.Handler

	connections atomic.Int64 // that are open

	draining  atomic.Bool
	capped    sparse // timeouts over the maximum
	failed    sparse // reads that failed
	throttled sparse // addresses that sent too many wrong tokens
}

// New returns a server that is ready to serve. It opens nothing and starts nothing.
func New(config Config) (*Server, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	s := &Server{
		config:      config,
		log:         config.Logger,
		served:      served(config),
		identities:  make(map[string]*identity, len(config.Identities)),
		openAccess:  config.OpenAccessToken.digest(),
		metrics:     config.MetricsToken.digest(),
		throttle:    newThrottle(config.WrongTokens),
		stream:      newStream(config.MaxEventReaders, config.Identities),
		waiters:     newGate(mostWaiters),
		metricsPage: newMetricsPage(config),
		swagger:     newSwagger(),
	}
	for _, known := range config.Identities {
		s.identities[known.Name] = &identity{Identity: known, token: known.Token.digest()}
		s.identityList = append(s.identityList, pylon.Identity{Name: known.Name, Netuid: known.Netuid})
	}
	var err error
	if s.bodies, err = newBodies(config.RenderedBytes); err != nil {
		return nil, err
	}
	if s.instruments, err = s.newInstruments(); err != nil {
		return nil, fmt.Errorf("server: Registry: %w", err)
	}
	s.buildRoutes()
	return s, nil
}

// Handler returns the handler of all routes.
func (s *Server) Handler() http.Handler { return s }

// The bounds of a connection.
const (
	headerTime = 10 * time.Second
	// requestTime is for headers and body. It ends when they have been read: what the answer takes is bounded by the
	// deadline of the request.
	requestTime = 30 * time.Second
	// writeTime is added to MaxTimeout for a client that reads slowly: net/http counts from the end of the headers.
	writeTime      = 30 * time.Second
	idleTime       = 75 * time.Second // longer than the 5 seconds for which clients keep a connection
	maxHeaderBytes = 64 << 10
)

// stoppingKey finds the context that ends when the server that a request came to begins to stop.
type stoppingKey struct{}

// Serve answers requests from the listener until ctx ends. Then it takes no more of them and lets those in flight
// finish, for at most the drain timeout. It closes the listener. The error is nil after a stop in time.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	// Requests in flight do not end with ctx, but with this function, when the time to drain is over.
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	// Streams would never finish: they hear of the stop.
	base = context.WithValue(base, stoppingKey{}, ctx)
	server := &http.Server{
		Handler:                      s,
		BaseContext:                  func(net.Listener) context.Context { return base },
		ReadHeaderTimeout:            headerTime,
		ReadTimeout:                  requestTime,
		WriteTimeout:                 s.config.MaxTimeout + writeTime,
		IdleTimeout:                  idleTime,
		MaxHeaderBytes:               maxHeaderBytes,
		ConnState:                    noteState,
		ErrorLog:                     slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
		DisableGeneralOptionsHandler: true,
	}
	listening, deaf := context.WithCancel(ctx)
	var following sync.WaitGroup
	defer following.Wait()
	defer deaf()
	following.Go(func() { s.stream.follow(listening, s.config.Events, s.config.Writes) })
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(s.bound(listener)) }()
	select {
	case err := <-failed:
		_ = server.Close()
		return fmt.Errorf("server: %w", err)
	case <-ctx.Done():
	}

	s.draining.Store(true)
	server.SetKeepAlivesEnabled(false)
	patience, done := context.WithTimeout(base, s.config.DrainTimeout)
	defer done()
	err := server.Shutdown(patience)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("server: requests were still in flight %v after the stop and have been cut off", s.config.DrainTimeout)
		_ = server.Close()
	}
	if served := <-failed; err == nil && !errors.Is(served, http.ErrServerClosed) {
		err = fmt.Errorf("server: %w", served)
	}
	return err
}

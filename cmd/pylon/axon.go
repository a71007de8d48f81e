package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/synapse"
	"github.com/bittensor-pylon/pylon/wallet"
)

type axonEchoCommand struct {
	neuronKey
	Listen string `default:"127.0.0.1:8091" help:"Address to listen on; port 0 takes any free one."`
	Bodies bool   `help:"Print the bodies too."`
}

// Help is shown by --help.
func (*axonEchoCommand) Help() string {
	return `Messages of every name are answered, if their signature is good. Their body hash is printed and not checked: which fields it covers is known to the message's class alone.`
}

// Bounds of what somebody may send to the echo.
const (
	echoBody     = 16 << 20
	echoPatience = 30 * time.Second
)

// Run serves until ctx ends.
func (c *axonEchoCommand) Run(ctx context.Context, p process) error {
	key, err := c.open(p)
	if err != nil {
		return err
	}
	a, err := axon.New(axon.Config{Signer: key, Verifier: wallet.NewVerifier(0)})
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "axon %s at http://%s\n", a.Hotkey(), listener.Addr())
	server := &http.Server{
		Handler: &echo{axon: a, bodies: c.Bodies, out: p.stdout}, ReadTimeout: echoPatience, WriteTimeout: echoPatience, MaxHeaderBytes: 64 << 10,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), echoPatience)
	defer cancel()
	err = server.Shutdown(grace)
	if served := <-served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// echo answers messages of every name.
type echo struct {
	axon   *axon.Axon
	bodies bool
	mu     sync.Mutex
	out    io.Writer // guarded by mu
}

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	name := strings.TrimPrefix(r.URL.Path, "/")
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, echoBody))
	status, fields, m := http.StatusBadRequest, map[string]json.RawMessage{}, new(synapse.Synapse)
	if err == nil {
		err = synapse.FromHTTP(r.Header, m)
	}
	if err == nil {
		status, err = http.StatusUnauthorized, e.axon.DefaultVerify(r.Context(), m)
	}
	if err == nil && len(body) > 0 {
		if err = json.Unmarshal(body, &fields); err != nil {
			status = http.StatusUnprocessableEntity
		}
	}
	said := "Success"
	if err != nil {
		said = err.Error()
		fields = map[string]json.RawMessage{"message": quoted(said)}
	} else {
		status = http.StatusOK
	}
	e.report(r, name, m, status, said, body)

	m.Axon.SetStatus(status, said)
	m.Axon.ProcessTime = synapse.Some(time.Since(start).Seconds())
	answer, err := json.Marshal(fields)
	if err != nil {
		answer, status = []byte(`{}`), http.StatusInternalServerError
	}
	headers, err := synapse.ToHeaders(m)
	if err != nil {
		headers = nil
	}
	for _, h := range headers {
		if h.Name == "name" {
			h.Value = name
		}
		w.Header()[h.Name] = []string{strings.Map(printable, h.Value)} // in lower case, which Python needs
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(answer)
}

// report prints what came. Names and bodies are quoted: they are a stranger's.
func (e *echo) report(r *http.Request, name string, m *synapse.Synapse, status int, said string, body []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	fmt.Fprintf(e.out, "%s  %d %q  %q from %q (%s), SDK %s, timeout %s, %d bytes, body hash %q\n",
		time.Now().Format(time.TimeOnly), status, said, name, m.Dendrite.Hotkey.Or("nobody"), r.RemoteAddr, m.Dendrite.Version, m.Timeout, len(body),
		m.ComputedBodyHash().Or(""))
	if e.bodies {
		fmt.Fprintf(e.out, "%q\n", body)
	}
}

func quoted(text string) json.RawMessage {
	return json.RawMessage(strconv.AppendQuoteToASCII(nil, strings.Map(printable, text)))
}

// printable is for headers, whose text must not end them.
func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return '?'
	}
	return r
}

package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// A request is followed from its route to its status, whatever becomes of it, and goes on with the context that the
// hook returns.
func TestTrace(t *testing.T) {
	t.Parallel()
	type key struct{}
	type traced struct {
		route, id string
		status    int
	}
	var seen []traced
	f := newFixture(t, func(c *Config) {
		c.Trace = func(r *http.Request, route, id string) (context.Context, func(int)) {
			return context.WithValue(r.Context(), key{}, id), func(status int) { seen = append(seen, traced{route, id, status}) }
		}
	})
	const template = "/api/v1/subnet/{netuid}/block/latest/neurons"
	var found any
	f.chain.before = func(ctx context.Context, _ string) error { found = ctx.Value(key{}); return nil }
	f.ask(t, v1Neurons, append(authorization(openToken), "X-Request-Id", "first")...)
	if found != "first" {
		t.Errorf("the read has the context of request %v", found)
	}
	f.chain.before = func(context.Context, string) error { return errors.New("broken") }
	f.ask(t, v1Neurons, append(authorization(openToken), "X-Request-Id", "second")...)
	f.chain.before = func(context.Context, string) error { panic("broken") }
	f.ask(t, v1Neurons, append(authorization(openToken), "X-Request-Id", "third")...)
	f.ask(t, v1Neurons, "X-Request-Id", "fourth")
	f.ask(t, "/nowhere", "X-Request-Id", "fifth") // has no route
	if want := []traced{{template, "first", 200}, {template, "second", 500}, {template, "third", 500}, {template, "fourth", 401}}; !slices.Equal(seen, want) {
		t.Errorf("traced %v, want %v", seen, want)
	}
}

func TestAccessLevel(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		access slog.Leveler
		log    slog.Level
		logged bool
	}{
		{nil, slog.LevelDebug, true},
		{nil, slog.LevelInfo, false},
		{slog.LevelInfo, slog.LevelInfo, true},
		{slog.LevelWarn, slog.LevelInfo, true},
		{slog.LevelInfo, slog.LevelWarn, false},
	} {
		var log logBuffer
		f := newFixture(t, func(c *Config) {
			c.AccessLevel = test.access
			c.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: test.log}))
		})
		f.ask(t, v1Neurons, append(authorization(openToken), "X-Request-Id", "the-request")...)
		line := log.String()
		if logged := strings.Contains(line, `"msg":"request answered"`); logged != test.logged {
			t.Errorf("access %v, log %v: %q", test.access, test.log, line)
		}
		if test.logged && !(strings.Contains(line, `"id":"the-request"`) && strings.Contains(line, `"status":200`) && strings.Contains(line, "duration")) {
			t.Errorf("the line says too little: %s", line)
		}
	}
}

// hotAllocations is what an answer from memory costs, as it was before there were hooks for traces.
const hotAllocations = 4

// A service without a collector pays nothing for traces.
func TestNoTraceCostsNothing(t *testing.T) { //nolint:paralleltest // counts allocations
	f := newFixture(t, asShipped)
	request := newRequest(t.Context(), v1Neurons, authorization(openToken)...)
	w := &discard{header: http.Header{}}
	answer := func() {
		clear(w.header)
		f.ServeHTTP(w, request)
	}
	answer() // is rendered
	if n := testing.AllocsPerRun(200, answer); n > hotAllocations {
		t.Errorf("an answer from memory allocates %v times, %d without any hook", n, hotAllocations)
	}
}

package server

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// patient lets every read wait for the end of its context.
func patient(ctx context.Context, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

// pass lets time pass in a synctest bubble, where it takes none.
func pass(d time.Duration) { <-time.After(d) }

// The expected values are what Python's float and repr say.
func TestFloatsAreReadAndPrintedAsByPython(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/python-floats.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows [][2]*string
	if err := json.Unmarshal(data, &rows); err != nil || len(rows) < 50 {
		t.Fatal(len(rows), err)
	}
	for _, row := range rows {
		text := *row[0]
		value, ok := parsePythonFloat(text)
		word := strings.ContainsAny(strings.ToLower(text), "nf") || text == "٥" // what we refuse and Python does not
		if want := row[1] != nil && !word; ok != want {
			t.Errorf("%q: read %v, want %v", text, ok, want)
		} else if ok && pythonFloat(value) != *row[1] {
			t.Errorf("%q: printed as %s, want %s", text, pythonFloat(value), *row[1])
		}
	}
}

func TestConformance077And078BadTimeouts(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for value, detail := range map[string]string{
		"abc":       "Invalid X-Pylon-Timeout header value: abc",
		"":          "Invalid X-Pylon-Timeout header value: ",
		"nan":       "Invalid X-Pylon-Timeout header value: nan",
		"inf":       "Invalid X-Pylon-Timeout header value: inf",
		"-Infinity": "Invalid X-Pylon-Timeout header value: -Infinity",
		"0x10":      "Invalid X-Pylon-Timeout header value: 0x10",
		`1"`:        `Invalid X-Pylon-Timeout header value: 1"`,
		"-5":        "X-Pylon-Timeout header value must be positive, got -5.0",
		"0":         "X-Pylon-Timeout header value must be positive, got 0.0",
		"-0.0":      "X-Pylon-Timeout header value must be positive, got -0.0",
		"-1e-07":    "X-Pylon-Timeout header value must be positive, got -1e-07",
		"-1e400":    "X-Pylon-Timeout header value must be positive, got -inf",
		"1e-400":    "X-Pylon-Timeout header value must be positive, got 0.0",
	} {
		// It comes before the guard, on every route.
		for _, path := range []string{v1Neurons, "/api/v1/identities", "/health", "/metrics"} {
			wantProblem(t, f.ask(t, path, timeoutHeader, value), 400, detail)
		}
		wantProblem(t, f.ask(t, "/nope", timeoutHeader, value), 404, "Not Found")
	}
}

func TestConformance079And080And124Timeouts(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]struct{ least, most time.Duration }{
		"":         {60 * time.Second, 60 * time.Second}, // the default is announced to nobody
		"0.5":      {400 * time.Millisecond, 499 * time.Millisecond},
		"1":        {900 * time.Millisecond, 999 * time.Millisecond},
		"60.0":     {59 * time.Second, 60*time.Second - 100*time.Millisecond},
		"6e1":      {59 * time.Second, 60*time.Second - 100*time.Millisecond},
		"1e-06":    {0, time.Microsecond},
		"300":      {299 * time.Second, 300*time.Second - 100*time.Millisecond},
		"301":      {300 * time.Second, 300 * time.Second},
		"1e300":    {300 * time.Second, 300 * time.Second},
		"1e400":    {300 * time.Second, 300 * time.Second},
		" 1_0.0e0": {9 * time.Second, 10*time.Second - 100*time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, nil)
			f.chain.before = patient
			headers := authorization(openToken)
			if header != "" {
				headers = append(headers, timeoutHeader, header)
			}
			began := time.Now()
			wantProblem(t, f.ask(t, v1Neurons, headers...), 504, "Request timed out")
			if took := time.Since(began); took < want.least || took > want.most {
				t.Errorf("header %q: answered after %v, want %v to %v", header, took, want.least, want.most)
			}
			if capped := want.most == 300*time.Second; capped != strings.Contains(f.log.String(), "capped") {
				t.Errorf("header %q: log %s", header, f.log)
			}
		})
	}
}

func TestConfiguredTimeouts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, func(c *Config) { c.DefaultTimeout, c.MaxTimeout = 7*time.Second, 9*time.Second })
		f.chain.before = patient
		began := time.Now()
		f.ask(t, "/api/v1/block/latest")
		if took := time.Since(began); took != 7*time.Second {
			t.Errorf("the default took %v", took)
		}
		for range 5 {
			began = time.Now()
			f.ask(t, "/api/v1/block/latest", timeoutHeader, "100")
			if took := time.Since(began); took != 9*time.Second {
				t.Errorf("the maximum took %v", took)
			}
		}
		if n := strings.Count(f.log.String(), "capped"); n != 1 {
			t.Errorf("%d warnings within a minute", n)
		}
		pass(time.Minute)
		f.ask(t, "/api/v1/block/latest", timeoutHeader, "100")
		if n := strings.Count(f.log.String(), "capped"); n != 2 {
			t.Errorf("%d warnings after a minute", n)
		}
	})
}

func TestConformance123TinyTimeout(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	// What needs no chain is answered all the same.
	wantBody(t, f.ask(t, "/api/v1/identities", timeoutHeader, "1e-06"), 200, `{"identities":{"sn1":1,"another":2}}`)
	if got := f.ask(t, v1Neurons, append(authorization(openToken), timeoutHeader, "60.0")...); got.Code != 200 {
		t.Errorf("60.0: %d", got.Code)
	}
	f.chain.before = patient
	wantProblem(t, f.ask(t, v1Neurons, append(authorization(openToken), timeoutHeader, "1e-06")...), 504, "Request timed out")
}

func TestAReadThatFailsAfterItsTimeIsATimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		f.chain.before = func(ctx context.Context, _ string) error {
			pass(2 * time.Second)
			return os.ErrClosed
		}
		wantProblem(t, f.ask(t, "/api/v1/block/latest", timeoutHeader, "1"), 504, "Request timed out")
		wantProblem(t, f.ask(t, "/api/v1/block/latest", timeoutHeader, "3"), 500, "Internal Server Error")
	})
}

func TestDeadlineIsAContextLikeOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		parent, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
		defer cancel()

		early := newDeadline(parent, time.Now().Add(time.Second), nil)
		if at, ok := early.Deadline(); !ok || !at.Equal(time.Now().Add(time.Second)) || early.Err() != nil || early.Value(key{}) != "value" {
			t.Error("a fresh deadline is wrong")
		}
		child, cancelChild := context.WithTimeout(early, time.Hour)
		defer cancelChild()
		if early.Value(key{}) != "value" || child.Value(key{}) != "value" {
			t.Error("values are lost")
		}
		<-child.Done()
		if !errors.Is(child.Err(), context.DeadlineExceeded) || !errors.Is(early.Err(), context.DeadlineExceeded) || !early.expired() {
			t.Errorf("after the time: %v, %v", child.Err(), early.Err())
		}

		unwatched := newDeadline(parent, time.Now().Add(time.Second), nil)
		pass(time.Second)
		if !errors.Is(unwatched.Err(), context.DeadlineExceeded) {
			t.Errorf("unwatched: %v", unwatched.Err())
		}

		finished := newDeadline(parent, time.Now().Add(time.Hour), nil)
		finished.finish()
		if !errors.Is(finished.Err(), context.Canceled) {
			t.Errorf("finished: %v", finished.Err())
		}
		ended := time.Now()
		<-finished.Done()
		if !time.Now().Equal(ended) {
			t.Error("a finished request waits for its deadline")
		}
		watched := newDeadline(parent, time.Now().Add(time.Hour), nil)
		done := watched.Done()
		watched.finish()
		<-done

		for _, open := range []*deadline{newDeadline(parent, time.Now().Add(time.Hour), nil), newDeadline(parent, time.Now().Add(time.Hour), nil)} {
			child := context.WithValue(open, key{}, "other")
			cancel()
			if !errors.Is(open.Err(), context.Canceled) || open.expired() {
				t.Errorf("canceled: %v", open.Err())
			}
			<-child.Done()
			open.finish()
		}
	})
}

func FuzzTimeoutHeader(f *testing.F) {
	for _, seed := range []string{"60.0", "1e-06", "-0", "nan", "1_0", "0x1p3", " +.5e-1 "} {
		f.Add(seed)
	}
	server := newFixture(f, nil)
	f.Fuzz(func(t *testing.T, value string) {
		allowed, err := server.timeout(map[string][]string{timeoutHeader: {value}})
		if err == nil && (allowed <= 0 || allowed > server.config.MaxTimeout) {
			t.Fatalf("%q: %v", value, allowed)
		}
		if number, ok := parsePythonFloat(value); ok && math.IsNaN(number) {
			t.Fatalf("%q is no number", value)
		}
	})
}

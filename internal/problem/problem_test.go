package problem_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/bittensor-pylon/pylon/internal/problem"
)

func TestKindOfFindsTheOutermostProblem(t *testing.T) {
	t.Parallel()
	cause := errors.New("connection reset")
	inner := problem.Wrap(problem.Timeout, "Request timed out", context.Canceled)
	for name, test := range map[string]struct {
		err  error
		want problem.Kind
	}{
		"nothing":                     {nil, problem.Unknown},
		"an error of somebody else":   {cause, problem.Unknown},
		"a problem":                   {problem.New(problem.NotFound, "Block 7 not found."), problem.NotFound},
		"a wrapped problem":           {fmt.Errorf("reading: %w", problem.Newf(problem.NotFound, "Block %d not found.", 7)), problem.NotFound},
		"a problem in a problem":      {problem.Wrap(problem.Unavailable, "get_block failed", inner), problem.Unavailable},
		"a deadline":                  {fmt.Errorf("reading: %w", context.DeadlineExceeded), problem.Timeout},
		"a cancellation":              {context.Canceled, problem.Canceled},
		"a problem over a deadline":   {problem.Wrap(problem.Unavailable, "get_block failed", context.DeadlineExceeded), problem.Unavailable},
		"an unknown problem, on view": {problem.New(problem.Unknown, "?"), problem.Unknown},
	} {
		if got := problem.KindOf(test.err); got != test.want {
			t.Errorf("%s: kind %v, want %v", name, got, test.want)
		}
	}
}

func TestErrorKeepsItsCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("connection reset")
	err := problem.Wrap(problem.Unavailable, "get_block failed on finney", cause)
	if !errors.Is(err, cause) {
		t.Error("the cause is lost")
	}
	if got, want := err.Error(), "get_block failed on finney: connection reset"; got != want {
		t.Errorf("text %q, want %q", got, want)
	}
	if got, want := (&problem.Error{Kind: problem.NotReady}).Error(), "not ready"; got != want {
		t.Errorf("text without a detail %q, want %q", got, want)
	}
}

func TestEveryKindHasItsOwnName(t *testing.T) {
	t.Parallel()
	seen := map[string]problem.Kind{}
	for _, kind := range problem.Kinds() {
		name := kind.String()
		if other, taken := seen[name]; taken || name == "" {
			t.Errorf("kinds %d and %d are both called %q", other, kind, name)
		}
		seen[name] = kind
	}
	if got := problem.Kind(200).String(); got != "kind 200" {
		t.Errorf("a kind out of range is called %q", got)
	}
}

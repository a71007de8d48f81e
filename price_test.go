package pylon_test

import (
	"errors"
	"math"
	"testing"

	pylon "github.com/bittensor-pylon/pylon"
)

func TestTokensAndRao(t *testing.T) {
	t.Parallel()
	for tokens, rao := range map[float64]pylon.Rao{
		0: 0, 1e-9: 1, 0.1: 100_000_000, 1: 1_000_000_000, 0.123456789: 123_456_789, 21e6: 21_000_000_000_000_000,
	} {
		if got, err := pylon.RaoOf(tokens); err != nil || got != rao {
			t.Errorf("%v tokens are %d rao, %v", tokens, got, err)
		}
		if got := rao.Tokens(); got != tokens {
			t.Errorf("%d rao are %v tokens", rao, got)
		}
	}
	if got, err := pylon.RaoOf(0.4e-9); err != nil || got != 0 {
		t.Errorf("less than half a rao: %d, %v", got, err)
	}
	for _, wrong := range []float64{-1, math.NaN(), math.Inf(1), 1.9e10} {
		if got, err := pylon.RaoOf(wrong); !errors.Is(err, pylon.ErrInvalid) {
			t.Errorf("%v tokens are %d rao, %v", wrong, got, err)
		}
	}
}

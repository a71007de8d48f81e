package devchain

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var genesisTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// newChain makes a chain that runs tiny and is closed with the test.
func newChain(t testing.TB, change func(*Config)) *Chain {
	t.Helper()
	config := Config{Runtime: &tiny{spec: 1}, GenesisTime: genesisTime}
	if change != nil {
		change(&config)
	}
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func produce(t testing.TB, c *Chain, n int) Block {
	t.Helper()
	b, err := c.Produce(n)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestProduce(t *testing.T) {
	t.Parallel()
	c := newChain(t, nil)
	b := produce(t, c, 5)
	if b.Number != 5 || c.Best().Hash != b.Hash || c.Finalized().Number != 2 {
		t.Errorf("block %d, best %d, final %d", b.Number, c.Best().Number, c.Finalized().Number)
	}
}

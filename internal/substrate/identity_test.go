package substrate

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Nodes of two chains in one setting: the first that can be reached decides, however fast the others are.
func TestTheFirstReachableNodeDecides(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(network *pipes, remove func())
		want  int
	}{
		"both answer":         {spoil: func(*pipes, func()) {}, want: 0},
		"the first is absent": {spoil: func(_ *pipes, remove func()) { remove() }, want: 1},
		"the first is silent": {spoil: func(network *pipes, _ func()) { network.hosts["first"].gate.shut() }, want: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 10 {
				synctest.Test(t, func(t *testing.T) {
					network := newPipes(t)
					nodes := []*scripted{newScripted(t, "a", 10), newScripted(t, "another", 50)}
					remove := network.add("first", nodes[0])
					network.add("second", nodes[1])
					test.spoil(network, remove)
					c := network.client(Config{}, "first", "second")
					began := time.Now()
					g, err := c.Genesis(t.Context())
					if err != nil || g != nodes[test.want].header(0).Hash {
						t.Errorf("genesis %s, %v, want that of node %d", g, err, test.want)
					}
					if took := time.Since(began); took > 3*time.Second {
						t.Errorf("that took %v", took)
					}
				})
			}
		})
	}
}

// Clients of one chain agree which it is: what the one has learnt, the other keeps to.
func TestSharedIdentity(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := newPipes(t)
		network.add("a", newScripted(t, "a", 10))
		network.add("b", newScripted(t, "another", 50))
		identity := new(Identity)
		main := network.client(Config{Chain: identity}, "a")
		if _, err := main.Head(t.Context()); err != nil {
			t.Fatal(err)
		}
		archive := network.client(Config{Chain: identity}, "b")
		if _, err := archive.Head(t.Context()); KindOf(err) != KindWrongChain {
			t.Errorf("%v", err)
		}
	})
	decided := new(Identity)
	decided.decide(finneyGenesis)
	if _, err := New(Config{Chain: decided, Nodes: []string{"test"}}); err == nil || !strings.Contains(err.Error(), finneyGenesis.String()) {
		t.Errorf("clients of one chain were given the names of two: %v", err)
	}
}

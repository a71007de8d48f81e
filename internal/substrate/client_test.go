package substrate

import (
	"testing"
	"testing/synctest"
)

func TestHeadFollowsTheNode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newPipes(t)
		node := newScripted(t, "a", 10)
		net.add("a", node)
		c := net.client(Config{}, "a")
		if _, ok := c.KnownHead(); ok {
			t.Error("a head is known before anybody has asked")
		}
		if node.accepted != 0 {
			t.Error("New has opened a connection")
		}
		h, err := c.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if want := node.head(); h != want {
			t.Errorf("head %v, not %v", h, want)
		}
		want := node.produce(3)
		synctest.Wait()
		if got, _ := c.KnownHead(); got != want {
			t.Errorf("head %v, not %v", got, want)
		}
		f, err := c.Finalized(t.Context())
		if err != nil || f.Number != want.Number-2 {
			t.Errorf("finalised head %v, %v", f, err)
		}
	})
}

package chain

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// taken returns the events that are there now, in words.
func taken(events <-chan pylon.ChainEvent) (all []string) {
	synctest.Wait()
	for {
		select {
		case event, ok := <-events:
			if !ok {
				return append(all, "closed")
			}
			text := fmt.Sprintf("%s %d", event.Kind, event.Block.Number)
			if event.Block.Hash != hashNumber(event.Block.Number).Hash {
				text += " of another fork"
			}
			if event.Kind == pylon.EventEpoch {
				text += fmt.Sprintf(" of %d", event.Netuid)
			}
			all = append(all, text)
		default:
			return all
		}
	}
}

func wantEvents(t *testing.T, events <-chan pylon.ChainEvent, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, taken(events)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// putEpoch stores what a runtime that counts epochs stores of a subnet's.
func (n *fakeNode) putEpoch(t *testing.T, number uint64, netuid uint16, index, last uint64) {
	t.Helper()
	n.put(t, number, "SubtensorModule", "SubnetEpochIndex", scale.AppendUint64(nil, index), netuid)
	n.put(t, number, "SubtensorModule", "LastEpochBlock", scale.AppendUint64(nil, last), netuid)
}

func TestEventsOfHeads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node := newFakeNode(t)
		c := newFakeChain(t, node, node, Config{})
		early, stopEarly := c.Events(10)
		c.Start()
		wantEvents(t, early)
		node.grow(1, 5)
		node.finalize(2)
		wantEvents(t, early, "head 5", "finalized 2")
		late, stopLate := c.Events(10)
		wantEvents(t, late, "head 5", "finalized 2")
		node.setHead(node.add(6))
		fork := node.addFork(6, 1, 0)
		node.setHead(fork)
		node.finalize(5)
		for _, events := range []<-chan pylon.ChainEvent{early, late} {
			wantEvents(t, events, "head 6", "head 6 of another fork", "finalized 5")
		}
		stopEarly()
		stopEarly()
		wantEvents(t, early, "closed")
		node.setHead(node.add(7))
		wantEvents(t, late, "head 7")
		if node.called("StorageBatch") != 0 {
			t.Error("epochs were read of no subnets")
		}
		c.Close()
		wantEvents(t, late, "closed")
		stopLate()
		after, stop := c.Events(1)
		wantEvents(t, after, "closed")
		stop()
	})
}

// Who does not read loses the oldest events, and nobody else does.
func TestSlowReaderOfEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node := newFakeNode(t)
		c := newFakeChain(t, node, node, Config{})
		c.Start()
		slow, stopSlow := c.Events(0)
		defer stopSlow()
		quick, stopQuick := c.Events(100)
		defer stopQuick()
		for number := range uint64(50) {
			node.grow(number+1, number+1)
			wantEvents(t, quick, fmt.Sprintf("head %d", number+1))
		}
		wantEvents(t, slow, "head 49", "head 50")
	})
}

func TestEventsOfEpochs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node := newFakeNode(t)
		node.runtime = runtimeOf(t, 425, "v15")
		c := newFakeChain(t, node, node, Config{EventSubnets: []pylon.Netuid{3, 1, 9}})
		c.Start()
		block := func(number uint64, index1, last1, index3, last3 uint64) substrate.Header {
			header := node.add(number)
			node.change(number, func(b *fakeBlock) { b.subnets[3] = nil })
			node.putEpoch(t, number, 1, index1, last1)
			node.putEpoch(t, number, 3, index3, last3)
			return header
		}
		node.setHead(block(10, 5, 9, 8, 3))
		synctest.Wait()
		if node.called("StorageBatch") != 0 {
			t.Error("epochs are read though nobody wants to know")
		}
		events, stop := c.Events(10)
		defer stop()
		wantEvents(t, events, "head 10")

		// The first block that is looked at begins nothing.
		node.setHead(block(11, 5, 9, 8, 3))
		wantEvents(t, events, "head 11")
		node.setHead(block(12, 6, 12, 8, 3))
		wantEvents(t, events, "head 12", "epoch 12 of 1")
		before := node.called("")
		node.setHead(block(13, 6, 12, 8, 3))
		wantEvents(t, events, "head 13")
		if got := node.called("") - before; got != 2 {
			t.Errorf("%d calls for a block", got)
		}
		// Heads were missed. One epoch began at the parent of the head, one before.
		block(14, 6, 12, 9, 14)
		block(15, 7, 15, 9, 14)
		node.setHead(block(16, 7, 15, 9, 14))
		wantEvents(t, events, "head 16", "epoch 15 of 1", "epoch 14 of 3")
		// A change of the tempo moves the last epoch, and begins none.
		node.setHead(block(17, 7, 17, 9, 14))
		wantEvents(t, events, "head 17")
		// A read that fails is made up for.
		failing := &substrate.Error{Kind: substrate.KindTransport, Op: "state_queryStorageAt"}
		node.setHook(func(_ context.Context, call fakeCall) error {
			if call.method == "StorageBatch" {
				return failing
			}
			return nil
		})
		node.setHead(block(18, 8, 18, 9, 14))
		wantEvents(t, events, "head 18")
		node.setHook(nil)
		node.setHead(block(19, 8, 18, 9, 14))
		wantEvents(t, events, "head 19", "epoch 18 of 1")
		// A subnet that goes and comes back begins anew.
		gone := block(20, 9, 20, 9, 14)
		node.change(20, func(b *fakeBlock) { delete(b.subnets, 1) })
		node.setHead(gone)
		wantEvents(t, events, "head 20")
		node.setHead(block(21, 10, 21, 9, 14))
		wantEvents(t, events, "head 21")
		node.setHead(block(22, 11, 22, 9, 14))
		wantEvents(t, events, "head 22", "epoch 22 of 1")
	})
}

// The subnets that somebody reads are followed without being configured, as long as they are read.
func TestEventsOfSubnetsThatAreRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node := newFakeNode(t)
		c := newFakeChain(t, node, node, Config{KeepReady: time.Minute})
		c.Start()
		tempo := func(number uint64) substrate.Header {
			header := node.add(number)
			node.put(t, number, "SubtensorModule", "Tempo", scale.AppendUint16(nil, 8), uint16(1))
			return header
		}
		node.setHead(tempo(5))
		events, stop := c.Events(10)
		defer stop()
		if _, err := c.LatestNeurons(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		if _, err := c.LatestNeurons(t.Context(), 77); err == nil {
			t.Fatal("there is a subnet 77")
		}
		wantEvents(t, events, "head 5")
		// With tempo 8 the epochs of subnet 1 begin at the blocks that leave 7 when divided by 9.
		node.setHead(tempo(6))
		wantEvents(t, events, "head 6")
		node.setHead(tempo(7))
		wantEvents(t, events, "head 7", "epoch 7 of 1")
		for number := uint64(8); number < 18; number++ {
			tempo(number)
		}
		node.setHead(tempo(18))
		wantEvents(t, events, "head 18", "epoch 16 of 1")
		pause(2 * time.Minute)
		before := node.called("StorageBatch")
		node.setHead(tempo(26))
		wantEvents(t, events, "head 26")
		if node.called("StorageBatch") != before {
			t.Error("the epochs of a subnet are read that nobody reads")
		}
	})
}

func TestEpochsBeforeTheyWereCounted(t *testing.T) {
	t.Parallel()
	clock := must(newLayout(runtimeOf(t, 343, "v15")).epochClock())(t)
	for _, test := range []struct {
		number uint64
		netuid pylon.Netuid
		tempo  uint16
		want   epoch
		none   bool
	}{
		{number: 5_000_000, netuid: 12, tempo: 360, want: epoch{13850, 4_999_837}},
		{number: 5_000_197, netuid: 12, tempo: 360, want: epoch{13850, 4_999_837}},
		{number: 5_000_198, netuid: 12, tempo: 360, want: epoch{13851, 5_000_198}},
		{number: 0, netuid: 0, tempo: 360, want: epoch{0, 0}},
		{number: 5, netuid: 4, tempo: 1, want: epoch{5, 5}},
		{number: 5, netuid: 4, tempo: 0, none: true},
	} {
		raw := scale.AppendUint16(nil, test.tempo)
		got, ok, err := clock.read(test.number, test.netuid, raw, raw)
		if err != nil || ok == test.none || got != test.want {
			t.Errorf("%+v: %+v, %v, %v", test, got, ok, err)
		}
	}
	// Nothing is stored: the tempo is the default.
	if got, ok, err := clock.read(361, 0, nil, nil); err != nil || !ok || got.index == 0 && got.first != 0 {
		t.Errorf("%+v, %v, %v", got, ok, err)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node := newFakeNode(t)
		c := newFakeChain(t, node, node, Config{CacheBytes: 1 << 20})
		if diff := cmp.Diff(Status{Cache: CacheStatus{Limit: 1 << 20}}, c.Status()); diff != "" {
			t.Error(diff)
		}
		c.Start()
		node.grow(1, 5)
		first := time.Now()
		synctest.Wait()
		pause(time.Second)
		node.finalize(2)
		if _, err := c.LatestNeurons(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Neurons(t.Context(), 5, 1); err != nil {
			t.Fatal(err)
		}
		if _, err := c.LatestNeurons(t.Context(), 77); err == nil {
			t.Fatal("there is a subnet 77")
		}
		synctest.Wait()
		got := c.Status()
		if got.Cache.Bytes <= 0 || got.Cache.Entries != 2 || got.Cache.Hits != 1 || got.Cache.Misses != 2 {
			t.Errorf("%+v", got.Cache)
		}
		got.Cache = CacheStatus{}
		want := Status{
			Head:      &SeenBlock{Block: hashNumber(5), Seen: first},
			Finalized: &SeenBlock{Block: hashNumber(2), Seen: first.Add(time.Second)},
			Subnets:   []KeptNeurons{{Netuid: 1, Block: hashNumber(5), Neurons: 2}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

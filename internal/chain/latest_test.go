package chain

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// numberOf is the block of an answer, which its neurons were updated at.
func numberOf(t testing.TB, neurons *pylon.Neurons, err error) uint64 {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if len(neurons.Neurons) != 2 || neurons.Neurons[0].LastUpdate != neurons.Block.Number {
		t.Fatalf("neurons of another block than %d: %+v", neurons.Block.Number, neurons.Neurons)
	}
	return neurons.Block.Number
}

// callsPerBlock is what one subnet costs at one block: the runtime, the neurons, the state.
const callsPerBlock = 3

func TestAHotReadCostsNoCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node := newFakeNode(t)
		node.grow(1, 10)
		c := newFakeChain(t, node, node, Config{})
		c.Start()
		if n, err := c.LatestNeurons(t.Context(), 1); numberOf(t, n, err) != 10 {
			t.Fatalf("block %d", n.Block.Number)
		}
		if got := node.called(""); got != callsPerBlock {
			t.Errorf("%d calls for the first answer", got)
		}
		for number := uint64(11); number <= 15; number++ {
			pause(blockTime)
			before := node.called("")
			node.setHead(node.add(number))
			synctest.Wait()
			var group sync.WaitGroup
			var first *pylon.Neurons
			for range 256 {
				group.Go(func() {
					neurons, err := c.LatestNeurons(t.Context(), 1)
					if err != nil || neurons.Block.Number != number {
						t.Errorf("%v, %v", neurons, err)
					}
					validators, err := c.LatestValidators(t.Context(), 1)
					if err != nil || validators.Block.Number != number {
						t.Errorf("%v, %v", validators, err)
					}
				})
			}
			group.Wait()
			first, _ = c.LatestNeurons(t.Context(), 1)
			if again, _ := c.LatestNeurons(t.Context(), 1); again != first {
				t.Error("two answers at one block are not the same value")
			}
			if byNumber, err := c.Neurons(t.Context(), number, 1); byNumber != first || err != nil {
				t.Errorf("the answer by number is another value: %v", err)
			}
			if got := node.called("") - before; got != callsPerBlock {
				t.Errorf("block %d: %d calls", number, got)
			}
		}
	})
}

func TestReadersOfAColdSubnetShareTheCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node := newFakeNode(t)
		node.grow(1, 10)
		node.setHook(func(context.Context, fakeCall) error { pause(time.Millisecond); return nil })
		c := newFakeChain(t, node, node, Config{})
		var group sync.WaitGroup
		for range 256 {
			group.Go(func() {
				if n, err := c.LatestNeurons(t.Context(), 1); err != nil || n.Block.Number != 10 {
					t.Errorf("%v, %v", n, err)
				}
			})
		}
		group.Wait()
		if got := node.called(""); got != callsPerBlock {
			t.Errorf("%d calls", got)
		}
	})
}

// While the newest block is being read, readers get its parent's answer and do not wait; never an older one.
func TestLatestIsAtMostOneBlockBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node := newFakeNode(t)
		node.grow(1, 10)
		c := newFakeChain(t, node, node, Config{})
		c.Start()
		n, err := c.LatestNeurons(t.Context(), 1)
		numberOf(t, n, err)

		slow := make(chan struct{})
		node.setHook(func(_ context.Context, call fakeCall) error {
			if call.at == hashOf(11, 0) {
				<-slow
			}
			return nil
		})
		node.setHead(node.add(11))
		synctest.Wait()
		if n, err := c.LatestNeurons(t.Context(), 1); numberOf(t, n, err) != 10 {
			t.Errorf("block %d while 11 is read", n.Block.Number)
		}
		if block, ok := c.Head(); !ok || block.Number != 11 {
			t.Errorf("head %v", block)
		}

		// Two blocks behind: wait for 12, which is fast, whatever becomes of 11.
		node.setHead(node.add(12))
		synctest.Wait()
		if n, err := c.LatestNeurons(t.Context(), 1); numberOf(t, n, err) != 12 {
			t.Errorf("block %d when 12 is ready", n.Block.Number)
		}
		close(slow)
		synctest.Wait()
		if n, err := c.LatestNeurons(t.Context(), 1); numberOf(t, n, err) != 12 {
			t.Errorf("the late answer of 11 replaced that of 12: block %d", n.Block.Number)
		}
	})
}

func TestLatestWaitsWhenItIsTwoBlocksBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node := newFakeNode(t)
		node.grow(1, 10)
		c := newFakeChain(t, node, node, Config{})
		n, err := c.LatestNeurons(t.Context(), 1)
		numberOf(t, n, err)
		slow := make(chan struct{})
		node.setHook(func(context.Context, fakeCall) error { <-slow; return nil })
		node.grow(11, 12) // nothing is read ahead: there was no Start
		read := make(chan uint64, 1)
		go func() {
			n, err := c.LatestNeurons(t.Context(), 1)
			read <- numberOf(t, n, err)
		}()
		synctest.Wait()
		select {
		case number := <-read:
			t.Errorf("block %d was served two blocks late", number)
		default:
		}
		close(slow)
		if number := <-read; number != 12 {
			t.Errorf("block %d", number)
		}
	})
}

// A head of the same number, or a lower one, on another fork is the newest head all the same.
func TestLatestFollowsForks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node := newFakeNode(t)
		node.grow(1, 10)
		c := newFakeChain(t, node, node, Config{})
		c.Start()
		for _, head := range []substrate.Header{
			node.addFork(10, 0, 0),
			node.addFork(10, 1, 0),
			node.addFork(11, 1, 1),
			node.addFork(11, 2, 0),
			node.addFork(9, 3, 0),
			node.addFork(10, 3, 3),
			node.addFork(12, 0, 0),
		} {
			pause(blockTime)
			node.setHead(head)
			synctest.Wait()
			n, err := c.LatestNeurons(t.Context(), 1)
			numberOf(t, n, err)
			if n.Block.Hash != head.Hash.String() {
				t.Errorf("block %s at head %s", n.Block.Hash, head.Hash)
			}
			info, err := c.LatestBlock(t.Context())
			if err != nil || info.Hash != head.Hash.String() {
				t.Errorf("info %v at head %s: %v", info, head.Hash, err)
			}
		}
	})
}

func TestLatestOfAForkIsNotServedForItsSibling(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node := newFakeNode(t)
		node.grow(1, 10)
		c := newFakeChain(t, node, node, Config{})
		c.Start()
		n, err := c.LatestNeurons(t.Context(), 1)
		numberOf(t, n, err)
		sibling := node.addFork(10, 1, 0)
		node.setHook(func(context.Context, fakeCall) error { pause(time.Second); return nil })
		start := time.Now()
		node.setHead(sibling)
		n, err = c.LatestNeurons(t.Context(), 1)
		numberOf(t, n, err)
		if n.Block.Hash != sibling.Hash.String() || time.Since(start) < time.Second {
			t.Errorf("block %s after %v", n.Block.Hash, time.Since(start))
		}
	})
}

func TestAFailedReadAheadIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node := newFakeNode(t)
		node.grow(1, 10)
		c := newFakeChain(t, node, node, Config{})
		c.Start()
		n, err := c.LatestNeurons(t.Context(), 1)
		numberOf(t, n, err)
		node.setHook(func(_ context.Context, call fakeCall) error {
			return &substrate.Error{Kind: substrate.KindTransport, Op: call.method}
		})
		node.setHead(node.add(11))
		synctest.Wait()
		before := node.called("")
		for range 100 {
			if n, err := c.LatestNeurons(t.Context(), 1); numberOf(t, n, err) != 10 {
				t.Fatalf("block %d", n.Block.Number)
			}
		}
		synctest.Wait()
		if got := node.called("") - before; got != 0 {
			t.Errorf("%d calls at once after a failure", got)
		}
		node.setHook(nil)
		pause(attemptPause)
		n, err = c.LatestNeurons(t.Context(), 1)
		numberOf(t, n, err)
		synctest.Wait()
		if n, err := c.LatestNeurons(t.Context(), 1); numberOf(t, n, err) != 11 {
			t.Errorf("block %d after the failure is over", n.Block.Number)
		}
	})
}

// Reads ahead wait for each other beyond a number, and one that has waited past its block is not made.
func TestReadsAheadAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node := newFakeNode(t)
		node.grow(1, 10)
		c := newFakeChain(t, node, node, Config{ReadAhead: 2})
		c.Start()
		subnets := []pylon.Netuid{1, 2, 3, 4, 5, 6}
		addAll := func(number uint64) substrate.Header {
			header := node.add(number)
			node.change(number, func(b *fakeBlock) {
				for _, netuid := range subnets {
					b.subnets[netuid] = twoNeurons()
				}
			})
			return header
		}
		node.setHead(addAll(11))
		synctest.Wait()
		for _, netuid := range subnets {
			n, err := c.LatestNeurons(t.Context(), netuid)
			numberOf(t, n, err)
		}
		slow := make(chan struct{})
		node.setHook(func(_ context.Context, call fakeCall) error {
			if call.at == hashOf(12, 0) {
				<-slow
			}
			return nil
		})
		before := node.called("Runtime")
		node.setHead(addAll(12))
		synctest.Wait()
		if got := node.called("Runtime") - before; got != 2 {
			t.Errorf("%d reads at once", got)
		}
		node.setHead(addAll(13))
		close(slow)
		synctest.Wait()
		if got := node.called("Runtime") - before; got != 2+len(subnets) {
			t.Errorf("%d reads instead of 2 of block 12 and %d of block 13", got, len(subnets))
		}
		for _, netuid := range subnets {
			if n := c.ReadyNeurons(netuid); n == nil || n.Block.Number != 13 {
				t.Errorf("subnet %d: %v", netuid, n)
			}
		}
	})
}

// Who reads now and then takes what is ready for others, the parent's answer too.
func TestReadNeuronsTakesWhatIsReady(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node := newFakeNode(t)
		node.grow(1, 10)
		c := newFakeChain(t, node, node, Config{})
		n, err := c.LatestNeurons(t.Context(), 1)
		numberOf(t, n, err)
		node.setHead(node.add(11))
		before := node.called("")
		if same, err := c.ReadNeurons(t.Context(), 1); same != n || err != nil {
			t.Errorf("%v, %v", same, err)
		}
		if got := node.called("") - before; got != 0 {
			t.Errorf("%d calls", got)
		}
		node.setHead(node.add(12))
		if n, err := c.ReadNeurons(t.Context(), 1); numberOf(t, n, err) != 12 {
			t.Errorf("block %d", n.Block.Number)
		}
	})
}

func TestWhatNobodyAsksForIsNotReadAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node := newFakeNode(t)
		node.grow(1, 10)
		c := newFakeChain(t, node, node, Config{KeepReady: time.Minute})
		c.Start()
		synctest.Wait()
		if got := node.called(""); got != 0 {
			t.Errorf("%d calls before anybody asked", got)
		}
		n, err := c.LatestNeurons(t.Context(), 1)
		numberOf(t, n, err)
		if _, err := c.LatestNeurons(t.Context(), 2); problem.KindOf(err) != problem.NotFound {
			t.Errorf("subnet 2: %v", err)
		}
		if _, err := c.ReadNeurons(t.Context(), 3); problem.KindOf(err) != problem.NotFound {
			t.Errorf("subnet 3: %v", err)
		}
		for number := uint64(11); number <= 20; number++ {
			pause(blockTime)
			before := node.called("")
			node.setHead(node.add(number))
			synctest.Wait()
			want := callsPerBlock
			if number >= 15 { // a minute after the last request
				want = 0
			}
			if got := node.called("") - before; got != want {
				t.Errorf("block %d: %d calls instead of %d", number, got, want)
			}
		}
		if c.ReadyNeurons(1) != nil {
			t.Error("the subnet is still followed")
		}
	})
}

func TestASubnetAppearsAndGoes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node := newFakeNode(t)
		node.grow(1, 10)
		c := newFakeChain(t, node, node, Config{})
		c.Start()
		for number := uint64(11); number <= 20; number++ {
			pause(blockTime)
			header := node.add(number)
			exists := number >= 13 && number < 17
			node.change(number, func(b *fakeBlock) {
				if exists {
					b.subnets[7] = twoNeurons()
				}
			})
			node.setHead(header)
			synctest.Wait()
			_, err := c.LatestNeurons(t.Context(), 7)
			synctest.Wait()
			neurons, err2 := c.LatestNeurons(t.Context(), 7) // the first may have been the parent's
			if exists != (err2 == nil) {
				t.Errorf("block %d: %v, %v", number, err, err2)
			}
			if !exists && (problem.KindOf(err2) != problem.NotFound || err2.Error() != "Subnet 7 not found.") {
				t.Errorf("block %d: %v", number, err2)
			}
			if exists && neurons.Block.Number != number {
				t.Errorf("block %d instead of %d", neurons.Block.Number, number)
			}
		}
	})
}

func TestBlockInfo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node := newFakeNode(t)
		node.grow(1, 10)
		c := newFakeChain(t, node, node, Config{})
		c.Start()
		want := pylon.BlockInfo{Number: 10, Hash: hashOf(10, 0).String(), Timestamp: 1_700_000_120}
		info, err := c.LatestBlock(t.Context())
		if err != nil || *info != want {
			t.Errorf("%+v, %v", info, err)
		}
		if again, err := c.LatestBlock(t.Context()); again != info || err != nil {
			t.Errorf("another value: %v", err)
		}
		pause(blockTime)
		node.setHead(node.add(11))
		synctest.Wait()
		before := node.called("")
		if info, err = c.LatestBlock(t.Context()); err != nil || info.Number != 11 {
			t.Errorf("%+v, %v", info, err)
		}
		if got := node.called("") - before; got != 0 {
			t.Errorf("%d calls for the hot info", got)
		}
		if old, err := c.BlockInfo(t.Context(), 4); err != nil || old.Number != 4 || old.Timestamp != 1_700_000_048 {
			t.Errorf("%+v, %v", old, err)
		}
	})
}

// Block info never comes from behind: it waits for the newest head.
func TestBlockInfoIsNeverBehindNeurons(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node := newFakeNode(t)
		node.grow(1, 10)
		c := newFakeChain(t, node, node, Config{})
		c.Start()
		if _, err := c.LatestBlock(t.Context()); err != nil {
			t.Fatal(err)
		}
		n, err := c.LatestNeurons(t.Context(), 1)
		numberOf(t, n, err)
		node.setHook(func(_ context.Context, call fakeCall) error {
			if call.method == "Timestamp.Now" {
				pause(time.Second)
			}
			return nil
		})
		node.setHead(node.add(11))
		synctest.Wait()
		if n, err := c.LatestNeurons(t.Context(), 1); numberOf(t, n, err) != 11 {
			t.Fatalf("block %d", n.Block.Number)
		}
		if info, err := c.LatestBlock(t.Context()); err != nil || info.Number != 11 {
			t.Errorf("%+v, %v", info, err)
		}
	})
}

// A chain that is gone is an error within a block time and the confirmation, though the last head stays known.
func TestAnAnswerFromMemoryNeedsAChain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node := newFakeNode(t)
		node.grow(1, 10)
		c := newFakeChain(t, node, node, Config{})
		c.Start()
		n, err := c.LatestNeurons(t.Context(), 1)
		numberOf(t, n, err)

		// The chain stands still, which is no failure.
		pause(time.Hour)
		if n, err := c.LatestNeurons(t.Context(), 1); numberOf(t, n, err) != 10 {
			t.Errorf("block %d", n.Block.Number)
		}
		if got := node.called("Head"); got != 1 {
			t.Errorf("%d looks at the head", got)
		}

		node.setHead(node.add(11))
		synctest.Wait()
		node.setHook(func(context.Context, fakeCall) error {
			return &substrate.Error{Kind: substrate.KindTransport, Op: "connect", Node: "ws://10.0.0.1:9944", Message: "connection refused"}
		})
		pause(blockTime - time.Nanosecond)
		if n, err := c.LatestNeurons(t.Context(), 1); numberOf(t, n, err) != 11 {
			t.Errorf("block %d", n.Block.Number)
		}
		pause(confirmation)
		for _, read := range []func() error{
			func() error { _, err := c.LatestNeurons(t.Context(), 1); return err },
			func() error { _, err := c.LatestValidators(t.Context(), 1); return err },
			func() error { _, err := c.LatestBlock(t.Context()); return err },
			func() error { _, err := c.Neurons(t.Context(), 11, 1); return err },
			func() error { _, err := c.ReadNeurons(t.Context(), 1); return err },
		} {
			err := read()
			want := "get_latest_block failed on ws://10.0.0.1:9944: Transport: connection refused"
			if problem.KindOf(err) != problem.Unavailable || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%v", err)
			}
		}
		node.setHook(nil)
		if n, err := c.LatestNeurons(t.Context(), 1); numberOf(t, n, err) != 11 {
			t.Errorf("block %d", n.Block.Number)
		}
	})
}

// After a clock is set back, what was noted before lies in its future. It must not count until the clock is there again.
func TestAClockThatIsSetBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node := newFakeNode(t)
		node.grow(1, 10)
		c := newFakeChain(t, node, node, Config{})
		n, err := c.LatestNeurons(t.Context(), 1)
		numberOf(t, n, err)
		pause(2 * blockTime)
		before := time.Now().Add(2 * time.Hour).UnixNano()
		c.lookout.confirmed.Store(before)
		asked := c.latestOf(1)
		asked.asked.Store(before)
		node.setHook(func(context.Context, fakeCall) error {
			return &substrate.Error{Kind: substrate.KindTransport, Op: "connect", Message: "connection refused"}
		})
		if n, err := c.LatestNeurons(t.Context(), 1); problem.KindOf(err) != problem.Unavailable {
			t.Errorf("without a node: %+v, %v", n, err)
		}
		if idle := asked.idle(); idle != 0 {
			t.Errorf("asked for %v ago", idle)
		}
	})
}

func TestEstimatedNumber(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node := newFakeNode(t)
		c := newFakeChain(t, node, node, Config{})
		if number, ok := c.EstimatedNumber(); ok {
			t.Errorf("%d before the first block", number)
		}
		if _, ok := c.Head(); ok {
			t.Error("a head before the first block")
		}
		node.setHead(node.add(100))
		for after, want := range []uint64{100, 101, 102} {
			if number, ok := c.EstimatedNumber(); number != want || !ok {
				t.Errorf("%d blocks later: %d", after, number)
			}
			pause(blockTime - time.Nanosecond)
			if number, _ := c.EstimatedNumber(); number != want {
				t.Errorf("just before the next: %d instead of %d", number, want)
			}
			pause(time.Nanosecond)
		}
		node.setHead(node.add(101))
		if number, _ := c.EstimatedNumber(); number != 101 {
			t.Errorf("%d at block 101", number)
		}
	})
}

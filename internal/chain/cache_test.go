package chain

import (
	"testing"

	"pgregory.net/rapid"

	pylon "github.com/bittensor-pylon/pylon"
)

func TestCacheForgetsWhatWasUsedLeastRecently(t *testing.T) {
	t.Parallel()
	c := newCache(3 * (100 + entryOverhead))
	q := func(netuid int) question { return question{topic: aboutNeurons, netuid: pylon.Netuid(netuid)} }
	for i := range 3 {
		c.put(q(i), i, 100)
	}
	c.get(q(0))
	c.put(q(3), 3, 100)
	for i, want := range []bool{true, false, true, true} {
		if got, ok := c.get(q(i)); ok != want || ok && got != i {
			t.Errorf("entry %d: %v, %v", i, got, ok)
		}
	}
	c.put(q(0), "another", 100)
	if got, _ := c.get(q(0)); got != 0 {
		t.Errorf("a kept answer was replaced by %v", got)
	}
	c.put(q(4), 4, 3*(100+entryOverhead))
	if _, ok := c.get(q(4)); ok {
		t.Error("an answer over the limit is kept")
	}
	if _, ok := c.get(q(0)); !ok {
		t.Error("an answer over the limit drove others out")
	}
}

// The cache beside the plainest list that does the same.
func TestCacheIsAListByUse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.Int64Range(0, 4000).Draw(t, "limit")
		c := newCache(limit)
		type kept struct {
			number, bytes int64
		}
		var list []kept // the one used last is the last
		find := func(number int64) int {
			for i, k := range list {
				if k.number == number {
					return i
				}
			}
			return -1
		}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			number := rapid.Int64Range(0, 9).Draw(t, "number")
			q := question{topic: aboutHash, number: uint64(number)}
			at := find(number)
			if rapid.Bool().Draw(t, "put") {
				bytes := rapid.Int64Range(0, 2000).Draw(t, "bytes")
				c.put(q, number, bytes)
				if at < 0 && bytes+entryOverhead <= limit {
					list = append(list, kept{number, bytes + entryOverhead})
				}
			} else {
				got, ok := c.get(q)
				if ok != (at >= 0) || ok && got != number {
					t.Fatalf("get %d: %v, %v", number, got, ok)
				}
				if at >= 0 {
					k := list[at]
					list = append(append(list[:at:at], list[at+1:]...), k)
				}
			}
			var sum int64
			for _, k := range list {
				sum += k.bytes
			}
			for sum > limit {
				sum -= list[0].bytes
				list = list[1:]
			}
			if c.size() != sum {
				t.Fatalf("%d bytes instead of %d", c.size(), sum)
			}
		}
	})
}

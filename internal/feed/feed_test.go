package feed

import (
	"slices"
	"sync"
	"testing"
)

func drain(events <-chan int) (got []int) {
	for {
		select {
		case event, ok := <-events:
			if !ok {
				return append(got, -1)
			}
			got = append(got, event)
		default:
			return got
		}
	}
}

func TestFeed(t *testing.T) {
	t.Parallel()
	var f Feed[int]
	f.Tell(1)
	if f.Wanted() {
		t.Error("wanted by nobody")
	}
	quick, leave := f.Join(10)
	late, _ := f.Join(0, 2, 3)
	for event := range 4 {
		f.Tell(4 + event)
	}
	if got := drain(quick); !slices.Equal(got, []int{4, 5, 6, 7}) {
		t.Errorf("a quick reader got %v", got)
	}
	leave()
	leave()
	if got := drain(quick); !slices.Equal(got, []int{-1}) {
		t.Errorf("after leaving: %v", got)
	}
	if !f.Wanted() {
		t.Error("the other reader is not counted")
	}
	f.Close()
	f.Close()
	f.Tell(8)
	if got := drain(late); !slices.Equal(got, []int{6, 7, -1}) {
		t.Errorf("a late reader got %v", got)
	}
	after, leave := f.Join(4, 9)
	leave()
	if got := drain(after); !slices.Equal(got, []int{-1}) || f.Wanted() {
		t.Errorf("who joined after the end got %v", got)
	}
}

// Readers come, go and read while events are told, and nobody waits for them.
func TestFeedAtOnce(t *testing.T) {
	t.Parallel()
	var f Feed[int]
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				events, leave := f.Join(3)
				last := -1
				for range 3 {
					for _, event := range drain(events) {
						if event <= last {
							t.Errorf("%d after %d", event, last)
						}
						last = event
					}
				}
				leave()
			}
		})
	}
	for event := range 5000 {
		f.Tell(event)
	}
	wg.Wait()
	f.Close()
}

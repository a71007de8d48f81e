package dendrite

import "sync"

// lanes are the ids under which calls are signed. An axon takes the messages of
// one id only in the order of their nonces, and of calls that are made at once,
// some overtake others. So each call that is on its way to one axon has an id of
// its own, which is used again when the call has ended. There are as many ids as
// calls to one axon at once, at most.
type lanes struct {
	mu    sync.Mutex
	uuids []string         // guarded by mu
	busy  map[string]*lane // guarded by mu; by target, while calls to it are made
}

// lane is which ids are in use for one target.
type lane struct {
	free   []int
	opened int
	calls  int
}

// take returns an id that no other call to the target uses, and a function that
// gives it back.
func (l *lanes) take(target string) (uuid string, giveBack func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	to := l.busy[target]
	if to == nil {
		to = new(lane)
		l.busy[target] = to
	}
	to.calls++
	var i int
	if n := len(to.free); n > 0 {
		i = to.free[n-1]
		to.free = to.free[:n-1]
	} else {
		i = to.opened
		to.opened++
	}
	if i == len(l.uuids) {
		l.uuids = append(l.uuids, newUUID())
	}
	return l.uuids[i], func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		to.free = append(to.free, i)
		if to.calls--; to.calls == 0 {
			delete(l.busy, target)
		}
	}
}

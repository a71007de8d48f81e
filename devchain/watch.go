package devchain

// watch is a client's wish to be told what becomes of an extrinsic. Its fields are
// guarded by the lock of the node's subscriptions.
type watch struct {
	hash  Hash
	limit uint64 // for how many blocks it waits for finality

	begun   bool // the client has the id of its subscription
	over    bool // nothing comes any more
	backlog []any

	seen     *block // the best block that it knows
	included *block // which holds the extrinsic, on the best chain
}

// say passes statuses on, or keeps them until the client has the id.
func (w *watch) say(statuses []any) []any {
	if w.begun {
		return statuses
	}
	w.backlog = append(w.backlog, statuses...)
	return nil
}

// update says what new heads mean for the extrinsic.
func (w *watch) update(u *update) []any {
	if w.over {
		return nil
	}
	var statuses []any
	if u.best != nil {
		left, entered := route(w.seen, u.best)
		w.seen = u.best
		for _, b := range left {
			if b == w.included {
				statuses = append(statuses, map[string]any{"retracted": b.Hash})
				w.included = nil
			}
		}
		for _, b := range entered {
			if w.included == nil && b.holds(w.hash) {
				statuses = append(statuses, map[string]any{"inBlock": b.Hash})
				w.included = b
			}
		}
	}
	if w.included != nil {
		switch {
		case u.finalized != nil && w.included.isAncestorOf(u.finalized):
			statuses = append(statuses, map[string]any{"finalized": w.included.Hash})
			w.over = true
		case w.seen.Number > w.included.Number+w.limit:
			statuses = append(statuses, map[string]any{"finalityTimeout": w.included.Hash})
			w.over = true
		}
	}
	return w.say(statuses)
}

// holds tells whether the block holds an extrinsic.
func (b *block) holds(hash Hash) bool {
	for _, h := range b.extrinsicHashes() {
		if h == hash {
			return true
		}
	}
	return false
}

// notifyExtrinsic tells those who watch an extrinsic of its status in the pool.
func (s *subscriptions) notifyExtrinsic(hash Hash, status any, last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remain(func(sub *subscription) bool {
		w := sub.watch
		if w == nil || w.hash != hash || w.over {
			return false
		}
		w.over = last
		return s.deliver(sub, w.say([]any{status}))
	})
}

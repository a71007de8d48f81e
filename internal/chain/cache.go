package chain

import "sync"

// cache keeps answers by question, the most recently used ones, up to a number of bytes. An answer is immutable and
// belongs to a block's hash (or to a finalised block number), so nothing in it ever gets stale; it is only forgotten.
type cache struct {
	limit int64

	mu      sync.Mutex // guards the rest
	bytes   int64
	entries map[question]*entry
	root    entry // root.next is the newest entry, root.prev the oldest
}

type entry struct {
	question   question
	answer     any
	bytes      int64
	next, prev *entry
}

// entryOverhead is about what an entry costs beside its answer: itself, its place in the map, the answer's header.
const entryOverhead = 256

func newCache(limit int64) *cache {
	c := &cache{limit: limit, entries: make(map[question]*entry)}
	c.root.next, c.root.prev = &c.root, &c.root
	return c
}

// get returns the answer to q and makes it the most recently used one.
func (c *cache) get(q question) (any, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[q]
	if !ok {
		return nil, false
	}
	e.unlink()
	c.pushFront(e)
	return e.answer, true
}

// put keeps the answer to q, which takes about that many bytes, and forgets the least recently used ones over the
// limit. An answer that is over the limit by itself is not kept. A question that already has an answer keeps it, so
// that everybody who asks sees the same value.
func (c *cache) put(q question, answer any, bytes int64) {
	bytes += entryOverhead
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.entries[q]; ok || bytes > c.limit {
		return
	}
	e := &entry{question: q, answer: answer, bytes: bytes}
	c.entries[q] = e
	c.pushFront(e)
	c.bytes += bytes
	for c.bytes > c.limit {
		oldest := c.root.prev
		oldest.unlink()
		delete(c.entries, oldest.question)
		c.bytes -= oldest.bytes
	}
}

// size returns the number of bytes that the answers are counted as.
func (c *cache) size() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bytes
}

// count returns the number of answers.
func (c *cache) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.entries)
}

func (c *cache) pushFront(e *entry) {
	e.prev, e.next = &c.root, c.root.next
	e.prev.next, e.next.prev = e, e
}

func (e *entry) unlink() {
	e.prev.next, e.next.prev = e.next, e.prev
	e.prev, e.next = nil, nil
}

package substrate

import "container/list"

// recent is a map that forgets what was not used for longest. It is not safe for concurrent use.
type recent[K comparable, V any] struct {
	limit int
	order list.List // of *recentEntry[K, V], the latest in front
	items map[K]*list.Element
}

type recentEntry[K comparable, V any] struct {
	key   K
	value V
}

func newRecent[K comparable, V any](limit int) *recent[K, V] {
	return &recent[K, V]{limit: limit, items: make(map[K]*list.Element)}
}

func (r *recent[K, V]) get(key K) (V, bool) {
	e, ok := r.items[key]
	if !ok {
		var zero V
		return zero, false
	}
	r.order.MoveToFront(e)
	return e.Value.(*recentEntry[K, V]).value, true
}

func (r *recent[K, V]) put(key K, value V) {
	if e, ok := r.items[key]; ok {
		e.Value.(*recentEntry[K, V]).value = value
		r.order.MoveToFront(e)
		return
	}
	r.items[key] = r.order.PushFront(&recentEntry[K, V]{key, value})
	if len(r.items) > r.limit {
		last := r.order.Back()
		r.order.Remove(last)
		delete(r.items, last.Value.(*recentEntry[K, V]).key)
	}
}

func (r *recent[K, V]) clear() {
	r.order.Init()
	clear(r.items)
}

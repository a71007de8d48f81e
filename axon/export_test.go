package axon

// Waiting returns how many messages wait for a worker.
func (a *Axon) Waiting() int {
	a.queue.mu.Lock()
	defer a.queue.mu.Unlock()
	return len(a.queue.waiting)
}

package axon

import (
	"sync"

	"github.com/bittensor-pylon/pylon/ss58"
)

// maxAddresses is how many addresses are remembered.
const maxAddresses = 1024

// addresses remembers the keys of addresses of Bittensor's prefix whose owners
// have signed something, so that strangers do not displace them.
type addresses struct {
	mu   sync.RWMutex
	keys map[string][32]byte // guarded by mu
}

// decode is ss58.Decode.
func (a *addresses) decode(address string) (key [32]byte, prefix uint16, err error) {
	a.mu.RLock()
	key, known := a.keys[address]
	a.mu.RUnlock()
	if known {
		return key, ss58.Bittensor, nil
	}
	return ss58.Decode(address)
}

// add remembers an address, in the place of any other when there are too many.
func (a *addresses) add(address string, key [32]byte) {
	a.mu.RLock()
	_, known := a.keys[address]
	a.mu.RUnlock()
	if known {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.keys == nil {
		a.keys = make(map[string][32]byte)
	}
	for other := range a.keys {
		if len(a.keys) < maxAddresses {
			break
		}
		delete(a.keys, other)
	}
	a.keys[address] = key
}

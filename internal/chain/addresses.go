package chain

import (
	"sync/atomic"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/ss58"
)

// accountID is an account as the chain has it: a public key, or the hash of what stands in for one.
type accountID = [32]byte

// addressBook remembers the addresses of one subnet's neurons, so that the next block does not make them again: an
// address costs a hash and a base conversion, and its text would be a new string in each block. It is a list by place
// in the runtime's list of neurons, which is the uid: nearly always the neuron that stood there in the last block
// stands there still, and comparing two keys is all that it takes to know.
type addressBook struct {
	page atomic.Pointer[addressPage]
}

// addressPage is what the book knew at one block. It is immutable.
type addressPage struct {
	block   uint64
	entries []addressEntry
}

type addressEntry struct {
	hotkeyID, coldkeyID accountID
	hotkey              pylon.Hotkey
	coldkey             pylon.Coldkey
}

// addressReader gives the addresses of one list of neurons, in the order of the list.
type addressReader struct {
	book  *addressBook
	page  *addressPage
	block uint64
	size  int
	place int
	// fresh is the list as it is at this block, from the first difference to the page on. Until then it is nil.
	fresh []addressEntry
	// coldkeys are the addresses that this reader had to make: a few people own many neurons.
	coldkeys map[accountID]pylon.Coldkey
}

// read returns a reader for a list of size neurons at that block.
func (b *addressBook) read(block uint64, size int) *addressReader {
	page := b.page.Load()
	if page == nil {
		page = new(addressPage)
	}
	return &addressReader{book: b, page: page, block: block, size: size}
}

// next returns the addresses of the next neuron of the list.
func (r *addressReader) next(hotkey, coldkey *accountID) (pylon.Hotkey, pylon.Coldkey) {
	place := r.place
	r.place++
	var known addressEntry
	if place < len(r.page.entries) {
		known = r.page.entries[place]
	}
	sameHotkey := known.hotkey != "" && known.hotkeyID == *hotkey
	sameColdkey := known.coldkey != "" && known.coldkeyID == *coldkey
	if sameHotkey && sameColdkey && r.fresh == nil {
		return known.hotkey, known.coldkey
	}
	if r.fresh == nil {
		r.fresh = append(make([]addressEntry, 0, r.size), r.page.entries[:min(place, len(r.page.entries))]...)
	}
	if !sameHotkey {
		known.hotkeyID, known.hotkey = *hotkey, pylon.Hotkey(ss58.Encode(*hotkey))
	}
	if !sameColdkey {
		known.coldkeyID, known.coldkey = *coldkey, r.coldkey(coldkey)
	}
	r.fresh = append(r.fresh, known)
	return known.hotkey, known.coldkey
}

func (r *addressReader) coldkey(id *accountID) pylon.Coldkey {
	if address, ok := r.coldkeys[*id]; ok {
		return address
	}
	if r.coldkeys == nil {
		r.coldkeys = make(map[accountID]pylon.Coldkey)
	}
	address := pylon.Coldkey(ss58.Encode(*id))
	r.coldkeys[*id] = address
	return address
}

// done puts what was new into the book. The list of an old block does not replace that of a newer one.
func (r *addressReader) done() {
	if r.fresh != nil && r.block >= r.page.block {
		// Of two readers at once the last one wins: nothing is lost that cannot be made again.
		r.book.page.Store(&addressPage{block: r.block, entries: r.fresh})
	}
}

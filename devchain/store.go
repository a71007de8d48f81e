package devchain

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/bittensor-pylon/pylon/devchain/internal/journal"
	"github.com/bittensor-pylon/pylon/devchain/internal/trie"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// store keeps a chain in a directory: a lock and a journal of records, in the
// order in which things happened. All integers are SCALE, "bytes" a compact
// length and that many bytes. A record is one of
//
//	0  block:     header (below), then its writes: compact count and for each the
//	              key as bytes, 1 and the value as bytes, or 0 for a deleted key
//	1  headless:  header of a block without its writes
//	2  state:     hash of a block that was headless so far, and what its state has
//	              other than its parent's, as writes; all of it if the parent has none
//	3  finalised: hash
//
//	header: parent hash, compact number, state root, extrinsics root, compact
//	        count of digest items and each as bytes, time in milliseconds (u64),
//	        spec name as bytes and spec version (u32) of the runtime that reads
//	        the state, compact count of extrinsics and each as bytes
//
// The genesis block's writes are its whole state. Nothing is executed when the
// journal is read: writes are applied, and every state root is checked.
type store struct {
	lock    *os.File
	journal *journal.Journal
	looked  int64 // how long the journal was when it was last looked at whether it can be shorter
}

const (
	recordBlock = iota
	recordHeadless
	recordState
	recordFinalized
)

const (
	lockFile    = "LOCK"
	journalFile = "blocks"
)

// compactFrom is the size from which a journal is made anew without the states
// that are not kept, if those are most of it. That is looked at when the chain is
// opened, and whenever the journal has become twice as long.
const compactFrom = 32 << 20

// openStore reads the directory into the ledger.
func openStore(config Config, l *ledger, runtimes *runtimes) (*store, error) {
	if err := os.MkdirAll(config.StateDir, 0o700); err != nil {
		return nil, fmt.Errorf("devchain: make the state directory: %w", err)
	}
	lock, err := journal.Lock(filepath.Join(config.StateDir, lockFile))
	if err != nil {
		return nil, fmt.Errorf("devchain: the state directory is in use by another chain: %w", err)
	}
	s := &store{lock: lock}
	replay := replay{ledger: l, runtimes: runtimes, keep: config.KeepStates}
	s.journal, err = journal.Open(filepath.Join(config.StateDir, journalFile), replay.record)
	if err == nil && replay.finalized != nil {
		l.finalize(replay.finalized)
	}
	if err == nil && s.journal.Size() >= compactFrom && replay.dropped > len(l.stateful) {
		err = s.compact(l, config.Logger)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("devchain: read the state directory: %w", err), s.close())
	}
	s.looked = s.journal.Size()
	return s, nil
}

func (s *store) compact(l *ledger, log *slog.Logger) error {
	log.Info("compact the block journal", slog.Int64("bytes", s.journal.Size()))
	return s.journal.Rewrite(func(add func([]byte) error) error { return rewrite(l, add) })
}

// compact keeps the journal of a chain that runs for long from holding every state
// that there ever was. A failure is logged only: the journal is as it was. The
// caller holds building.
func (c *Chain) compact() {
	s, l := c.store, c.ledger
	if s == nil || s.journal.Size() < max(compactFrom, 2*s.looked) {
		return
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if len(l.imported) > 2*len(l.stateful) {
		if err := s.compact(l, c.log); err != nil {
			c.log.Error("the block journal was not compacted", slog.Any("error", err))
		}
	}
	s.looked = s.journal.Size()
}

func (s *store) close() error {
	if s == nil {
		return nil
	}
	var errs []error
	if s.journal != nil {
		errs = append(errs, s.journal.Close())
	}
	return errors.Join(append(errs, s.lock.Close())...)
}

func (s *store) sync() error {
	if s == nil {
		return nil
	}
	if err := s.journal.Sync(); err != nil {
		return fmt.Errorf("devchain: sync the block journal: %w", err)
	}
	return nil
}

// save records a block before it is imported.
func (c *Chain) save(b *block, state *trie.Editor) error {
	if c.store == nil {
		return nil
	}
	record := appendBlock([]byte{recordBlock}, b)
	keys := state.Touched()
	record = scale.AppendCompact(record, uint64(len(keys)))
	for _, key := range keys {
		value, ok := state.Get(key)
		record = appendWrite(record, key, value, ok)
	}
	if err := c.store.journal.Append(record); err != nil {
		return fmt.Errorf("devchain: record block %d: %w", b.Number, err)
	}
	return nil
}

// saveFinalized records that a block is final. A failure is logged only: the
// chain goes on, and after a restart finality is where it was recorded last.
func (c *Chain) saveFinalized(b *block) {
	if c.store == nil {
		return
	}
	if err := c.store.journal.Append(append([]byte{recordFinalized}, b.Hash[:]...)); err != nil {
		c.log.Error("the finalised block was not recorded", slog.Uint64("number", b.Number), slog.Any("error", err))
	}
}

func appendBlock(dst []byte, b *block) []byte {
	dst = append(dst, b.Parent[:]...)
	dst = scale.AppendCompact(dst, b.Number)
	dst = append(dst, b.StateRoot[:]...)
	dst = append(dst, b.ExtrinsicsRoot[:]...)
	dst = appendByteVecs(dst, b.Digest)
	dst = scale.AppendUint64(dst, uint64(b.Time.UnixMilli()))
	version := b.runtime.Version()
	dst = scale.AppendString(dst, version.SpecName)
	dst = scale.AppendUint32(dst, version.SpecVersion)
	return appendByteVecs(dst, b.Extrinsics)
}

func appendByteVecs(dst []byte, items [][]byte) []byte {
	dst = scale.AppendCompact(dst, uint64(len(items)))
	for _, item := range items {
		dst = scale.AppendByteVec(dst, item)
	}
	return dst
}

func appendWrite(dst, key, value []byte, present bool) []byte {
	dst = scale.AppendByteVec(dst, key)
	dst = scale.AppendBool(dst, present)
	if present {
		dst = scale.AppendByteVec(dst, value)
	}
	return dst
}

// rewrite appends the ledger with the states that it still has.
func rewrite(l *ledger, add func([]byte) error) error {
	for _, b := range l.imported {
		if err := add(appendBlock([]byte{recordHeadless}, b)); err != nil {
			return err
		}
	}
	for _, b := range l.stateful {
		record := append([]byte{recordState}, b.Hash[:]...)
		if b.parent != nil && b.parent.kept {
			record = appendDifference(record, b.parent.state, b.state)
		} else {
			record = appendDifference(record, trie.Trie{}, b.state)
		}
		if err := add(record); err != nil {
			return err
		}
	}
	return add(append([]byte{recordFinalized}, l.finalized.Hash[:]...))
}

// appendDifference writes what turns one state into the other.
func appendDifference(dst []byte, from, to trie.Trie) []byte {
	count := 0
	var writes []byte
	for key, value := range trie.Difference(from, to) {
		writes = appendWrite(writes, key, value, value != nil)
		count++
	}
	return append(scale.AppendCompact(dst, uint64(count)), writes...)
}

package wallet

import (
	"fmt"
	"sync"
)

// StretchedPasswords keeps the keys that passwords come to in the formats of one
// salt, NaCl and Fernet, so that several files under one password cost one
// derivation. Such a key opens all of them: call Forget when the files have been
// read. The zero value is ready to use, by several goroutines.
type StretchedPasswords struct {
	mu     sync.Mutex
	ended  bool
	byWord map[stretchedWord]*[32]byte
}

type stretchedWord struct {
	format   Format
	password string
}

// Forget wipes the keys. No more are kept from then on.
func (s *StretchedPasswords) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range s.byWord {
		clear(key[:])
	}
	s.byWord, s.ended = nil, true
}

// Format writes a fixed word for every verb.
func (*StretchedPasswords) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// key is what a password comes to. Several who ask for one that is not known wait
// for the first of them. nil keeps nothing.
func (s *StretchedPasswords) key(format Format, password string, stretch func(string) ([32]byte, error)) ([32]byte, error) {
	if s == nil {
		return stretch(password)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	word := stretchedWord{format, password}
	if key, ok := s.byWord[word]; ok {
		return *key, nil
	}
	key, err := stretch(password)
	if err != nil || s.ended {
		return key, err
	}
	if s.byWord == nil {
		s.byWord = make(map[stretchedWord]*[32]byte)
	}
	s.byWord[word] = &key
	return key, nil
}

package wallet

import (
	"crypto/rand"
	"errors"
	"runtime/debug"
	"sync"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/nacl/secretbox"
)

const (
	naclMagic    = "$NACL"
	naclNonce    = 24
	naclOverhead = len(naclMagic) + naclNonce + secretbox.Overhead
	// naclSalt is the same for all wallets: a password has one key.
	naclSalt = "\x13q\x83\xdf\xf1Z\t\xbc\x9c\x90\xb5Q\x879\xe9\xb1"
)

// stretching is held while a NaCl key is derived, for the memory that it takes.
var stretching sync.Mutex

// naclKey is libsodium's argon2i with the limits that it calls sensitive: 8
// passes over 512 MiB.
func naclKey(password string) [32]byte {
	stretching.Lock()
	defer stretching.Unlock()
	// A service opens its keys once, and would long look as if it needed the
	// memory of that.
	defer debug.FreeOSMemory()
	return [32]byte(argon2.Key([]byte(password), []byte(naclSalt), 8, 512<<10, 1, 32))
}

type naclBox struct{ content []byte }

func parseNaCl(content []byte) (naclBox, error) {
	if len(content) < naclOverhead {
		return naclBox{}, errors.New("the NaCl file is cut short")
	}
	return naclBox{content}, nil
}

func (b naclBox) open(password string, known *StretchedPasswords) ([]byte, error) {
	key, err := known.key(NaCl, password, func(password string) ([32]byte, error) { return naclKey(password), nil })
	if err != nil {
		return nil, err
	}
	return b.openWith(key)
}

func (b naclBox) openWith(key [32]byte) ([]byte, error) {
	nonce, box := b.content[len(naclMagic):][:naclNonce], b.content[len(naclMagic)+naclNonce:]
	plain, ok := secretbox.Open(nil, box, (*[naclNonce]byte)(nonce), &key)
	if !ok {
		return nil, errOpen
	}
	return plain, nil
}

func sealNaCl(plain []byte, key [32]byte) []byte {
	var nonce [naclNonce]byte
	_, _ = rand.Read(nonce[:]) // never fails
	file := append(make([]byte, 0, naclOverhead+len(plain)), naclMagic...)
	return secretbox.Seal(append(file, nonce[:]...), plain, &nonce, &key)
}

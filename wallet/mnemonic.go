package wallet

import (
	"bytes"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// english is the English word list of BIP-39, one word a line; the number of a
// line, from zero, is eleven bits of entropy.
//
//go:embed english.txt
var english string

var wordList = sync.OnceValue(func() []string { return strings.Fields(english) })

var wordIndex = sync.OnceValue(func() map[string]uint16 {
	index := make(map[string]uint16, 2048)
	for i, word := range wordList() {
		index[word] = uint16(i)
	}
	return index
})

// NewMnemonic returns a new phrase of 12, 15, 18, 21 or 24 words, from which
// FromURI makes a key.
func NewMnemonic(words int) (Secret, error) {
	if words%3 != 0 || words < 12 || words > 24 {
		return Secret{}, fmt.Errorf("wallet: a mnemonic has 12, 15, 18, 21 or 24 words, not %d", words)
	}
	entropy := make([]byte, words/3*4)
	_, _ = rand.Read(entropy) // never fails
	return NewSecret(mnemonicOf(entropy)), nil
}

// mnemonicOf is the phrase that stands for 16, 20, 24, 28 or 32 bytes.
func mnemonicOf(entropy []byte) string {
	sum := sha256.Sum256(entropy)
	packed := append(bytes.Clone(entropy), sum[0])
	words := make([]string, len(entropy)/4*3)
	list := wordList()
	for i := range words {
		number := 0
		for bit := i * 11; bit < (i+1)*11; bit++ {
			number = number<<1 | int(packed[bit/8]>>(7-bit%8)&1)
		}
		words[i] = list[number]
	}
	return strings.Join(words, " ")
}

// mnemonicSeed is Substrate's rule: PBKDF2-HMAC-SHA512 of the entropy (BIP-39
// itself takes the words), of which the first half is the seed.
func mnemonicSeed(phrase, password string) (seed [32]byte, err error) {
	entropy, err := mnemonicEntropy(phrase)
	if err != nil {
		return seed, err
	}
	stretched, err := pbkdf2.Key(sha512.New, string(entropy), []byte("mnemonic"+password), 2048, 64)
	if err != nil {
		return seed, fmt.Errorf("stretching the mnemonic: %w", err)
	}
	return [32]byte(stretched[:32]), nil
}

// mnemonicEntropy returns the 16 to 32 bytes that a mnemonic stands for, after
// checking its checksum. Errors number the words and never repeat them.
func mnemonicEntropy(phrase string) ([]byte, error) {
	words := strings.Fields(phrase)
	switch len(words) {
	case 12, 15, 18, 21, 24:
	default:
		return nil, fmt.Errorf("a mnemonic has 12, 15, 18, 21 or 24 words, this phrase has %d", len(words))
	}

	// Eleven bits a word: first the entropy, then one bit of checksum for each
	// four bytes of it.
	bits := len(words) * 11
	packed := make([]byte, (bits+7)/8)
	index := wordIndex()
	for i, word := range words {
		number, ok := index[word]
		if !ok {
			return nil, fmt.Errorf("word %d of the mnemonic is not in the English list of BIP-39", i+1)
		}
		for bit := range 11 {
			if number&(1<<(10-bit)) != 0 {
				at := i*11 + bit
				packed[at/8] |= 0x80 >> (at % 8)
			}
		}
	}
	entropySize := bits / 33 * 4
	entropy, check := packed[:entropySize], packed[entropySize]
	sum := sha256.Sum256(entropy)
	mask := byte(0xff) << (8 - entropySize/4)
	if (sum[0]^check)&mask != 0 {
		return nil, errors.New("the mnemonic has a wrong checksum: a word is wrong or misplaced")
	}
	return entropy, nil
}

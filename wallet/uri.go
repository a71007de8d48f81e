package wallet

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/crypto/blake2b"
)

// devPhrase is what Substrate takes when a URI has no phrase.
const devPhrase = "bottom drive obey lake curtain smoke basket hold race lonely fit walk"

// devSeed is computed once: the key stretching of a mnemonic costs more than
// all that follows it.
var devSeed = sync.OnceValues(func() ([32]byte, error) { return mnemonicSeed(devPhrase, "") })

// junction is one step of a derivation path.
type junction struct {
	hard bool
	code [32]byte // Substrate's chain code
}

type secretURI struct {
	phrase   string
	path     []junction
	password string
}

// parseURI follows the grammar of sp-core's address_uri: letters, digits and
// spaces, then junctions, then a password.
func parseURI(uri string) (secretURI, error) {
	end := strings.IndexByte(uri, '/')
	if end < 0 {
		end = len(uri)
	}
	phrase := uri[:end]
	for i := range len(phrase) {
		switch c := phrase[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == ' ':
		default:
			return secretURI{}, errors.New("the phrase may hold only letters, digits and spaces")
		}
	}
	path, rest, err := parseJunctions(uri[end:])
	if err != nil {
		return secretURI{}, err
	}
	return secretURI{phrase: phrase, path: path, password: strings.TrimPrefix(rest, "///")}, nil
}

// parseJunctions returns the junctions at the start of text and what follows
// them: nothing, or "///" and a password.
func parseJunctions(text string) (path []junction, rest string, err error) {
	for text != "" && !strings.HasPrefix(text, "///") {
		hard := strings.HasPrefix(text, "//")
		name, ok := strings.CutPrefix(text, "/")
		if !ok {
			return nil, "", errors.New("a derivation path starts with a slash")
		}
		if hard {
			name = name[1:]
		}
		end := strings.IndexByte(name, '/')
		if end < 0 {
			end = len(name)
		}
		if end == 0 {
			return nil, "", errors.New("a junction has no name")
		}
		path = append(path, junction{hard: hard, code: chainCode(name[:end])})
		text = name[end:]
	}
	return path, text, nil
}

// chainCode is 32 bytes: a name that reads as a 64-bit number stands for it in
// little endian; any other is its SCALE string, hashed when it is longer.
func chainCode(name string) (code [32]byte) {
	// Rust's parser of numbers takes one plus sign, Go's does not.
	if n, err := strconv.ParseUint(strings.TrimPrefix(name, "+"), 10, 64); err == nil {
		binary.LittleEndian.PutUint64(code[:], n)
		return code
	}
	encoded := append(compactLength(len(name)), name...)
	if len(encoded) > len(code) {
		return blake2b.Sum256(encoded)
	}
	copy(code[:], encoded)
	return code
}

// compactLength is SCALE's compact form of a length.
func compactLength(n int) []byte {
	switch {
	case n < 1<<6:
		return []byte{byte(n << 2)}
	case n < 1<<14:
		return binary.LittleEndian.AppendUint16(nil, uint16(n<<2|1))
	case n < 1<<30:
		return binary.LittleEndian.AppendUint32(nil, uint32(n<<2|2))
	default:
		return binary.LittleEndian.AppendUint32([]byte{3}, uint32(n))
	}
}

// seed is what the phrase and the password stand for, before any junction.
func (u secretURI) seed() ([32]byte, error) {
	if digits, ok := strings.CutPrefix(u.phrase, "0x"); ok {
		// A password has no effect here; that is sp-core's rule.
		raw, err := hex.DecodeString(digits)
		if err != nil || len(raw) != 32 {
			return [32]byte{}, errors.New("a seed is 0x and 64 hexadecimal digits")
		}
		return [32]byte(raw), nil
	}
	if u.phrase == "" {
		if u.password == "" {
			return devSeed()
		}
		return mnemonicSeed(devPhrase, u.password)
	}
	return mnemonicSeed(u.phrase, u.password)
}

// mnemonic is the phrase if it alone is what the key is made from: key files
// have no place for a password or a path.
func (u secretURI) mnemonic() string {
	if u.password != "" || strings.HasPrefix(u.phrase, "0x") {
		return ""
	}
	return strings.Join(strings.Fields(u.phrase), " ")
}

package wallet

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
)

const (
	fernetMagic = "gAAAAA" // the version 0x80 and the high bytes of a time
	fernetHead  = 1 + 8 + aes.BlockSize
	// fernetRounds takes some seconds; bittensor's oldest wallets set it.
	fernetRounds = 10_000_000
	fernetSalt   = "Iguesscyborgslikemyselfhaveatendencytobeparanoidaboutourorigins"
)

// fernet is a token of that name: version, time and IV, ciphertext, and their
// HMAC. Its time does not matter here.
type fernet struct{ signed, iv, ciphertext, mac []byte }

func parseFernet(content []byte) (fernet, error) {
	text := bytes.TrimRight(bytes.TrimSpace(content), "=")
	raw := make([]byte, base64.RawURLEncoding.DecodedLen(len(text)))
	n, err := base64.RawURLEncoding.Decode(raw, text)
	if err != nil {
		return fernet{}, errors.New("the Fernet token is not base64")
	}
	body := n - fernetHead - sha256.Size
	if body < aes.BlockSize || body%aes.BlockSize != 0 || raw[0] != 0x80 {
		return fernet{}, errors.New("the Fernet token is cut short or of another version")
	}
	signed := raw[:n-sha256.Size]
	return fernet{signed: signed, iv: signed[9:fernetHead], ciphertext: signed[fernetHead:], mac: raw[n-sha256.Size : n]}, nil
}

func fernetKey(password string) (key [32]byte, err error) {
	raw, err := pbkdf2.Key(sha256.New, password, []byte(fernetSalt), fernetRounds, len(key))
	if err != nil {
		return key, fmt.Errorf("stretching the password: %w", err)
	}
	return [32]byte(raw), nil
}

func (f fernet) open(password string, known *StretchedPasswords) ([]byte, error) {
	key, err := known.key(Fernet, password, fernetKey)
	if err != nil {
		return nil, err
	}
	return f.openWith(key)
}

func (f fernet) openWith(key [32]byte) ([]byte, error) {
	mac := hmac.New(sha256.New, key[:16])
	mac.Write(f.signed)
	if !hmac.Equal(mac.Sum(nil), f.mac) {
		return nil, errOpen
	}
	block, err := aes.NewCipher(key[16:])
	if err != nil {
		return nil, fmt.Errorf("decrypting: %w", err)
	}
	padded := make([]byte, len(f.ciphertext))
	cipher.NewCBCDecrypter(block, f.iv).CryptBlocks(padded, f.ciphertext)
	plain, ok := unpad(padded)
	if !ok {
		return nil, errors.New("the content of the Fernet token is badly padded")
	}
	return plain, nil
}

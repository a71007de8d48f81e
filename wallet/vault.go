package wallet

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

const (
	vaultMagic  = "$ANSIBLE_VAULT"
	vaultHeader = "$ANSIBLE_VAULT;1.1;AES256"
	vaultRounds = 10_000
)

// vault is a file of ansible-vault 1.1. Its body is hexadecimal twice over: of
// three lines, each of which is again hexadecimal.
type vault struct{ salt, mac, ciphertext []byte }

func parseVault(content []byte) (vault, error) {
	header, body, _ := bytes.Cut(content, []byte{'\n'})
	if string(bytes.TrimSpace(header)) != vaultHeader {
		return vault{}, errors.New("the Ansible vault is not of version 1.1 with AES256 and without an id")
	}
	outer, err := unhex(bytes.Join(bytes.Fields(body), nil))
	if err != nil {
		return vault{}, errors.New("the body of the Ansible vault is not hexadecimal")
	}
	lines := bytes.Split(outer, []byte{'\n'})
	if len(lines) != 3 {
		return vault{}, fmt.Errorf("the Ansible vault has %d parts instead of 3", len(lines))
	}
	var parts [3][]byte
	for i, line := range lines {
		if parts[i], err = unhex(line); err != nil {
			return vault{}, errors.New("a part of the Ansible vault is not hexadecimal")
		}
	}
	v := vault{parts[0], parts[1], parts[2]}
	if len(v.mac) != sha256.Size || len(v.ciphertext) == 0 {
		return vault{}, errors.New("the Ansible vault is cut short")
	}
	return v, nil
}

func unhex(digits []byte) ([]byte, error) {
	raw := make([]byte, hex.DecodedLen(len(digits)))
	n, err := hex.Decode(raw, digits)
	return raw[:n], err
}

func (v vault) open(password string, _ *StretchedPasswords) ([]byte, error) {
	keys, err := pbkdf2.Key(sha256.New, password, v.salt, vaultRounds, 80)
	if err != nil {
		return nil, fmt.Errorf("stretching the password: %w", err)
	}
	mac := hmac.New(sha256.New, keys[32:64])
	mac.Write(v.ciphertext)
	if !hmac.Equal(mac.Sum(nil), v.mac) {
		return nil, errOpen
	}
	block, err := aes.NewCipher(keys[:32])
	if err != nil {
		return nil, fmt.Errorf("decrypting: %w", err)
	}
	padded := make([]byte, len(v.ciphertext))
	cipher.NewCTR(block, keys[64:]).XORKeyStream(padded, v.ciphertext)
	plain, ok := unpad(padded)
	if !ok {
		return nil, errors.New("the content of the Ansible vault is badly padded")
	}
	return plain, nil
}

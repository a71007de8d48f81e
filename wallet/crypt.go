package wallet

import (
	"bytes"
	"errors"
	"fmt"
)

// Format is the form of a key file.
type Format uint8

// The forms that Bittensor's wallets have written over the years. All are read;
// Plain and NaCl are written.
const (
	Plain        Format = iota // JSON that anybody can read
	NaCl                       // "$NACL": Argon2i and XSalsa20-Poly1305; since SDK 6.0.0
	AnsibleVault               // "$ANSIBLE_VAULT": PBKDF2 and AES-256; up to SDK 5.2.1
	Fernet                     // "gAAAAA": PBKDF2 and AES-128; the oldest
)

// String returns the format's usual name, such as "NaCl".
func (f Format) String() string {
	switch f {
	case Plain:
		return "plain"
	case NaCl:
		return "NaCl"
	case AnsibleVault:
		return "Ansible Vault"
	case Fernet:
		return "Fernet"
	default:
		return fmt.Sprintf("Format(%d)", uint8(f))
	}
}

// Encrypted tells whether reading the file takes a password.
func (f Format) Encrypted() bool { return f != Plain }

// FormatOf tells the format of a key file by its first bytes. What has no known
// start is taken for plain.
func FormatOf(content []byte) Format {
	switch {
	case bytes.HasPrefix(content, []byte(naclMagic)):
		return NaCl
	case bytes.HasPrefix(content, []byte(vaultMagic)):
		return AnsibleVault
	case bytes.HasPrefix(content, []byte(fernetMagic)):
		return Fernet
	default:
		return Plain
	}
}

// errOpen is the answer to a wrong password. None of the formats can tell it
// from a changed file.
var errOpen = fmt.Errorf("%w, or the file was changed", ErrWrongPassword)

// sealed is an encrypted file whose structure is right: only then is its
// password worth the time. What that costs is fixed by the formats; no file
// chooses it.
type sealed interface {
	open(password string, known *StretchedPasswords) ([]byte, error)
}

// parseSealed checks the structure of an encrypted file.
func parseSealed(content []byte) (sealed, error) {
	switch f := FormatOf(content); f {
	case NaCl:
		return parseNaCl(content)
	case AnsibleVault:
		return parseVault(content)
	case Fernet:
		return parseFernet(content)
	default:
		return nil, errors.New("the file is not encrypted")
	}
}

// Decrypt returns the plain content of a key file; of one that is not
// encrypted, itself. The error is ErrNoPassword, ErrWrongPassword, or says what
// is wrong with the file. It takes some seconds and, for NaCl, half a gigabyte
// of memory, one file at a time.
func Decrypt(content []byte, password Secret) ([]byte, error) {
	if !FormatOf(content).Encrypted() {
		return content, nil
	}
	plain, err := decrypt(content, func() (Secret, error) { return password, nil }, nil)
	if err != nil {
		return nil, fmt.Errorf("wallet: %w", err)
	}
	return plain, nil
}

func decrypt(content []byte, ask func() (Secret, error), known *StretchedPasswords) ([]byte, error) {
	box, err := parseSealed(content)
	if err != nil {
		return nil, err
	}
	password, err := ask()
	if err != nil {
		return nil, err
	}
	if password.IsZero() {
		return nil, fmt.Errorf("%w (%v)", ErrNoPassword, FormatOf(content))
	}
	return box.open(password.Reveal(), known)
}

// Encrypt returns content as a NaCl key file, the form that current wallets
// write. It takes some seconds and half a gigabyte of memory, one file at a
// time. An empty password is an error.
func Encrypt(content []byte, password Secret) ([]byte, error) {
	if password.IsZero() {
		return nil, errors.New("wallet: an empty password encrypts nothing")
	}
	return sealNaCl(content, naclKey(password.Reveal())), nil
}

// unpad takes the padding of PKCS#7 off: n bytes of the value n.
func unpad(padded []byte) ([]byte, bool) {
	if len(padded) == 0 || len(padded)%16 != 0 {
		return nil, false
	}
	n := int(padded[len(padded)-1])
	if n == 0 || n > 16 {
		return nil, false
	}
	plain, padding := padded[:len(padded)-n], padded[len(padded)-n:]
	return plain, bytes.Count(padding, []byte{byte(n)}) == n
}

package wallet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// DefaultRoot is where Bittensor's tools keep wallets.
const DefaultRoot = "~/.bittensor/wallets"

// pubSuffix is what the name of a hotkey's public file ends with.
const pubSuffix = "pub.txt"

// Wallet is a folder of key files in the layout of Bittensor's wallets:
//
//	ROOT/NAME/coldkey                secret, usually encrypted
//	ROOT/NAME/coldkeypub.txt         public
//	ROOT/NAME/hotkeys/HOTKEY         secret, usually plain
//	ROOT/NAME/hotkeys/HOTKEYpub.txt  public; older wallets have none
//
// It holds no keys and no open files; each method reads the files anew. The zero
// Wallet is the one that Bittensor's tools use when nothing is said.
type Wallet struct {
	// Root is the folder of wallets; "~" and "~/…" are below the home folder.
	// Defaults to DefaultRoot.
	Root string
	// Name is the name of the wallet. Defaults to "default".
	Name string
	// Password is asked for the passwords of encrypted files. Defaults to none:
	// an encrypted file is refused with ErrNoPassword.
	Password PasswordFunc
	// Stretched shares what passwords cost among the files of all wallets that
	// have it. Defaults to none: each file costs its own derivation.
	Stretched *StretchedPasswords
	// Bare also reads a secret file that is only a seed in hexadecimal or a
	// phrase, as SDK 11 does. A very old file with nothing but a public key is
	// then taken for a seed. Defaults to false.
	Bare bool
}

// Hotkey reads a hotkey that can sign; "" is "default". It must be the key of the
// address in its own file, and of its public file if there is one: else the
// error is ErrMismatch. A missing file is fs.ErrNotExist, one that may not be
// read fs.ErrPermission.
func (w Wallet) Hotkey(name string) (*Keypair, error) {
	path, err := w.hotkeyPath(name)
	if err != nil {
		return nil, err
	}
	return w.secret("hotkey", path, path+pubSuffix)
}

// Coldkey is like Hotkey, for the coldkey.
func (w Wallet) Coldkey() (*Keypair, error) {
	path, err := w.path("coldkey")
	if err != nil {
		return nil, err
	}
	return w.secret("coldkey", path, path+pubSuffix)
}

// Hotkeypub reads the public half of a hotkey: from its public file, or, where
// there is none, from the hotkey's file.
func (w Wallet) Hotkeypub(name string) (Public, error) {
	path, err := w.hotkeyPath(name)
	if err != nil {
		return Public{}, err
	}
	return w.public("hotkey", path)
}

// Coldkeypub is like Hotkeypub, for the coldkey.
func (w Wallet) Coldkeypub() (Public, error) {
	path, err := w.path("coldkey")
	if err != nil {
		return Public{}, err
	}
	return w.public("coldkey", path)
}

func (w Wallet) secret(role, path, pubPath string) (*Keypair, error) {
	key, err := w.readKey(path)
	if err != nil {
		return nil, w.fail(role, path, err)
	}
	content, _, err := readFile(pubPath)
	if errors.Is(err, fs.ErrNotExist) {
		return key, nil
	}
	var public Public
	if err == nil {
		public, err = parsePublic(content)
	}
	if err == nil && public.Key != key.pub {
		err = fmt.Errorf("%w: this public file says %s, the secret file holds the key of %s", ErrMismatch, public, key.Address())
	}
	if err != nil {
		return nil, w.fail(role, pubPath, err)
	}
	return key, nil
}

func (w Wallet) readKey(path string) (*Keypair, error) {
	content, _, err := readFile(path)
	if err != nil {
		return nil, err
	}
	if FormatOf(content).Encrypted() {
		content, err = decrypt(content, func() (Secret, error) {
			if w.Password == nil {
				return Secret{}, nil
			}
			return w.Password(path)
		}, w.Stretched)
		if err != nil {
			return nil, err
		}
	}
	if w.Bare && isBare(content) {
		return parseBare(content)
	}
	return parseKey(content)
}

func (w Wallet) public(role, path string) (Public, error) {
	content, _, err := readFile(path + pubSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		key, err := w.readKey(path)
		if err != nil {
			return Public{}, w.fail(role, path, err)
		}
		return key.Public(), nil
	}
	var public Public
	if err == nil {
		public, err = parsePublic(content)
	}
	if err != nil {
		return Public{}, w.fail(role, path+pubSuffix, err)
	}
	return public, nil
}

// WriteOptions say how a key is written.
type WriteOptions struct {
	// Password encrypts the secret file; the public one stays plain. Defaults to
	// none: the secret file is plain too.
	Password Secret
	// Overwrite replaces the files that are there. Defaults to false: if either
	// is there, nothing is written and the error is fs.ErrExist.
	Overwrite bool
}

// WriteHotkey writes a hotkey, secret and public file, readable by the owner
// alone; "" is "default".
func (w Wallet) WriteHotkey(name string, key *Keypair, o WriteOptions) error {
	path, err := w.hotkeyPath(name)
	if err == nil && strings.HasSuffix(path, pubSuffix) {
		err = fmt.Errorf("wallet: a hotkey whose name ends in %s would look like a public file", pubSuffix)
	}
	if err != nil {
		return err
	}
	return w.write("hotkey", path, key, o)
}

// WriteColdkey is like WriteHotkey, for the coldkey.
func (w Wallet) WriteColdkey(key *Keypair, o WriteOptions) error {
	path, err := w.path("coldkey")
	if err != nil {
		return err
	}
	return w.write("coldkey", path, key, o)
}

func (w Wallet) write(role, path string, key *Keypair, o WriteOptions) error {
	if !o.Overwrite {
		for _, path := range []string{path, path + pubSuffix} {
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				if err == nil {
					err = fs.ErrExist
				}
				return w.fail(role, path, cause(err))
			}
		}
	}
	content := EncodeKey(key)
	if !o.Password.IsZero() {
		content = sealNaCl(content, naclKey(o.Password.Reveal()))
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return w.fail(role, path, cause(err))
	}
	if err := writeFile(path, content, o.Overwrite); err != nil {
		return w.fail(role, path, err)
	}
	// A public file that came in between is not this key's.
	if err := writeFile(path+pubSuffix, EncodePublic(key.Public()), o.Overwrite); err != nil {
		return w.fail(role, path+pubSuffix, err)
	}
	return nil
}

// fail says which file of which wallet went wrong.
func (w Wallet) fail(role, path string, err error) error {
	return fmt.Errorf("wallet: %s file %s: %w", role, path, err)
}

func (w Wallet) hotkeyPath(name string) (string, error) {
	if name == "" {
		name = "default"
	}
	if err := checkName("hotkey", name); err != nil {
		return "", err
	}
	return w.path("hotkeys/" + name)
}

// path is that of a file of the wallet. It is put together as bittensor-wallet
// does, not cleaned: the name of the password's variable is made from it.
func (w Wallet) path(file string) (string, error) {
	name := w.Name
	if name == "" {
		name = "default"
	}
	if err := checkName("wallet", name); err != nil {
		return "", err
	}
	root, err := expand(w.Root)
	if err != nil {
		return "", err
	}
	return join(join(root, name), file), nil
}

func join(dir, name string) string {
	if strings.HasSuffix(dir, "/") {
		return dir + name
	}
	return dir + "/" + name
}

// expand is the root with its tilde expanded.
func expand(root string) (string, error) {
	if root == "" {
		root = DefaultRoot
	}
	if root != "~" && !strings.HasPrefix(root, "~/") {
		return root, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("wallet: the home folder of %s is unknown: %w", root, err)
	}
	return home + root[1:], nil
}

// checkName refuses names that lead out of the folder.
func checkName(role, name string) error {
	if name == "." || name == ".." || strings.ContainsAny(name, "/\\\x00") {
		return fmt.Errorf("wallet: %q is not the name of a %s", name, role)
	}
	return nil
}

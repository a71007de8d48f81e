package wallet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// List returns the names of the wallets in a folder of wallets, in their order;
// "" is DefaultRoot. A folder that has none of the files of a wallet is left out.
func List(root string) ([]string, error) {
	root, err := expand(root)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, fmt.Errorf("wallet: folder %s: %w", root, cause(err))
	}
	var names []string
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		for _, file := range []string{"coldkey", "coldkey" + pubSuffix, "hotkeys"} {
			if _, err := os.Stat(join(join(root, entry.Name()), file)); err == nil {
				names = append(names, entry.Name())
				break
			}
		}
	}
	return names, nil
}

// Hotkeys returns the names of the wallet's hotkeys, in their order. A name that
// ends as those of public files do, in "pub.txt", is not taken for a hotkey's.
func (w Wallet) Hotkeys() ([]string, error) {
	dir, err := w.path("hotkeys")
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("wallet: folder %s: %w", dir, cause(err))
	}
	var names []string
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasPrefix(name, ".") || strings.HasSuffix(name, pubSuffix) {
			continue
		}
		if info, err := os.Stat(join(dir, name)); err == nil && info.Mode().IsRegular() {
			names = append(names, name)
		}
	}
	return names, nil
}

// Info is what can be told of a key without its password.
type Info struct {
	// Path is that of the secret file.
	Path string
	// Present tells whether there is a secret file. Without one there may be a
	// public file; the fields between are then of no meaning.
	Present bool
	Format  Format
	// Exposed tells whether others than the owner may read or write the secret
	// file, by its mode.
	Exposed bool
	// Public is the public half, or nil if only the password would tell.
	Public *Public
}

// HotkeyInfo tells of a hotkey; "" is "default". It asks for no password.
func (w Wallet) HotkeyInfo(name string) (Info, error) {
	path, err := w.hotkeyPath(name)
	if err != nil {
		return Info{}, err
	}
	return w.info("hotkey", path)
}

// ColdkeyInfo is like HotkeyInfo, for the coldkey.
func (w Wallet) ColdkeyInfo() (Info, error) {
	path, err := w.path("coldkey")
	if err != nil {
		return Info{}, err
	}
	return w.info("coldkey", path)
}

func (w Wallet) info(role, path string) (Info, error) {
	info := Info{Path: path}
	content, file, err := readFile(path)
	switch {
	case err == nil:
		info.Present = true
		info.Format = FormatOf(content)
		info.Exposed = file.Mode().Perm()&0o077 != 0
	case !errors.Is(err, fs.ErrNotExist):
		return info, w.fail(role, path, err)
	}

	silent := w
	silent.Password = nil
	if info.Present && !info.Format.Encrypted() {
		// Both files are read, so that a mismatch shows.
		key, err := silent.secret(role, path, path+pubSuffix)
		if err != nil {
			return info, err
		}
		public := key.Public()
		info.Public = &public
		return info, nil
	}
	public, err := silent.public(role, path)
	switch {
	case err == nil:
		info.Public = &public
	case info.Present && errors.Is(err, ErrNoPassword):
	default:
		return info, err
	}
	return info, nil
}

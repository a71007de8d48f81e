package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/ss58"
)

// maxKeyFile bounds a key file: the largest of them, an encrypted one with its phrase, has some hundred bytes.
const maxKeyFile = 64 << 10

// hotkeyAddress returns the address of an identity's hotkey: that of the public file beside the key (…pub.txt), which
// newer wallets write, else the one that an unencrypted key file names. Nothing secret is kept.
func hotkeyAddress(walletPath string, identity Identity) (pylon.Hotkey, error) {
	key := filepath.Join(walletPath, identity.WalletName, "hotkeys", identity.HotkeyName)
	address, err := addressIn(key + "pub.txt")
	if errors.Is(err, fs.ErrNotExist) {
		address, err = addressIn(key)
	}
	return address, err
}

func addressIn(path string) (pylon.Hotkey, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > maxKeyFile {
		return "", fmt.Errorf("%s is no key file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile))
	if err != nil {
		return "", err
	}
	var content struct {
		Address string `json:"ss58Address"`
	}
	// The decoder's error would show what it stumbled over, which may be a key.
	if json.Unmarshal(text, &content) != nil || content.Address == "" {
		return "", fmt.Errorf("%s names no address: it is encrypted or of another format", path)
	}
	if _, _, err := ss58.Decode(content.Address); err != nil {
		return "", fmt.Errorf("%s: ss58Address: %w", path, err)
	}
	return pylon.Hotkey(content.Address), nil
}

package app

import (
	"context"
	"errors"
	"io/fs"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/wallet"
)

// checkWallets opens the hotkey of each identity as a write would, and returns the addresses that are known, by the
// names of the identities.
func (c *checker) checkWallets(ctx context.Context) map[string]pylon.Hotkey {
	known := make([]pylon.Hotkey, len(c.settings.Identities))
	looks := make([]pending, 0, len(known))
	for i, identity := range c.settings.Identities {
		looks = append(looks, pending{"wallet", identity.Name, func(context.Context) (Verdict, string) {
			return c.openHotkey(identity)
		}})
		// The address has a file of its own that tells it without the key.
		if address, err := hotkeyAddress(c.settings.WalletPath, identity); err == nil {
			known[i] = address
		}
	}
	defer c.passwords.Forget()
	// One after the other: an encrypted key takes half a gigabyte of memory while it is opened.
	for _, p := range looks {
		c.report.add(c.finding(ctx, p.check, p.subject, p.look))
	}
	hotkeys := make(map[string]pylon.Hotkey, len(known))
	for i, identity := range c.settings.Identities {
		if known[i] != "" {
			hotkeys[identity.Name] = known[i]
		}
	}
	return hotkeys
}

func (c *checker) openHotkey(identity Identity) (Verdict, string) {
	w := openWallet(c.settings.WalletPath, identity, c.environ, &c.passwords)
	info, infoErr := w.HotkeyInfo(identity.HotkeyName)
	key, err := w.Hotkey(identity.HotkeyName)
	switch {
	case errors.Is(err, wallet.ErrNoPassword):
		return VerdictFailed, "cannot sign: the key is encrypted, and " + wallet.EnvName(info.Path) + " has no password for it"
	case errors.Is(err, fs.ErrNotExist):
		return VerdictFailed, "there is no key file for wallet " + identity.WalletName + ", hotkey " + identity.HotkeyName +
			", below " + c.settings.WalletPath
	case err != nil:
		return VerdictFailed, "cannot sign: " + err.Error()
	case infoErr == nil && info.Exposed:
		return VerdictWarning, key.Address() + ": others may read or change the key file; its mode should be 0600"
	}
	return VerdictOK, key.Address() + ", " + key.Scheme().String()
}

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/bittensor-pylon/pylon/wallet"
)

type walletNewCommand struct {
	walletFolder
	Name             string `arg:"" optional:"" default:"default" help:"Name of the wallet."`
	Hotkey           string `default:"default" help:"Name of the hotkey."`
	HotkeyURI        string `name:"hotkey-uri" placeholder:"URI" help:"Make the hotkey from a secret URI such as //Alice. Who else is on this machine can see it. Defaults to a new phrase."`
	ColdkeyURI       string `name:"coldkey-uri" placeholder:"URI" help:"Make the coldkey from a secret URI. Defaults to a new phrase, and to keeping a coldkey that is there."`
	Scheme           string `default:"sr25519" enum:"sr25519,ed25519" help:"Scheme of the keys: sr25519, as on all of Bittensor, or ed25519."`
	Words            int    `default:"12" help:"Words of a new phrase: 12, 15, 18, 21 or 24."`
	PasswordVariable string `placeholder:"NAME" help:"Environment variable with the password that encrypts the coldkey. Defaults to no encryption."`
	EncryptHotkey    bool   `help:"Encrypt the hotkey too."`
	Overwrite        bool   `help:"Replace a hotkey that is there; and a coldkey, if --coldkey-uri is given."`
}

// Validate is called by the parser.
func (c *walletNewCommand) Validate() error {
	switch {
	case !slices.Contains([]int{12, 15, 18, 21, 24}, c.Words):
		return errors.New("--words must be 12, 15, 18, 21 or 24")
	case c.EncryptHotkey && c.PasswordVariable == "":
		return errors.New("--encrypt-hotkey needs --password-variable")
	default:
		return nil
	}
}

// Run makes the keys that are missing and prints the wallet. Unless both can be written, none is.
func (c *walletNewCommand) Run(p process) error {
	w := wallet.Wallet{Root: c.root(p), Name: c.Name}
	var password wallet.Secret
	if c.PasswordVariable != "" {
		value, _ := p.lookup(c.PasswordVariable)
		if password = wallet.NewSecret(value); password.IsZero() {
			return fmt.Errorf("%w: the variable %s of --password-variable is empty", errUsage, c.PasswordVariable)
		}
	}
	hotkey, err := c.key("--hotkey-uri", c.HotkeyURI)
	if err != nil {
		return err
	}
	coldkey, err := c.key("--coldkey-uri", c.ColdkeyURI)
	if err != nil {
		return err
	}
	_, err = w.ColdkeyInfo()
	hasColdkey := !errors.Is(err, fs.ErrNotExist)
	replace := c.ColdkeyURI != ""
	if hasColdkey && replace && !c.Overwrite {
		return fmt.Errorf("wallet %s has a coldkey already; --overwrite replaces it", c.Name)
	}

	options := wallet.WriteOptions{Overwrite: c.Overwrite}
	if c.EncryptHotkey {
		options.Password = password
	}
	err = w.WriteHotkey(c.Hotkey, hotkey, options)
	if errors.Is(err, fs.ErrExist) {
		err = fmt.Errorf("%w; --overwrite replaces it", err)
	}
	if err != nil {
		return err
	}
	if !hasColdkey || replace {
		if err := w.WriteColdkey(coldkey, wallet.WriteOptions{Overwrite: c.Overwrite, Password: password}); err != nil {
			return err
		}
	}
	report, err := reportWallet(w)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(p, report)
	}
	return printWallets(p, []walletReport{report})
}

// key is that of a URI, or else a new one.
func (c *walletNewCommand) key(flag, uri string) (*wallet.Keypair, error) {
	scheme := wallet.Sr25519
	if c.Scheme == wallet.Ed25519.String() {
		scheme = wallet.Ed25519
	}
	if uri == "" {
		phrase, err := wallet.NewMnemonic(c.Words)
		if err != nil {
			return nil, err
		}
		uri = phrase.Reveal()
	}
	key, err := scheme.FromURI(uri)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errUsage, flag, err)
	}
	return key, nil
}

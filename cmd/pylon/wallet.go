package main

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/bittensor-pylon/pylon/wallet"
)

type walletCommand struct {
	New  walletNewCommand  `cmd:"" help:"Make a wallet for development, or another hotkey in one that is there."`
	List walletListCommand `cmd:"" help:"List the wallets and their addresses."`
	Show walletShowCommand `cmd:"" help:"Show the addresses of one wallet, and whether its files can be used. Never shows a secret."`
}

// walletFolder is what all commands about wallets take.
type walletFolder struct {
	Path string `placeholder:"DIR" help:"Folder of the wallets. Defaults to PYLON_BITTENSOR_WALLET_PATH, else to ~/.bittensor/wallets."`
	JSON bool   `name:"json" help:"Print JSON."`
}

func (f walletFolder) root(p process) string {
	setting, _ := p.lookup("PYLON_BITTENSOR_WALLET_PATH")
	return cmp.Or(f.Path, setting, wallet.DefaultRoot)
}

// lookup is os.LookupEnv for the environment that the command was given.
func (p process) lookup(name string) (string, bool) {
	for _, variable := range slices.Backward(p.environ) {
		if value, ok := strings.CutPrefix(variable, name+"="); ok {
			return value, true
		}
	}
	return "", false
}

// walletReport and keyReport are what list and show print.
type walletReport struct {
	Name    string      `json:"name"`
	Coldkey keyReport   `json:"coldkey"`
	Hotkeys []keyReport `json:"hotkeys"`
}

type keyReport struct {
	Name      string `json:"name"`
	Address   string `json:"address,omitempty"`
	PublicKey string `json:"public_key,omitempty"`
	Scheme    string `json:"scheme,omitempty"`
	File      string `json:"file"`
	Format    string `json:"format,omitempty"` // none when only the public file is there
	Exposed   bool   `json:"exposed"`          // others than the owner may read or write it
	Error     string `json:"error,omitempty"`
}

// reportWallet tells of all keys of a wallet. What is wrong with one stands in its report.
func reportWallet(w wallet.Wallet) (walletReport, error) {
	names, err := w.Hotkeys()
	if err != nil {
		return walletReport{}, err
	}
	info, err := w.ColdkeyInfo()
	if !info.Present && errors.Is(err, fs.ErrNotExist) && len(names) > 0 {
		err = nil // a machine that signs with hotkeys needs no coldkey
	}
	w.Stretched = new(wallet.StretchedPasswords)
	defer w.Stretched.Forget()
	report := walletReport{Name: w.Name, Coldkey: reportKey("coldkey", info, err, w.Password, w.Coldkey), Hotkeys: []keyReport{}}
	for _, name := range names {
		info, err := w.HotkeyInfo(name)
		open := func() (*wallet.Keypair, error) { return w.Hotkey(name) }
		report.Hotkeys = append(report.Hotkeys, reportKey(name, info, err, w.Password, open))
	}
	return report, nil
}

// reportKey opens the key if there are passwords to open it with.
func reportKey(name string, info wallet.Info, err error, passwords wallet.PasswordFunc, open func() (*wallet.Keypair, error)) keyReport {
	report := keyReport{Name: name, File: info.Path, Exposed: info.Exposed}
	if info.Present {
		report.Format = info.Format.String()
	}
	if err == nil && passwords != nil && info.Present && info.Format.Encrypted() {
		var key *wallet.Keypair
		if key, err = open(); err == nil {
			public := key.Public()
			info.Public = &public
		}
	}
	if info.Public != nil {
		report.Address = info.Public.Address()
		report.PublicKey = "0x" + hex.EncodeToString(info.Public.Key[:])
		report.Scheme = info.Public.Scheme.String()
	}
	if err != nil {
		report.Error = err.Error()
	}
	return report
}

// note is what a reader of the table should know of a key.
func (r keyReport) note() string {
	switch {
	case r.Error != "":
		return r.Error
	case r.Exposed:
		return "others than the owner may read or write " + r.File
	case r.Address == "" && r.Format == "":
		return "not on this machine"
	case r.Address == "":
		return "encrypted, and there is no public file"
	default:
		return ""
	}
}

func printJSON(p process, v any) error {
	encoder := json.NewEncoder(p.stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

func printWallets(p process, reports []walletReport) error {
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "WALLET\tKEY\tADDRESS\tSCHEME\tFORMAT\tNOTE")
	for _, report := range reports {
		for i, key := range append([]keyReport{report.Coldkey}, report.Hotkeys...) {
			name := key.Name
			if i > 0 {
				name = "hotkey " + name
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", report.Name, name,
				cmp.Or(key.Address, "-"), cmp.Or(key.Scheme, "-"), cmp.Or(key.Format, "-"), key.note())
		}
	}
	return table.Flush()
}

type walletListCommand struct{ walletFolder }

// Run prints all wallets. One that cannot be read does not keep the others from being listed.
func (c *walletListCommand) Run(p process) error {
	root := c.root(p)
	names, err := wallet.List(root)
	if err != nil {
		return err
	}
	reports := make([]walletReport, 0, len(names))
	for _, name := range names {
		report, err := reportWallet(wallet.Wallet{Root: root, Name: name})
		if err != nil {
			report = walletReport{Name: name, Coldkey: keyReport{Name: "coldkey", Error: err.Error()}, Hotkeys: []keyReport{}}
		}
		reports = append(reports, report)
	}
	if c.JSON {
		return printJSON(p, reports)
	}
	return printWallets(p, reports)
}

type walletShowCommand struct {
	walletFolder
	Name string `arg:"" optional:"" default:"default" help:"Name of the wallet."`
	Open bool   `help:"Open encrypted files too, with the passwords in the environment, as the service would."`
}

// Run prints one wallet, and fails if one of its files cannot be used.
func (c *walletShowCommand) Run(p process) error {
	w := wallet.Wallet{Root: c.root(p), Name: c.Name}
	if c.Open {
		w.Password = wallet.EnvPassword(p.lookup)
	}
	report, err := reportWallet(w)
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(p, report)
	} else {
		err = printWallets(p, []walletReport{report})
	}
	if err != nil {
		return err
	}
	bad := 0
	for _, key := range append([]keyReport{report.Coldkey}, report.Hotkeys...) {
		if key.Error != "" {
			bad++
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of the keys of wallet %s cannot be used", bad, c.Name)
	}
	return nil
}

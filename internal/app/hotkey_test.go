package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHotkeyAddress(t *testing.T) {
	t.Parallel()
	const alice, bob = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
	wallets := t.TempDir()
	dir := filepath.Join(wallets, "w", "hotkeys")
	if err := os.MkdirAll(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"plain":       `{"secretSeed":"0xhunter2","ss58Address":"` + alice + `"}`,
		"both":        "$NACLhunter2",
		"bothpub.txt": `{"ss58Address":"` + bob + `"}`,
		"encrypted":   "$NACLhunter2",
		"forged":      `{"secretSeed":"0xhunter2","ss58Address":"5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQZ"}`,
		"huge":        `{"ss58Address":"` + alice + `"}` + strings.Repeat(" ", maxKeyFile),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"plain": alice, "both": bob, "encrypted": "", "forged": "", "huge": "", "folder": "", "absent": "",
	} {
		got, err := hotkeyAddress(wallets, Identity{WalletName: "w", HotkeyName: name})
		if string(got) != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error shows the key: %v", name, err)
		}
	}
}

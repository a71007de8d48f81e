//go:build interop

package wallet

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/wallet"
)

// release is an installed package that keeps wallets.
type release struct {
	environment string // below .cache/interop
	ed25519     bool   // whether it knows the scheme
	// fromEnvironment tells whether it codes a password in the environment as it is done since 3.0.4.
	fromEnvironment bool
}

var releases = []release{
	{environment: "wallet-2.1.3"},
	{environment: "wallet-3.1.0", fromEnvironment: true},
	{environment: "wallet-4.0.1", fromEnvironment: true},
	{environment: "wallet-4.1.1", fromEnvironment: true, ed25519: true},
	{environment: "neuron-11.3.0", fromEnvironment: true, ed25519: true},
}

const (
	password = "test password 123 ü"
	message  = "a message that both ends sign"
)

// sources are what the keys of a wallet are made from, as the packages take it. A seed that happens to be text would be
// written wrong by bittensor-wallet; this one is not.
var sources = map[string]map[string]string{
	"coldkey": {"mnemonic": "legal winner thank year wave sausage worth useful legal winner thank yellow"},
	"hot":     {"mnemonic": "letter advice cage absurd amount doctor acoustic avoid letter advice cage above"},
	"long":    {"mnemonic": "void come effort suffer camp survey warrior heavy shoot primary clutch crush open amazing screen patrol group space point ten exist slush involve unfold"},
	"seed":    {"seed": "0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a"},
}

// key is ours of one source.
func key(t *testing.T, scheme wallet.Scheme, name string) *wallet.Keypair {
	t.Helper()
	uri := sources[name]["mnemonic"] + sources[name]["seed"]
	k, err := scheme.FromURI(uri)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

type order struct {
	Do         string                       `json:"do"`
	Path       string                       `json:"path"`
	Name       string                       `json:"name"`
	Password   *string                      `json:"password"`
	CryptoType int                          `json:"crypto_type"`
	Keys       map[string]map[string]string `json:"keys"`
	Message    string                       `json:"message"`
	Signatures map[string]string            `json:"signatures"`
}

type seen struct {
	Address, Public, Signature string
	Encrypted, Verified        bool
}

// do has a release carry out an order.
func (r release) do(t *testing.T, o order, environ ...string) map[string]seen {
	t.Helper()
	cache, err := filepath.Abs(filepath.Join("..", "..", ".cache", "interop"))
	if err != nil {
		t.Fatal(err)
	}
	input, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(cache, r.environment, "bin", "python"), "wallet.py")
	cmd.Env = append(append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "HOME="+t.TempDir()), environ...)
	cmd.Stdin = bytes.NewReader(input)
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s in %s: %v\n%s%s", o.Do, r.environment, err, out, log.String())
	}
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	var result struct {
		Kind string
		Keys map[string]seen
	}
	if err := json.Unmarshal(lines[len(lines)-1], &result); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if sdk := strings.HasPrefix(r.environment, "neuron"); sdk != (result.Kind == "sdk") {
		t.Fatalf("%s ran %s", r.environment, result.Kind)
	}
	return result.Keys
}

// TestTheirsReadByOurs has each release write a wallet.
func TestTheirsReadByOurs(t *testing.T) {
	for _, r := range releases {
		t.Run(r.environment, func(t *testing.T) {
			root := t.TempDir()
			secret := password
			r.do(t, order{Do: "write", Path: root, Name: "theirs", CryptoType: 1, Password: &secret, Keys: sources})
			checkTheirs(t, wallet.Wallet{Root: root, Name: "theirs"}, wallet.Sr25519, true)
			if !r.ed25519 {
				return
			}
			r.do(t, order{Do: "write", Path: root, Name: "ed", CryptoType: 0, Keys: sources})
			checkTheirs(t, wallet.Wallet{Root: root, Name: "ed"}, wallet.Ed25519, false)
		})
	}
}

func checkTheirs(t *testing.T, w wallet.Wallet, scheme wallet.Scheme, encrypted bool) {
	t.Helper()
	info, err := w.ColdkeyInfo()
	if err != nil || info.Exposed || info.Format.Encrypted() != encrypted {
		t.Errorf("%+v, %v", info, err)
	}
	w.Password = func(string) (wallet.Secret, error) { return wallet.NewSecret(password), nil }
	for name := range sources {
		var got *wallet.Keypair
		if name == "coldkey" {
			got, err = w.Coldkey()
		} else {
			got, err = w.Hotkey(name)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := key(t, scheme, name)
		if got.Public() != want.Public() {
			t.Errorf("%s: %v in %v, want %v in %v", name, got, got.Scheme(), want, want.Scheme())
		}
		// Ours written again has all that theirs had.
		if !bytes.Equal(wallet.EncodeKey(got), wallet.EncodeKey(want)) {
			t.Errorf("%s: the file lacks something, or has more", name)
		}
	}
	if public, err := w.Coldkeypub(); err != nil || public != key(t, scheme, "coldkey").Public() {
		t.Errorf("coldkeypub: %v, %v", public, err)
	}
}

// TestOursReadByTheirs has each release read wallets that ours wrote.
func TestOursReadByTheirs(t *testing.T) {
	root := t.TempDir()
	write := func(name string, scheme wallet.Scheme, secret wallet.Secret) {
		w := wallet.Wallet{Root: root, Name: name}
		for hotkey := range sources {
			var err error
			if hotkey == "coldkey" {
				err = w.WriteColdkey(key(t, scheme, hotkey), wallet.WriteOptions{Password: secret})
			} else {
				err = w.WriteHotkey(hotkey, key(t, scheme, hotkey), wallet.WriteOptions{})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		// A key below a path has neither phrase nor seed.
		below, err := key(t, scheme, "hot").Derive("//below")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WriteHotkey("below", below, wallet.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	write("ours", wallet.Sr25519, wallet.NewSecret(password))
	write("ed", wallet.Ed25519, wallet.Secret{})

	for _, r := range releases {
		t.Run(r.environment, func(t *testing.T) {
			o := order{Do: "read", Path: root, Name: "ours", CryptoType: 1}
			var environ []string
			if r.fromEnvironment {
				path := root + "/ours/coldkey"
				environ = append(environ, wallet.EnvName(path)+"="+wallet.EncodeEnvPassword(path, wallet.NewSecret(password)))
			} else {
				secret := password
				o.Password = &secret
			}
			checkOurs(t, r, o, wallet.Sr25519, true, environ...)
			if r.ed25519 {
				checkOurs(t, r, order{Do: "read", Path: root, Name: "ed"}, wallet.Ed25519, false)
			}
		})
	}
}

func checkOurs(t *testing.T, r release, o order, scheme wallet.Scheme, encrypted bool, environ ...string) {
	t.Helper()
	ours := map[string]*wallet.Keypair{}
	for name := range sources {
		ours[name] = key(t, scheme, name)
	}
	below, err := ours["hot"].Derive("//below")
	if err != nil {
		t.Fatal(err)
	}
	ours["below"] = below

	o.Message, o.Signatures = message, map[string]string{}
	for name, k := range ours {
		signature := k.Sign([]byte(message))
		o.Signatures[name] = hex.EncodeToString(signature[:])
	}
	theirs := r.do(t, o, environ...)
	for name, k := range ours {
		got := theirs[name]
		pub := k.PublicKey()
		if got.Address != k.Address() || got.Public != hex.EncodeToString(pub[:]) {
			t.Errorf("%s is %s, want %v", name, got.Address, k)
		}
		if !got.Verified {
			t.Errorf("%s: our signature is refused", name)
		}
		if got.Encrypted != (encrypted && name == "coldkey") {
			t.Errorf("%s: encrypted is %v", name, got.Encrypted)
		}
		raw, err := hex.DecodeString(got.Signature)
		if err != nil || len(raw) != 64 || !k.Public().Verify([]byte(message), [64]byte(raw)) {
			t.Errorf("%s: their signature %s is refused", name, got.Signature)
		}
	}
	if got := theirs["coldkeypub"].Address; got != ours["coldkey"].Address() {
		t.Errorf("coldkeypub is %s", got)
	}
	if len(theirs) != len(ours)+1 {
		t.Errorf("keys %v", slices.Sorted(maps.Keys(theirs)))
	}
}

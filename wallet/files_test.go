package wallet_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/bittensor-pylon/pylon/wallet"
)

const (
	alice      = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
	bob        = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
	aliceSeed  = "0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a"
	bobSeed    = "0x398f0c28f98885e046333d4a41c19cee4c37368a9832c6502f6cfd182e2aef89"
	alicePriv  = "0x33a6f3093f158a7109f679410bef1a0c54168145e0cecb4df006c1c2fffb1f09925a225d97aa00682d6a59b95b18780c10d7032336e88f3442b42361f4a66011"
	alicePolka = "0x98319d4ff8a9508c4bb0cf0b5a78d760a0b2082c02775e6e82370816fedfff48925a225d97aa00682d6a59b95b18780c10d7032336e88f3442b42361f4a66011"
	zeroKey    = "5C4hrfjw9DjXZTzV3MwzrrAr9P1MJhSrvWGWqi1eSuyUpnhM"
)

// object is a key file of some fields.
func object(fields ...string) []byte { return []byte("{" + strings.Join(fields, ",") + "}") }

func field(name, value string) string { return fmt.Sprintf("%q:%q", name, value) }

func readJSON(t testing.TB, name string, into any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

func TestConformance005Detection(t *testing.T) {
	t.Parallel()
	tests := map[string]wallet.Format{
		"$NACL…":                     wallet.NaCl,
		"$ANSIBLE_VAULT;1.1;AES256…": wallet.AnsibleVault,
		"gAAAAABf…":                  wallet.Fernet,
		"{}":                         wallet.Plain,
		"":                           wallet.Plain,
		"$NAC":                       wallet.Plain,
	}
	for content, want := range tests {
		if got := wallet.FormatOf([]byte(content)); got != want || got.Encrypted() != (want != wallet.Plain) {
			t.Errorf("%q is %v, want %v", content, got, want)
		}
	}
}

func TestConformance008EnvironmentName(t *testing.T) {
	t.Parallel()
	const path = "/home/alice/.bittensor/wallets/default/coldkey"
	if got := wallet.EnvName(path); got != "BT_PW__HOME_ALICE__BITTENSOR_WALLETS_DEFAULT_COLDKEY" {
		t.Errorf("the variable is %s", got)
	}
	password := wallet.NewSecret("s3cr3t-Pass")
	value := wallet.EncodeEnvPassword(path, password)
	if value != "MWc8ImQrchguPjY=" {
		t.Errorf("its value is %s", value)
	}
	got, err := wallet.EnvPassword(func(name string) (string, bool) { return value, name == wallet.EnvName(path) })(path)
	if err != nil || got.Reveal() != "s3cr3t-Pass" {
		t.Errorf("%q, %v", got.Reveal(), err)
	}
}

func TestConformance009EnvironmentVectors(t *testing.T) {
	t.Parallel()
	for password, value := range map[string]string{"123456789": "c2ZsZGJpaG1q", "bittensor": "ID0rJDIxLDoh", "testing": "NjEsJD4xOA=="} {
		got, err := wallet.EnvPassword(func(string) (string, bool) { return value, true })("/us")
		if err != nil || got.Reveal() != password {
			t.Errorf("%s: %q, %v", value, got.Reveal(), err)
		}
	}
	bad := map[string]string{"not base64": "#", "no padding": "NjEsJD4xOA", "not a text": base64.StdEncoding.EncodeToString([]byte{0xff, 0xff})}
	for name, value := range bad {
		_, err := wallet.EnvPassword(func(string) (string, bool) { return value, true })("/us")
		if err == nil || errors.Is(err, wallet.ErrNoPassword) || !strings.Contains(err.Error(), "BT_PW__US") || strings.Contains(err.Error(), value) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := wallet.EnvPassword(func(string) (string, bool) { return "", false })("/us")
	if !errors.Is(err, wallet.ErrNoPassword) || !strings.Contains(err.Error(), "BT_PW__US") {
		t.Errorf("an unset variable: %v", err)
	}
}

func TestConformance010EnvironmentNameKeepsDash(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"tests/wallets/my-wallet/coldkey":     "BT_PW_TESTS_WALLETS_MY-WALLET_COLDKEY",
		"./w/a wallet~/hotkeys/hot.1":         "BT_PW___W_A WALLET~_HOTKEYS_HOT_1",
		"tests/wallets/pylon/hotkeys/default": "BT_PW_TESTS_WALLETS_PYLON_HOTKEYS_DEFAULT",
	} {
		if got := wallet.EnvName(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// What a key file says of a URI's key, as hexadecimal digits.
func fileOf(t testing.TB, key *wallet.Keypair) map[string]string {
	t.Helper()
	fields := map[string]string{}
	if err := json.Unmarshal(wallet.EncodeKey(key), &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}

func TestConformance011DevelopmentPhrase(t *testing.T) {
	t.Parallel()
	fields := fileOf(t, fromURI(t, wallet.Sr25519, devPhrase))
	want := map[string]string{
		"accountId":    "0x46ebddef8cd9bb167dc30878d7113b7e168e6f0646beffd77d69d39bad76b47a",
		"publicKey":    "0x46ebddef8cd9bb167dc30878d7113b7e168e6f0646beffd77d69d39bad76b47a",
		"privateKey":   "0x05d65584630d16cd4af6d0bec10f34bb504a5dcb62dba2122d49f5a663763d0afd190cce74df356432b410bd64682309d6dedb27c76845daf388557cbac3ca34",
		"secretPhrase": devPhrase,
		"secretSeed":   "0xfac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e",
		"ss58Address":  "5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV",
	}
	if !maps.Equal(fields, want) {
		t.Errorf("%v, want %v", fields, want)
	}
}

func TestConformance012Accounts(t *testing.T) {
	t.Parallel()
	var accounts []struct{ URI, Seed, Public, Address string }
	readJSON(t, "accounts.json", &accounts)
	if len(accounts) != 17 {
		t.Fatalf("%d accounts", len(accounts))
	}
	for _, a := range accounts {
		key := fromURI(t, wallet.Sr25519, a.URI)
		if got := fmt.Sprintf("%x", key.PublicKey()); got != a.Public || key.Address() != a.Address {
			t.Errorf("%s: %s %s, want %s %s", a.URI, got, key.Address(), a.Public, a.Address)
		}
		if a.Seed == "" {
			continue
		}
		if seeded := fromURI(t, wallet.Sr25519, "0x"+a.Seed); seeded.Address() != a.Address {
			t.Errorf("the seed of %s gives %v", a.URI, seeded)
		}
	}
	if key, err := wallet.FromURI(strings.TrimPrefix(aliceSeed, "0x")); err == nil {
		t.Errorf("a seed without 0x is %v", key)
	}
}

func TestConformance013PasswordChangesRoot(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, uri := range []string{"", "///password", "///", "//Alice", "//Alice///password", "//Alice///passwor", "/Alice", "/Alice///password"} {
		address := fromURI(t, wallet.Sr25519, uri).Address()
		if uri == "///" { // an empty password is none
			if address != fromURI(t, wallet.Sr25519, "").Address() {
				t.Error("an empty password changes the key")
			}
			continue
		}
		if other, ok := seen[address]; ok {
			t.Errorf("%q and %q are one key", uri, other)
		}
		seen[address] = uri
	}
}

func TestConformance014SoftNonce(t *testing.T) {
	t.Parallel()
	first, second := fromURI(t, wallet.Sr25519, "//Alice/soft"), fromURI(t, wallet.Sr25519, "//Alice/soft")
	one, other := fileOf(t, first)["privateKey"], fileOf(t, second)["privateKey"]
	if first.Address() != second.Address() || one[:66] != other[:66] {
		t.Error("two soft derivations differ in address or scalar")
	}
	if one[66:] == other[66:] {
		t.Error("two soft derivations have one nonce half: it is not random")
	}
}

func TestConformance015PrivateKey(t *testing.T) {
	t.Parallel()
	if got := fileOf(t, fromURI(t, wallet.Sr25519, "//Alice"))["privateKey"]; got != alicePriv {
		t.Errorf("%s", got)
	}
	key, err := wallet.ParseKey(object(field("privateKey", alicePriv)))
	if err != nil || key.Address() != alice {
		t.Errorf("%v, %v", key, err)
	}
	if key, err := wallet.ParseKey(object(field("privateKey", alicePolka))); err == nil {
		t.Errorf("polkadot-js's form is taken for %v", key)
	}
}

func TestConformance016PylonHotkey(t *testing.T) {
	t.Parallel()
	var known struct {
		Pylon struct{ Hotkey, Hotkeypub, Coldkeypub string }
	}
	readJSON(t, "files.json", &known)
	var fields map[string]string
	if err := json.Unmarshal([]byte(known.Pylon.Hotkey), &fields); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"secretPhrase", "secretSeed", "privateKey"} {
		key, err := wallet.ParseKey(object(field(secret, fields[secret]), field("ss58Address", fields["ss58Address"])))
		if err != nil {
			t.Errorf("%s: %v", secret, err)
			continue
		}
		for name, value := range fileOf(t, key) {
			if fields[name] != value {
				t.Errorf("%s gives another %s", secret, name)
			}
		}
	}
	for _, content := range []string{known.Pylon.Hotkey, known.Pylon.Hotkeypub} {
		if public, err := wallet.ParsePublic([]byte(content)); err != nil || public.Address() != fields["ss58Address"] {
			t.Errorf("%v, %v", public, err)
		}
	}
	if public, err := wallet.ParsePublic([]byte(known.Pylon.Coldkeypub)); err != nil || public.Address() != "5EPRp4wsFSCvFSYMqcwD5wwBgE2M2xoSJSZbbLzZpbPrDkZx" {
		t.Errorf("%v, %v", public, err)
	}
}

func TestConformance017SourceOfTruth(t *testing.T) {
	t.Parallel()
	phraseAddress := fromURI(t, wallet.Sr25519, oldPhrase).Address()
	tests := map[string]struct {
		content []byte
		want    string
	}{
		"phrase before seed":      {object(field("secretPhrase", oldPhrase), field("secretSeed", bobSeed)), phraseAddress},
		"phrase null":             {object(`"secretPhrase":null`, field("secretSeed", bobSeed)), bob},
		"seed before private key": {object(field("secretSeed", bobSeed), field("privateKey", alicePriv)), bob},
		"private key":             {object(field("privateKey", alicePriv)), alice},
		"seed without 0x":         {object(field("secretSeed", aliceSeed[2:])), alice},
		"seed of 64 bytes":        {object(field("secretSeed", alicePriv)), alice},
		"private key of 32 bytes": {object(field("privateKey", aliceSeed)), alice},
		"phrase of another type":  {object(`"secretPhrase":7`, field("secretSeed", bobSeed)), bob},
		"white space":             {append([]byte(" \n"), append(object(field("secretSeed", bobSeed)), '\n')...), bob},
		"with the address":        {object(field("secretSeed", bobSeed), field("ss58Address", bob)), bob},
	}
	for name, tt := range tests {
		if key, err := wallet.ParseKey(tt.content); err != nil || key.Address() != tt.want {
			t.Errorf("%s: %v, %v", name, key, err)
		}
		if public, err := wallet.ParsePublic(tt.content); err != nil || public.Address() != tt.want {
			t.Errorf("%s, public: %v, %v", name, public, err)
		}
	}
	only := object(field("ss58Address", alice))
	if public, err := wallet.ParsePublic(only); err != nil || public.Address() != alice {
		t.Errorf("an address alone: %v, %v", public, err)
	}
	if key, err := wallet.ParseKey(only); err == nil {
		t.Errorf("an address alone is a key: %v", key)
	}
}

func TestConformance018UnknownFields(t *testing.T) {
	t.Parallel()
	seed := field("secretSeed", aliceSeed)
	for _, more := range []string{`"n":1`, `"b":true`, `"l":[1]`, `"o":{"a":{}}`, `"s":"text"`, `"privateKey":false`, `"cryptoType":1`, `"cryptoType":null`, `"secretPhrase":null`, `"SecretPhrase":"no"`, `"ss58Address":{}`} {
		if key, err := wallet.ParseKey(object(more, seed)); err != nil || key.Address() != alice || key.Scheme() != wallet.Sr25519 {
			t.Errorf("%s: %v, %v", more, key, err)
		}
	}
	key, err := wallet.ParseKey(object(`"cryptoType": 0`, seed))
	if err != nil || key.Scheme() != wallet.Ed25519 || key.Address() == alice {
		t.Errorf("cryptoType 0: %v, %v", key, err)
	}
	for _, value := range []string{"2", "256", "257", "-1", "-0", "0.0", "1.0", "1e0", `"0"`, `"1"`, `""`, "true", "false", "[]", "[0]", "{}", "18446744073709551616"} {
		if key, err := wallet.ParseKey(object(`"cryptoType":`+value, seed)); err == nil {
			t.Errorf("cryptoType %s: %v", value, key)
		}
	}
}

func TestConformance019PublicFile(t *testing.T) {
	t.Parallel()
	aliceKey := field("publicKey", "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d")
	if public, err := wallet.ParsePublic(object(aliceKey)); err == nil {
		t.Errorf("without an address: %v", public)
	}
	for _, address := range []string{bob, bobOfPolkadot} {
		public, err := wallet.ParsePublic(object(aliceKey, field("ss58Address", address)))
		if err != nil || public.Address() != bob {
			t.Errorf("%s: %v, %v", address, public, err)
		}
	}
}

// bobOfPolkadot is //Bob's address on another network.
const bobOfPolkadot = "14E5nqKAp3oAJcmzgZhUD2RcptBeUBScxKHgJKU4HPNcKVf3"

func TestConformance020WrittenFiles(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "wallets")
	w := wallet.Wallet{Root: root, Name: "w"}
	for name, tt := range map[string]struct {
		key    *wallet.Keypair
		fields []string
	}{
		"phrase":   {fromURI(t, wallet.Sr25519, oldPhrase), []string{"accountId", "privateKey", "publicKey", "secretPhrase", "secretSeed", "ss58Address"}},
		"seed":     {fromURI(t, wallet.Sr25519, aliceSeed), []string{"accountId", "privateKey", "publicKey", "secretSeed", "ss58Address"}},
		"password": {fromURI(t, wallet.Sr25519, oldPhrase+"///pw"), []string{"accountId", "privateKey", "publicKey", "secretSeed", "ss58Address"}},
		"uri":      {fromURI(t, wallet.Sr25519, oldPhrase+"//Alice"), []string{"accountId", "privateKey", "publicKey", "ss58Address"}},
		"soft":     {fromURI(t, wallet.Sr25519, "//Alice/soft"), []string{"accountId", "privateKey", "publicKey", "ss58Address"}},
		"ed":       {fromURI(t, wallet.Ed25519, oldPhrase), []string{"accountId", "cryptoType", "privateKey", "publicKey", "secretPhrase", "secretSeed", "ss58Address"}},
		"ed uri":   {fromURI(t, wallet.Ed25519, "//Alice"), []string{"accountId", "cryptoType", "privateKey", "publicKey", "ss58Address"}},
	} {
		if err := w.WriteHotkey(name, tt.key, wallet.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		read, err := w.Hotkey(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if read.Address() != tt.key.Address() || read.Scheme() != tt.key.Scheme() {
			t.Errorf("%s: %v, want %v", name, read, tt.key)
		}
		if !bytes.Equal(wallet.EncodeKey(read), wallet.EncodeKey(tt.key)) {
			t.Errorf("%s: read and written again, the file is another", name)
		}
		public, err := w.Hotkeypub(name)
		if err != nil || public != tt.key.Public() {
			t.Errorf("%s: %v, %v", name, public, err)
		}
		path := filepath.Join(root, "w", "hotkeys", name)
		if got := fieldsOf(t, path); !slices.Equal(got, tt.fields) {
			t.Errorf("%s: %v, want %v", name, got, tt.fields)
		}
		want := []string{"accountId", "publicKey", "ss58Address"}
		if tt.key.Scheme() == wallet.Ed25519 {
			want = []string{"accountId", "cryptoType", "publicKey", "ss58Address"}
		}
		if got := fieldsOf(t, path+"pub.txt"); !slices.Equal(got, want) {
			t.Errorf("%s, public: %v, want %v", name, got, want)
		}
	}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if entry.IsDir() {
			want = 0o700
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		if strings.Contains(path, "tmp") && strings.HasSuffix(path, ".tmp") {
			t.Errorf("%s was left behind", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func fieldsOf(t testing.TB, path string) []string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(fields))
}

func TestConformance021Addresses(t *testing.T) {
	t.Parallel()
	const of42, of0 = "5HDvhV6WDCjCKyrXqGQSDYqQAzkzabNhctmiDYEqgBC66BsX", "16ADqpMa4yzfmWs3nuTSMhfZ2ckeGtvqhPWCNqECEGDcGgU2"
	for _, address := range []string{of42, of0} {
		public, err := wallet.ParsePublic(object(field("ss58Address", address)))
		if err != nil || public.Address() != of42 || fileOf(t, fromURI(t, wallet.Sr25519, oldPhrase))["publicKey"] != fmt.Sprintf("0x%x", public.Key) {
			t.Errorf("%s: %v, %v", address, public, err)
		}
	}
	for at := range of42 {
		changed := []byte(of42)
		changed[at] = "12"[changed[at]&1^1]
		if string(changed) == of42 {
			continue
		}
		if public, err := wallet.ParsePublic(object(field("ss58Address", string(changed)))); err == nil {
			t.Errorf("%s: %v", changed, public)
		}
	}
	for _, address := range []string{"5F3sa2TJAWMqDhXG6jhV4N8ko9rLbc4B52kmxXJoN5D3ue8w", "InvalidAddress"} {
		if public, err := wallet.ParsePublic(object(field("ss58Address", address))); err == nil {
			t.Errorf("%s: %v", address, public)
		}
	}
}

func TestConformance022KnownSignatures(t *testing.T) {
	t.Parallel()
	signatures := map[string]string{
		"hello":                "1a09bbb9664573d6af47ac59fd9e4d6292a57a767227a74534c0a106633f4e0b2707575f659f42c410ec273e7a9cf23d4f2cb5601b547bdd5cca7ec7c412778c",
		"<Bytes>hello</Bytes>": "2ab96d2a4469e53def9648162f7c6ffc557c153cd45ae93102950054f5cf4a4f73e259dbb34be6887a180a92ec3ace126c80444a375a4a0b68abee240acce886",
		"\x12\x34":             "5e498eac54c79ef54dc598aa4a9661ef06cd43cedb19282b52563075bd119305cc4e868240ee9abb9506691bffc5572ac251a4c85f2d0a2d38fe09386402e488",
		"":                     "c4b283a039747631d123a5e62aba9339a3e25a697f1643b3c39205c0db535d33101e77f53dc37fbb6bbaa16037ca81f4215d3dbb456471a13ce8c7e2d77c3f86",
	}
	alice, bob := fromURI(t, wallet.Sr25519, "//Alice").Public(), fromURI(t, wallet.Sr25519, "//Bob").Public()
	for message, digits := range signatures {
		signature := [64]byte(unhex(t, digits))
		if !alice.Verify([]byte(message), signature) {
			t.Errorf("%q: refused", message)
		}
		if bob.Verify([]byte(message), signature) || alice.Verify([]byte(message+"."), signature) {
			t.Errorf("%q: accepted for another key or message", message)
		}
		signature[63] &= 0x7f
		if alice.Verify([]byte(message), signature) {
			t.Errorf("%q: accepted without the marker", message)
		}
	}
}

func TestConformance025PolkadotAccount(t *testing.T) {
	t.Parallel()
	var known struct {
		Polkadot struct{ Password, File string }
	}
	readJSON(t, "files.json", &known)
	password := wallet.NewSecret(known.Polkadot.Password)
	key, err := wallet.ParsePolkadot([]byte(known.Polkadot.File), password)
	if err != nil || key.Address() != alice || fileOf(t, key)["privateKey"] != alicePriv {
		t.Errorf("%v, %v", key, err)
	}
	if _, err := wallet.ParsePolkadot([]byte(known.Polkadot.File), wallet.NewSecret("testing124")); !errors.Is(err, wallet.ErrWrongPassword) {
		t.Errorf("a wrong password: %v", err)
	}
	if _, err := wallet.ParsePolkadot([]byte(strings.Replace(known.Polkadot.File, alice, bob, 1)), password); !errors.Is(err, wallet.ErrMismatch) {
		t.Errorf("another address: %v", err)
	}

	var export struct{ Encoded string }
	if err := json.Unmarshal([]byte(known.Polkadot.File), &export); err != nil {
		t.Fatal(err)
	}
	// Salt, then N, p and r in four bytes each.
	with := func(at int, value ...byte) string {
		raw, err := base64.StdEncoding.DecodeString(export.Encoded)
		if err != nil {
			t.Fatal(err)
		}
		copy(raw[at:], value)
		return strings.Replace(known.Polkadot.File, export.Encoded, base64.StdEncoding.EncodeToString(raw), 1)
	}
	for name, content := range map[string]string{
		"version 2":       strings.Replace(known.Polkadot.File, `"version":"3"`, `"version":"2"`, 1),
		"ed25519":         strings.Replace(known.Polkadot.File, `"sr25519"`, `"ed25519"`, 1),
		"N of 4 GiB":      with(32, 0, 0, 0, 4),
		"N of 0":          with(32, 0, 0, 0, 0),
		"N of 3":          with(32, 3, 0, 0, 0),
		"p of 2":          with(36, 2, 0, 0, 0),
		"p of 0":          with(36, 0, 0, 0, 0),
		"p of 2^32-1":     with(36, 255, 255, 255, 255),
		"r of 2^30":       with(40, 0, 0, 0, 64),
		"r of 0":          with(40, 0, 0, 0, 0),
		"nothing encoded": strings.Replace(known.Polkadot.File, export.Encoded, "", 1),
		"only salt":       strings.Replace(known.Polkadot.File, export.Encoded, export.Encoded[:40], 1),
		"only parameters": strings.Replace(known.Polkadot.File, export.Encoded, "", 1),
		"not JSON":        "{",
		"too large":       strings.Repeat(" ", 65<<10) + "{}",
	} {
		if key, err := wallet.ParsePolkadot([]byte(content), password); err == nil || errors.Is(err, wallet.ErrWrongPassword) {
			t.Errorf("%s: %v, %v", name, key, err)
		}
	}
}

// Wallets that the released packages wrote. Encrypted files are opened in the
// test of the same number beside the ciphers; here one, through the whole way.
func TestConformance026ReleasedPackages(t *testing.T) {
	t.Parallel()
	roots := map[string]string{
		"wallet-2.1.3": "w", "wallet-3.1.0": "w", "wallet-4.0.1": "w", "wallet-4.1.1": "w", "sdk-11.3.0": "sr",
	}
	check := func(w wallet.Wallet, hotkeys map[string]string, cold string, scheme wallet.Scheme) {
		t.Helper()
		names, err := w.Hotkeys()
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if name == "hotenc" {
				continue
			}
			key, err := w.Hotkey(name)
			if err != nil || key.Address() != hotkeys[name] || key.Scheme() != scheme {
				t.Errorf("%s %s: %v, %v", w.Root, name, key, err)
				continue
			}
			if message := []byte("message"); !key.Public().Verify(message, key.Sign(message)) {
				t.Errorf("%s %s signs badly", w.Root, name)
			}
		}
		public, err := w.Coldkeypub()
		if err != nil || public.Address() != cold || public.Scheme != scheme {
			t.Errorf("%s: coldkeypub %v, %v", w.Root, public, err)
		}
		if _, err := w.Coldkey(); !errors.Is(err, wallet.ErrNoPassword) {
			t.Errorf("%s: coldkey: %v", w.Root, err)
		}
	}
	for folder, name := range roots {
		w := wallet.Wallet{Root: filepath.Join("testdata/wallets", folder), Name: name}
		check(w, map[string]string{
			"hot": "5EtaiguVmKZ9Vewv7HkS86hWTS8Lf4twTSADg29PH5rM5Wng", "uri": alice,
			// Of all but SDK 11 a broken file, whose private key is right.
			"seed": "5CShbTqxKUgKZBRDu1VGVpivm3m415stz86A5GBdoV7wrU1d",
		}, "5EHgWw2Af1pnoc7f1A8bfmM97W3DAYW8xr82RfhLL9oAabAe", wallet.Sr25519)
	}
	w := wallet.Wallet{Root: "testdata/wallets/wallet-4.1.1", Name: "w"}
	if public, err := w.Hotkeypub("hotenc"); err != nil || public.Address() != "5EtaiguVmKZ9Vewv7HkS86hWTS8Lf4twTSADg29PH5rM5Wng" {
		t.Errorf("the public half of an encrypted hotkey: %v, %v", public, err)
	}
	environment := map[string]string{}
	path := "testdata/wallets/wallet-4.1.1/w/hotkeys/hotenc"
	environment[wallet.EnvName(path)] = wallet.EncodeEnvPassword(path, wallet.NewSecret("testpassword123"))
	w.Password = wallet.EnvPassword(func(name string) (string, bool) { value, ok := environment[name]; return value, ok })
	key, err := w.Hotkey("hotenc")
	if err != nil || key.Address() != "5EtaiguVmKZ9Vewv7HkS86hWTS8Lf4twTSADg29PH5rM5Wng" {
		t.Errorf("%v, %v", key, err)
	}
	if _, err := w.Coldkey(); !errors.Is(err, wallet.ErrNoPassword) || !strings.Contains(err.Error(), "BT_PW_TESTDATA_WALLETS_WALLET-4_1_1_W_COLDKEY") {
		t.Errorf("a coldkey whose variable is not set: %v", err)
	}
}

func TestConformance027Mismatch(t *testing.T) {
	t.Parallel()
	content := object(field("secretSeed", aliceSeed), field("ss58Address", bob))
	key, err := wallet.ParseKey(content)
	if !errors.Is(err, wallet.ErrMismatch) || !strings.Contains(err.Error(), alice) || !strings.Contains(err.Error(), bob) {
		t.Errorf("%v, %v", key, err)
	}
	if public, err := wallet.ParsePublic(content); !errors.Is(err, wallet.ErrMismatch) {
		t.Errorf("%v, %v", public, err)
	}
	// The same key under the address of another network is the same account.
	if key, err := wallet.ParseKey(object(field("secretSeed", bobSeed), field("ss58Address", bobOfPolkadot))); err != nil || key.Address() != bob {
		t.Errorf("%v, %v", key, err)
	}

	root := t.TempDir()
	for name, bare := range map[string]string{"seed": aliceSeed, "digits": aliceSeed[2:] + "\n", "phrase": "\n" + oldPhrase + " "} {
		writeRaw(t, filepath.Join(root, "default", "hotkeys", name), []byte(bare))
		if key, err := (wallet.Wallet{Root: root}).Hotkey(name); err == nil || !strings.Contains(err.Error(), "bare") {
			t.Errorf("%s: %v, %v", name, key, err)
		}
		key, err := wallet.Wallet{Root: root, Bare: true}.Hotkey(name)
		if err != nil || key.Address() != alice && name != "phrase" {
			t.Errorf("%s, asked for: %v, %v", name, key, err)
		}
	}
}

func TestConformance028Ed25519Files(t *testing.T) {
	t.Parallel()
	w := wallet.Wallet{Root: "testdata/wallets/sdk-11.3.0", Name: "ed"}
	for name, address := range map[string]string{
		"hot":  "5EiUxpwtkzUyQhRkw5qpoEajpQwUUjGnp25Z3fCt36JyqDUr",
		"seed": "5EpHX5foDtnhZngj4GsKq5eKGpUvuMqbpUG48ZfCCCs7EzKR",
	} {
		key, err := w.Hotkey(name)
		if err != nil || key.Address() != address || key.Scheme() != wallet.Ed25519 {
			t.Errorf("%s: %v, %v", name, key, err)
		}
	}
	if public, err := w.Coldkeypub(); err != nil || public.Scheme != wallet.Ed25519 || public.Address() != "5ErKjJLUyc8TTU2vNKrj5UciogZho2MDawb6nN2KG44aU1aB" {
		t.Errorf("%v, %v", public, err)
	}
	// A private key of 64 bytes, seed and public key.
	key := fromURI(t, wallet.Ed25519, aliceSeed)
	pub := key.PublicKey()
	long := field("privateKey", aliceSeed+hex.EncodeToString(pub[:]))
	if read, err := wallet.ParseKey(object(`"cryptoType":0`, long)); err != nil || read.Address() != key.Address() {
		t.Errorf("%v, %v", read, err)
	}
	if read, err := wallet.ParseKey(object(`"cryptoType":0`, field("privateKey", alicePriv))); err == nil {
		t.Errorf("halves that do not match: %v", read)
	}
}

func TestRefusedFiles(t *testing.T) {
	t.Parallel()
	ed := `"cryptoType":0`
	for name, content := range map[string]string{
		"nothing":               "",
		"no object":             `["secretSeed"]`,
		"null":                  "null",
		"text":                  `"text"`,
		"empty object":          "{}",
		"cut":                   `{"secretSeed":"` + aliceSeed,
		"two objects":           string(object(field("secretSeed", aliceSeed))) + "{}",
		"not UTF-8":             "{\"secretSeed\":\"" + aliceSeed + "\",\"x\":\"\xff\"}",
		"deep":                  strings.Repeat(`{"a":`, 20000) + "1" + strings.Repeat("}", 20000),
		"empty phrase":          string(object(`"secretPhrase":""`, field("secretSeed", aliceSeed))),
		"empty seed":            string(object(`"secretSeed":""`)),
		"short seed":            string(object(field("secretSeed", aliceSeed[:40]))),
		"broken seed, no proof": string(object(`"secretSeed":"0x\u0001"`, field("privateKey", alicePriv))),
		"broken seed, other":    string(object(`"secretSeed":"0x\u0001"`, field("privateKey", alicePriv), field("ss58Address", bob))),
		"short private key":     string(object(field("privateKey", alicePriv[:100]))),
		"no hex":                string(object(field("privateKey", "0xzz"))),
		"bad address":           string(object(field("secretSeed", aliceSeed), field("ss58Address", alice[:40]))),
		"empty address":         string(object(field("secretSeed", aliceSeed), `"ss58Address":""`)),
		"zero scalar":           string(object(field("privateKey", strings.Repeat("0", 128)))),
		"zero address":          string(object(field("ss58Address", zeroKey))),
		"zero address, ed25519": string(object(ed, field("ss58Address", zeroKey))),
		"small order":           string(object(ed, field("ss58Address", "5C61uSppDAB6oYmD4UQw1mcjftLsH8BbdnLiekCtnjHy2ZDH"))),
	} {
		if key, err := wallet.ParseKey([]byte(content)); err == nil {
			t.Errorf("%s: %v", name, key)
		} else {
			checkNoSecret(t, name, err.Error())
		}
		if public, err := wallet.ParsePublic([]byte(content)); err == nil {
			t.Errorf("%s, public: %v", name, public)
		}
	}
}

// checkNoSecret fails when a text shows something of the secrets of these tests.
func checkNoSecret(t testing.TB, name, text string) {
	t.Helper()
	for _, secret := range []string{aliceSeed[2:22], alicePriv[2:22], bobSeed[2:22], "leopard", "hunter2"} {
		if strings.Contains(strings.ToLower(text), secret) {
			t.Errorf("%s shows a secret: %s", name, text)
		}
	}
}

func writeRaw(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// What an operator reads when a hotkey cannot be loaded.
func TestErrorsNameFileAndCause(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	dir := filepath.Join(root, "w", "hotkeys")
	aliceFile := object(field("secretSeed", aliceSeed), field("ss58Address", alice))
	writeRaw(t, filepath.Join(dir, "good"), aliceFile)
	writeRaw(t, filepath.Join(dir, "mismatch"), object(field("secretSeed", aliceSeed), field("ss58Address", bob)))
	writeRaw(t, filepath.Join(dir, "pub"), aliceFile)
	writeRaw(t, filepath.Join(dir, "pubpub.txt"), object(field("ss58Address", bob)))
	writeRaw(t, filepath.Join(dir, "badpub"), aliceFile)
	writeRaw(t, filepath.Join(dir, "badpubpub.txt"), []byte("{"))
	writeRaw(t, filepath.Join(dir, "encrypted"), append([]byte("$NACL"), make([]byte, 100)...))
	writeRaw(t, filepath.Join(dir, "short"), []byte("$NACL"))
	writeRaw(t, filepath.Join(dir, "large"), append(bytes.Clone(aliceFile), make([]byte, 64<<10)...))
	writeRaw(t, filepath.Join(dir, "closed"), aliceFile)
	for _, link := range [][2]string{{"/dev/zero", "device"}, {"good", "link"}, {"loop", "loop"}, {".", "folder"}} {
		if err := os.Symlink(link[0], filepath.Join(dir, link[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "closed"), 0); err != nil {
		t.Fatal(err)
	}
	asked := errors.New("nobody answers")
	w := wallet.Wallet{Root: root, Name: "w", Password: func(path string) (wallet.Secret, error) {
		if path == filepath.Join(dir, "encrypted") {
			return wallet.Secret{}, nil
		}
		return wallet.Secret{}, asked
	}}

	for _, name := range []string{"good", "link"} {
		if key, err := w.Hotkey(name); err != nil || key.Address() != alice {
			t.Errorf("%s: %v, %v", name, key, err)
		}
	}
	for name, tt := range map[string]struct {
		is   error
		text string
	}{
		"missing":   {fs.ErrNotExist, "no such file"},
		"mismatch":  {wallet.ErrMismatch, bob},
		"pub":       {wallet.ErrMismatch, "pubpub.txt"},
		"badpub":    {nil, "badpubpub.txt"},
		"encrypted": {wallet.ErrNoPassword, "NaCl"},
		"short":     {nil, "cut short"},
		"large":     {nil, "larger than 64 KiB"},
		"device":    {nil, "not a regular file"},
		"pipe":      {nil, "not a regular file"},
		"folder":    {nil, "folder"},
		"loop":      {syscall.ELOOP, "symbolic"},
		"closed":    {fs.ErrPermission, "permission denied"},
	} {
		if name == "closed" && os.Geteuid() == 0 {
			continue // root may read everything
		}
		key, err := w.Hotkey(name)
		if err == nil || tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("%s: %v, %v", name, key, err)
			continue
		}
		if text := err.Error(); !strings.Contains(text, filepath.Join(dir, name)) || !strings.Contains(text, tt.text) {
			t.Errorf("%s: %s", name, text)
		}
		checkNoSecret(t, name, err.Error())
	}
	for _, name := range []string{"..", ".", "a/b", "/", "a\x00", `a\b`} {
		if _, err := w.Hotkey(name); err == nil || !strings.Contains(err.Error(), "not the name of a hotkey") {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := (wallet.Wallet{Root: root, Name: name}).Coldkeypub(); err == nil || !strings.Contains(err.Error(), "not the name of a wallet") {
			t.Errorf("%q: %v", name, err)
		}
	}
	w.Password = func(string) (wallet.Secret, error) { return wallet.Secret{}, asked }
	if _, err := w.Hotkey("encrypted"); !errors.Is(err, asked) {
		t.Errorf("%v", err)
	}
}

func TestWriteKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	w := wallet.Wallet{Root: root}
	first, second := fromURI(t, wallet.Sr25519, "//Alice"), fromURI(t, wallet.Sr25519, "//Bob")
	write := func(key *wallet.Keypair, o wallet.WriteOptions) error {
		return errors.Join(w.WriteColdkey(key, o), w.WriteHotkey("", key, o))
	}
	if err := write(first, wallet.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := write(second, wallet.WriteOptions{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("%v", err)
	}
	addresses := func() (cold, hot string) {
		coldkey, err := w.Coldkey()
		if err != nil {
			t.Fatal(err)
		}
		hotkey, err := w.Hotkey("")
		if err != nil {
			t.Fatal(err)
		}
		return coldkey.Address(), hotkey.Address()
	}
	if cold, hot := addresses(); cold != alice || hot != alice {
		t.Errorf("overwritten by %s and %s", cold, hot)
	}
	// Either file is enough, and nothing is written.
	for _, remains := range []string{"coldkey", "coldkeypub.txt"} {
		other := wallet.Wallet{Root: root, Name: remains}
		path := filepath.Join(root, remains, remains)
		writeRaw(t, path, []byte("mine"))
		if err := other.WriteColdkey(second, wallet.WriteOptions{}); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", remains, err)
		}
		entries, err := os.ReadDir(filepath.Dir(path))
		if err != nil || len(entries) != 1 {
			t.Errorf("%s: %v, %v", remains, entries, err)
		}
	}
	if err := write(second, wallet.WriteOptions{Overwrite: true}); err != nil {
		t.Fatal(err)
	}
	if cold, hot := addresses(); cold != bob || hot != bob {
		t.Errorf("not overwritten: %s and %s", cold, hot)
	}
	if err := w.WriteHotkey("apub.txt", first, wallet.WriteOptions{}); err == nil {
		t.Error("a hotkey was written under the name of a public file")
	}
	if err := w.WriteHotkey("../x", first, wallet.WriteOptions{}); err == nil {
		t.Error("a hotkey was written outside its folder")
	}
}

// Of many writers at once, one wins, and what it wrote is whole.
func TestWriteRace(t *testing.T) {
	t.Parallel()
	w := wallet.Wallet{Root: t.TempDir()}
	root := fromURI(t, wallet.Sr25519, "")
	results := make(chan error)
	const writers = 8
	for i := range writers {
		key, err := root.Derive(fmt.Sprintf("//%d", i))
		if err != nil {
			t.Fatal(err)
		}
		go func() { results <- w.WriteHotkey("h", key, wallet.WriteOptions{}) }()
	}
	won := 0
	for range writers {
		switch err := <-results; {
		case err == nil:
			won++
		case !errors.Is(err, fs.ErrExist):
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d writers won", won)
	}
	if _, err := w.Hotkey("h"); err != nil {
		t.Error(err)
	}
}

func TestHomeFolder(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	writeRaw(t, filepath.Join(home, ".bittensor/wallets/default/coldkeypub.txt"), object(field("ss58Address", alice)))
	for _, root := range []string{"", "~/.bittensor/wallets", "~/.bittensor/wallets/"} {
		if public, err := (wallet.Wallet{Root: root}).Coldkeypub(); err != nil || public.Address() != alice {
			t.Errorf("%q: %v, %v", root, public, err)
		}
		if names, err := wallet.List(root); err != nil || !slices.Equal(names, []string{"default"}) {
			t.Errorf("%q: %v, %v", root, names, err)
		}
	}
	path := ""
	w := wallet.Wallet{Root: "~/.bittensor/wallets", Password: func(p string) (wallet.Secret, error) { path = p; return wallet.Secret{}, nil }}
	writeRaw(t, filepath.Join(home, ".bittensor/wallets/default/coldkey"), append([]byte("$NACL"), make([]byte, 50)...))
	if _, err := w.Coldkey(); !errors.Is(err, wallet.ErrNoPassword) || path != home+"/.bittensor/wallets/default/coldkey" {
		t.Errorf("asked for %q: %v", path, err)
	}
}

func TestListAndInfo(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	w := wallet.Wallet{Root: root, Name: "b"}
	if err := w.WriteHotkey("h2", fromURI(t, wallet.Sr25519, "//Alice"), wallet.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := w.WriteHotkey("h1", fromURI(t, wallet.Ed25519, "//Alice"), wallet.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	writeRaw(t, filepath.Join(root, "a", "coldkeypub.txt"), object(field("ss58Address", bob)))
	writeRaw(t, filepath.Join(root, "c", "notes"), nil)
	writeRaw(t, filepath.Join(root, "d"), nil)
	writeRaw(t, filepath.Join(root, ".e", "coldkey"), nil)
	writeRaw(t, filepath.Join(root, "b", "hotkeys", ".h3.tmp"), nil)
	writeRaw(t, filepath.Join(root, "b", "hotkeys", "enc"), append([]byte("$NACL"), make([]byte, 50)...))
	if err := os.Chmod(filepath.Join(root, "b", "hotkeys", "h2"), 0o644); err != nil {
		t.Fatal(err)
	}
	if names, err := wallet.List(root); err != nil || !slices.Equal(names, []string{"a", "b"}) {
		t.Errorf("%v, %v", names, err)
	}
	if names, err := w.Hotkeys(); err != nil || !slices.Equal(names, []string{"enc", "h1", "h2"}) {
		t.Errorf("%v, %v", names, err)
	}
	if names, err := (wallet.Wallet{Root: root, Name: "a"}).Hotkeys(); err != nil || len(names) != 0 {
		t.Errorf("%v, %v", names, err)
	}
	if _, err := wallet.List(filepath.Join(root, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}

	info, err := w.HotkeyInfo("h2")
	if err != nil || !info.Present || !info.Exposed || info.Format != wallet.Plain || info.Public.Address() != alice {
		t.Errorf("%+v, %v", info, err)
	}
	info, err = w.HotkeyInfo("h1")
	if err != nil || info.Exposed || info.Public.Scheme != wallet.Ed25519 {
		t.Errorf("%+v, %v", info, err)
	}
	info, err = w.HotkeyInfo("enc")
	if err != nil || !info.Present || info.Format != wallet.NaCl || info.Public != nil {
		t.Errorf("%+v, %v", info, err)
	}
	if _, err := w.HotkeyInfo("none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	info, err = wallet.Wallet{Root: root, Name: "a"}.ColdkeyInfo()
	if err != nil || info.Present || info.Public.Address() != bob {
		t.Errorf("%+v, %v", info, err)
	}
}

func TestNewMnemonic(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, words := range []int{12, 15, 18, 21, 24} {
		phrase, err := wallet.NewMnemonic(words)
		if err != nil || len(strings.Fields(phrase.Reveal())) != words || seen[phrase.Reveal()] {
			t.Fatalf("%d words: %v", words, err)
		}
		seen[phrase.Reveal()] = true
		key, err := wallet.FromURI(phrase.Reveal())
		if err != nil || key.Mnemonic().Reveal() != phrase.Reveal() {
			t.Errorf("a key of %d words: %v", words, err)
		}
	}
	for _, words := range []int{0, 11, 13, 27, -12} {
		if _, err := wallet.NewMnemonic(words); err == nil {
			t.Errorf("%d words", words)
		}
	}
	for _, uri := range []string{"//Alice", aliceSeed, oldPhrase + "//x", oldPhrase + "///pw", ""} {
		if !fromURI(t, wallet.Sr25519, uri).Mnemonic().IsZero() {
			t.Errorf("%q has a phrase", uri)
		}
	}
}

func TestSecretDoesNotShow(t *testing.T) {
	t.Parallel()
	secret := wallet.NewSecret("hunter2")
	holder := struct {
		Exported wallet.Secret
		hidden   wallet.Secret
		options  wallet.WriteOptions
		pointer  *wallet.Secret
		key      *wallet.Keypair
	}{secret, secret, wallet.WriteOptions{Password: secret}, &secret, fromURI(t, wallet.Sr25519, oldPhrase)}
	var text bytes.Buffer
	for _, v := range []any{secret, &secret, holder, &holder, []any{secret}, map[string]any{"a": secret}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&text, verb, v)
		}
		if err := json.NewEncoder(&text).Encode(v); err != nil {
			t.Fatal(err)
		}
		slog.New(slog.NewTextHandler(&text, nil)).Info("text", "v", v)
		slog.New(slog.NewJSONHandler(&text, nil)).Info("json", "v", v)
	}
	for _, leak := range []string{"hunter2", fmt.Sprintf("%x", "hunter2"), fmt.Sprintf("%X", "hunter2"), "104 117 110", "leopard", oldSeed} {
		if strings.Contains(text.String(), leak) {
			t.Errorf("shown: %s", leak)
		}
	}
	if !strings.Contains(text.String(), "[secret]") {
		t.Error("the fixed word is not shown")
	}
	if secret.Reveal() != "hunter2" || secret.IsZero() {
		t.Error("a secret is lost")
	}
	if none := wallet.NewSecret(""); !none.IsZero() || none.Reveal() != "" {
		t.Error("an empty text is a secret")
	}
}

// The degenerate keys with which anybody could pass for an account.
func TestWeakKeys(t *testing.T) {
	t.Parallel()
	small := []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0000000000000000000000000000000000000000000000000000000000000080",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	}
	// R and s of the identity verify for a key whose multiple by k is the identity.
	signatures := [][64]byte{{0: 1}, {63: 0x80}}
	for _, digits := range small {
		pub := [32]byte(unhex(t, digits))
		for _, scheme := range []wallet.Scheme{wallet.Sr25519, wallet.Ed25519} {
			for i := range 64 {
				for _, signature := range signatures {
					if scheme.Verify(pub, []byte{byte(i)}, signature) {
						t.Fatalf("%v: a signature of anybody verifies for %s", scheme, digits)
					}
				}
			}
		}
	}
}

func FuzzParseKey(f *testing.F) {
	for _, pattern := range []string{"testdata/wallets/*/*/*.txt", "testdata/wallets/*/*/hotkeys/*"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			f.Fatalf("%v, %v", paths, err)
		}
		for _, path := range paths {
			content, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(content)
		}
	}
	f.Add(object(`"cryptoType":0`, field("privateKey", alicePriv)))
	f.Fuzz(func(t *testing.T, content []byte) {
		key, err := wallet.ParseKey(content)
		if (key == nil) == (err == nil) {
			t.Fatalf("%v, %v", key, err)
		}
		public, publicErr := wallet.ParsePublic(content)
		if err != nil {
			return
		}
		if publicErr != nil || public != key.Public() {
			t.Fatalf("the public half is %v, %v", public, publicErr)
		}
		again, err := wallet.ParseKey(wallet.EncodeKey(key))
		if err != nil || again.Public() != key.Public() {
			t.Fatalf("written and read: %v, %v", again, err)
		}
		written, err := wallet.ParsePublic(wallet.EncodePublic(public))
		if err != nil || written != public {
			t.Fatalf("written and read: %v, %v", written, err)
		}
	})
}

// Without the right password nothing opens; what a file can make a try cost is
// bounded by TestConformance025PolkadotAccount.
func FuzzParsePolkadot(f *testing.F) {
	f.Add([]byte(`{"encoded":"AAAA","encoding":{"content":["pkcs8","sr25519"],"type":["xsalsa20-poly1305"],"version":"3"},"address":"5G","meta":{}}`))
	f.Add([]byte(`{"encoded":"AAAA","encoding":{"content":["sr25519"],"type":"none","version":"3"}}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		if bytes.Contains(content, []byte("scrypt")) {
			return // each would take a tenth of a second and more
		}
		if key, err := wallet.ParsePolkadot(content, wallet.NewSecret("password")); (key == nil) == (err == nil) {
			t.Fatalf("%v, %v", key, err)
		}
	})
}

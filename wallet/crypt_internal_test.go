package wallet

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Files of other programs, with the keys that their passwords give: deriving
// those takes seconds, so that it is done once for each format.
type knownFiles struct {
	NaCl []struct{ Password, Key, File, Plain string }
	// Made with ansible-core, Python's cryptography and polkadot-js.
	Vault, Fernet, Polkadot struct{ Password, Key, File, Plain string }
}

func loadKnownFiles(t testing.TB) (known knownFiles) {
	t.Helper()
	raw, err := os.ReadFile("testdata/files.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &known); err != nil {
		t.Fatal(err)
	}
	return known
}

func mustHex(t testing.TB, digits string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(digits)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// The numbers of these tests and of those in files_test.go are those of the
// testable statements about wallet files. Statement 23 is about a method of
// bittensor-wallet that axon has; 24 about texts, of which ours takes none.

func TestConformance001NaClKey(t *testing.T) {
	t.Parallel()
	if got := hex.EncodeToString([]byte(naclSalt)); got != "137183dff15a09bc9c90b5518739e9b1" {
		t.Errorf("salt %s", got)
	}
	known := loadKnownFiles(t).NaCl[0]
	// Encrypted with our derivation of the password, opened with the known key.
	file, err := Encrypt([]byte("content"), NewSecret(known.Password))
	if err != nil {
		t.Fatal(err)
	}
	box, err := parseNaCl(file)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := box.openWith([32]byte(mustHex(t, known.Key))); err != nil || string(plain) != "content" {
		t.Errorf("%q, %v", plain, err)
	}
}

func TestConformance002NaClFiles(t *testing.T) {
	t.Parallel()
	files := loadKnownFiles(t).NaCl
	for i, known := range files {
		content, key := mustHex(t, known.File), [32]byte(mustHex(t, known.Key))
		box, err := parseNaCl(content)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := box.openWith(key)
		if err != nil || string(plain) != known.Plain {
			t.Errorf("file %d: %q, %v", i, plain, err)
		}
		if len(content)-naclOverhead != len(plain) {
			t.Errorf("file %d: %d bytes for %d", i, len(content), len(plain))
		}
		other := [32]byte(mustHex(t, files[1-i].Key))
		if _, err := box.openWith(other); !errors.Is(err, ErrWrongPassword) {
			t.Errorf("file %d with another password: %v", i, err)
		}
		for at := len(naclMagic); at < len(content); at += 13 {
			changed := bytes.Clone(content)
			changed[at] ^= 1
			box, err := parseNaCl(changed)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := box.openWith(key); !errors.Is(err, ErrWrongPassword) {
				t.Errorf("file %d with byte %d changed: %v", i, at, err)
			}
		}
		if _, err := ParseKey(plain); err != nil {
			t.Errorf("the key of file %d: %v", i, err)
		}
	}
}

func TestConformance003EncryptTwice(t *testing.T) {
	t.Parallel()
	key := [32]byte{1, 2, 3}
	first, second := sealNaCl([]byte("content"), key), sealNaCl([]byte("content"), key)
	if bytes.Equal(first, second) {
		t.Error("two files are equal: the nonce is not random")
	}
	for _, file := range [][]byte{first, second} {
		if FormatOf(file) != NaCl {
			t.Errorf("the format is %v", FormatOf(file))
		}
		box, err := parseNaCl(file)
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := box.openWith(key); err != nil || string(plain) != "content" {
			t.Errorf("%q, %v", plain, err)
		}
	}
}

func TestConformance004ShortFile(t *testing.T) {
	t.Parallel()
	whole := sealNaCl(nil, [32]byte{})
	for n := len(naclMagic); n < len(whole); n++ {
		if _, err := Decrypt(whole[:n], NewSecret("password")); err == nil || errors.Is(err, ErrWrongPassword) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestConformance006AnsibleVault(t *testing.T) {
	t.Parallel()
	known := loadKnownFiles(t).Vault
	password := NewSecret(known.Password)
	if plain, err := Decrypt([]byte(known.File), password); err != nil || string(plain) != known.Plain {
		t.Errorf("%q, %v", plain, err)
	}
	accepted := map[string]string{
		"indented":          strings.ReplaceAll(known.File, "\n", "\n          "),
		"of another system": strings.ReplaceAll(known.File, "\n", "\r\n"),
		"in one line":       strings.Replace(strings.ReplaceAll(known.File, "\n", ""), "AES256", "AES256\n", 1),
	}
	for name, file := range accepted {
		if plain, err := Decrypt([]byte(file), password); err != nil || string(plain) != known.Plain {
			t.Errorf("%s: %q, %v", name, plain, err)
		}
	}
	if _, err := Decrypt([]byte(known.File), NewSecret("Password")); !errors.Is(err, ErrWrongPassword) {
		t.Errorf("a wrong password: %v", err)
	}

	outer, err := unhex(bytes.Join(bytes.Fields([]byte(known.File))[1:], nil))
	if err != nil {
		t.Fatal(err)
	}
	rebuilt := func(outer []byte) string { return vaultHeader + "\n" + hex.EncodeToString(outer) }
	mac := bytes.IndexByte(outer, '\n') + 1
	changed := bytes.Clone(outer)
	changed[mac] = "10"[changed[mac]&1] // another digit
	if _, err := Decrypt([]byte(rebuilt(changed)), password); !errors.Is(err, ErrWrongPassword) {
		t.Errorf("another HMAC: %v", err)
	}
	refused := map[string]string{
		"version 1.2":    strings.Replace(known.File, ";1.1;", ";1.2;", 1),
		"an id":          strings.Replace(known.File, "AES256", "AES256;id", 1),
		"another cipher": strings.Replace(known.File, "AES256", "AES128", 1),
		"no body":        vaultHeader,
		"odd digits":     known.File + "3",
		"no digits":      known.File + "xx",
		"two parts":      rebuilt(outer[:mac-1]),
		"cut":            rebuilt(outer[:mac+20]),
		"not hex inside": rebuilt(append(bytes.Clone(outer), "zz"...)),
	}
	for name, file := range refused {
		if plain, err := Decrypt([]byte(file), password); err == nil || errors.Is(err, ErrWrongPassword) {
			t.Errorf("%s: %q, %v", name, plain, err)
		}
	}
}

func TestConformance007Fernet(t *testing.T) {
	t.Parallel()
	known := loadKnownFiles(t).Fernet
	// The one test with all the rounds.
	if plain, err := Decrypt([]byte(known.File), NewSecret(known.Password)); err != nil || string(plain) != known.Plain {
		t.Errorf("%q, %v", plain, err)
	}

	key := [32]byte(mustHex(t, known.Key))
	for _, file := range []string{known.File, known.File + "\n", strings.TrimRight(known.File, "=")} {
		token, err := parseFernet([]byte(file))
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := token.openWith(key); err != nil || string(plain) != known.Plain {
			t.Errorf("%q, %v", plain, err)
		}
	}
	token, err := parseFernet([]byte(strings.Replace(known.File, "AECAwQ", "AECAwR", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := token.openWith(key); !errors.Is(err, ErrWrongPassword) {
		t.Errorf("another IV: %v", err)
	}
	if _, err := token.openWith([32]byte{}); !errors.Is(err, ErrWrongPassword) {
		t.Errorf("another key: %v", err)
	}
	for name, file := range map[string]string{
		"cut":        known.File[:40],
		"not base64": strings.Replace(known.File, "wA", "w!", 1) + "!",
		"not blocks": known.File[:len(known.File)-8],
		"only magic": fernetMagic,
	} {
		if _, err := parseFernet([]byte(file)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// All the encrypted files of the released packages, opened with the key of
// their password.
func TestConformance026EncryptedFiles(t *testing.T) {
	t.Parallel()
	key := [32]byte(mustHex(t, loadKnownFiles(t).NaCl[0].Key))
	addresses := map[string]string{
		"sr coldkey": "5EHgWw2Af1pnoc7f1A8bfmM97W3DAYW8xr82RfhLL9oAabAe",
		"sr hotenc":  "5EtaiguVmKZ9Vewv7HkS86hWTS8Lf4twTSADg29PH5rM5Wng",
		"ed coldkey": "5ErKjJLUyc8TTU2vNKrj5UciogZho2MDawb6nN2KG44aU1aB",
	}
	var paths []string
	for _, pattern := range []string{"testdata/wallets/*/*/coldkey", "testdata/wallets/*/*/hotkeys/hotenc"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	if len(paths) != 10 {
		t.Fatalf("%d encrypted files", len(paths))
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		box, err := parseNaCl(content)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		plain, err := box.openWith(key)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		pair, err := ParseKey(plain)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		scheme := "sr "
		if strings.Contains(path, "/ed/") {
			scheme = "ed "
		}
		if want := addresses[scheme+filepath.Base(path)]; pair.Address() != want {
			t.Errorf("%s: %s, want %s", path, pair.Address(), want)
		}
	}
}

func TestUnpad(t *testing.T) {
	t.Parallel()
	block := func(tail ...byte) []byte { return append(make([]byte, 16-len(tail)), tail...) }
	good := map[string][]byte{"one": block(1), "three": block(3, 3, 3), "all": bytes.Repeat([]byte{16}, 16)}
	for name, padded := range good {
		if plain, ok := unpad(padded); !ok || len(plain) != 16-int(padded[15]) {
			t.Errorf("%s: %d, %v", name, len(plain), ok)
		}
	}
	bad := map[string][]byte{"nothing": nil, "zero": block(0), "more than a block": block(17), "mixed": block(2, 3, 3), "no block": {1}}
	for name, padded := range bad {
		if plain, ok := unpad(padded); ok {
			t.Errorf("%s: %x", name, plain)
		}
	}
}

// The key of a hostile file costs what its format says and no more: everything
// but the last step is tried here with all that a file can choose.
func FuzzSealed(f *testing.F) {
	known := loadKnownFiles(f)
	f.Add(mustHex(f, known.NaCl[0].File))
	f.Add([]byte(known.Vault.File))
	f.Add([]byte(known.Fernet.File))
	naclKey, fernetKey := [32]byte(mustHex(f, known.NaCl[0].Key)), [32]byte(mustHex(f, known.Fernet.Key))
	f.Fuzz(func(t *testing.T, content []byte) {
		box, err := parseSealed(content)
		if err != nil {
			return
		}
		var plain []byte
		switch box := box.(type) {
		case naclBox:
			plain, err = box.openWith(naclKey)
		case fernet:
			plain, err = box.openWith(fernetKey)
		case vault:
			plain, err = box.open(known.Vault.Password, nil)
		}
		if err == nil && len(plain) > len(content) {
			t.Fatalf("%d bytes out of %d", len(plain), len(content))
		}
	})
}

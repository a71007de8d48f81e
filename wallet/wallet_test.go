package wallet_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/curve/scalar"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/bittensor-pylon/pylon/wallet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	devPhrase = "bottom drive obey lake curtain smoke basket hold race lonely fit walk"
	oldPhrase = "old leopard transfer rib spatial phone calm indicate online fire caution review"
	oldSeed   = "da3cf5b1e9144931a0f0db65664aab662673b099415a7f8121b7245fb0be4143"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func fromURI(t testing.TB, scheme wallet.Scheme, uri string) *wallet.Keypair {
	t.Helper()
	key, err := scheme.FromURI(uri)
	if err != nil {
		t.Fatalf("%v key of %q: %v", scheme, uri, err)
	}
	return key
}

// Keys and signatures of polkadot-js.
func TestPolkadotJS(t *testing.T) {
	t.Parallel()
	type vector struct{ P, URI, Pub, SS58, Sig string }
	load := func(name string, into any) {
		raw, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, into); err != nil {
			t.Fatal(err)
		}
	}
	var sr struct{ Keys []vector }
	load("sr25519.json", &sr)
	for i, v := range sr.Keys {
		sr.Keys[i].URI = devPhrase + v.P
	}
	var ed []vector
	load("ed25519.json", &ed)
	if len(sr.Keys) < 8 || len(ed) < 12 {
		t.Fatalf("only %d and %d vectors", len(sr.Keys), len(ed))
	}

	message := []byte("hello bittensor")
	check := func(scheme wallet.Scheme, v vector) {
		t.Run(scheme.String()+" "+v.URI, func(t *testing.T) {
			t.Parallel()
			key := fromURI(t, scheme, v.URI)
			if got := fmt.Sprintf("0x%x", key.PublicKey()); got != v.Pub {
				t.Fatalf("public key %s, want %s", got, v.Pub)
			}
			if key.Address() != v.SS58 {
				t.Errorf("address %s, want %s", key.Address(), v.SS58)
			}
			theirs := [64]byte(unhex(t, v.Sig))
			if !scheme.Verify(key.PublicKey(), message, theirs) {
				t.Error("their signature does not verify")
			}
			if scheme.Verify(key.PublicKey(), []byte("hello bittensoR"), theirs) {
				t.Error("their signature verifies for another message")
			}
			ours := key.Sign(message)
			if !scheme.Verify(key.PublicKey(), message, ours) {
				t.Error("our signature does not verify")
			}
			for bit := 0; bit < 512; bit += 37 {
				bad := ours
				bad[bit/8] ^= 1 << (bit % 8)
				if scheme.Verify(key.PublicKey(), message, bad) {
					t.Errorf("a signature with bit %d changed verifies", bit)
				}
			}
		})
	}
	for _, v := range sr.Keys {
		check(wallet.Sr25519, v)
	}
	for _, v := range ed {
		check(wallet.Ed25519, v)
	}
}

// Keys of btwallet, go-schnorrkel and @polkadot/util-crypto, as public keys.
func TestKnownKeys(t *testing.T) {
	t.Parallel()
	known := map[string]string{
		"":                        "46ebddef8cd9bb167dc30878d7113b7e168e6f0646beffd77d69d39bad76b47a",
		devPhrase:                 "46ebddef8cd9bb167dc30878d7113b7e168e6f0646beffd77d69d39bad76b47a",
		"//Alice":                 "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d",
		"//Bob":                   "8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48",
		"//Eve":                   "e659a7a1628cdd93febc04a4e0646ea20e9f5f0ce097d9a05290d4a9e054df4e",
		"//Alice//stash":          "be5ddb1579b72e84524fc29e78609e3caf42e85aa118ebfe0b0ad404b5bdd25f",
		"//Alice///password":      "32fc18294f88e02ec071e59bb3996aa21f4519d92593dc6e01fda2921d459b23",
		"//0":                     "2afba9278e30ccf6a6ceb3a8b6e336b70068f045c666f2e7f4f9cc5f47db8972",
		"//+0":                    "2afba9278e30ccf6a6ceb3a8b6e336b70068f045c666f2e7f4f9cc5f47db8972",
		"//000":                   "2afba9278e30ccf6a6ceb3a8b6e336b70068f045c666f2e7f4f9cc5f47db8972",
		"/Alice":                  "d6c71059dbbe9ad2b0ed3f289738b800836eb425544ce694825285b958ca755e",
		"/42":                     "34def2da0cdcecb5907b5ba9749707d4e36114b9258fc77c51fb14922ce1496a",
		"//Bob/test":              "0a598f2fd29478d76527c68ce40356d14d82efffe2743152540da3dae30eb50f",
		"/Bob//test":              "26d24258d7c1af0b493b479dc8ba19bda10fd6034cd041fc46f1f282f5206f7c",
		oldPhrase:                 "e4359ad3e2716c539a1d663ebd0a51bdc5c98a12e663bb4c4402db47828c9446",
		"0x" + oldSeed:            "e4359ad3e2716c539a1d663ebd0a51bdc5c98a12e663bb4c4402db47828c9446",
		"  old  " + oldPhrase[4:]: "e4359ad3e2716c539a1d663ebd0a51bdc5c98a12e663bb4c4402db47828c9446",
		"//PathNameLongerThan32BytesWhichShouldBeHashed":                      "c07bc8c436916955dc5254f8ed9747ca47c4cc1562da3641e4f7cceb2049dd2b",
		"raccoon then despair rug dirt risk warrior absorb arm ball fly oval": "3221ea5ffa4420873080d43722892acc0ad85acbdf847a002412a3f26a12f033",
		"0xe885cc433b25304f7f85db75e8eb89a85f622b0c577766cad9f1da874b03afed":  "3221ea5ffa4420873080d43722892acc0ad85acbdf847a002412a3f26a12f033",
	}
	for uri, pub := range known {
		key, err := wallet.FromURI(uri)
		if err != nil {
			t.Errorf("%q: %v", uri, err)
			continue
		}
		if got := fmt.Sprintf("%x", key.PublicKey()); got != pub {
			t.Errorf("%q has the public key %s, want %s", uri, got, pub)
		}
	}
	addresses := map[string]string{
		oldPhrase + "//Alice": "5FEiH8iuDUw271xbqWTWuB6WrDjv5dnCeDX1CyHubAniXDNN",
		oldPhrase + "/Alice":  "5GNXbA46ma5dg19GXdiKi5JH3mnkZ8Yea3bBtZAvj7t99P9i",
	}
	for uri, address := range addresses {
		if got := fromURI(t, wallet.Sr25519, uri).Address(); got != address {
			t.Errorf("%q has the address %s, want %s", uri, got, address)
		}
	}
	if got := wallet.FromSeed([32]byte(unhex(t, oldSeed))).Address(); got != "5HDvhV6WDCjCKyrXqGQSDYqQAzkzabNhctmiDYEqgBC66BsX" {
		t.Errorf("FromSeed has the address %s", got)
	}
}

// Mnemonics of each length from BIP-39's own vectors, whose entropy is 00…
// and ff…; the keys are polkadot-js's.
func TestMnemonicLengths(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/mnemonics.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct{ Phrase, Pub, WithPassword string }
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	lengths := map[int]int{}
	for _, v := range vectors {
		lengths[len(strings.Fields(v.Phrase))]++
		if got := fmt.Sprintf("0x%x", fromURI(t, wallet.Sr25519, v.Phrase).PublicKey()); got != v.Pub {
			t.Errorf("%q: %s, want %s", v.Phrase, got, v.Pub)
		}
		if got := fmt.Sprintf("0x%x", fromURI(t, wallet.Sr25519, v.Phrase+"///hunter2").PublicKey()); got != v.WithPassword {
			t.Errorf("%q with a password: %s, want %s", v.Phrase, got, v.WithPassword)
		}
	}
	for _, n := range []int{12, 15, 18, 21, 24} {
		if lengths[n] == 0 {
			t.Errorf("no vector of %d words", n)
		}
	}
}

func TestWordList(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("english.txt")
	if err != nil {
		t.Fatal(err)
	}
	const published = "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda"
	if got := fmt.Sprintf("%x", sha256.Sum256(raw)); got != published {
		t.Errorf("the list's SHA-256 is %s, the published one %s", got, published)
	}
}

func TestURIRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"no name":         "//",
		"no name, soft":   "/",
		"unknown word":    strings.Replace(oldPhrase, "rib", "ribs", 1),
		"upper case":      strings.ToUpper(oldPhrase),
		"checksum":        strings.Replace(oldPhrase, "rib", "ribbon", 1),
		"words swapped":   strings.Replace(oldPhrase, "rib spatial", "spatial rib", 1),
		"eleven words":    oldPhrase[4:],
		"seed without 0x": oldSeed,
		"short seed":      "0x" + oldSeed[2:],
		"long seed":       "0x00" + oldSeed,
		"bad digit":       "0x" + oldSeed[:63] + "g",
		"tab":             strings.ReplaceAll(oldPhrase, " ", "\t"),
		"hash":            "#Alice",
		"new line":        oldPhrase + "\n",
	}
	for name, uri := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key, err := wallet.FromURI(uri)
			if err == nil {
				t.Fatalf("accepted as %v", key)
			}
			for _, part := range []string{uri, oldSeed, "leopard", "ribs", "LEOPARD"} {
				if len(part) > 3 && strings.Contains(err.Error(), part) {
					t.Errorf("the error shows %q: %v", part, err)
				}
			}
		})
	}
	if _, err := wallet.Ed25519.FromURI("//Alice/soft"); err == nil {
		t.Error("ed25519 derived a soft junction")
	}
	if _, err := wallet.Scheme(7).FromURI("//Alice"); err == nil {
		t.Error("an unknown scheme made a key")
	}
}

func TestDerive(t *testing.T) {
	t.Parallel()
	for _, scheme := range []wallet.Scheme{wallet.Sr25519, wallet.Ed25519} {
		root := fromURI(t, scheme, "")
		for _, path := range []string{"//Alice", "//Miner0", "//Alice//stash", "//255//0"} {
			key, err := root.Derive(path)
			if err != nil {
				t.Fatal(err)
			}
			if want := fromURI(t, scheme, path); key.PublicKey() != want.PublicKey() {
				t.Errorf("%v %s: %v, want %v", scheme, path, key, want)
			}
			if key.Scheme() != scheme {
				t.Errorf("the child of a key in %v is in %v", scheme, key.Scheme())
			}
		}
	}
	root := fromURI(t, wallet.Sr25519, "")
	if same, err := root.Derive(""); err != nil || same.PublicKey() != root.PublicKey() {
		t.Errorf("Derive of nothing: %v, %v", same, err)
	}
	for _, path := range []string{"Alice", "//", "//Alice/", "//Alice///password", "///"} {
		if key, err := root.Derive(path); err == nil {
			t.Errorf("Derive(%q) = %v", path, key)
		}
	}
}

// Soft derivation exists so that the child's public key follows from the
// parent's; the child's signatures must verify under it.
func TestSoftKeySigns(t *testing.T) {
	t.Parallel()
	first, second := fromURI(t, wallet.Sr25519, "//Alice/soft"), fromURI(t, wallet.Sr25519, "//Alice/soft")
	message := []byte("message")
	if !wallet.Verify(first.PublicKey(), message, second.Sign(message)) {
		t.Error("a soft-derived key does not verify its own signature")
	}
}

// Anybody can make a signature that the all-zero key, the identity, verifies.
func TestZeroPublicKeyRefused(t *testing.T) {
	t.Parallel()
	s, err := scalar.New().SetRandom(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var r curve.CompressedRistretto
	r.SetRistrettoPoint(curve.NewRistrettoPoint().MulBasepoint(curve.RISTRETTO_BASEPOINT_TABLE, s))
	var forged [64]byte
	copy(forged[:32], r[:])
	if err := s.ToBytes(forged[32:]); err != nil {
		t.Fatal(err)
	}
	forged[63] |= 0x80
	for _, scheme := range []wallet.Scheme{wallet.Sr25519, wallet.Ed25519} {
		if scheme.Verify([32]byte{}, []byte("anything"), forged) {
			t.Errorf("%v accepts a forged signature of the all-zero key", scheme)
		}
	}
}

// In ed25519 the all-zero key has order 4: the signature that is the neutral
// element and 0 verifies for a message in four, in libraries that do not look.
func TestZeroPublicKeyRefusedEd25519(t *testing.T) {
	t.Parallel()
	signature := [64]byte{1}
	var zero [32]byte
	forged := 0
	for i := range 64 {
		message := fmt.Appendf(nil, "message %d", i)
		if ed25519.Verify(zero[:], message, signature[:]) {
			forged++
		}
		if wallet.Ed25519.Verify(zero, message, signature) {
			t.Errorf("accepted for %q", message)
		}
	}
	if forged == 0 {
		t.Error("no signature was one that others accept")
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	alice, bob := fromURI(t, wallet.Sr25519, "//Alice"), fromURI(t, wallet.Sr25519, "//Bob")
	message := []byte("message")
	good := alice.Sign(message)
	unmarked := good
	unmarked[63] &= 0x7f
	notCanonical := good
	for i := 32; i < 64; i++ {
		notCanonical[i] = 0xff
	}
	if !wallet.Verify(alice.PublicKey(), message, good) {
		t.Fatal("a good signature is refused")
	}
	tests := map[string]struct {
		pub       [32]byte
		message   []byte
		signature [64]byte
	}{
		"another key":      {bob.PublicKey(), message, good},
		"not a point":      {[32]byte{0: 0xff, 31: 0xff}, message, good},
		"wrapped":          {alice.PublicKey(), []byte("<Bytes>message</Bytes>"), good},
		"no message":       {alice.PublicKey(), nil, good},
		"marker missing":   {alice.PublicKey(), message, unmarked},
		"scalar too large": {alice.PublicKey(), message, notCanonical},
		"zero signature":   {alice.PublicKey(), message, [64]byte{}},
		"ed25519":          {alice.PublicKey(), message, fromURI(t, wallet.Ed25519, "//Alice").Sign(message)},
	}
	for name, tt := range tests {
		if wallet.Verify(tt.pub, tt.message, tt.signature) {
			t.Errorf("%s: accepted", name)
		}
	}
	if again := alice.Sign(message); again == good {
		t.Error("two sr25519 signatures of one message are equal: the nonce is not random")
	}
}

// A secret must not come out of any way of printing a key or what holds it.
func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	// //Alice: the seed, then the scalar that sr25519 signs with.
	secrets := [][]byte{
		unhex(t, "e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a"),
		unhex(t, "33a6f3093f158a7109f679410bef1a0c54168145e0cecb4df006c1c2fffb1f09"),
	}
	for _, scheme := range []wallet.Scheme{wallet.Sr25519, wallet.Ed25519} {
		key := scheme.FromSeed([32]byte(secrets[0]))
		holder := struct {
			key   *wallet.Keypair
			value wallet.Keypair
			Any   any
		}{key, *key, key}
		encoded, err := json.Marshal(map[string]any{"key": key, "holder": holder})
		if err != nil {
			t.Fatal(err)
		}
		text := string(encoded)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
			text += fmt.Sprintf(verb, key) + fmt.Sprintf(verb, *key) + fmt.Sprintf(verb, holder) + fmt.Sprintf(verb, &holder)
		}
		for _, secret := range secrets {
			part := secret[:4]
			for _, verb := range []string{"%s", "%x", "%X", "%d", "%#v"} {
				leak := strings.Trim(strings.TrimPrefix(fmt.Sprintf(verb, part), "[]byte"), "[]{}")
				if strings.Contains(text, leak) {
					t.Errorf("%v: a secret can be printed, as %q", scheme, leak)
				}
			}
		}
		if !strings.Contains(fmt.Sprintf("%+v", key), key.Address()) {
			t.Error("a key does not print as its address")
		}
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		seed := [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "seed"))
		message := rapid.SliceOf(rapid.Byte()).Draw(t, "message")
		scheme := rapid.SampledFrom([]wallet.Scheme{wallet.Sr25519, wallet.Ed25519}).Draw(t, "scheme")
		key := scheme.FromSeed(seed)
		uri, err := scheme.FromURI(fmt.Sprintf("0x%x", seed))
		if err != nil || uri.PublicKey() != key.PublicKey() {
			t.Fatalf("%v and %v differ (%v)", uri, key, err)
		}
		if !scheme.Verify(key.PublicKey(), message, key.Sign(message)) {
			t.Fatal("a signature does not verify")
		}
	})
}

func FuzzFromURI(f *testing.F) {
	for _, uri := range []string{"//Alice", "/soft//hard///pw", devPhrase, "0x" + oldSeed, "//+18446744073709551615", "////", "/ / "} {
		f.Add(uri)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		key, err := wallet.FromURI(uri)
		if (key == nil) == (err == nil) {
			t.Fatalf("%v, %v", key, err)
		}
	})
}

func BenchmarkDerive(b *testing.B) {
	root := fromURI(b, wallet.Sr25519, "")
	for b.Loop() {
		if _, err := root.Derive("//Miner7"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	key := fromURI(b, wallet.Sr25519, "//Alice")
	for b.Loop() {
		key.Sign([]byte("hello bittensor"))
	}
}

func BenchmarkVerify(b *testing.B) {
	key := fromURI(b, wallet.Sr25519, "//Alice")
	signature := key.Sign([]byte("hello bittensor"))
	for b.Loop() {
		if !wallet.Verify(key.PublicKey(), []byte("hello bittensor"), signature) {
			b.Fatal("refused")
		}
	}
}

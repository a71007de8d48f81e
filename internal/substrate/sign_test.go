package substrate_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/scaletest"
	"github.com/bittensor-pylon/pylon/internal/substrate"
	"github.com/bittensor-pylon/pylon/wallet"
)

// keySigner signs with a key of a wallet, and remembers what.
type keySigner struct {
	*wallet.Keypair
	signed []byte
}

func (s *keySigner) Scheme() string {
	return map[wallet.Scheme]string{wallet.Sr25519: "Sr25519", wallet.Ed25519: "Ed25519"}[s.Keypair.Scheme()]
}

func (s *keySigner) Sign(message []byte) ([]byte, error) {
	s.signed = bytes.Clone(message)
	signature := s.Keypair.Sign(message)
	return signature[:], nil
}

// signerOf returns the key of a secret URI such as //Alice.
func signerOf(t testing.TB, uri string) *keySigner {
	t.Helper()
	key, err := wallet.FromURI(uri)
	if err != nil {
		t.Fatal(err)
	}
	return &keySigner{Keypair: key}
}

// recordedRuntime returns the runtime of a recorded spec version, described by metadata version 14, 15 or 16.
func recordedRuntime(t testing.TB, spec uint32, version int) *substrate.Runtime {
	t.Helper()
	metadata := scaletest.Metadata(t, fmt.Sprintf("%d-v%d", spec, version))
	return &substrate.Runtime{SpecName: "node-subtensor", SpecVersion: spec, TransactionVersion: 1, Metadata: metadata}
}

// foreign is what polkadot-js makes of an extrinsic: interop/extrinsic.
type foreign struct {
	Pallet, Call, Nonce, Tip           string
	Args                               map[string]any
	Number, Period                     uint64
	Payload, Ed25519, Sr25519, Hash    string
	payload, ed25519Bytes, sr25519Byte []byte
}

type foreignVectors struct {
	GenesisHash, BlockHash substrate.Hash
	Seed                   string
	Specs                  map[string][]*foreign
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func loadForeign(t testing.TB) *foreignVectors {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(scaletest.Unpack(t, filepath.Join("testdata", "extrinsics.json.gz"))))
	d.UseNumber()
	v := new(foreignVectors)
	if err := d.Decode(v); err != nil {
		t.Fatal(err)
	}
	for _, all := range v.Specs {
		for _, f := range all {
			f.payload, f.ed25519Bytes, f.sr25519Byte = unhex(t, f.Payload), unhex(t, f.Ed25519), unhex(t, f.Sr25519)
			f.Args = callsByName(f.Args).(map[string]any)
		}
	}
	return v
}

// callsByName turns [pallet, call, arguments] into values of the runtime's call type.
func callsByName(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, arg := range v {
			v[name] = callsByName(arg)
		}
	case []any:
		if len(v) == 3 {
			pallet, isText := v[0].(string)
			call, isText2 := v[1].(string)
			if args, isArgs := v[2].(map[string]any); isText && isText2 && isArgs {
				return scale.Enum{Name: pallet, Value: scale.Enum{Name: call, Value: callsByName(args)}}
			}
		}
		for i := range v {
			v[i] = callsByName(v[i])
		}
	}
	return v
}

func (f *foreign) request(t testing.TB, block substrate.Hash) substrate.SignRequest {
	t.Helper()
	number := func(s string) uint64 {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return substrate.SignRequest{
		At:     substrate.Header{Number: f.Number, Hash: block},
		Period: f.Period,
		Nonce:  number(f.Nonce),
		Tip:    number(f.Tip),
		Pallet: f.Pallet,
		Call:   f.Call,
		Args:   f.Args,
	}
}

// The payload that is signed, the whole extrinsic and its hash are those of polkadot-js, for three runtimes, described by
// every version of metadata.
func TestExtrinsicsAreThoseOfPolkadotJS(t *testing.T) {
	t.Parallel()
	vectors := loadForeign(t)
	var seed [32]byte
	copy(seed[:], unhex(t, vectors.Seed))
	for _, r := range []struct {
		spec    uint32
		version int
	}{{218, 14}, {218, 15}, {343, 14}, {343, 15}, {425, 14}, {425, 15}, {425, 16}} {
		t.Run(fmt.Sprintf("%d-v%d", r.spec, r.version), func(t *testing.T) {
			t.Parallel()
			runtime := recordedRuntime(t, r.spec, r.version)
			cases := vectors.Specs[strconv.Itoa(int(r.spec))]
			if len(cases) < 30 {
				t.Fatalf("only %d cases", len(cases))
			}
			long := 0
			for i, f := range cases {
				name := fmt.Sprintf("%d %s.%s", i, f.Pallet, f.Call)
				request := f.request(t, vectors.BlockHash)
				signer := &keySigner{Keypair: wallet.Ed25519.FromSeed(seed)}
				x, err := runtime.Sign(vectors.GenesisHash, request, signer)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				want := f.payload
				if len(want) > 256 {
					sum := scale.Blake2_256(want)
					want = sum[:]
					long++
				}
				if !bytes.Equal(signer.signed, want) {
					t.Errorf("%s: %x is signed, not %x", name, signer.signed, want)
				}
				if !bytes.Equal(x.Bytes, f.ed25519Bytes) {
					t.Errorf("%s: the extrinsic is %x, not %x", name, x.Bytes, f.ed25519Bytes)
				}
				if x.Hash.String() != f.Hash || x.Nonce != request.Nonce || x.Signer != signer.PublicKey() || x.Birth != request.At ||
					x.LastValid != f.Number+f.Period-1 || x.SpecVersion != r.spec || x.TransactionVersion != 1 {
					t.Errorf("%s: %+v, want the hash %s", name, x, f.Hash)
				}

				// Signatures of sr25519 differ each time; all the rest does not, and each verifies the other's.
				key := &keySigner{Keypair: wallet.FromSeed(seed)}
				ours, err := runtime.Sign(vectors.GenesisHash, request, key)
				if err != nil {
					t.Fatal(err)
				}
				at := signatureAt(ours.Bytes)
				if !wallet.Verify(key.PublicKey(), want, [64]byte(f.sr25519Byte[at:])) {
					t.Errorf("%s: the foreign sr25519 signature does not verify", name)
				}
				if !bytes.Equal(ours.Bytes[:at], f.sr25519Byte[:at]) || !bytes.Equal(ours.Bytes[at+64:], f.sr25519Byte[at+64:]) {
					t.Errorf("%s: the extrinsic is %x, not but for the signature %x", name, ours.Bytes, f.sr25519Byte)
				}
			}
			if long < 3 || long > len(cases)-10 {
				t.Errorf("%d of %d payloads are hashed", long, len(cases))
			}
		})
	}
}

// signatureAt is where the signature begins: after the length, the version, an address of the variant Id and a signature's
// variant.
func signatureAt(extrinsic []byte) int {
	r := scale.NewReader(extrinsic)
	r.Compact()
	return len(extrinsic) - r.Remaining() + 1 + 33 + 1
}

// Signing without knowing what is signed would be wrong.
func TestUnknownExtensionWithDataIsRefused(t *testing.T) {
	t.Parallel()
	runtime := recordedRuntime(t, 425, 15)
	names := make([]string, len(runtime.Metadata.Extrinsic.Extensions))
	for i, e := range runtime.Metadata.Extrinsic.Extensions {
		names[i] = e.Name
	}
	request := substrate.SignRequest{Period: 32, Pallet: "System", Call: "remark", Args: map[string]any{"remark": []byte("x")}}
	signer := signerOf(t, "//Alice")
	if _, err := runtime.Sign(substrate.Hash{}, request, signer); err != nil {
		t.Fatalf("with %v: %v", names, err)
	}
	for i, e := range runtime.Metadata.Extrinsic.Extensions {
		if e.Name != "CheckNonce" {
			continue
		}
		changed := *runtime.Metadata
		changed.Extrinsic.Extensions = append([]scale.Extension(nil), changed.Extrinsic.Extensions...)
		changed.Extrinsic.Extensions[i].Name = "ChargeAssetTxPayment"
		signer.signed = nil
		_, err := (&substrate.Runtime{SpecVersion: 425, Metadata: &changed}).Sign(substrate.Hash{}, request, signer)
		if err == nil || !strings.Contains(err.Error(), "ChargeAssetTxPayment") || signer.signed != nil {
			t.Errorf("an extension with data and an unknown name: %v, signed %x", err, signer.signed)
		}
		return
	}
	t.Fatalf("no CheckNonce among %v", names)
}

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	runtime := recordedRuntime(t, 343, 15)
	alice := signerOf(t, "//Alice")
	good := substrate.SignRequest{At: substrate.Header{Number: 100}, Period: 32, Pallet: "System", Call: "remark", Args: map[string]any{"remark": []byte("x")}}
	locked := errors.New("the key is locked")
	for name, e := range map[string]struct {
		change func(*substrate.SignRequest)
		signer substrate.Signer
		is     error
		says   string
	}{
		"no period":      {change: func(r *substrate.SignRequest) { r.Period = 0 }, says: "Period"},
		"short period":   {change: func(r *substrate.SignRequest) { r.Period = 2 }, says: "Period"},
		"odd period":     {change: func(r *substrate.SignRequest) { r.Period = 24 }, says: "Period"},
		"long period":    {change: func(r *substrate.SignRequest) { r.Period = 8192 }, says: "Period"},
		"nonce":          {change: func(r *substrate.SignRequest) { r.Nonce = 1 << 32 }, says: "Nonce"},
		"pallet":         {change: func(r *substrate.SignRequest) { r.Pallet = "Nothing" }, is: scale.ErrNoPallet},
		"call":           {change: func(r *substrate.SignRequest) { r.Call = "nothing" }, is: scale.ErrNoCall},
		"argument":       {change: func(r *substrate.SignRequest) { r.Args = map[string]any{"remak": []byte("x")} }, says: "remark"},
		"key":            {signer: failingSigner{err: locked}, is: locked},
		"signature size": {signer: failingSigner{}, says: "signature"},
		"scheme":         {signer: failingSigner{scheme: "Bls"}, says: "Bls"},
	} {
		request, signer := good, e.signer
		if e.change != nil {
			e.change(&request)
		}
		if signer == nil {
			signer = alice
		}
		x, err := runtime.Sign(substrate.Hash{}, request, signer)
		if x != nil || err == nil || e.is != nil && !errors.Is(err, e.is) || !strings.Contains(err.Error(), e.says) {
			t.Errorf("%s: %v, %v", name, x, err)
		}
	}
	if _, err := runtime.Sign(substrate.Hash{}, good, alice); err != nil {
		t.Error(err)
	}
}

type failingSigner struct {
	err    error
	scheme string
}

func (failingSigner) PublicKey() [32]byte { return [32]byte{1} }
func (s failingSigner) Scheme() string {
	if s.scheme != "" {
		return s.scheme
	}
	return "Sr25519"
}
func (s failingSigner) Sign([]byte) ([]byte, error) { return make([]byte, 63), s.err }

func TestUnsignedIsAsLongAsSigned(t *testing.T) {
	t.Parallel()
	runtime := recordedRuntime(t, 425, 15)
	alice := signerOf(t, "//Alice")
	request := substrate.SignRequest{At: substrate.Header{Number: 100}, Period: 32, Nonce: 7, Pallet: "System", Call: "remark", Args: map[string]any{"remark": []byte("x")}}
	signed, err := runtime.Sign(substrate.Hash{}, request, alice)
	if err != nil {
		t.Fatal(err)
	}
	unsigned, err := runtime.Sign(substrate.Hash{}, request, substrate.Unsigned(alice.PublicKey()))
	if err != nil {
		t.Fatal(err)
	}
	at := signatureAt(signed.Bytes)
	if !bytes.Equal(unsigned.Bytes[at:at+64], make([]byte, 64)) {
		t.Errorf("the signature is %x", unsigned.Bytes[at:at+64])
	}
	copy(unsigned.Bytes[at:], signed.Bytes[at:at+64])
	if !bytes.Equal(unsigned.Bytes, signed.Bytes) {
		t.Errorf("%x, want %x but for the signature", unsigned.Bytes, signed.Bytes)
	}
}

// The period is the largest that ends in time, by the definition.
func TestEraPeriod(t *testing.T) {
	t.Parallel()
	for _, e := range []struct {
		head, deadline, period uint64
	}{
		{100, 99, 0},
		{100, 100, 0},
		{100, 102, 0},
		{100, 103, 4},
		{100, 106, 4},
		{100, 107, 8},
		{100, 114, 8},
		{100, 115, 16},
		{100, 130, 16},
		{100, 131, 32},
		{100, 1000, 32},
		{0, 0, 0},
		{0, 31, 32},
		{1<<64 - 1, 1<<64 - 1, 0},
		{1<<64 - 4, 1<<64 - 1, 4},
		{0, 1<<64 - 1, 32},
	} {
		period, ok := substrate.EraPeriod(e.head, e.deadline)
		if ok != (e.period != 0) || ok && period != e.period {
			t.Errorf("from %d until %d: %d, %t, want %d", e.head, e.deadline, period, ok, e.period)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		head := rapid.Uint64Range(0, 1<<33).Draw(t, "head")
		deadline := head + rapid.Uint64Range(0, 100).Draw(t, "ahead")
		period, ok := substrate.EraPeriod(head, deadline)
		for _, p := range []uint64{4, 8, 16, 32} {
			fits := scale.NewEra(p, head).Death(head)-1 <= deadline
			if fits && (!ok || period < p) || !fits && ok && period == p {
				t.Fatalf("%d, %t, though %d fits: %t", period, ok, p, fits)
			}
		}
	})
}

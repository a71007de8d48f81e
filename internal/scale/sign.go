package scale

import (
	"errors"
	"fmt"
	"slices"
)

// Signing is what the transaction extensions of a signed extrinsic are made of.
type Signing struct {
	// Nonce is the number of extrinsics that the account has had included before.
	Nonce uint64
	// Tip is paid to the block's author, in rao.
	Tip uint64
	// Era is how long the extrinsic can be included, and Birth the hash of the era's first block (see [Era.Birth]).
	// For an immortal era Birth is not looked at.
	Era   Era
	Birth [32]byte
	// Genesis is the hash of block 0.
	Genesis [32]byte
	// SpecVersion and TransactionVersion are those of the runtime that is to take the extrinsic.
	SpecVersion, TransactionVersion uint32
}

// Extensions returns what the runtime's extensions put into a signed extrinsic (extra) and what they only have signed
// (implicit). An extension that carries data and is not known here is an error: signing without knowing what is
// signed would be wrong.
func (m *Metadata) Extensions(s Signing) (extra, implicit []byte, err error) {
	for _, e := range m.Extrinsic.Extensions {
		switch e.Name {
		case "CheckSpecVersion":
			implicit = AppendUint32(implicit, s.SpecVersion)
		case "CheckTxVersion":
			implicit = AppendUint32(implicit, s.TransactionVersion)
		case "CheckGenesis":
			implicit = append(implicit, s.Genesis[:]...)
		case "CheckMortality", "CheckEra":
			extra = s.Era.Append(extra)
			if s.Era.Immortal() {
				implicit = append(implicit, s.Genesis[:]...)
			} else {
				implicit = append(implicit, s.Birth[:]...)
			}
		case "CheckNonce":
			extra = AppendCompact(extra, s.Nonce)
		case "ChargeTransactionPayment":
			extra = AppendCompact(extra, s.Tip)
		case "CheckMetadataHash": // switched off, so no hash is signed
			extra, implicit = append(extra, 0), append(implicit, 0)
		default:
			if m.Types.layouts[e.Type].fixed != 0 || m.Types.layouts[e.Implicit].fixed != 0 {
				return nil, nil, fmt.Errorf("the runtime wants the unknown transaction extension %s, of %s and %s",
					e.Name, m.Types.Name(e.Type), m.Types.Name(e.Implicit))
			}
		}
	}
	return extra, implicit, nil
}

// longestPayload is the length in bytes up to which a payload is signed as it is.
const longestPayload = 256

// SigningPayload returns what is signed for a call: the call and the extensions' bytes, or the BLAKE2b-256 hash of
// them when they are over 256 bytes.
func SigningPayload(call, extra, implicit []byte) []byte {
	payload := slices.Concat(call, extra, implicit)
	if len(payload) > longestPayload {
		sum := Blake2_256(payload)
		return sum[:]
	}
	return payload
}

// SignedExtrinsic returns the bytes of a signed extrinsic, the length in front included. Scheme is the variant of the
// runtime's signature type: "Sr25519", "Ed25519".
func (m *Metadata) SignedExtrinsic(signer [32]byte, scheme string, signature, extra, call []byte) ([]byte, error) {
	if !slices.Contains(m.Extrinsic.Versions, 4) {
		return nil, fmt.Errorf("the runtime takes extrinsics of the versions %v, not 4", m.Extrinsic.Versions)
	}
	if m.Extrinsic.Address == NoType || m.Extrinsic.Signature == NoType {
		return nil, errors.New("the metadata does not describe signed extrinsics")
	}
	var address any = Bytes(signer[:])
	if _, t := m.Types.inner(m.Extrinsic.Address); t.Kind == KindVariant {
		address = Enum{"Id", address}
	}
	body := []byte{extrinsicSigned | 4}
	body, err := m.Types.AppendValue(body, m.Extrinsic.Address, address)
	if err != nil {
		return nil, fmt.Errorf("signer: %w", err)
	}
	body, err = m.Types.AppendValue(body, m.Extrinsic.Signature, Enum{scheme, Bytes(signature)})
	if err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	return AppendByteVec(nil, slices.Concat(body, extra, call)), nil
}

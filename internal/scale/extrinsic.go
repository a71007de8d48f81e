package scale

import (
	"fmt"
	"slices"
)

// Extrinsic is a decoded extrinsic.
type Extrinsic struct {
	// Hash names the extrinsic: see [ExtrinsicHash].
	Hash [32]byte
	// Version is that of the format, 4 or 5.
	Version uint8
	// Signed tells that there is a signer and a signature (version 4). General tells that there are extensions and no
	// signature (version 5). An extrinsic that is neither is bare, like the inherents at the start of each block.
	Signed, General bool
	// Signer and Signature are an address and a signature as the runtime describes them: usually the Enum Id of Bytes,
	// and an Enum with the scheme. Nil when the extrinsic is not signed.
	Signer, Signature any
	// Extensions are what the transaction extensions put into the extrinsic, without those that put nothing.
	Extensions Object
	// Era, Nonce and Tip come from the extensions CheckMortality, CheckNonce and ChargeTransactionPayment. A tip over
	// 64 bits is in Extensions only.
	Era   Era
	Nonce uint64
	Tip   uint64
	Call  DecodedCall
	// CallData is the encoded call.
	CallData []byte
}

// The upper bits of an extrinsic's version byte.
const (
	versionMask      = 0x3f
	extrinsicBare    = 0x00
	extrinsicGeneral = 0x40
	extrinsicSigned  = 0x80
)

// ExtrinsicHash returns the hash of an extrinsic's bytes as they stand in a block, with the length in front.
func ExtrinsicHash(b []byte) [32]byte { return Blake2_256(b) }

// SignerKey returns the public key of the signer. False when there is none, or when it is not given by its key.
func (x *Extrinsic) SignerKey() (key [32]byte, ok bool) {
	signer := x.Signer
	if e, isEnum := signer.(Enum); isEnum && (e.Name == "Id" || e.Name == "Address32") {
		signer = e.Value
	}
	b, isBytes := signer.(Bytes)
	if !isBytes || len(b) != len(key) {
		return key, false
	}
	copy(key[:], b)
	return key, true
}

// DecodeExtrinsic decodes an extrinsic as it stands in a block, with its length in front: of version 4 signed or bare,
// of version 5 general or bare.
func (m *Metadata) DecodeExtrinsic(b []byte) (*Extrinsic, error) {
	r := NewReader(b)
	x := &Extrinsic{Hash: ExtrinsicHash(b)}
	m.extrinsic(r, x)
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("decode extrinsic: %w", err)
	}
	return x, nil
}

func (m *Metadata) extrinsic(r *Reader, x *Extrinsic) {
	if n := r.Len(1); r.err == nil && n != r.Remaining() {
		r.invalid("%d bytes announced, %d there", n, r.Remaining())
	}
	start := r.pos
	first := r.Uint8()
	if r.err != nil {
		return
	}
	x.Version = first & versionMask
	form := first &^ versionMask
	switch {
	case form == extrinsicBare && (x.Version == 4 || x.Version == 5):
	case form == extrinsicSigned && x.Version == 4:
		x.Signed = true
		x.Signer = m.described(r, m.Extrinsic.Address)
		x.Signature = m.described(r, m.Extrinsic.Signature)
		m.extensions(r, x)
	case form == extrinsicGeneral && x.Version == 5:
		x.General = true
		if version := r.Uint8(); r.err == nil && version != 0 {
			r.invalid("extensions of version %d", version)
			return
		}
		m.extensions(r, x)
	default:
		r.pos = start
		r.invalid("extrinsic of version byte %#02x", first)
		return
	}
	if r.err != nil {
		return
	}
	x.CallData = slices.Clone(r.buf[r.pos:])
	if c := m.call(r); c != nil {
		x.Call = *c
	}
}

// described decodes the next value of r as a type that the metadata may not name.
func (m *Metadata) described(r *Reader, id TypeID) any {
	if id == NoType {
		r.invalid("the metadata does not describe signed extrinsics")
		return nil
	}
	return m.Types.DecodeValueFrom(r, id)
}

// extensions reads what the extensions put into the extrinsic.
func (m *Metadata) extensions(r *Reader, x *Extrinsic) {
	for _, e := range m.Extrinsic.Extensions {
		if r.err != nil {
			return
		}
		if m.Types.layouts[e.Type].fixed == 0 {
			continue
		}
		var value any
		switch e.Name {
		case "CheckMortality", "CheckEra":
			x.Era = r.Era()
			value = x.Era
		default:
			value = m.Types.DecodeValueFrom(r, e.Type)
			switch e.Name {
			case "CheckNonce":
				x.Nonce, _ = value.(uint64)
			case "ChargeTransactionPayment":
				x.Tip, _ = value.(uint64)
			}
		}
		if r.err != nil {
			r.within(e.Name)
		}
		x.Extensions = append(x.Extensions, Member{e.Name, value})
	}
}

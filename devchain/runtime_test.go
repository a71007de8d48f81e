package devchain

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// tiny is a runtime with a clock, a counter and an echo.
type tiny struct {
	spec    uint32
	genesis map[string]string
}

var (
	nowKey    = []byte("timestamp.now")
	numberKey = []byte("system.number")
)

func (t *tiny) Version() runtime.Version {
	return runtime.Version{
		SpecName: "tiny", ImplName: "tiny-go", AuthoringVersion: 1, SpecVersion: t.spec, ImplVersion: 2,
		TransactionVersion: 3, StateVersion: 1,
		APIs: []runtime.APIVersion{{ID: [8]byte{0xdf, 0x6a, 0xcb, 0x68, 0x99, 0x07, 0x60, 0x9b}, Version: 5}},
	}
}

func (t *tiny) Metadata(version uint32) ([]byte, bool) {
	if version != 14 && version != 15 {
		return nil, false
	}
	return fmt.Appendf(nil, "meta%c of tiny %d", version, t.spec), true
}

func (t *tiny) Genesis(st runtime.State) error {
	for key, value := range t.genesis {
		st.Set([]byte(key), []byte(value))
	}
	st.Set(numberKey, scale.AppendUint64(nil, 0))
	return nil
}

func (t *tiny) InitializeBlock(st runtime.State, b runtime.Block) ([][]byte, error) {
	st.Set(numberKey, scale.AppendUint64(nil, b.Number))
	call := scale.AppendCompact([]byte{0x04, 2, 0}, uint64(b.Time.UnixMilli()))
	return [][]byte{scale.AppendByteVec(nil, call)}, nil
}

func (t *tiny) ApplyExtrinsic(st runtime.State, index int, extrinsic []byte) error {
	r := scale.NewReader(extrinsic)
	call := scale.NewReader(r.ByteVec())
	if head := call.Take(3); len(head) != 3 || head[1] != 2 || index != 0 {
		return errors.New("not the timestamp")
	}
	st.Set(nowKey, scale.AppendUint64(nil, call.Compact()))
	return errors.Join(r.Close(), call.Close())
}

func (t *tiny) ValidateTransaction(runtime.State, runtime.Source, []byte, [32]byte) (runtime.Validity, error) {
	return runtime.Validity{}, &runtime.InvalidError{Kind: runtime.InvalidCall}
}

func (t *tiny) FinalizeBlock(st runtime.State) error {
	count := uint64(0)
	if value, ok := st.Get([]byte("count")); ok {
		count = binary.LittleEndian.Uint64(value)
	}
	st.Set([]byte("count"), scale.AppendUint64(nil, count+1))
	return nil
}

func (t *tiny) Call(st runtime.State, method string, args []byte) ([]byte, error) {
	switch method {
	case "Test_echo":
		return args, nil
	case "Test_get":
		value, ok := st.Get(args)
		if !ok {
			return nil, errors.New("no such key")
		}
		return value, nil
	case "Test_set":
		st.Set(args, []byte("written by a call"))
		value, _ := st.Get(args)
		return value, nil
	case "Test_spec":
		return scale.AppendUint32(nil, t.spec), nil
	case "Test_panic":
		panic("tiny panics")
	case "AccountNonceApi_account_nonce":
		return scale.AppendUint32(nil, uint32(args[0])), nil
	case "NeuronInfoRuntimeApi_get_neuron":
		return append([]byte("neuron"), args...), nil
	case "DelegateInfoRuntimeApi_get_delegate":
		return args, nil
	case "SwapRuntimeApi_current_alpha_price":
		return scale.AppendUint64(nil, 1_000_000_007), nil
	case "SwapRuntimeApi_current_alpha_price_all":
		return scale.AppendUint64(scale.AppendUint16([]byte{4}, 7), 9), nil
	}
	return nil, fmt.Errorf("tiny: %w", runtime.ErrNoMethod)
}

// broken is a runtime that fails where it is told to.
type broken struct {
	tiny
	genesis, initialize, apply, finalize error
	inherent                             []byte
	panics                               bool
}

func (b *broken) Genesis(st runtime.State) error { return errors.Join(b.genesis, b.tiny.Genesis(st)) }

func (b *broken) InitializeBlock(st runtime.State, block runtime.Block) ([][]byte, error) {
	inherents, err := b.tiny.InitializeBlock(st, block)
	if b.inherent != nil {
		inherents = [][]byte{b.inherent}
	}
	return inherents, errors.Join(b.initialize, err)
}

func (b *broken) ApplyExtrinsic(st runtime.State, index int, extrinsic []byte) error {
	return errors.Join(b.apply, b.tiny.ApplyExtrinsic(st, index, extrinsic))
}

func (b *broken) FinalizeBlock(st runtime.State) error {
	if b.panics {
		panic("on purpose")
	}
	return errors.Join(b.finalize, b.tiny.FinalizeBlock(st))
}

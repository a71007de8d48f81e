//go:build interop

package neuron

import (
	"math/big"

	"github.com/bittensor-pylon/pylon/synapse"
)

// The messages of messages.py.

type Numbers struct {
	synapse.Synapse
	A      int       `synapse:"required,hash"`
	B      float64   `synapse:"required,hash"`
	Flag   bool      `synapse:"hash"`
	C      *int      `synapse:"hash"`
	Big    *big.Int  `synapse:"hash"`
	Floats []float64 `synapse:"hash"`
	Seen   string
}

func (n *Numbers) SetDefaults() { n.Big = new(big.Int) }

type Texts struct {
	synapse.Synapse
	S    string   `synapse:"required,hash"`
	Strs []string `synapse:"hash"`
	Seen string
}

type Containers struct {
	synapse.Synapse
	D        synapse.Object              `synapse:"required,hash"`
	ByInt    synapse.Dict[int64, string] `synapse:"hash"`
	Pair     synapse.Tuple[int]          `synapse:"hash"`
	Anything any                         `synapse:"hash"`
	Seen     string
}

type Inner struct {
	ID    int `synapse:"required"`
	Label string
	Score *float64
}

func (i *Inner) SetDefaults() { i.Label = "x" }

type Models struct {
	synapse.Synapse
	One  *Inner  `synapse:"hash"`
	Many []Inner `synapse:"hash"`
	Seen string
}

type Tensors struct {
	synapse.Synapse
	T       synapse.Optional[synapse.Tensor] `synapse:"hash"`
	Doubled synapse.Optional[synapse.Tensor]
	Seen    string
}

type Hooked struct {
	synapse.Synapse
	How  string `synapse:"required,hash"`
	Seen string
}

type Refused struct{ synapse.Synapse }

type Guarded struct {
	synapse.Synapse
	Seen string
}

type Prioritized struct {
	synapse.Synapse
	Seen string
}

type Unattached struct{ synapse.Synapse }

type Streamed struct {
	synapse.Synapse
	Prompt string `synapse:"required,hash"`
	Text   string
}

// ReceivePiece collects the stream.
func (s *Streamed) ReceivePiece(piece []byte) error {
	s.Text += string(piece)
	return nil
}

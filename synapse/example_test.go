package synapse_test

import (
	"fmt"

	"github.com/bittensor-pylon/pylon/synapse"
)

// Translate is a kind of message: its name on the wire is Translate.
type Translate struct {
	synapse.Synapse
	Text     string `synapse:"required,hash"`
	Language string `synapse:"hash"`
	Result   synapse.Optional[string]
}

// SetDefaults has the defaults of the Python class.
func (t *Translate) SetDefaults() { t.Language = "en" }

func Example() {
	request := synapse.New[Translate]()
	request.Text = "it's late"

	hash, _ := synapse.BodyHash(request) // what the signature covers
	body, _ := synapse.AppendRequest(nil, request)

	received := new(Translate)
	again, _ := synapse.DecodeHashed(body, received)
	fmt.Println(received.Name, received.Text, received.Language, received.Result)
	fmt.Println(hash == again)
	// Output:
	// Translate it's late en None
	// true
}

func ExampleNewTensor() {
	tensor, _ := synapse.NewTensor([]float32{1, 2, 3, 4}, 2, 2)
	values, shape, _ := synapse.Values[float64](tensor)
	fmt.Println(tensor.DType(), shape, values)
	// Output: float32 [2 2] [1 2 3 4]
}

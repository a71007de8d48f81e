package neuronsyaml_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/neuronsyaml"
)

func TestToJSON(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]string{
		"b: 1\na: [x, 2.5, true, null, '3']": `{"b":1,"a":["x",2.5,true,null,"3"]}`,
		`{"b": 1, "a": {}}`:                  `{"b":1,"a":{}}`,
		"a: &x {p: 1}\nb: *x":                `{"a":{"p":1},"b":{"p":1}}`,
		"1: 2024-01-02":                      `{"1":"2024-01-02"}`,
		"a: 0x10":                            `{"a":16}`,
		// As PyYAML reads them.
		"a: yes\nb: Off\nc: \"yes\"\nd: y\nh: oN\nno: 010": `{"a":true,"b":false,"c":"yes","d":"y","h":"oN","no":8}`,
	} {
		got, err := neuronsyaml.ToJSON([]byte(document))
		if err != nil || string(got) != want {
			t.Errorf("%q: %s, %v", document, got, err)
		}
	}
	bomb := "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for _, pair := range []string{"01", "12", "23", "34", "45", "56", "67", "78"} {
		alias := "*a" + pair[:1]
		bomb += "a" + pair[1:] + ": &a" + pair[1:] + " [" + strings.TrimSuffix(strings.Repeat(alias+",", 10), ",") + "]\n"
	}
	for _, wrong := range []string{"", "# nothing", "a: [", "? [a]\n: b", "<<: {a: 1}", "a: .nan", bomb, strings.Repeat("[", 100) + strings.Repeat("]", 100), "a: &x [*x]"} {
		if got, err := neuronsyaml.ToJSON([]byte(wrong)); err == nil {
			t.Errorf("%.40q: %.100s", wrong, got)
		}
	}
}

func TestNeuronsFileInYAML(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "neurons.yaml")
	const text = "block: {number: 9}\nneurons:\n  hk-b:\n    axon_info: {ip: 127.0.0.1, port: 9001}\n  hk-a:\n    uid: 1\n    axon_info: {ip: '::1', port: 9002}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	client, err := pylon.New(pylon.Config{
		Address: "http://localhost", OpenAccessWithoutToken: true, NeuronsFile: path, DecodeNeuronsFile: neuronsyaml.ToJSON,
	})
	if err != nil {
		t.Fatal(err)
	}
	neurons, err := client.V1().Subnet(1).LatestNeurons(t.Context())
	if err != nil || neurons.Block.Number != 9 || len(neurons.Neurons) != 2 || neurons.Neurons[0].Hotkey != "hk-b" || neurons.Neurons[1].AxonInfo.Port != 9002 {
		t.Errorf("%+v, %v", neurons, err)
	}
}

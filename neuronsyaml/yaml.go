package neuronsyaml

import (
	"encoding/json"
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// mostNodes is how many nodes a document may have after its aliases are followed, and mostDepth how deep they may lie.
const (
	mostNodes = 1 << 20
	mostDepth = 64
)

// ToJSON turns a YAML document into JSON and keeps the order of mappings. JSON is YAML too.
func ToJSON(document []byte) ([]byte, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(document, &root); err != nil {
		return nil, err
	}
	if len(root.Content) == 0 {
		return nil, errors.New("the document is empty")
	}
	w := writer{left: mostNodes}
	err := w.node(root.Content[0], mostDepth)
	return w.out, err
}

// oldBooleans are those of YAML 1.1, as the Python client reads them where they are not in quotes.
var oldBooleans = map[string]bool{
	"yes": true, "Yes": true, "YES": true, "on": true, "On": true, "ON": true,
	"no": false, "No": false, "NO": false, "off": false, "Off": false, "OFF": false,
}

type writer struct {
	out  []byte
	left int
}

func (w *writer) node(n *yaml.Node, depth int) error {
	if w.left--; w.left < 0 || depth < 0 {
		return fmt.Errorf("line %d: the document is too large", n.Line)
	}
	switch n.Kind {
	case yaml.AliasNode:
		return w.node(n.Alias, depth-1)
	case yaml.SequenceNode:
		return w.list(n, depth)
	case yaml.MappingNode:
		return w.object(n, depth)
	case yaml.ScalarNode:
		return w.scalar(n)
	default:
		return fmt.Errorf("line %d: this has no form in JSON", n.Line)
	}
}

func (w *writer) list(n *yaml.Node, depth int) error {
	w.out = append(w.out, '[')
	for i, item := range n.Content {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		if err := w.node(item, depth-1); err != nil {
			return err
		}
	}
	w.out = append(w.out, ']')
	return nil
}

func (w *writer) object(n *yaml.Node, depth int) error {
	w.out = append(w.out, '{')
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
			return fmt.Errorf("line %d: a key must be plain text", key.Line)
		}
		if i > 0 {
			w.out = append(w.out, ',')
		}
		if err := w.value(key.Value); err != nil {
			return err
		}
		w.out = append(w.out, ':')
		if err := w.node(value, depth-1); err != nil {
			return err
		}
	}
	w.out = append(w.out, '}')
	return nil
}

func (w *writer) scalar(n *yaml.Node) error {
	var value any
	switch n.Tag {
	case "!!null", "!!bool", "!!int", "!!float":
		if err := n.Decode(&value); err != nil {
			return err
		}
	default:
		value = n.Value // dates too are text
		if old, ok := oldBooleans[n.Value]; ok && n.Style == 0 {
			value = old
		}
	}
	if err := w.value(value); err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	return nil
}

func (w *writer) value(value any) error {
	text, err := json.Marshal(value)
	w.out = append(w.out, text...)
	return err
}

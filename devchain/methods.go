package devchain

import (
	"slices"
)

// method is one RPC method.
type method struct {
	name    string
	aliases []string
	params  []string // names by position, as the real servers call them
	handle  func(*invocation) (any, error)
}

// methods are all methods by their own name, aliasOf their other names.
var (
	methods = make(map[string]*method)
	aliasOf = make(map[string]string)
)

func init() {
	for _, m := range slices.Concat(systemMethods(), chainMethods(), stateMethods(), runtimeMethods(), authorMethods(), paymentMethods(), ethMethods()) {
		methods[m.name] = &m
		for _, alias := range m.aliases {
			aliasOf[alias] = m.name
		}
	}
}

// canonical is the method that a name stands for.
func canonical(name string) string {
	if m, ok := aliasOf[name]; ok {
		return m
	}
	return name
}

// methodNames is the answer of rpc_methods.
func methodNames(*invocation) (any, error) {
	names := make([]string, 0, len(methods)+len(aliasOf))
	for name := range methods {
		names = append(names, name)
	}
	for alias := range aliasOf {
		names = append(names, alias)
	}
	slices.Sort(names)
	return map[string]any{"methods": names}, nil
}

// constant is a method that always answers the same.
func constant(value any) func(*invocation) (any, error) {
	return func(*invocation) (any, error) { return value, nil }
}

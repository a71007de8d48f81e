package server

import (
	"net/http"
	"slices"
	"strings"
)

// maxParams is how many parameters a path template has at most.
const maxParams = 4

// endpoint is a path template and what each method does there.
type endpoint struct {
	template string
	// params are the names of the template's parameters, in order.
	params []string
	routes []*route // one per method, OPTIONS included
	allow  []string // the value of the Allow header, ready for a header map
}

// route is one method at one endpoint.
type route struct {
	*endpoint

	method string
	guard  guard
	answer func(*exchange) error
	gate   *gate // nil for what may be asked by any number at once
	// untimed tells that no request's time is over here.
	untimed bool
	meter   *meter
}

func (e *endpoint) route(method string) *route {
	for _, r := range e.routes {
		if r.method == method {
			return r
		}
	}
	return nil
}

// node is one step of a path. A fixed segment wins over a parameter, without a way back: no template is reached only
// through the parameter beside a fixed segment that matches.
//
// The standard library's ServeMux is not used, because the contract differs from it at every turn: templates may
// overlap, doubled and trailing slashes are not redirected, HEAD is refused, and a path integer that does not parse is a
// 404 like any unknown path.
type node struct {
	fixed    map[string]*node
	param    *node
	endpoint *endpoint
}

// add makes room for the template and returns its endpoint.
func (n *node) add(template string) *endpoint {
	var params []string
	for segment := range strings.SplitSeq(strings.Trim(template, "/"), "/") {
		if segment == "" {
			continue // of "/"
		}
		if name, ok := paramName(segment); ok {
			params = append(params, name)
			if n.param == nil {
				n.param = &node{}
			}
			n = n.param
			continue
		}
		if n.fixed == nil {
			n.fixed = map[string]*node{}
		}
		if n.fixed[segment] == nil {
			n.fixed[segment] = &node{}
		}
		n = n.fixed[segment]
	}
	if len(params) > maxParams {
		panic("server: too many parameters in " + template)
	}
	if n.endpoint == nil {
		n.endpoint = &endpoint{template: template, params: params}
	}
	return n.endpoint
}

func paramName(segment string) (string, bool) {
	if len(segment) > 2 && segment[0] == '{' && segment[len(segment)-1] == '}' {
		return segment[1 : len(segment)-1], true
	}
	return "", false
}

// find returns the endpoint of a decoded path and fills values with its parameters. Empty segments do not count, so
// that doubled and trailing slashes make no difference.
func (n *node) find(path string, values *[maxParams]string) *endpoint {
	found := 0
	for path != "" {
		var segment string
		segment, path, _ = strings.Cut(path, "/")
		if segment == "" {
			continue
		}
		if next := n.fixed[segment]; next != nil {
			n = next
			continue
		}
		if n.param == nil {
			return nil
		}
		n = n.param
		values[found] = segment
		found++
	}
	return n.endpoint
}

// addRoute puts one method at a template. Each method is there once.
func (n *node) addRoute(r *route, template string) {
	e := n.add(template)
	if e.route(r.method) != nil || e.template != template {
		panic("server: " + r.method + " " + template + " collides with " + e.template)
	}
	r.endpoint = e
	e.routes = append(e.routes, r)
}

// finish gives every endpoint its OPTIONS route and its list of methods.
func (n *node) finish() {
	if e := n.endpoint; e != nil {
		e.routes = append(e.routes, &route{
			endpoint: e,
			method:   http.MethodOptions,
			guard:    e.routes[0].guard,
			answer:   (*exchange).answerOptions,
		})
		methods := make([]string, len(e.routes))
		for i, r := range e.routes {
			methods[i] = r.method
		}
		slices.Sort(methods)
		e.allow = []string{strings.Join(methods, ", ")}
	}
	for _, next := range n.fixed {
		next.finish()
	}
	if n.param != nil {
		n.param.finish()
	}
}

// each visits every endpoint.
func (n *node) each(visit func(*endpoint)) {
	if n.endpoint != nil {
		visit(n.endpoint)
	}
	for _, next := range n.fixed {
		next.each(visit)
	}
	if n.param != nil {
		n.param.each(visit)
	}
}

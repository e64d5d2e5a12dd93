// Package oracle answers which route takes a request, straight from the IR, for tests that
// compare the proxy and its tables with it.
//
// Job: the meaning of the IR (package lookup) asked about random hosts and requests. Inputs: IR values, a random source.
// Outputs: route names. PURE.
// Ownership: nothing is kept between calls.
package oracle

import (
	"fmt"
	"math/rand"
	"strings"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/lookup"
)

// Request is what the random rules look at.
type Request struct {
	Method  string
	Path    string // with its query
	Headers map[string]string
}

// Route returns the name of the first route that takes the request, "" for none.
func Route(routes []ir.Route, r Request) string {
	path, _, _ := strings.Cut(r.Path, "?")
	asked := lookup.Request{Method: r.Method, Path: path, Headers: r.Headers}
	for i := range routes {
		if lookup.Takes(routes[i].Match, asked) {
			return routes[i].Name
		}
	}
	return ""
}

// words are few, so that rules and requests meet often; large hosts get further ones.
var words = []string{"a", "b", "ab", "c", "v1"}

func word(random *rand.Rand, routes int) string {
	i := random.Intn(len(words) + routes/30)
	if i < len(words) {
		return words[i]
	}
	return fmt.Sprintf("w%d", i)
}

// expressions bounds the regular expressions of a host: a tree repeats each in every list.
const expressions = 3

func path(random *rand.Rand, routes int) string {
	var out strings.Builder
	depth := 1 + random.Intn(3)
	if random.Intn(max(4, routes/5)) == 0 {
		depth = 0 // all paths: a rule that every list ends with
	}
	for range depth {
		out.WriteString("/" + word(random, routes))
	}
	if out.Len() == 0 || random.Intn(5) == 0 {
		out.WriteString("/")
	}
	return out.String()
}

// Routes makes random routes in a random order, named by their place. Each answers with its
// name.
func Routes(random *rand.Rand, count int) []ir.Route {
	var out []ir.Route
	regexes := 0
	for i := range count {
		match := ir.Match{Path: ir.PathMatch{Kind: ir.PathPrefix, Value: path(random, count)}}
		switch random.Intn(12) {
		case 0:
			if regexes++; regexes <= expressions {
				match.Path.Kind, match.Path.Value = ir.PathRegex, "/"+words[random.Intn(len(words))]+"/.*"
			}
		case 1, 2, 3, 4:
			match.Path.Kind = ir.PathExact
		}
		if random.Intn(3) == 0 {
			match.Method = []string{"GET", "PUT"}[random.Intn(2)]
		}
		if random.Intn(3) == 0 {
			match.Headers = []ir.ValueMatch{{Name: "x-h", Value: words[random.Intn(len(words))]}}
		}
		name := fmt.Sprintf("route-%d", i)
		out = append(out, ir.Route{Name: name, Match: match, Action: &ir.Respond{StatusCode: 200, Body: name}})
	}
	return out
}

// Ask makes a request that is close to one of the routes more often than not.
func Ask(random *rand.Rand, routes []ir.Route) Request {
	r := Request{Method: []string{"GET", "PUT", "POST"}[random.Intn(3)], Path: path(random, len(routes)), Headers: map[string]string{}}
	if len(routes) > 0 && random.Intn(2) == 0 {
		near := routes[random.Intn(len(routes))].Match.Path
		if near.Kind != ir.PathRegex {
			r.Path = near.Value
			switch random.Intn(5) {
			case 0:
				r.Path += "/"
			case 1:
				r.Path += words[random.Intn(len(words))]
			case 2:
				r.Path = strings.TrimRight(r.Path, "/") + path(random, 0)
			}
		}
	}
	if r.Path == "" {
		r.Path = "/"
	}
	switch random.Intn(4) {
	case 0:
		r.Path += "?q=/a/b"
	case 1:
		r.Path += "?"
	}
	if random.Intn(2) == 0 {
		r.Headers["x-h"] = words[random.Intn(len(words))]
	}
	return r
}
